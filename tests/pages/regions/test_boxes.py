"""What the browser reports of the boxes is checked like anything that comes from outside."""

from __future__ import annotations

from typing import Any

import pytest

from pages.ui.regions.boxes import Drawn, _read_report

SHAPE = (200, 400)  # rows, columns
BOX = [0.25, 0.5, 0.75, 1.0]


def report(**changes: Any) -> dict[str, Any]:
    return {"generation": 2, "boxes": [BOX], "placed": [True], **changes}


def test_shares_become_whole_pixels() -> None:
    assert _read_report(report(), SHAPE, 2, 1) == Drawn(((100, 100, 300, 200),), (True,))


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        report(generation=1),
        report(boxes=[]),
        report(boxes=[BOX, BOX]),
        report(placed="yes"),
        report(placed=[True, True]),
        report(boxes=[[0.25, 0.5, 0.75]]),
        report(boxes=[[0.25, 0.5, 0.25, 1.0]]),
        report(boxes=[[0.75, 0.5, 0.25, 1.0]]),
        report(boxes=[[0.25, 0.5, 0.75, 1.1]]),
        report(boxes=[[True, 0.5, 0.75, 1.0]]),
        report(boxes=[[float("nan"), 0.5, 0.75, 1.0]]),
        report(boxes=["abcd"]),
    ],
)
def test_what_does_not_hold_counts_for_nothing(said: Any) -> None:
    assert _read_report(said, SHAPE, 2, 1) is None


def test_only_a_plain_yes_has_placed_a_box() -> None:
    drawn = _read_report(report(placed=["yes"]), SHAPE, 2, 1)
    assert drawn is not None and drawn.placed == (False,)
