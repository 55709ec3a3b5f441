"""imaging/rendering.py: overlays, colour bars, thumbnails."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging.rendering import (
    colour_bar,
    colour_table,
    composite_overlay,
    film_thumbnail,
    numbered_boxes,
    overlay_png,
    thumbnail,
)

FILM = np.full((40, 60), 100, np.uint8)


def attribution(value: float) -> np.ndarray:
    """4 x 6: `value` in the right half, 0 in the left."""
    array = np.zeros((4, 6), np.float32)
    array[:, 3:] = value
    return array


def test_zero_attribution_leaves_the_film_untouched() -> None:
    overlay = composite_overlay(FILM, np.zeros((4, 6)))
    np.testing.assert_array_equal(np.asarray(overlay), np.repeat(FILM[..., None], 3, axis=2))


def test_overlay_never_alters_its_sources() -> None:
    film, values = FILM.copy(), attribution(-1.0)
    composite_overlay(film, values)
    np.testing.assert_array_equal(film, FILM)
    np.testing.assert_array_equal(values, attribution(-1.0))


def test_overlay_lies_where_the_attribution_is() -> None:
    overlay = np.asarray(composite_overlay(FILM, attribution(1.0), opacity=1))
    assert overlay.shape == (40, 60, 3)
    assert (overlay[:, :20] == 100).all()
    np.testing.assert_array_equal(overlay[20, 59], colour_table(signed=False)[255])


@pytest.mark.parametrize(("value", "end"), [(-2.0, 0), (2.0, 255)])
def test_signed_map_is_blue_below_and_orange_above(value: float, end: int) -> None:
    overlay = composite_overlay(FILM, attribution(value), opacity=1, signed=True)
    np.testing.assert_array_equal(np.asarray(overlay)[20, 59], colour_table(signed=True)[end])


def test_threshold_hides_weak_values() -> None:
    values = attribution(1.0)
    values[:, :3] = 0.4
    overlay = np.asarray(composite_overlay(FILM, values, threshold=0.5))
    assert (overlay[:, :20] == 100).all()
    assert (overlay[:, 50:] != 100).any()


def test_limit_keeps_weak_maps_weak() -> None:
    weak = composite_overlay(FILM, attribution(0.1), limit=1.0, opacity=1)
    strong = composite_overlay(FILM, attribution(1.0), limit=1.0, opacity=1)
    change = [np.abs(np.asarray(one)[20, 59].astype(int) - 100).sum() for one in (weak, strong)]
    assert change[0] < change[1] / 3


def test_nan_counts_as_no_evidence() -> None:
    values = np.full((4, 6), np.nan)
    np.testing.assert_array_equal(np.asarray(composite_overlay(FILM, values))[..., 0], FILM)


@pytest.mark.parametrize("change", [{"opacity": 1.5}, {"threshold": -0.1}])
def test_fraction_outside_0_to_1_is_misuse(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        composite_overlay(FILM, attribution(1.0), **change)


def test_sequential_map_grows_lighter_all_the_way() -> None:
    lightness = colour_table(signed=False) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) >= 0).mean() > 0.98


def test_diverging_map_is_darkest_in_the_middle() -> None:
    lightness = colour_table(signed=True) @ np.array([0.2126, 0.7152, 0.0722])
    assert 120 <= lightness.argmin() <= 135
    assert abs(lightness[0] - lightness[-1]) < 30


def test_colour_bar_draws_every_word() -> None:
    plain = np.asarray(colour_bar(method="", signed=True, labels=("", "", "")))
    named = np.asarray(colour_bar(method="Grad-CAM", signed=True))
    changed = (plain != named).any(axis=2)
    assert changed[:18].any()
    assert [changed[36:52, part].any() for part in (slice(0, 90), slice(150, 210))] == [True] * 2


@pytest.mark.parametrize("shape", [(400, 200), (200, 400, 3), (1, 1)])
def test_thumbnail_keeps_the_shape(shape: tuple[int, ...]) -> None:
    small = Image.open(BytesIO(thumbnail(np.zeros(shape, np.uint8))))
    assert max(small.size) == 96
    assert small.width / small.height == pytest.approx(shape[1] / shape[0], rel=0.05)


def test_what_the_network_looked_at_is_outlined() -> None:
    plain = np.asarray(composite_overlay(FILM, attribution(0.0)))
    framed = np.asarray(composite_overlay(FILM, attribution(0.0), seen=(0.25, 0.5, 1.0, 1.0)))
    changed = (plain != framed).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert abs(rows.min() - 0.25 * (len(FILM) - 1)) < 1 and columns.max() == FILM.shape[1] - 1
    assert changed.mean() < 0.2  # a line, not a cover
    whole = composite_overlay(FILM, attribution(0.0), seen=(0, 0, 1, 1))
    assert np.array_equal(plain, np.asarray(whole))


def test_overlay_png_is_the_overlay() -> None:
    picture = Image.open(BytesIO(overlay_png(FILM, attribution(1.0))))
    expected = composite_overlay(FILM, attribution(1.0))
    np.testing.assert_array_equal(np.asarray(picture), np.asarray(expected))


def test_named_method_puts_the_colour_bar_below() -> None:
    picture = Image.open(BytesIO(overlay_png(FILM, attribution(1.0), method="Grad-CAM")))
    bar = colour_bar(method="Grad-CAM", signed=False, width=picture.width)
    np.testing.assert_array_equal(np.asarray(picture)[FILM.shape[0] :], np.asarray(bar))


@pytest.mark.parametrize("shape", [(200, 100), (200, 100, 3)])
def test_boxes_are_drawn_where_they_are_on_the_smaller_film(shape: tuple[int, ...]) -> None:
    film = np.zeros(shape, np.uint8)
    drawn = np.asarray(numbered_boxes(film, [(100, 40, 160, 80)], size=100))
    assert drawn.shape == (100, 50, 3) and not film.any()
    lit = drawn.max(axis=-1) > 200
    assert lit[50, 20:40].all() and lit[79, 20:40].all() and lit[50:80, 20].all()
    assert not lit[55:75, 25:35].any() and lit[:50].any()


@pytest.mark.parametrize("shape", [(3000, 2000), (96, 300), (5, 4), (1, 1)])
def test_a_film_in_a_list_is_small_and_keeps_its_shape(shape: tuple[int, int]) -> None:
    ramp = np.linspace(-1000, 3000, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    picture = Image.open(BytesIO(film_thumbnail(ramp)))
    assert picture.mode == "L" and max(picture.size) == 96
    wide, tall = picture.size
    assert wide / tall == pytest.approx(shape[1] / shape[0], rel=0.05, abs=0.02)
    assert len(film_thumbnail(ramp)) < 4000


def test_a_film_in_a_list_has_its_greys_spread_and_larger_is_brighter() -> None:
    film = np.repeat(np.linspace(500, 520, 64, dtype=np.float32)[None], 64, axis=0)
    film[0, 0] = 60000  # one hot pixel decides nothing
    shades = np.asarray(Image.open(BytesIO(film_thumbnail(film))), dtype=int)
    assert shades[40, :5].max() < 30 and shades[40, -5:].min() > 225


def test_a_film_of_one_grey_or_of_no_pixels_is_drawn_too() -> None:
    assert Image.open(BytesIO(film_thumbnail(np.zeros((8, 8), np.float32)))).size == (96, 96)
    assert film_thumbnail(np.empty((0, 0), np.float32)) == b""
