"""A film's first picture by a decoder process beside the same in the server's own.

    python -m bench.decoding                # films of four sizes and encodings, 9 rounds
    python -m bench.decoding --rounds 3

Both sides get the bytes of a file and make what the viewer is sent (`screen_pixels`); rounds are
shuffled, medians compared. "frame" is one frame more of a film that is open, as the wheel asks for
it. Ends with one line of JSON: the milliseconds that the process costs more, and the ratio, which
says little for a film that takes no time.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from io import BytesIO
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer

import imaging.dicom
import imaging.dicom.reader
from bench.decode import encode_film, film
from imaging.decoding import read_image
from imaging.dicom.synthetic import write_synthetic_film
from imaging.dicom.viewer_pixels import screen_pixels

_SEED = 20_261_129
_FILMS = {"raw 2000": ("raw", 2000), "jpegll 2000": ("jpegll", 2000), "j2k 3000": ("j2k", 3000)}
_MAMMOGRAM = (5928, 4728)  # 28 million pixels, more than any detector has


def _file(name: str, side: tuple[int, int]) -> bytes:
    """A film as a DICOM file."""
    values = np.resize(film(max(side)), side)
    ds = encode_film(name, values)
    plain = BytesIO()  # pydicom writes into what is open, too
    write_synthetic_film(values, path=plain, description="bench")  # type: ignore[arg-type]
    whole = imaging.dicom.reader.parse(plain.getvalue())
    whole.file_meta.TransferSyntaxUID = ds.file_meta.TransferSyntaxUID
    whole["PixelData"] = ds["PixelData"]
    out = BytesIO()
    whole.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _clock(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def main(
    rounds: Annotated[int, typer.Option(help="Rounds, in shuffled order.")] = 9,
) -> None:
    """Compare the two."""
    order, found = random.Random(_SEED), {}
    sizes = {key: (name, (side, side)) for key, (name, side) in _FILMS.items()}
    for key, (name, side) in {**sizes, "raw mammogram": ("raw", _MAMMOGRAM)}.items():
        content = _file(name, side)
        kept_here, kept_there = imaging.dicom.read_image(content), read_image(content)
        sides: dict[str, Callable[[], Any]] = {
            "here": lambda c=content: screen_pixels(imaging.dicom.read_image(c)),  # type: ignore[misc]
            "there": lambda c=content: read_image(c).screen_pixels(),  # type: ignore[misc]
            "frame here": lambda k=kept_here: k.display_values(0),  # type: ignore[misc]
            "frame there": lambda k=kept_there: k.display_values(0),  # type: ignore[misc]
        }
        times: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(rounds):
            for which in order.sample(sorted(sides), len(sides)):
                times[which].append(_clock(sides[which]))
        took = {which: median(each) for which, each in times.items()}
        found[key] = {
            "more_ms": round(took["there"] - took["here"], 1),
            "ratio": round(took["there"] / took["here"], 2),
            "frame_more_ms": round(took["frame there"] - took["frame here"], 1),
            "frame_ratio": round(took["frame there"] / took["frame here"], 2),
        }
        typer.echo(f"{key}: " + ", ".join(f"{which} {ms:.1f} ms" for which, ms in took.items()))
    typer.echo(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
