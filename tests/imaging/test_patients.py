"""The patients of one study: one, or a study that is held; what a reader says is right."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from imaging.entities import OtherPatientId, Patient
from imaging.patients import IdentityDecision, doubts, group_of, group_patients, merge

ANNA = Patient("ALPHA^ANNA", "A-1", "20210101", "F", 4.0)
BRUNO = Patient("BETA^BRUNO", "B-2", "20200505", "M", 4.0)
NOBODY = Patient()


def test_spellings_and_silence_are_one_patient() -> None:
    spelled = replace(ANNA, name="Alpha^Anna^^", age_years=5.0)
    partly = Patient(patient_id="A-1")
    assert len(group_patients([ANNA, spelled, partly, NOBODY])) == 1
    assert doubts([ANNA, spelled, partly, NOBODY]) == ()


def test_two_patients_are_two_groups_whatever_the_order() -> None:
    for files in ([ANNA, BRUNO, NOBODY, ANNA], [BRUNO, NOBODY, ANNA]):
        groups = group_patients(files)
        assert [[p for p in group if p is not NOBODY] for group in groups] == [
            [p] for p in dict.fromkeys(files) if p is not NOBODY
        ]
        assert group_of(groups, NOBODY) == 0


def test_every_contradiction_holds_a_study() -> None:
    changes = {"patient_id": "A-2", "name": "GAMMA^ANNA", "birth_date": "20210102", "sex": "M"}
    for field, value in changes.items():
        change: dict[str, Any] = {field: value}
        assert len(group_patients([ANNA, replace(ANNA, **change)])) == 2, field


def test_what_leaves_room_for_doubt_is_a_caution() -> None:
    foreign, other = replace(ANNA, issuer="WARD A"), replace(ANNA, issuer="WARD B")
    assert len(group_patients([foreign, other])) == 1
    assert [(a, b) for a, b, _ in doubts([foreign, other])] == [(foreign, other)]
    assert len(doubts([ANNA, replace(ANNA, sex="O")])) == 1


def test_a_weak_header_goes_with_the_one_it_is_the_same_as() -> None:
    weak = Patient(patient_id="B-2", birth_date="20200505")
    assert group_of(group_patients([ANNA, BRUNO, weak]), weak) == 1


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_whom_a_name_speaks_for_is_asked_before_who_came_first(order: tuple[int, ...]) -> None:
    numbered, named = Patient(patient_id="A-1"), Patient("BETA^BRUNO")
    four = numbered, Patient("BETA^BRUNO", "B-2"), named, replace(named, sex="M")
    groups = group_patients(four[at] for at in order)
    assert sorted(len(group) for group in groups) == [1, 3] and (numbered,) in groups
    first = four[order[0]]
    assert groups[0][0] == first, "in the order met"


def test_what_one_says_and_the_other_does_not_is_put_together() -> None:
    numbered = Patient(patient_id="A-1", issuer="WARD A")
    merged = merge([Patient(name="ALPHA^ANNA", sex="F"), numbered, replace(ANNA, patient_id="N-3")])
    assert (merged.name, merged.patient_id, merged.issuer) == ("ALPHA^ANNA", "A-1", "WARD A")
    assert (merged.birth_date, merged.sex) == ("20210101", "F")
    assert OtherPatientId("N-3") in merged.other_ids


def test_a_decision_covers_whom_it_was_made_about_and_nobody_else() -> None:
    decision = IdentityDecision(ANNA, (ANNA, BRUNO))
    assert decision.correct(replace(BRUNO, age_years=7.0)) == replace(ANNA, age_years=7.0)
    stranger = Patient("DELTA^DAVID", "D-4", "19700101", "M")
    assert decision.correct(stranger) == stranger
    assert decision.correct(NOBODY) == NOBODY
