"""Which side of the patient a region shows: by the header alone, else nobody says it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from imaging.entities import Acquisition, Box, Geometry, Identity, Instance, Patient, SourceKind
from imaging.regions import (
    can_be_marked,
    is_paired,
    other_side,
    shows_both,
    side_at_left,
    stated_side,
    why_not,
)

FILM = Instance(
    Identity("1.1", "1.2", "1.3", "", "", ""),
    Patient(),
    Acquisition(modality="DX", body_part="KNEE"),
    Geometry(300, 400, 1, 1, "MONOCHROME2", 12),
)
AT_LEFT: Box = (20, 50, 180, 210)
AT_RIGHT: Box = (220, 50, 380, 210)
ACROSS: Box = (120, 50, 280, 210)


def film(**said: Any) -> Instance:
    return replace(FILM, acquisition=replace(FILM.acquisition, **said))


@pytest.mark.parametrize(
    ("said", "sides"),
    [
        ({}, ("", "", "")),
        ({"laterality": "R"}, ("R", "R", "R")),
        ({"laterality": "L", "patient_orientation": ("L", "F")}, ("L", "L", "L")),
        ({"laterality": "B"}, ("", "", "")),  # both, but which way it lies nobody says
        ({"patient_orientation": ("L", "F")}, ("", "", "")),  # how it lies, but not that of both
        ({"laterality": "B", "patient_orientation": ("L", "F")}, ("R", "L", "")),
        ({"laterality": "B", "patient_orientation": ("R", "F")}, ("L", "R", "")),
        ({"laterality": "B", "patient_orientation": ("P", "F")}, ("", "", "")),
        ({"body_part": "KNEES", "patient_orientation": ("L", "F")}, ("R", "L", "")),
        ({"view_position": "AP BILATERAL", "patient_orientation": ("L", "F")}, ("R", "L", "")),
    ],
)
def test_a_side_is_stated_or_unknown(said: dict[str, Any], sides: tuple[str, str, str]) -> None:
    boxes = (AT_LEFT, AT_RIGHT, ACROSS)
    assert tuple(stated_side(film(**said), box) for box in boxes) == sides


def test_a_picture_without_a_header_says_nothing() -> None:
    assert stated_side(replace(film(laterality="R"), source=SourceKind.FILM), AT_LEFT) == ""


@pytest.mark.parametrize(
    ("said", "both"),
    [
        ({"laterality": "B"}, True),
        ({"laterality": "R", "series_description": "Both knees"}, False),
        ({"series_description": "KNEES standing"}, True),
        ({"series_description": "Knie bilat"}, True),
        ({"view_modifiers": ("BILATERAL",)}, True),
        ({"series_description": "knee AP"}, False),
        ({"study_description": "both knees"}, False),  # each may be on a film of its own
    ],
)
def test_a_film_of_both_sides_says_so(said: dict[str, Any], both: bool) -> None:
    assert shows_both(film(**said).acquisition) is both


@pytest.mark.parametrize(
    ("part", "paired"),
    [("KNEE", True), ("Knees", True), ("L HIP", True), ("CHEST", False), ("", False)],
)
def test_paired_parts(part: str, paired: bool) -> None:
    assert is_paired(film(body_part=part).acquisition) is paired
    assert is_paired(Acquisition(coded_body_parts=(part.upper(),))) is paired


def test_left_and_right() -> None:
    assert side_at_left(Acquisition(patient_orientation=("LA", "F"))) == "R"
    assert side_at_left(Acquisition()) == ""
    assert (other_side("R"), other_side("L"), other_side("")) == ("L", "R", "")


def test_what_has_no_regions() -> None:
    assert can_be_marked(FILM) and not why_not(FILM, ())
    assert not can_be_marked(replace(FILM, geometry=replace(FILM.geometry, frames=2)))
    assert "doubtful" in why_not(FILM, ("Black and white may be exchanged.",))
    colour = replace(FILM.geometry, samples_per_pixel=3, photometric_interpretation="RGB")
    assert "grey levels" in why_not(replace(FILM, geometry=colour), ())
    palette = replace(FILM.geometry, photometric_interpretation="PALETTE COLOR")
    assert "grey levels" in why_not(replace(FILM, geometry=palette), ())
