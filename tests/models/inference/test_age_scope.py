"""An age that is known and outside is refused, near it warned of, unknown only said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imaging.entities import Acquisition, Geometry, Identity, Instance, Patient, SourceKind
from models.checkpoint.card import Scope
from models.inference import age_scope
from models.inference.age_scope import OTHER_AGE, check_age
from models.inference.next_steps import CORRECT_OR_READ, READ_WITHOUT
from models.inference.scope import ScopeVerdict, check_scope, mismatches
from pages.ui.message_extraction import extract_sentences

SCOPE = Scope("children", ("DX",), ("CHEST",), ("AP", "PA"), (1.0, 5.99), age_margin_years=0.5)
FITTING = Instance(
    identity=Identity("1.1", "1.2", "1.3", "", "", ""),
    patient=Patient(age_years=4.0),
    acquisition=Acquisition(modality="DX", body_part="CHEST", view_position="AP"),
    geometry=Geometry(10, 10, 1, 1, "MONOCHROME2", 12),
)


def verdict(years: float | None, otherwise: float | None = None, **options: bool) -> ScopeVerdict:
    patient = Patient(age_years=years, age_otherwise=otherwise)
    return check_scope(replace(FITTING, patient=patient), SCOPE, **options)


@given(st.floats(0, 130) | st.floats(0, 8))
@example(0.49)
@example(6.5)
@example(6.9)
def test_what_an_age_does_depends_on_how_far_outside_it_is(years: float) -> None:
    found = verdict(years)
    assert bool(found.refusals) == (not 0.5 <= years <= 6.49)
    near = not found.refusals and not 1 <= years <= 5.99
    assert found.warnings == ((OTHER_AGE,) if near else ()) and found.outside == near


@given(st.floats(0, 130) | st.floats(0, 8), st.floats(0, 130) | st.floats(0, 8))
def test_two_readings_have_to_be_inside_both(one: float, other: float) -> None:
    refused = [bool(verdict(years).refusals) for years in (one, other)]
    assert bool(verdict(one, other).refusals) == any(refused)


@pytest.mark.parametrize(
    ("years", "said"),
    [
        (77.0, "patient is 77."),
        (0.25, "patient is 3 months."),
        (10 / 365.25, "patient is 10 days."),
    ],
)
def test_the_sentence_holds_the_age_and_the_studied_ones(years: float, said: str) -> None:
    (reason,) = verdict(years).refusals
    assert reason.startswith("This AI was tested on children of 1 to 5; this ")
    assert said in reason and reason.endswith("Read this image without the AI.")


@pytest.mark.parametrize(
    ("ages", "who"),
    [((18.0, 120.0), "adults of 18 to 120"), ((0.0, 90.0), "patients of 0 to 90")],
)
def test_the_sentence_names_the_studied_people(ages: tuple[float, float], who: str) -> None:
    scope = replace(SCOPE, age_years=ages)
    outside = 4.0 if ages[0] else 95.0
    assert who in check_age(Patient(age_years=outside), scope)[0]


def test_a_header_that_contradicts_itself_is_told_with_both_ages() -> None:
    (reason,) = verdict(4.0, 77.0).refusals
    assert "two ages, 4 and 77" in reason and "Have the header corrected" in reason
    assert verdict(2.0, 5.0).warnings == ("The header gives two ages, 2 and 5.",)


def test_an_age_without_its_unit_is_taken_for_years_where_that_refuses() -> None:
    (reason,) = verdict(None, 77.0).refusals
    assert "77 without a unit" in reason
    assert verdict(None, 4.0).warnings == ("The header gives the age as 4 without a unit.",)


def test_an_unknown_age_warns() -> None:
    assert verdict(None).warnings == ("The patient's age is not stated.",)


def test_asked_outside_its_population_the_age_only_warns() -> None:
    found = verdict(77.0, outside_population=True)
    assert not found.refusals and found.outside
    assert found.warnings[0].endswith("this patient is 77.")  # and no word of doing without


def test_an_age_that_somebody_typed_for_a_film_without_header_counts() -> None:
    film = replace(FITTING, source=SourceKind.FILM, acquisition=Acquisition())
    known = replace(film, patient=Patient(age_years=77.0))
    unknown = replace(film, patient=Patient())
    assert check_scope(known, SCOPE).refusals and not check_scope(unknown, SCOPE).refusals


def test_the_mismatch_shows_the_age_beside_the_studied_ones() -> None:
    (mismatch,) = mismatches(replace(FITTING, patient=Patient(age_years=77.0)), SCOPE)
    assert (mismatch.keyword, mismatch.found) == ("PatientAge", "77")
    assert mismatch.expected == ("1 to 5",)


def test_a_card_without_a_margin_has_half_a_year() -> None:
    values = {
        "population": "",
        "modalities": [],
        "body_parts": [],
        "views": [],
        "age_years": [1, 5],
    }
    assert Scope.from_dict(values).age_margin_years == 0.5


@settings(deadline=None)
@given(st.floats(0, 130) | st.floats(0, 3), st.none() | st.floats(0, 130) | st.floats(0, 3))
def test_every_word_of_the_sentences_can_be_translated(years: float, other: float | None) -> None:
    """Each sentence is one of the catalogue's, with nothing but numbers in its places."""
    with Path(age_scope.__file__).open("rb") as module:
        catalogued = [str(text) for _, _, text, _ in extract_sentences(module)]
    known = [re.sub(r"\\\{\d\\\}", "[0-9.]+", re.escape(text)) for text in catalogued]
    for ages in ((1.0, 5.99), (18.0, 120.0), (0.0, 90.0)):
        scope = replace(SCOPE, age_years=ages)
        refusal, warning = check_age(Patient(age_years=years, age_otherwise=other), scope)
        said = refusal.removesuffix(READ_WITHOUT).removesuffix(CORRECT_OR_READ).strip() or warning
        pattern = f"(({'|'.join(known)}) ?)*"
        assert re.fullmatch(pattern, said), said
