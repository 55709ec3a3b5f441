"""What counts as grey: tints and noise do, marks and pictures in colour do not."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as PilImage

from imaging.dicom import read_image
from imaging.dicom.pixels.tint import NEAR_GREY, READ_AS_GREY, tint_of
from imaging.entities import SourceKind
from tests.factories import make_dicom_bytes, make_film_bytes

Picture = NDArray[np.uint8]
_Y, _X = np.mgrid[0:96, 0:120]
GREY: Picture = (20 + 200 * (_X / 119) * (1 - _Y / 200)).astype(np.uint8)


def tinted(share: float) -> Picture:
    """`GREY` with its channels this far apart, as a share of the brightness."""
    factors = np.array([1, 1 - share / 2, 1 - share])
    return np.rint(GREY[..., None] * factors).astype(np.uint8)


def noisy(picture: Picture, spread: float) -> Picture:
    noise = np.random.default_rng(0).normal(0, spread, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def as_jpeg(picture: Picture, quality: int) -> Picture:
    return np.asarray(PilImage.open(BytesIO(make_film_bytes(picture, "JPEG", quality=quality))))


@settings(max_examples=30)
@given(st.floats(0, 0.04), st.sampled_from([None, 95, 75, 50]))
def test_a_tint_of_two_per_cent_to_either_side_is_grey(share: float, quality: int | None) -> None:
    picture = tinted(share)
    assert tint_of(picture if quality is None else as_jpeg(picture, quality)) <= NEAR_GREY


@settings(max_examples=20)
@given(st.floats(0, 6), st.sampled_from([None, 95, 75]))
def test_noise_of_a_scanner_and_of_jpeg_is_grey(spread: float, quality: int | None) -> None:
    picture = noisy(tinted(0.0), spread)
    assert tint_of(picture if quality is None else as_jpeg(picture, quality)) <= NEAR_GREY


@settings(max_examples=20)
@given(st.floats(0.1, 1))
def test_a_stronger_tint_is_a_colour(share: float) -> None:
    assert tint_of(tinted(share)) > NEAR_GREY


def test_a_small_mark_in_colour_is_a_colour() -> None:
    marked = tinted(0.0).copy()
    marked[40:44, 40:46] = (255, 0, 0)
    assert tint_of(marked) > NEAR_GREY


def test_colours_that_are_grey_only_on_average_are_colours() -> None:
    assert tint_of(np.random.default_rng(0).integers(0, 256, (96, 120, 3))) > NEAR_GREY


@pytest.mark.parametrize("scale", [1 / 255, 1.0, 257.0])
def test_the_scale_of_the_values_does_not_matter(scale: float) -> None:
    assert tint_of(tinted(0.04) * scale) == pytest.approx(tint_of(tinted(0.04)))


def test_a_picture_of_one_value_has_no_tint() -> None:
    assert tint_of(np.full((5, 9, 3), 7)) == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_tinted_film_is_read_as_grey_and_says_so(kind: str) -> None:
    image = read_image(make_film_bytes(tinted(0.04), kind))
    assert image.instance.source is SourceKind.FILM
    assert image.instance.geometry.samples_per_pixel == 1
    assert image.remarks == (READ_AS_GREY,) and "5%" in READ_AS_GREY


def test_a_sepia_film_stays_in_colour() -> None:
    image = read_image(make_film_bytes(tinted(0.2)))
    assert image.instance.geometry.samples_per_pixel == 3 and not image.remarks


def test_a_tinted_dicom_is_shown_as_it_is_and_measured() -> None:
    image = read_image(make_dicom_bytes(tinted(0.04)))
    assert image.display_values().shape == (*GREY.shape, 3)
    assert image.tint() == pytest.approx(tint_of(tinted(0.04)))
    assert image.quick_values(enough=0).tint == image.tint()
    assert read_image(make_dicom_bytes()).tint() is None
