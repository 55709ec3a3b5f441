"""The scope check: a contradiction refuses, silence warns, agreement passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from imaging.entities import Acquisition, Geometry, Identity, Instance, Patient, SourceKind
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
        ({"view_position": "LL"}, "LL"),
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


@pytest.mark.parametrize(("age", "warned"), [(None, True), (62.0, True), (0.5, True), (5.5, False)])
def test_age_outside_the_studied_range_warns(age: float | None, warned: bool) -> None:
    other = replace(FITTING, patient=Patient(age_years=age))
    assert bool(check_scope(other, SCOPE).warnings) is warned


def test_colour_and_many_frames_are_refused() -> None:
    colour = replace(FITTING, geometry=replace(FITTING.geometry, samples_per_pixel=3))
    cine = replace(FITTING, geometry=replace(FITTING.geometry, frames=20))
    assert check_scope(colour, SCOPE).refusals and check_scope(cine, SCOPE).refusals


def test_a_film_without_header_gets_one_warning() -> None:
    film = replace(FITTING, source=SourceKind.FILM, acquisition=Acquisition(), patient=Patient())
    assert len(check_scope(film, SCOPE).warnings) == 1
