"""The scope check: a contradiction refuses, silence warns, agreement passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from imaging.entities import (
    Acquisition,
    Geometry,
    Identity,
    Instance,
    Patient,
    SourceKind,
    TypedFacts,
)
from imaging.typed_facts import with_typed
from models.checkpoint.card import Scope
from models.inference.scope import check_scope

SCOPE = Scope("children", ("DX", "CR"), ("CHEST",), ("AP", "PA"), (1.0, 5.99))
FITTING = Instance(
    identity=Identity("1.1", "1.2", "1.3", "", "", ""),
    patient=Patient(age_years=4.0),
    acquisition=Acquisition(modality="DX", body_part="CHEST", view_position="AP"),
    geometry=Geometry(10, 10, 1, 1, "MONOCHROME2", 12),
)


def _changed(change: dict[str, Any]) -> Acquisition:
    return replace(FITTING.acquisition, **change)


def test_a_fitting_film_passes_without_a_word() -> None:
    verdict = check_scope(FITTING, SCOPE)
    assert verdict.refusals == () and verdict.warnings == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"modality": "CT"}, "CT"),
        ({"body_part": "HAND"}, "HAND"),
        ({"view_position": "LL"}, "lateral"),
        ({"laterality": "R"}, "(R)"),
    ],
)
def test_a_contradiction_refuses(change: dict[str, str], word: str) -> None:
    other = replace(FITTING, acquisition=_changed(change))
    (reason,) = check_scope(other, SCOPE).refusals
    assert word in reason


@pytest.mark.parametrize("silent", ["modality", "body_part", "view_position"])
def test_silence_warns(silent: str) -> None:
    other = replace(FITTING, acquisition=_changed({silent: ""}))
    verdict = check_scope(other, SCOPE)
    assert len(verdict.warnings) == 1 and not verdict.refusals


def test_many_frames_and_colour_whose_pixels_nobody_saw_are_refused() -> None:
    colour = replace(FITTING, geometry=replace(FITTING.geometry, samples_per_pixel=3))
    cine = replace(FITTING, geometry=replace(FITTING.geometry, frames=20))
    assert check_scope(colour, SCOPE).refusals and check_scope(cine, SCOPE).refusals


def test_a_film_without_header_gets_one_warning() -> None:
    film = replace(FITTING, source=SourceKind.FILM, acquisition=Acquisition(), patient=Patient())
    assert len(check_scope(film, SCOPE).warnings) == 1


def typed_film(**facts: Any) -> Instance:
    """A picture file of which a reader typed some facts."""
    film = replace(FITTING, source=SourceKind.FILM, acquisition=Acquisition(), patient=Patient())
    return with_typed(film, TypedFacts(**facts))


def test_a_typed_age_counts_as_that_of_a_header() -> None:
    stated = replace(FITTING, patient=replace(FITTING.patient, age_years=77.0))
    by_header, typed = check_scope(stated, SCOPE), check_scope(typed_film(age_years=77.0), SCOPE)
    assert typed.outside == by_header.outside
    assert typed.refusals == by_header.refusals
    assert set(by_header.warnings) < {*typed.warnings}, "beside what a film never tells"
    assert not check_scope(typed_film(age_years=4.0), SCOPE).outside


def test_a_typed_birth_date_and_study_date_count_as_an_age() -> None:
    adult = typed_film(birth_date="19490101", study_date="20260101")
    assert check_scope(adult, SCOPE) == check_scope(typed_film(age_years=77.0), SCOPE)


def test_a_typed_view_counts_as_that_of_a_header() -> None:
    assert check_scope(typed_film(view_position="LL"), SCOPE).refusals
    assert check_scope(typed_film(view_position="AP"), SCOPE).refusals == ()


@pytest.mark.parametrize(
    ("facts", "unknown"),
    [
        ({}, "modality, view and age are unknown"),
        ({"age_years": 4.0}, "modality and view are unknown"),
        ({"view_position": "AP"}, "modality and age are unknown"),
        ({"age_years": 4.0, "view_position": "AP"}, "the modality is unknown"),
    ],
)
def test_a_film_says_what_nobody_knows_of_it(facts: dict[str, Any], unknown: str) -> None:
    (warning,) = check_scope(typed_film(**facts), SCOPE).warnings
    assert unknown in warning
