"""A film cut out of a photograph: straight and grey, turned and mirrored on request only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.entities import Corners
from imaging.photograph.straighten import SMALLEST, Cut, is_usable, shrink, straighten, whole
from tests.photographs import chest

FILM = chest(120, 90, 7)
shares = st.floats(0, 0.2)


def test_the_whole_picture_comes_out_as_it_is() -> None:
    assert np.array_equal(straighten(FILM, Cut(whole(FILM.shape))), FILM)


def test_colour_becomes_its_brightness() -> None:
    colour = np.zeros((60, 50, 3), np.uint8)
    colour[..., 0], colour[..., 1], colour[..., 2] = 200, 100, 50
    grey = straighten(colour, Cut(whole(colour.shape)))
    assert grey.shape == (60, 50)
    assert np.all(np.abs(grey.astype(int) - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) <= 1)


def test_sixteen_bits_stay_sixteen() -> None:
    deep = FILM.astype(np.uint16) * 257
    flat = straighten(deep, Cut(whole(deep.shape)))
    assert flat.dtype == np.uint16 and np.array_equal(flat, deep)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_film_is_turned_clockwise_and_then_mirrored(turns: int, mirrored: bool) -> None:
    flat = straighten(FILM, Cut(whole(FILM.shape), turns, mirrored))
    expected = np.rot90(FILM, -turns)
    assert np.array_equal(flat, expected[:, ::-1] if mirrored else expected)


def test_a_part_is_cut_out_to_the_pixel() -> None:
    corners: Corners = (10.0, 20.0), (70.0, 20.0), (70.0, 90.0), (10.0, 90.0)
    assert np.array_equal(straighten(FILM, Cut(corners)), FILM[20:90, 10:70])


def test_a_large_film_is_made_smaller() -> None:
    flat = straighten(FILM, Cut(whole(FILM.shape)), largest=60)
    assert flat.shape == (60, 45)
    assert abs(float(flat.mean()) - float(FILM.mean())) < 2


@settings(max_examples=60, deadline=None)
@given(offsets=st.tuples(*[st.tuples(shares, shares)] * 4), start=st.integers(0, 3))
def test_only_corners_in_their_order_are_those_of_a_film(
    offsets: tuple[tuple[float, float], ...], start: int
) -> None:
    rows, columns = 400, 300
    inward = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    points = [
        (column + x * dx * columns, row + y * dy * rows)
        for (column, row), (dx, dy), (x, y) in zip(
            whole((rows, columns)), inward, offsets, strict=True
        )
    ]
    one, two, three, four = points
    shape = (rows, columns)
    assert is_usable((one, two, three, four), shape)
    assert not is_usable((four, three, two, one), shape)  # that would be a mirror image
    assert not is_usable((one, three, two, four), shape)  # sides that cross
    with pytest.raises(ValueError, match="corners"):
        straighten(np.zeros(shape, np.uint8), Cut((four, three, two, one)))


@pytest.mark.parametrize(
    "corners",
    [
        ((0, 0), (SMALLEST - 1, 0), (SMALLEST - 1, 300), (0, 300)),
        ((-5, 0), (300, 0), (300, 300), (0, 300)),
        ((0, 0), (301, 0), (300, 300), (0, 300)),
        ((float("nan"), 0), (300, 0), (300, 300), (0, 300)),
        ((0, 0), (300, 0), (150, 5), (0, 300)),
    ],
)
def test_corners_that_make_no_film_are_refused(corners: Corners) -> None:
    assert not is_usable(corners, (300, 300))


def test_a_picture_that_is_small_enough_is_left_alone() -> None:
    assert shrink(FILM, 120) is FILM
    assert shrink(FILM, 60).shape == (60, 45)
