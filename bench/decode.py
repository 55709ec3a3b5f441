"""Decoding a whole 12-bit film: Lightbox beside pydicom's default decoder, bit for bit the same.

    python -m bench.decode                  # 3000 x 3000, 9 rounds: about two minutes
    python -m bench.decode --size 512 --rounds 3

Both sides start from the same parsed dataset; rounds are shuffled, medians compared. ``stall_ms``
is the longest that another thread was kept waiting while Lightbox decoded, the least of three
times. Ends with one line of
JSON: how many times faster than pydicom's default; at the full size it is stored as
``bench/results/decode.json``.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import imagecodecs
import numpy as np
import typer
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.pixels.encoders import RLELosslessEncoder

from imaging.dicom.pixels import decoding, description

FULL = 3000
_SEED = 20_261_124
_STALLS = 3
_STORED = Path(__file__).parent / "results" / "decode.json"
_Sides = dict[str, Callable[[], NDArray[Any]]]
_Encoder = Callable[[NDArray[Any]], bytes | bytearray]


def _jpeg_lossless(values: NDArray[Any]) -> bytes | bytearray:
    return imagecodecs.jpeg8_encode(values, lossless=True, predictor=1, bitspersample=12)


def _jpeg2k(values: NDArray[Any]) -> bytes | bytearray:
    return imagecodecs.jpeg2k_encode(values, codecformat="J2K", reversible=True, bitspersample=12)


def _htj2k(values: NDArray[Any]) -> bytes | bytearray:
    return imagecodecs.htj2k_encode(values, reversible=True)


def _rle(values: NDArray[Any]) -> bytes | bytearray:
    """By segments of the high and the low bytes (PS3.5 G), as pydicom writes them."""
    return RLELosslessEncoder.encode(
        values,
        rows=values.shape[0],
        columns=values.shape[1],
        number_of_frames=1,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=12,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
    )


_ENCODERS: dict[str, tuple[uid.UID, _Encoder]] = {
    "raw": (uid.ExplicitVRLittleEndian, lambda values: values.tobytes()),
    "rle": (uid.RLELossless, _rle),
    "jpegll": (uid.JPEGLosslessSV1, _jpeg_lossless),
    "jpegls": (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
    "j2k": (uid.JPEG2000Lossless, _jpeg2k),
    "htj2k": (uid.HTJ2KLossless, _htj2k),
}


def film(size: int) -> NDArray[np.uint16]:
    """A smooth 12-bit picture with grain, (size, size)."""
    draw = np.random.default_rng(_SEED)
    y, x = np.mgrid[0:size, 0:size] / size
    smooth = 2000 + 900 * np.sin(7 * x) * np.cos(5 * y) + 300 * np.sin(40 * x * y)
    return np.clip(smooth + draw.normal(0, 12, (size, size)), 0, 4095).astype(np.uint16)


def encode_film(name: str, values: NDArray[np.uint16]) -> Dataset:
    """A film's dataset in one of the encodings.

    Parameters
    ----------
    name : str
        "raw", "rle", "jpegll", "jpegls", "j2k" or "htj2k".
    values : numpy.ndarray
        (rows, columns) uint16, below 4096.
    """
    syntax, encode = _ENCODERS[name]
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.Rows, ds.Columns = values.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    data = bytes(encode(values))
    ds.PixelData = encapsulate([data]) if syntax.is_encapsulated else data
    ds["PixelData"].VR = "OB" if syntax.is_encapsulated else "OW"
    return ds


def main(
    size: Annotated[int, typer.Option(help="Rows and columns.")] = FULL,
    rounds: Annotated[int, typer.Option(help="Rounds, in shuffled order.")] = 9,
) -> None:
    """Compare decoders."""
    values = film(size)
    order = random.Random(_SEED)
    ratios: dict[str, float] = {}
    stall = 0.0
    for name in _ENCODERS:
        ds = encode_film(name, values)
        geometry = description.read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))
        sides: _Sides = {
            "ours": partial(decoding.decode_frame, ds, geometry, 0),
            "pydicom": partial(pixel_array, ds),
        }
        times = _race(sides, values, rounds, order)
        ratios[name] = round(times["pydicom"] / times["ours"], 2)
        # A lock is held every time; a busy machine's scheduler is in the way only now and then.
        stall = max(stall, min(_stall(sides["ours"]) for _ in range(_STALLS)))
        print(f"{name:7} {ratios[name]:6.2f} times as fast as pydicom's default")
    figures = {**ratios, "stall_ms": round(stall, 1)}
    if size == FULL:
        _STORED.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures))


def _race(
    sides: _Sides,
    values: NDArray[np.uint16],
    rounds: int,
    order: random.Random,
) -> dict[str, float]:
    """Median seconds of each side, after each has shown that it decodes exactly."""
    for name, decode in sides.items():
        if not np.array_equal(decode(), values):
            raise SystemExit(f"{name} does not decode to the same values")
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name in order.sample(list(sides), len(sides)):
            start = time.perf_counter()
            sides[name]()
            times[name].append(time.perf_counter() - start)
    return {name: median(seconds) for name, seconds in times.items()}


def _stall(decode: Callable[[], NDArray[Any]]) -> float:
    """Longest time in ms that a thread which only looks at the clock did not come round."""
    ended, longest = threading.Event(), 0.0

    def watch() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not ended.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    watcher = threading.Thread(target=watch)
    watcher.start()
    decode()
    ended.set()
    watcher.join()
    return longest * 1000


if __name__ == "__main__":
    typer.run(main)
