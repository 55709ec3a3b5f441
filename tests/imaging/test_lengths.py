"""Words beside a length: one table for the viewer, the report and the structured report."""

from __future__ import annotations

from imaging.entities import LengthPlane
from imaging.export.codes import PLANES
from imaging.lengths import PLANE_WORDS, plane_words
from pages.ui.viewer.words import words


def test_the_viewer_has_the_words_of_the_report() -> None:
    shown = words()
    for plane, text in PLANE_WORDS.items():
        assert shown[f"plane_{plane.value}"] == text


def test_every_plane_but_the_body_has_words_and_a_code() -> None:
    named = set(LengthPlane) - {LengthPlane.BODY}
    assert set(PLANE_WORDS) == named == set(PLANES)
    assert plane_words(LengthPlane.BODY) == ""
    assert plane_words(LengthPlane.CORRECTED, 1.4175) == "at the detector / 1.417"
