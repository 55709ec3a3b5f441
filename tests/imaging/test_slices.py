"""Slices in order: by place along the normal, then number, then time, then arrival."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.slices import Cosines, Place, in_order

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
AXIAL: Cosines = (1, 0, 0, 0, 1, 0)
SAGITTAL: Cosines = (0, 1, 0, 0, 0, -1)


def turned(seed: int) -> tuple[Cosines, np.ndarray]:
    """Some oblique plane, and its normal."""
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    row, column = basis[:, 0], basis[:, 1]
    return tuple(map(float, (*row, *column))), np.cross(row, column)  # type: ignore[return-value]


def at(position: Any, cosines: Cosines | None = AXIAL, *rank: float | str) -> Place:
    return Place(tuple(map(float, position)), cosines, rank)  # type: ignore[arg-type]


@calm
@given(
    st.integers(0, 10_000),
    st.lists(st.integers(-300, 300), min_size=1, max_size=12, unique=True),
    st.randoms(use_true_random=False),
)
def test_any_oblique_stack_is_ordered_along_its_normal(
    seed: int, depths: list[int], dice: random.Random
) -> None:
    cosines, normal = turned(seed)
    across = np.array(cosines[:3])
    places = [
        at(normal * depth + across * dice.uniform(-50, 50), cosines, dice.randint(1, 3))
        for depth in depths
    ]
    found = [depths[index] for index in in_order(places)]
    assert found == sorted(depths)


def test_at_one_place_the_number_decides_then_the_time_then_arrival() -> None:
    places = [
        at((0, 0, 5), AXIAL, 2.0, "20250101"),
        at((0, 0, 5), AXIAL, 1.0, "20250102"),
        at((0, 0, 5), AXIAL, 1.0, "20250101"),
        at((0, 0, 0), AXIAL, 9.0, "20250109"),
        at((0, 0, 5), AXIAL, 1.0, "20250101"),
    ]
    assert in_order(places) == (3, 2, 4, 1, 0)


@calm
@given(
    st.floats(-300, 300),
    st.sampled_from([0.0, 0.004, 0.01, 0.013, 0.6, 5.0]),
    st.randoms(use_true_random=False),
)
def test_noise_of_a_position_is_no_place_of_its_own(
    start: float, step: float, dice: random.Random
) -> None:
    """Three times at each of four places: a number decides, wherever the places begin."""
    places = [
        at((0, 0, start + step * place + dice.uniform(-5e-4, 5e-4)), AXIAL, float(time))
        for place in range(4)
        for time in range(3)
    ]
    found = [places[index].rank[0] for index in in_order(places)]
    if step > 0.006:
        assert found == [0.0, 1.0, 2.0] * 4
    elif step == 0:
        assert found == sorted(found)


def test_thin_slices_have_places_of_their_own() -> None:
    """Of tomography of the eye: 6 micrometres."""
    places = [at((0, 0, 0.006 * place), AXIAL, float(-place)) for place in range(50)]
    assert in_order(places) == tuple(range(50))


def test_stacks_of_one_series_stay_apart() -> None:
    places = [
        at((0, 0, 9), AXIAL, 4.0),
        at((9, 0, 0), SAGITTAL, 1.0),
        at((0, 0, 3), AXIAL, 3.0),
        at((3, 0, 0), SAGITTAL, 2.0),
        Place(None, None, (5.0,)),
    ]
    # sagittal first, for it holds the lowest number; its normal points to the right
    assert in_order(places) == (1, 3, 2, 0, 4)


def test_what_is_no_plane_counts_as_no_place() -> None:
    nan = float("nan")
    broken = (at((0, 0, 1), (1, 0, 0, 1, 0, 0), 2.0), at((nan, 0, 0), AXIAL, 1.0))
    assert in_order(broken) == (1, 0)


def test_a_degree_of_noise_splits_no_stack() -> None:
    places = [at((0, 0, depth), (1, 0.01 * (depth % 2), 0, 0, 1, 0)) for depth in (4, 1, 3, 2)]
    assert in_order(places) == (1, 3, 2, 0)
