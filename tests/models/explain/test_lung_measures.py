"""Measures on drawn chests whose answers are known: which zone, which side, how turned, how lit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.explain.base.lung_measures import CONCEPTS, ZONES, Lungs, find_lungs, measure
from models.explain.base.subject import Subject
from models.network.preprocess import preprocess
from models.rules.crop_box import WHOLE

SIDE = 128
Film = NDArray[np.float32]
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def lungs(*, right: float = 17, left: float = 17) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The patient's right and left lung as ellipses of those half widths; right is on the left."""
    height = ((ROWS - 63.5) / 44) ** 2
    one, other = (((COLUMNS - c) / half) ** 2 + height < 1 for c, half in ((36, right), (91, left)))
    return one, other


def chest(*, right: float = 17, left: float = 17, seed: int = 1) -> tuple[Film, Film]:
    """A film (dark lungs in a bright chest, a little noise) and its lung map."""
    both = np.logical_or(*lungs(right=right, left=left))
    noise = np.random.default_rng(seed).normal(0, 3, both.shape)
    film = np.where(both, 80, 180) + 10 * np.sin(ROWS / 9) + noise
    return film.astype(np.float32), both.astype(np.float32)


def measured(film: Film, region: Film) -> dict[str, float]:
    found = measure(subject(film), region)
    assert found is not None
    return dict(found)


def subject(film: Film) -> Subject:
    return Subject(film, preprocess(film, size=SIDE), WHOLE, film.shape)


@pytest.mark.parametrize("zone", ZONES)
def test_a_white_zone_has_the_highest_opacity(zone: str) -> None:
    side, part = zone.split("_")
    film, region = chest()
    lung = lungs()[side == "left"]
    third = np.array_split(np.flatnonzero(lung.any(1)), 3)[("upper", "middle", "lower").index(part)]
    film[third] += 40 * lung[third]
    found = measured(film, region)
    assert max(ZONES, key=lambda z: found[f"opacity_{z}"]) == zone
    assert (found["asymmetry"] > 0.05) == (side == "left")


def test_a_mirrored_film_swaps_sides() -> None:
    film, region = chest(right=13, left=19)
    film += 30 * lungs(right=13, left=19)[0]
    one, other = measured(film, region), measured(film[:, ::-1].copy(), region[:, ::-1].copy())
    for name in ("asymmetry", "rotation", "tilt"):
        assert one[name] == pytest.approx(-other[name], abs=1e-4)
    assert abs(one["asymmetry"]) > 0.1 and one["rotation"] > 0.1
    for part in ("upper", "middle", "lower"):
        mirrored = other[f"opacity_left_{part}"]
        assert one[f"opacity_right_{part}"] == pytest.approx(mirrored, abs=1e-4)


def test_a_tone_curve_moves_exposure_and_no_opacity() -> None:
    film, region = chest()
    darker = (film / film.max()) ** 3
    one, other = measured(film, region), measured(darker.astype(np.float32), region)
    for name in ("opacity", "asymmetry", *(f"opacity_{zone}" for zone in ZONES)):
        assert one[name] == pytest.approx(other[name], abs=2e-3)
    assert other["brightness"] < one["brightness"] - 0.1


def test_units_and_offsets_of_the_file_move_nothing() -> None:
    film, region = chest()
    one, other = measured(film, region), measured(film * 16 + 1000, region)
    assert one == pytest.approx(other, abs=2e-3)


def test_shape_and_tilt_are_those_of_the_drawing() -> None:
    film, region = chest()
    found = measured(film, region)
    assert found["lung_share"] == pytest.approx(2 * np.pi * 17 * 44 / SIDE**2, rel=0.02)
    assert found["lung_shape"] == pytest.approx(88 / (91 + 17 - 36 + 17), rel=0.03)
    assert found["rotation"] == pytest.approx(0, abs=0.01)
    lean = np.stack([np.roll(row, round(0.1 * (64 - i))) for i, row in enumerate(region)])
    assert measured(film, lean)["tilt"] == pytest.approx(-np.degrees(np.arctan(0.1)), abs=0.5)


def test_a_stretched_film_has_wider_lungs() -> None:
    film, region = chest()
    square = subject(film)
    wide = Subject(square.squashed, square.x, WHOLE, (SIDE, 2 * SIDE))
    one, other = measure(square, region), measure(wide, region)
    assert one and other and other["lung_shape"] == pytest.approx(one["lung_shape"] / 2)


def test_blur_takes_fine_detail_and_clipping_is_counted() -> None:
    film, region = chest()
    soft = 0.25 * (film + np.roll(film, 1, 0) + np.roll(film, 1, 1) + np.roll(film, (1, 1), (0, 1)))
    assert measured(soft, region)["sharpness"] < 0.7 * measured(film, region)["sharpness"]
    clipped = np.clip(film, None, 150)
    assert measured(clipped, region)["clipped"] > 0.5 > measured(film, region)["clipped"]


def test_lungs_lie_on_the_patients_sides() -> None:
    film, region = chest()
    found = find_lungs(region, subject(film))
    assert isinstance(found, Lungs)
    assert (found.right == lungs()[0]).all() and (found.left == lungs()[1]).all()
    assert found.between[64, 64] and not found.between[64, 5] and not found.between[2].any()


@pytest.mark.parametrize("case", ["none", "empty", "unsure", "one lung", "speck"])
def test_nothing_is_measured_where_the_lungs_are_not_surely_seen(case: str) -> None:
    film, region = chest()
    region = {
        "none": None,
        "empty": np.zeros_like(region),
        "unsure": region * 0.7,
        "one lung": region * (COLUMNS < 64),
        "speck": region * (abs(ROWS - 64) < 4),
    }[case]
    assert measure(subject(film), region) is None


def test_every_measure_is_there_and_finite() -> None:
    found = measured(*chest())
    assert tuple(found) == (*CONCEPTS,) or set(found) == set(CONCEPTS)
    assert np.isfinite(list(found.values())).all()
