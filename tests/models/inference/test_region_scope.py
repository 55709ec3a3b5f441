"""How much a picture shows: a whole film is not answered as one joint, a far box is asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from imaging.derivation import box_corners
from imaging.entities import (
    Acquisition,
    Derivation,
    DerivationKind,
    Geometry,
    Identity,
    Instance,
    Patient,
)
from models.checkpoint.card import Scope
from models.inference.region_scope import LONG, LONGISH, SEVERAL, check_region
from models.inference.scope import ScopeVerdict, check_scope, mismatches
from tests.knees import KNEES
from tests.models.inference.test_next_steps import ends_in_a_step

MADE = Derivation("1.1", "1.9", "ab" * 32, box_corners((0, 0, 1, 1)), 0, False, "anna", "Dr A",
                  datetime(2026, 11, 29, tzinfo=UTC), DerivationKind.REGION, "R")  # fmt: skip
KNEE = Instance(
    Identity("1.1", "1.2", "1.3", "", "", ""),
    Patient(age_years=60.0),
    Acquisition(modality="DX", body_part="KNEE", view_position="AP", laterality="R"),
    Geometry(1200, 1200, 1, 1, "MONOCHROME2", 12, pixel_spacing=(0.1, 0.1)),
)


def knee(
    wide: int = 120, tall: int = 120, *, region: bool = True, measured: bool = True, **said: Any
) -> Instance:
    """A picture of so many millimetres, a tenth of one a pixel."""
    spacing = (0.1, 0.1) if measured else None
    geometry = replace(KNEE.geometry, rows=10 * tall, columns=10 * wide, pixel_spacing=spacing)
    taken = replace(KNEE.acquisition, **said)
    made = MADE if region else None
    return replace(KNEE, geometry=geometry, acquisition=taken, derivation=made)


@pytest.mark.parametrize(
    "image",
    [
        knee(430, 350, region=False),
        knee(150, 190, region=False),
        knee(region=False, laterality="B"),
        knee(region=False, laterality="", view_position="AP", series_description="KNEES"),
        knee(200, 100, region=False, measured=False),  # twice as wide as tall: two side by side
    ],
)
def test_a_whole_film_is_asked_for_its_joint(image: Instance) -> None:
    assert check_region(image, KNEES) == (SEVERAL, "")
    verdict = check_scope(image, KNEES)
    assert verdict.refusals == (SEVERAL,) and verdict.asks_region
    assert [one.reason for one in mismatches(image, KNEES)] == [SEVERAL]


@pytest.mark.parametrize(
    "image", [knee(), knee(115, 140), knee(region=False), knee(region=False, measured=False)]
)
def test_a_joint_is_answered(image: Instance) -> None:
    assert check_region(image, KNEES) == ("", "")
    assert check_scope(image, KNEES) == ScopeVerdict()


@pytest.mark.parametrize(
    ("image", "said", "step"),
    [
        (knee(190, 200), "19 x 20 cm", "smaller box"),
        (knee(60, 60), "6 x 6 cm", "larger box"),
        (knee(60, 60, region=False), "6 x 6 cm", "larger box"),
        (knee(100, 170), LONG, ""),
        (knee(100, 170, measured=False), LONG, ""),
    ],
)
def test_a_box_far_from_what_was_seen_is_asked_again(image: Instance, said: str, step: str) -> None:
    refusal, warning = check_region(image, KNEES)
    assert said in refusal and step in refusal and not warning
    assert ends_in_a_step(refusal)
    assert check_scope(image, KNEES).asks_region


@pytest.mark.parametrize(
    ("image", "said"),
    [(knee(165, 165), "16 x 16 cm"), (knee(80, 80), "8 x 8 cm"), (knee(100, 135), LONGISH)],
)
def test_a_box_a_little_off_is_answered_with_a_warning(image: Instance, said: str) -> None:
    refusal, warning = check_region(image, KNEES)
    assert not refusal and said in warning


def test_a_whole_film_of_both_is_no_region_even_where_it_is_small() -> None:
    assert check_region(knee(region=False, laterality="B"), KNEES)[0] == SEVERAL
    assert not check_region(knee(laterality="B"), KNEES)[0], "the reader has marked one"


def test_cards_from_before_ask_nothing() -> None:
    old = {
        "population": "x", "modalities": ["DX"], "body_parts": ["KNEE"], "views": ["AP"],
        "age_years": [45.0, 80.0], "one_sided": True,
    }  # fmt: skip
    scope = Scope.from_dict(old)
    assert scope.region_mm == () and scope.largest_mm == 0
    for image in (knee(430, 350, region=False), knee(), knee(region=False, laterality="B")):
        assert check_region(image, scope) == ("", "")
    assert Scope.from_dict({**old, "region_mm": [100, 140]}).region_mm == (100, 140)


def test_another_body_part_is_no_matter_of_the_box() -> None:
    image = knee(430, 350, region=False)
    assert check_scope(image, KNEES).asks_region
    assert not check_scope(image, replace(KNEES, body_parts=("CHEST",))).asks_region


def test_asking_outside_the_population_does_not_make_one_joint_of_two() -> None:
    verdict = check_scope(knee(430, 350, region=False), KNEES, outside_population=True)
    assert verdict.refusals == (SEVERAL,)
