"""Which image of a study is classified: the rule as a table, and its words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from imaging.dicom.header.header import read_acquisition
from imaging.entities import (
    Acquisition,
    Answer,
    Assessment,
    Finding,
    Geometry,
    Identity,
    Instance,
    Patient,
    SourceKind,
    Status,
    TypedFacts,
)
from imaging.study import StudyRecord
from models.checkpoint.card import Scope
from models.inference.image_selection import because, select
from models.inference.scope import HOW_READ, check_scope, mismatches
from tests.factories import make_dataset

SCOPE = Scope("children", ("DX", "CR", "OT"), ("CHEST",), ("AP", "PA"), (1.0, 5.99))
FITTING = Instance(
    identity=Identity("1.1", "1.2", "1.3", "", "", ""),
    patient=Patient(age_years=4.0),
    acquisition=Acquisition("DX", "CHEST", "AP", image_type=("ORIGINAL", "PRIMARY")),
    geometry=Geometry(10, 10, 1, 1, "MONOCHROME2", 12),
)
PRIMARY = ("ORIGINAL", "PRIMARY")


def changed(**change: Any) -> Instance:
    """`FITTING` with other attributes of its acquisition or geometry."""
    geometry = {k: change.pop(k) for k in ("frames", "samples_per_pixel") if k in change}
    return replace(
        FITTING,
        acquisition=replace(FITTING.acquisition, **change),
        geometry=replace(FITTING.geometry, **geometry),
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, ""),
        ({"view_position": "PA"}, ""),
        ({"image_type": ("DERIVED", "PRIMARY")}, ""),
        ({"image_type": ()}, ""),
        ({"intent": "FOR PRESENTATION"}, ""),
        ({"modality": "CT"}, "whole series"),
        ({"modality": "MR"}, "whole series"),
        ({"modality": "US"}, "moving pictures"),
        ({"view_position": "LL"}, "a lateral film"),
        ({"view_position": "LATERAL"}, "a lateral film"),
        ({"body_part": "ABDOMEN"}, "body part is ABDOMEN"),
        ({"laterality": "L"}, "one side"),
        ({"image_type": (*PRIMARY, "LOCALIZER")}, "localiser"),
        ({"image_type": ("DERIVED", "SECONDARY", "SCREEN SAVE")}, "copy of a screen"),
        ({"image_type": ("DERIVED", "SECONDARY", "OTHER", "DOSE_INFO")}, "dose report"),
        ({"intent": "FOR PROCESSING"}, "FOR PROCESSING"),
        ({"frames": 30}, "several frames"),
        ({"samples_per_pixel": 3}, "colour"),
    ],
)
def test_the_header_rules_an_image_in_or_out(change: dict[str, Any], word: str) -> None:
    image = changed(**change)
    refusals = check_scope(image, SCOPE).refusals
    assert [word in reason for reason in refusals] == ([True] if word else [])
    assert len(mismatches(image, SCOPE)) == len(refusals)


def test_a_secondary_picture_is_classified_with_a_warning() -> None:
    verdict = check_scope(changed(image_type=("DERIVED", "SECONDARY")), SCOPE)
    assert verdict.refusals == ()
    assert "made after the examination" in verdict.warnings[0]


@pytest.mark.parametrize("modality", HOW_READ)
def test_an_unsuitable_modality_says_how_it_is_read(modality: str) -> None:
    (reason,) = check_scope(changed(modality=modality), SCOPE).refusals
    assert reason.endswith(HOW_READ[modality])


def test_a_modality_the_network_reads_needs_no_lecture() -> None:
    scope = replace(SCOPE, modalities=("MR",))
    assert check_scope(changed(modality="MR"), scope).refusals == ()


def test_the_kind_of_picture_is_read_from_the_header() -> None:
    taken = read_acquisition(
        make_dataset(
            ImageType=["DERIVED", "PRIMARY", "", "X"], PresentationIntentType="FOR PROCESSING"
        )
    )
    assert taken.image_type == ("DERIVED", "PRIMARY", "X")
    assert taken.intent == "FOR PROCESSING"


def answered(uid: str, probability: float) -> Assessment:
    finding = Finding("pneumonia", "Pneumonia", probability, 0.5)
    return Assessment(uid, Status.OK, findings=(finding,), answer=Answer.PRESENT)


def study(*answers: Assessment | None) -> StudyRecord:
    """A study with an image for each answer."""
    instances = tuple(
        replace(FITTING, identity=replace(FITTING.identity, sop_instance_uid=f"1.{at}"))
        for at in range(len(answers))
    )
    return StudyRecord("1.1", instances, answers, (), datetime.now(UTC))


def test_the_most_urgent_of_the_classified_images_leads() -> None:
    refused = Assessment("1.2", Status.REFUSED, messages=("The view is LL.",))
    found = select(study(answered("1.0", 0.2), answered("1.1", 0.9), refused, None))
    assert [one.classified for one in found] == [True, True, False, False]
    assert [one.leads for one in found] == [False, True, False, False]
    assert found[2].because == "No AI answer. The view is LL."
    assert found[3].because == "Not checked yet."


def test_no_image_leads_when_none_is_classified() -> None:
    refused = Assessment("1.0", Status.REFUSED, messages=("The view is LL.",))
    assert [one.leads for one in select(study(refused))] == [False]


def test_the_reason_names_what_the_rule_looked_at() -> None:
    assert "DX, CHEST, AP, ORIGINAL/PRIMARY, single frame" in because(FITTING, answered("1.3", 0.9))
    film = replace(FITTING, source=SourceKind.FILM, acquisition=Acquisition())
    assert "no patient details" in because(film, answered("1.3", 0.9))


def test_a_film_that_somebody_named_says_so() -> None:
    film = replace(FITTING, source=SourceKind.FILM, typed=TypedFacts("A^B", version=1))
    assert "what was typed" in because(film, Assessment("1.3", Status.WARNED))
    assert "typed" not in because(replace(film, typed=None), Assessment("1.3", Status.WARNED))
