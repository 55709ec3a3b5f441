"""Maps beside the side that readers named: patient's left is the picture's right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.evaluation.evaluate_sides import LEFT, RIGHT, Sided, named_side, share_on, side_facts


@pytest.mark.parametrize(
    ("reading", "side"),
    [
        ("PTB in the left upper field", LEFT),
        ("secondary ptb  in the Right upper field", RIGHT),
        ("right pneumothorax, right upper ptb, bilateral widespread infection", ""),
        ("left ptb, right pleural thickening", ""),
        ("ptb in both upper fields, mainly left", ""),
        ("normal", ""),
        ("the upright film", ""),  # no side inside of another word
    ],
)
def test_a_side_is_named_where_one_alone_is(reading: str, side: str) -> None:
    assert named_side(reading) == side


def test_the_left_of_the_patient_is_the_right_of_the_picture() -> None:
    map_ = np.full((4, 10), -5.0)  # evidence against it counts nothing
    map_[:, 8] = 3.0
    map_[0, 0] = 4.0
    assert share_on(map_, LEFT, middle=0.5) == pytest.approx(12 / 16)
    assert share_on(map_, RIGHT, middle=0.5) == pytest.approx(4 / 16)
    assert share_on(map_, LEFT, middle=0.9) == 0  # the spine stands further to that side
    assert share_on(np.zeros((4, 10)), LEFT, middle=0.5) == 0.5


def test_a_map_that_follows_the_picture_is_found_out() -> None:
    """It names the side of most films, and in their mirror images still the same one."""
    to_the_right = [Sided(RIGHT, True, 0.75, 0.25, 0.75)] * 9 + [
        Sided(LEFT, True, 0.25, 0.75, 0.25)
    ]
    facts = side_facts(to_the_right)
    assert facts["named"]["value"] == 0.9 == facts["chance"]  # so chance is as good
    assert facts["tells"]["value"] == 0.5  # and no threshold would help
    assert facts["left"]["value"] == 0 and facts["mirrored"]["value"] == 0.1
    follows = side_facts([replace(row, share=0.75, mirrored=0.75) for row in to_the_right])
    assert follows["named"]["value"] == follows["mirrored"]["value"] == 1
    assert follows["tells"]["value"] == 1
    assert follows["chance"] == pytest.approx(0.82)
