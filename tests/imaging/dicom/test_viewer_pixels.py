"""What a screen is sent turns into the grey levels that `Image.display_values` computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imaging.dicom import Image, read_image
from imaging.dicom.pixels import lookup_table, voi_lut
from imaging.dicom.viewer_pixels import ScreenFrame, ScreenPixels, screen_pixels
from tests.factories import make_dicom_bytes, make_lut, make_pixels


def image(pixels: np.ndarray | None = None, **attributes: Any) -> Image:
    return read_image(make_dicom_bytes(pixels, **attributes), file_name="film.dcm")


def shown(found: ScreenPixels, frame: int = 0) -> np.ndarray:
    """Grey levels as a browser computes them from what it was sent."""
    how: ScreenFrame = found.frames[frame]
    sent = found.values[frame].astype(np.float64)
    modality = (sent * how.slope + how.intercept).astype(np.float32)
    first = how.presets[0] if how.presets else None
    if first is not None and first.lut is not None:
        levels = lookup_table.apply_lut(modality, first.lut).astype(np.float64)
        grey = np.rint(levels * (255 / (2**first.lut.bits - 1))).astype(np.uint8)
    else:
        window = first.preset if first else how.automatic
        assert window.window_center is not None and window.window_width is not None
        grey = voi_lut.apply_window(
            modality,
            window_center=window.window_center,
            window_width=window.window_width,
            function=window.function,
        )
    return 255 - grey if found.monochrome1 else grey


RAMP = make_pixels()
FILMS: dict[str, dict[str, Any]] = {
    "plain": {"WindowCenter": 2000, "WindowWidth": 3000},
    "no window": {},
    "monochrome1": {"PhotometricInterpretation": "MONOCHROME1"},
    "rescaled": {"RescaleSlope": 0.37, "RescaleIntercept": -1024.5, "WindowCenter": 0,
                 "WindowWidth": 900},
    "padded": {"PixelPaddingValue": 0},
    "voi lut": {"VOILUTSequence": [make_lut(0, list(range(0, 65536, 16)))]},
    "modality lut": {"ModalityLUTSequence": [make_lut(0, [(7 * i) % 4096 for i in range(4096)])]},
    "sigmoid": {"WindowCenter": 2000, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
    "void rescale": {"RescaleSlope": 0, "RescaleIntercept": 5},
}  # fmt: skip


@pytest.mark.parametrize("name", list(FILMS))
def test_sent_values_give_the_same_grey_levels(name: str) -> None:
    film = image(RAMP, **FILMS[name])
    assert np.array_equal(shown(screen_pixels(film)), film.display_values())


@pytest.mark.parametrize("name", list(FILMS))
@pytest.mark.parametrize("constant", [False, True])
def test_windows_are_those_of_the_image(name: str, constant: bool) -> None:
    pixels = np.full_like(RAMP, 7) if constant else RAMP
    film = image(pixels, **FILMS[name])
    (frame,) = screen_pixels(film).frames
    assert frame.automatic == film.automatic_preset()
    assert frame.full_range == film.full_range_preset()


def test_one_odd_pixel_in_a_large_even_film_is_not_lost() -> None:
    pixels = np.full((1500, 1500), 100, np.uint16)
    pixels[3, 3] = 4000
    film = image(pixels)
    assert screen_pixels(film).frames[0].automatic == film.automatic_preset()


def test_signed_values_stay_signed() -> None:
    pixels = np.arange(-50, 50, dtype=np.int16).reshape(10, 10)
    found = screen_pixels(image(pixels, RescaleSlope=1, RescaleIntercept=-1024, Modality="CT"))
    assert found.values.dtype == np.int16 and found.values.min() == -50
    assert found.unit == "HU"


def test_values_beyond_16_bits_are_rounded_and_it_is_said() -> None:
    pixels = (np.arange(600, dtype=np.uint32).reshape(20, 30) * 100_003).astype(np.uint32)
    film = image(pixels, BitsStored=32, HighBit=31)
    found = screen_pixels(film)
    assert found.values.dtype == np.uint16
    assert any("rounded" in note for note in found.notes)
    difference = shown(found).astype(int) - film.display_values()
    assert np.abs(difference).max() <= 1


def test_colour_is_sent_as_it_is_displayed() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3)).astype(np.uint8)
    found = screen_pixels(image(pixels))
    assert np.array_equal(found.values[0], pixels)


def test_frames_that_do_not_fit_are_left_out_and_it_is_said() -> None:
    pixels = np.zeros((5, 10, 10), np.uint16)
    found = screen_pixels(image(pixels), max_bytes=450)
    assert found.values.shape == (2, 10, 10)
    assert (len(found.frames), found.total_frames) == (2, 5)
    assert found.notes == ("Only the first 2 of 5 frames are shown.",)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"PatientOrientation": ["L", "F"]}, ("L", "F")),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}, ("L", "P")),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, ("P", "F")),
        ({"ImageOrientationPatient": [0.8, 0.6, 0, 0, 0, -1]}, ("LP", "F")),
        ({"PatientOrientation": ["sideways"]}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_directions_come_from_either_attribute(
    attributes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert screen_pixels(image(**attributes)).directions == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [({"FrameTime": 40}, 40), ({"CineRate": 25}, 40), ({"FrameTime": 1}, 1000 / 60), ({}, 100)],
)
def test_frame_time_is_one_a_screen_can_show(attributes: dict[str, Any], expected: float) -> None:
    found = screen_pixels(image(np.zeros((3, 4, 4), np.uint16), **attributes))
    assert found.frame_time == pytest.approx(expected)


def test_pixels_may_be_taller_than_wide() -> None:
    assert screen_pixels(image(PixelSpacing=[1.0, 0.5])).pixel_aspect == 2
    assert screen_pixels(image(PixelAspectRatio=[3, 4])).pixel_aspect == 0.75
    assert screen_pixels(image()).pixel_aspect == 1
