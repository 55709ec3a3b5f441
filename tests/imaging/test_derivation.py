"""How a film was made out of a photograph, as JSON: whole on the way back, and never made up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.derivation import box_corners, derivation_from_json, derivation_to_json
from imaging.entities import Derivation, DerivationKind

MADE = Derivation(
    study_instance_uid="1.2.3",
    source_sop_instance_uid="1.2.3.4",
    source_sha256="ab" * 32,
    corners=((1.5, 2.0), (100.0, 3.0), (99.0, 120.5), (0.0, 119.0)),
    quarter_turns=3,
    mirrored=True,
    account="anna",
    reader="Dr. Jürgen Müller",
    created_at=datetime(2026, 11, 29, 10, 0, tzinfo=UTC),
)
REGION = replace(
    MADE,
    corners=box_corners((10, 20, 110, 150)),
    quarter_turns=0,
    mirrored=False,
    kind=DerivationKind.REGION,
    side="L",
)


@pytest.mark.parametrize("made", [MADE, REGION])
def test_a_derivation_comes_back_as_it_was(made: Derivation) -> None:
    assert derivation_from_json(json.loads(json.dumps(derivation_to_json(made)))) == made


def test_a_record_from_before_there_were_regions_is_of_a_photograph() -> None:
    values = derivation_to_json(MADE)
    del values["kind"], values["side"]
    assert derivation_from_json(values) == MADE and not MADE.is_region


def test_a_region_is_a_box() -> None:
    assert REGION.is_region and REGION.box == (10, 20, 110, 150)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "scan"),
        ("side", "B"),
        ("side", None),
        ("corners", [[10, 20], [110, 21], [110, 150], [10, 150]]),
        ("corners", [[10.5, 20], [110, 20], [110, 150], [10.5, 150]]),
        ("corners", [[110, 20], [10, 20], [10, 150], [110, 150]]),
    ],
)
def test_what_is_no_box_is_no_region(name: str, value: Any) -> None:
    with pytest.raises(ValueError):
        derivation_from_json({**derivation_to_json(REGION), name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("study_instance_uid", "../etc"),
        ("study_instance_uid", "1." * 40 + "1"),
        ("source_sop_instance_uid", 12),
        ("source_sha256", "AB" * 32),
        ("corners", [[0, 0], [1, 0], [1, 1]]),
        ("corners", [[0, 0], [1, 0], [1, 1], [0, float("inf")]]),
        ("corners", [[0, 0], [1, 0], [1, 1], [0, -1]]),
        ("corners", "abcd"),
        ("quarter_turns", 4),
        ("quarter_turns", True),
        ("mirrored", 1),
        ("reader", None),
        ("created_at", "yesterday"),
        ("created_at", "2026-11-29T10:00:00"),
    ],
)
def test_what_does_not_hold_is_no_derivation(name: str, value: Any) -> None:
    with pytest.raises(ValueError):
        derivation_from_json({**derivation_to_json(MADE), name: value})


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner),
        max_leaves=8,
    )
)
def test_anything_else_is_no_derivation(values: Any) -> None:
    with pytest.raises(ValueError):
        derivation_from_json(values)
