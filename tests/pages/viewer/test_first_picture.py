"""`cli.py render` and the viewer begin with the same picture, whatever kind of file it is."""

from __future__ import annotations

import json
import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage
from pydicom.dataset import Dataset

import imaging.dicom
from imaging.commands.render import render_png
from imaging.decoding import DistantImage, read_image
from imaging.dicom.pixels.voi_lut import apply_window
from imaging.rendering import film_picture
from pages.ui.viewer.packets import pack_film
from tests.factories import make_dataset, make_lut, make_overlay, make_pixels, to_bytes

ROWS, COLUMNS = 24, 32
MARK = np.zeros((ROWS, COLUMNS), bool)
MARK[3:12, 4] = MARK[11, 4:9] = True
BITS = make_pixels(ROWS, COLUMNS) | (MARK.astype(np.uint16) << 15)
GREEN = (40, 220, 110)


def _colours() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (ROWS, COLUMNS, 3)).astype(np.uint8)


def _positions(*depths: float) -> Dataset:
    """Functional groups of frames at these depths."""
    ds, orientation = Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared = Dataset()
    shared.PlaneOrientationSequence = [orientation]
    ds.SharedFunctionalGroupsSequence, groups = [shared], []
    for depth in depths:
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, depth]
        group.PlanePositionSequence = [position]
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = groups
    return ds


FRAMES = np.stack([make_pixels(ROWS, COLUMNS) // part for part in (1, 2, 4)])
KINDS: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "no window": (None, {}, None),
    "window": (None, {"WindowCenter": [1500, 9], "WindowWidth": [900, 5]}, None),
    "monochrome1": (None, {"PhotometricInterpretation": "MONOCHROME1"}, None),
    "sigmoid": (
        None,
        {"WindowCenter": 2000, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
        None,
    ),
    "voi lut": (
        None,
        {"VOILUTSequence": [make_lut(0, [v * v % 65536 for v in range(4096)])]},
        None,
    ),
    "modality lut": (
        None,
        {"ModalityLUTSequence": [make_lut(0, [(i * i) % 5000 for i in range(4096)])]},
        None,
    ),
    "rescale": (
        make_pixels(ROWS, COLUMNS).astype(np.int16) - 1000,
        {"RescaleSlope": -2, "RescaleIntercept": 40, "Modality": "CT"},
        None,
    ),
    "colour": (_colours(), {}, None),
    "tall pixels": (None, {"PixelAspectRatio": [2, 1]}, None),
    "wide pixels": (None, {"PixelSpacing": [0.2, 0.3]}, make_overlay(MARK)),
    "overlay": (None, {"WindowCenter": 1500, "WindowWidth": 900}, make_overlay(MARK)),
    "overlay in the pixels": (BITS, {}, make_overlay(MARK, bit=15)),
    "overlay on colour": (_colours(), {}, make_overlay(MARK)),
    "overlay on a negative": (
        None,
        {"PhotometricInterpretation": "MONOCHROME1"},
        make_overlay(MARK),
    ),
    "overlay of one frame": (FRAMES, {}, make_overlay(MARK[None], frame_origin=3)),
}


def film(kind: str) -> bytes:
    pixels, attributes, plane = KINDS[kind]
    ds = make_dataset(make_pixels(ROWS, COLUMNS) if pixels is None else pixels, **attributes)
    for element in (plane or {}).values():
        ds.add(element)
    return to_bytes(ds)


def first_picture(image: DistantImage, frame: int) -> np.ndarray:
    """What the browser draws of a packet before anybody turns a knob (film.ts, planes.ts)."""
    data = pack_film(image).data
    (length,) = struct.unpack_from("<I", data)
    header, body = json.loads(data[4 : 4 + length]), data[(4 + length + 7) // 8 * 8 :]
    rows, columns, samples = header["rows"], header["columns"], header["samples"]
    size, kind = rows * columns * samples, np.dtype(header["type"]).newbyteorder("<")
    stored = np.frombuffer(body, kind, size, frame * size * kind.itemsize)
    about = header["frames"][frame]
    if samples == 3:
        values = stored.reshape(rows, columns, 3).astype(np.uint8)
    else:
        values = _grey(stored.reshape(rows, columns), about, body)
        values = 255 - values if header["monochrome1"] else values
    overlay = None
    if about["overlay"] is not None:
        packed = np.frombuffer(body, np.uint8, -(-rows * columns // 8), about["overlay"])
        bits = np.unpackbits(packed, count=rows * columns, bitorder="little")
        overlay = bits.reshape(rows, columns).astype(bool)
    return film_picture(values, overlay=overlay, aspect=header["aspect"])


def _grey(stored: np.ndarray, about: dict[str, Any], body: bytes) -> np.ndarray:
    modality = (stored * float(about["slope"]) + about["intercept"]).astype(np.float32)
    grey = (about["presets"] or [about["automatic"]])[0]
    if "lut" not in grey:
        return apply_window(
            modality,
            window_center=grey["center"],
            window_width=grey["width"],
            function=grey["curve"],
        )
    lut = grey["lut"]
    table = np.frombuffer(body, "<u2", lut["size"], lut["offset"])
    levels = table[np.clip(np.rint(modality).astype(int) - lut["first"], 0, lut["size"] - 1)]
    return np.rint(levels * (255 / (2 ** lut["bits"] - 1))).astype(np.uint8)


def rendered(content: bytes, frame: int = 0) -> np.ndarray:
    return np.asarray(PilImage.open(BytesIO(render_png(imaging.dicom.read_image(content), frame))))


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_is_the_viewer_s_own_first_one(kind: str) -> None:
    image = read_image(film(kind))
    for frame in range(image.instance.geometry.frames):
        assert np.array_equal(rendered(film(kind), frame), first_picture(image, frame))


def test_the_overlay_is_in_the_picture_and_only_there() -> None:
    plain, marked = rendered(film("window")), rendered(film("overlay"))
    assert plain.ndim == 2 and marked.ndim == 3
    assert (marked[MARK] == GREEN).all()
    assert not (marked[~MARK] == GREEN).all(axis=-1).any()


@pytest.mark.parametrize(
    ("kind", "shape"), [("tall pixels", (48, 32)), ("wide pixels", (24, 48)), ("window", (24, 32))]
)
def test_pixels_have_the_shape_they_have_on_the_screen(kind: str, shape: tuple[int, int]) -> None:
    assert rendered(film(kind)).shape[:2] == shape


def test_the_first_frame_shown_is_the_first_along_the_normal() -> None:
    ds = make_dataset(FRAMES, Modality="MR")
    ds.update(_positions(30, 10, 20))
    image = read_image(to_bytes(ds))
    data = pack_film(image).data
    (length,) = struct.unpack_from("<I", data)
    assert json.loads(data[4 : 4 + length])["order"] == [1, 2, 0]
    assert image.frame_order[0] == 1


def test_a_preview_shows_the_first_frame_with_its_overlay() -> None:
    big = np.zeros((2, 1200, 1200), np.uint16)
    big[1] = 4000
    mark = np.zeros((1, 1200, 1200), bool)
    mark[0, 600] = True
    ds = make_dataset(big, Modality="MR")
    ds.update(_positions(5, 1))
    for element in make_overlay(mark, frame_origin=2).values():
        ds.add(element)
    preview = pack_film(read_image(to_bytes(ds))).preview
    assert preview is not None
    (length,) = struct.unpack_from("<I", preview.data)
    header = json.loads(preview.data[4 : 4 + length])
    body = preview.data[(4 + length + 7) // 8 * 8 :]
    assert np.frombuffer(body, "<u2", 4)[0] == 4000
    assert [frame["overlay"] is not None for frame in header["frames"]] == [False, True]
