"""Priors: what is folded below the current study, and what never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from imaging.entities import Patient
from imaging.worklist.folding import Listed, fold

AMINA = Patient("DIALLO^AMINA", "P1", "20220101", "F")
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
CURRENT = Listed("now", AMINA, "20261130", "080000", NOW)
OLD = Listed("old", AMINA, "20260910", "080000", NOW)


def folded(*studies: Listed) -> dict[str, str]:
    """What is folded below what, of those and the current one."""
    return {uid: to for uid, to in fold([*studies, CURRENT]).items() if to}


def test_an_old_film_lies_below_the_current_one_whatever_came_first() -> None:
    assert folded(OLD) == {"old": "now"}
    assert folded(replace(OLD, received_at=NOW.replace(day=1))) == {"old": "now"}
    assert folded(replace(OLD, date="20261130", time="070000", signed=True)) == {"old": "now"}
    older = replace(OLD, study_instance_uid="older", date="20250101")
    assert folded(OLD, older) == {"old": "now", "older": "now"}, "all below the current one"


@pytest.mark.parametrize(
    "own",
    [
        replace(OLD, date="20261128"),  # fresh when it came: somebody has to read it
        replace(OLD, begun=True),
        replace(OLD, held=True),
        replace(OLD, films=False),
        replace(OLD, date=""),
        replace(OLD, date="20261130", time=""),
        replace(OLD, date="20261201"),
        replace(OLD, patient=replace(AMINA, patient_id="P2")),
        replace(OLD, patient=replace(AMINA, sex="M")),
        replace(OLD, patient=Patient(patient_id="P1")),
    ],
)
def test_what_waits_for_a_reader_or_may_be_somebody_else_is_never_folded(own: Listed) -> None:
    assert folded(own) == {}


def test_nothing_is_folded_below_a_study_that_is_folded_or_held_or_without_a_film() -> None:
    fresh = replace(OLD, study_instance_uid="fresh", date="20261129")
    assert folded(OLD, fresh) == {"old": "now"}
    for wrong in (replace(CURRENT, held=True), replace(CURRENT, films=False)):
        assert fold([OLD, wrong]) == {"old": "", "now": ""}
