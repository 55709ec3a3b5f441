"""A map leaves with verdict and words; one that is not reliable leaves as a sentence alone."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from imaging.errors import ExportError
from imaging.export import ExportCase, export_case
from imaging.export.wording import map_line
from tests.imaging.export.test_documents import pages, plain
from tests.imaging.export_cases import NOW, export_case_of

WHY = "Other kinds of method mark other areas."
WORDS = "Evidence mainly in the left lower zone."


def case(verdict: str) -> ExportCase:
    """A study whose map has that verdict."""
    made = export_case_of()
    (map_,) = made.maps
    reasons = () if verdict == "well supported" else (WHY,)
    tested = replace(map_, verdict=verdict, reasons=reasons, place="left_lower")
    return replace(made, maps=(tested,))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("right_upper", "Evidence mainly in the right upper zone."),
        ("left", "Evidence mainly in the left lung."),
        ("both", "Evidence in both lungs."),
    ],
)
def test_a_place_is_told_in_words(place: str, words: str) -> None:
    (map_,) = case("well supported").maps
    assert map_line(replace(map_, place=place)) == f"Grad-CAM: well supported. {words}"


def test_the_pdf_prints_verdict_reasons_and_place(tmp_path: Path) -> None:
    printed = plain(" ".join(pages(case("weak"), tmp_path)))
    assert "Grad-CAM: weak." in printed and WORDS in printed and WHY in printed


def test_the_pdf_draws_no_map_that_is_not_reliable(tmp_path: Path) -> None:
    printed = plain(" ".join(pages(case("not reliable"), tmp_path)))
    assert "not reliable for this image. The answer stands without a map." in printed
    assert WHY in printed and WORDS not in printed and "overlay" not in printed


@pytest.mark.parametrize("kind", ["sc", "map"])
def test_no_object_is_made_of_a_map_that_is_not_reliable(kind: str) -> None:
    assert export_case(case("weak"), [kind], NOW)
    with pytest.raises(ExportError, match="not reliable for this image"):
        export_case(case("not reliable"), [kind], NOW)


def test_the_structured_report_says_how_far_the_map_can_be_believed() -> None:
    for verdict, words in (("weak", f"Grad-CAM: weak. {WORDS} {WHY}"), ("not reliable", WHY)):
        (file,) = export_case(case(verdict), ["sr"], NOW)
        report = dcmread(BytesIO(file.content))
        said = [str(e.value) for e in report.iterall() if e.keyword == "TextValue"]
        (line,) = [text for text in said if text.startswith("Map of the evidence")]
        assert words in line and (WORDS in line) == (verdict == "weak")
