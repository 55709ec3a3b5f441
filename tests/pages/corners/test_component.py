"""Corners that the browser reports, checked before anything believes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui.corners.component import _read_report

SHAPE = (300, 400, 3)
PAIRS = [[0.1, 0.2], [0.9, 0.1], [1, 1.0], [0, 0.95]]


def report(**changes: Any) -> dict[str, Any]:
    return {"generation": 2, "corners": PAIRS, **changes}


def test_fractions_become_pixels() -> None:
    corners = _read_report(report(), SHAPE, 2)
    assert corners == ((40, 60), (360, 30), (400, 300), (0, 285))


@pytest.mark.parametrize(
    "corners",
    [
        PAIRS[:3],
        [*PAIRS[:3], [1.1, 0]],
        [*PAIRS[:3], [float("nan"), 0]],
        [*PAIRS[:3], [True, 0]],
        [*PAIRS[:3], ["0", 0]],
        [*PAIRS[:3], [0, 0, 0]],
        {"0": PAIRS},
    ],
)
def test_a_report_that_does_not_hold_counts_as_none(corners: Any) -> None:
    assert _read_report(report(corners=corners), SHAPE, 2) is None


def test_corners_from_before_they_were_set_anew_count_as_none() -> None:
    assert _read_report(report(generation=1), SHAPE, 2) is None


@given(st.none() | st.integers() | st.text() | st.dictionaries(st.text(), st.integers()))
def test_anything_else_counts_as_none(said: Any) -> None:
    assert _read_report(said, SHAPE, 2) is None
