"""How a film was made out of a photograph, as JSON: whole on the way back, and never made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.derivation import derivation_from_json, derivation_to_json
from imaging.entities import Derivation

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


def test_a_derivation_comes_back_as_it_was() -> None:
    assert derivation_from_json(json.loads(json.dumps(derivation_to_json(MADE)))) == MADE


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
