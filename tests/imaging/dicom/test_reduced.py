"""Pixels for a network's eyes: the same brightness as a reader's, up to a straight line."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from bench.films import film_bytes
from imaging.dicom import Image, read_image
from imaging.dicom.pixels.reduced import Quick
from tests.factories import make_dicom_bytes

WAVELETS = ("j2k", "htj2k")


def bright(values: NDArray[Any], quick: Quick) -> NDArray[np.float64]:
    """Values on a scale where larger is brighter."""
    return -values.astype(np.float64) if quick.reversed else values.astype(np.float64)


def quick(content: bytes, enough: int = 0) -> tuple[Image, Quick]:
    image = read_image(content)
    return image, image.quick_values(enough=enough)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"RescaleSlope": -2, "RescaleIntercept": 50},
        {"RescaleSlope": -2, "PhotometricInterpretation": "MONOCHROME1"},
        {"RescaleSlope": 0},
    ],
)
def test_brightness_is_a_straight_line_of_the_readers(change: dict[str, Any]) -> None:
    pixels = np.random.default_rng(1).integers(0, 4096, (40, 30)).astype(np.uint16)
    image, found = quick(make_dicom_bytes(pixels, **change))
    ours, theirs = bright(found.values, found).ravel(), image.luminance_values().ravel()
    slope, intercept = np.polyfit(theirs, ours, 1)
    assert slope > 0 and ours == pytest.approx(slope * theirs + intercept, abs=1e-2)


def test_unused_bits_are_cleared_where_they_are_set() -> None:
    pixels = np.full((8, 8), 5, np.uint16)
    pixels[0, 0] |= 0xF000
    ds = dcmread(BytesIO(make_dicom_bytes(np.full((8, 8), 5, np.uint16))))
    ds.PixelData, ds.BitsStored, ds.HighBit = pixels.tobytes(), 12, 11
    buffer = BytesIO()
    ds.save_as(buffer)
    image, found = quick(buffer.getvalue())
    assert np.array_equal(found.values, image.stored_values())


def smooth(side: int = 512) -> NDArray[np.uint16]:
    """A smooth film that reaches both ends of its range."""
    y, x = np.mgrid[0:side, 0:side] / side
    values = 2048 + 3000 * np.sin(9 * x) * np.cos(7 * y)
    return np.clip(values, 0, 4095).astype(np.uint16)


@pytest.mark.parametrize("name", WAVELETS)
def test_a_wavelet_is_decoded_as_far_as_needed(name: str) -> None:
    values = smooth()
    _, found = quick(film_bytes(name, values, 1), enough=128)
    assert found.values.shape == (128, 128)
    scale = found.values.max() / 4095
    means = values.reshape(128, 4, 128, 4).mean((1, 3)) * scale
    assert np.abs(found.values - means).mean() < 2 * scale


@pytest.mark.parametrize("name", WAVELETS)
def test_what_swings_below_zero_is_dark(name: str) -> None:
    """A low band overshoots; one decoder hands out what lies below zero as nearly 65536."""
    values = smooth()
    dark = values[::4, ::4] == 0
    _, found = quick(film_bytes(name, values, 1), enough=128)
    assert found.values[dark].max() < 0.1 * found.values.max()


@pytest.mark.parametrize("name", WAVELETS)
@pytest.mark.parametrize("enough", [0, 300])
def test_a_film_that_is_small_enough_is_decoded_in_full(name: str, enough: int) -> None:
    values = smooth()
    _, found = quick(film_bytes(name, values, 1), enough=enough)
    assert np.array_equal(found.values, values)


def test_samples_may_have_more_bits_than_the_header_states() -> None:
    """16-bit samples under BitsStored 12: none may turn into black."""
    values = (smooth().astype(np.int64) * 16).astype(np.uint16)
    ds = dcmread(BytesIO(film_bytes("htj2k", values, 1)))
    ds.BitsStored, ds.HighBit = 12, 11
    buffer = BytesIO()
    ds.save_as(buffer)
    _, found = quick(buffer.getvalue(), enough=128)
    assert np.array_equal(found.values, values)


def test_a_film_too_large_for_pillow_is_decoded_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image as Pillow

    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 1000)
    values = smooth()
    _, found = quick(film_bytes("j2k", values, 1), enough=128)
    assert np.array_equal(found.values, values)


@pytest.mark.parametrize("name", WAVELETS)
def test_a_frame_that_was_cut_is_refused_here_too(name: str) -> None:
    from imaging.errors import PixelDataError

    ds = dcmread(BytesIO(film_bytes(name, smooth(), 1)))
    from pydicom.encaps import encapsulate, get_frame

    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    ds.PixelData = encapsulate([frame[: len(frame) // 2]])
    ds["PixelData"].VR = "OB"
    buffer = BytesIO()
    ds.save_as(buffer)
    with pytest.raises(PixelDataError):
        read_image(buffer.getvalue()).quick_values(enough=128)
