"""Typed facts: what cannot be true is said, and no header is ever overwritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.entities import (
    Acquisition,
    Geometry,
    Identity,
    Instance,
    Patient,
    SourceKind,
    TypedFacts,
)
from imaging.typed_facts import (
    age_at_study,
    objections,
    patient_number,
    person_name,
    stated,
    with_typed,
)

TODAY = date(2026, 11, 29)
FACTS = TypedFacts("DIALLO^AMINA", "K-77", "20230105", 3.0, "F", "20260302", "AP")
GEOMETRY = Geometry(8, 8, 1, 1, "MONOCHROME2", 8)
IDENTITY = Identity("1.2", "1.3", "1.4", "", "", "0" * 64)
FILM = Instance(IDENTITY, Patient(), Acquisition(modality="OT"), GEOMETRY, source=SourceKind.FILM)


def test_facts_that_may_be_so_meet_no_objection() -> None:
    assert objections(FACTS, today=TODAY) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"birth_date": "20270101", "study_date": "", "age_years": None}, "birth date lies in"),
        ({"birth_date": "20270101", "study_date": ""}, "birth date lies in"),
        ({"study_date": "20270101", "birth_date": ""}, "study date lies in the future"),
        ({"study_date": "20220101", "age_years": None}, "before the birth date"),
        ({"age_years": 77.0}, "contradict"),
        ({"age_years": 2.0}, "contradict"),
        ({"age_years": 131.0}, "between 0 and 130"),
        ({"age_years": -1.0}, "between 0 and 130"),
        ({"age_years": 40.0, "study_date": ""}, "nobody is so old yet"),
        ({"name": "X" * 65}, "64 characters"),
    ],
)
def test_what_cannot_be_so_is_one_sentence(changes: dict[str, object], words: str) -> None:
    (sentence,) = objections(replace(FACTS, **changes), today=TODAY)  # type: ignore[arg-type]
    assert words in sentence and "DIALLO" not in sentence and "K-77" not in sentence


def test_an_empty_form_is_told() -> None:
    assert "Nothing is filled in" in objections(TypedFacts(), today=TODAY)[0]


@given(st.dates(date(1930, 1, 1), date(2024, 1, 1)), st.integers(0, 2 * 365))
def test_the_age_a_reader_counts_fits_the_two_dates(born: date, days: int) -> None:
    """Completed years, or months below two: as people tell ages."""
    taken = born + timedelta(days=days * 20)
    if taken > TODAY:
        return
    years = (taken.year - born.year) - ((taken.month, taken.day) < (born.month, born.day))
    months = (taken.year - born.year) * 12 + taken.month - born.month - (taken.day < born.day)
    age = float(years) if years >= 2 else months / 12
    day = "{0:%Y%m%d}".format
    facts = TypedFacts(birth_date=day(born), age_years=age, study_date=day(taken))
    assert objections(facts, today=TODAY) == ()
    wrong = replace(facts, age_years=age + 3)
    assert any("contradict" in words for words in objections(wrong, today=TODAY)) or age > 126


def test_a_film_takes_what_was_typed() -> None:
    told = with_typed(FILM, FACTS)
    assert told.patient == Patient("DIALLO^AMINA", "K-77", "20230105", "F", 3.0)
    assert (told.acquisition.study_date, told.acquisition.view_position) == ("20260302", "AP")
    assert told.typed == FACTS and told.identity == FILM.identity


@given(
    st.builds(Patient, *[st.sampled_from(["", "own"])] * 4, st.sampled_from([None, 5.0])),
    st.booleans(),
)
def test_a_header_is_never_overwritten(patient: Patient, dicom: bool) -> None:
    source = SourceKind.DICOM if dicom else SourceKind.FILM
    told = with_typed(replace(FILM, patient=patient, source=source), FACTS)
    if dicom:
        assert told.patient == patient and told.typed is None
    for field in ("name", "patient_id", "birth_date", "sex", "age_years"):
        own = getattr(patient, field)
        if own not in ("", None):
            assert getattr(told.patient, field) == own


def test_nothing_typed_leaves_a_film_unnamed() -> None:
    assert with_typed(FILM, TypedFacts(account="a", version=2)) == FILM
    assert with_typed(FILM, None) == FILM


def test_the_age_follows_from_the_dates_where_none_was_typed() -> None:
    facts = replace(FACTS, age_years=None)
    assert age_at_study(facts) == pytest.approx(3.15, abs=0.01)
    assert age_at_study(replace(facts, study_date="")) is None


def test_names_become_person_names() -> None:
    assert person_name(" Diallo,  Amina ") == "Diallo^Amina"
    assert person_name("Amina Diallo") == "Amina Diallo"
    assert person_name("Di^al=lo\\, A") == "Di al lo^A"
    assert patient_number(" K\\77\n") == "K 77"


def test_what_was_typed_is_named_without_its_content() -> None:
    assert stated(replace(FACTS, birth_date="", sex="")) == (
        *("name", "number", "age", "study date", "view"),
    )
