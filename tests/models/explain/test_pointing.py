"""Pointing: measured against maps whose place is known, the wrong ones found out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.explain.checks.pointing import mirror_correlation, point

SIDE = 40


def spot(row: int, column: int) -> NDArray[np.float32]:
    """A smooth spot, and evidence against the finding far from it."""
    rows, columns = np.ogrid[:SIDE, :SIDE]
    near = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 18)
    return (near - 0.05).astype(np.float32)


def marks(row: int, column: int, *, reach: int = 5) -> NDArray[np.bool_]:
    inside = np.zeros((SIDE, SIDE), np.bool_)
    inside[row - reach : row + reach, column - reach : column + reach] = True
    return inside


@pytest.mark.parametrize(("column", "side"), [(8, "left"), (31, "right")])
def test_a_map_on_the_disease_hits_it_on_its_side(column: int, side: str) -> None:
    found = point(spot(20, column), marks(20, column))
    assert found.hit and found.density > 8 and (found.side, found.right_side) == (side, True)


@pytest.mark.parametrize("column", [8, 31])
def test_the_mirrored_map_is_on_the_wrong_side(column: int) -> None:
    found = point(spot(20, column)[:, ::-1], marks(20, column))
    assert not found.hit and found.density < 0.1 and found.right_side is False


def test_an_even_map_has_a_density_of_one() -> None:
    found = point(np.ones((SIDE, SIDE), np.float32), marks(20, 8))
    assert found.density == pytest.approx(1) and not found.hit


def test_disease_on_both_sides_has_no_side() -> None:
    found = point(spot(20, 8), marks(20, 8) | marks(20, 31))
    assert found.side == "" and found.right_side is None and found.hit


def test_evidence_against_alone_points_nowhere() -> None:
    found = point(-np.ones((SIDE, SIDE), np.float32), marks(20, 8))
    assert (found.hit, found.density, found.right_side) == (False, 0.0, False)


def test_marks_of_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="one grid"):
        point(spot(20, 8), np.ones((SIDE, SIDE + 1), np.bool_))
    with pytest.raises(ValueError, match="must be marked"):
        point(spot(20, 8), np.zeros((SIDE, SIDE), np.bool_))


def test_a_map_that_turns_with_the_film_is_told_from_one_that_stays() -> None:
    own = spot(20, 8)
    assert mirror_correlation(own, own[:, ::-1]) == pytest.approx(1)
    assert mirror_correlation(own, own) < 0.1
    assert mirror_correlation(own, np.ones_like(own)) == 0.0
