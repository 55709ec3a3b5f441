"""A header full of markup, formulas and control characters leaves in every form, harmlessly."""

from __future__ import annotations

import csv
import json
import warnings
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from pydicom import dcmread

from imaging.export import ExportCase, export_case
from imaging.review import drafting
from imaging.text import clean_note
from tests.imaging.export.test_documents import pages, written
from tests.imaging.export_cases import NOW, case_with, export_case_of
from tests.imaging.peers import dciodvfy

ACTING = ("\x1b", "\u202e", "\x00", "\x9b")
HOSTILE = {
    "PatientName": "=cmd|'/C calc'!A0\u202e<b>x",
    "PatientID": "\x1b[31m<script>alert(1)</script>",
    "StudyDescription": "@SUM(A1)\u2066&amp; ]]> <font color='red'>",
    "SeriesDescription": "-2+3\x9b31m",
}
NOTE = "=1+1\x1b[2J\u202e</para><b>"


def hostile_case() -> ExportCase:
    """A reviewed film whose header and note mean harm."""
    with warnings.catch_warnings():  # pydicom's, about characters that do not belong there
        warnings.simplefilter("ignore")
        case = export_case_of("cr", attributes=HOSTILE)
    assert case.review
    reviewed = drafting.remark(replace(case.review, note=clean_note(NOTE)), "pneumonia", NOTE)
    return case_with(replace(case.record, reviews=(reviewed,)), case.contents)


def test_the_entities_hold_nothing_that_acts() -> None:
    patient = hostile_case().record.instances[0].patient
    assert patient.name == "=cmd|'/C calc'!A0<b>x"
    assert patient.patient_id == "[31m<script>alert(1)</script>"


def test_no_cell_of_the_table_is_a_formula() -> None:
    text = written(hostile_case(), "csv").decode("utf-8-sig")
    cells = [cell for row in csv.reader(StringIO(text)) for cell in row]
    assert f"'{NOTE}" in cells or any(cell.startswith("'=1+1") for cell in cells)
    assert not [
        c for c in cells if c.startswith(("=", "@", "+")) or (c[:1] == "-" and c[1:2].isalpha())
    ]
    assert not [c for c in cells if any(one in c for one in ACTING)]


def test_the_pdf_prints_the_words(tmp_path: Path) -> None:
    text = " ".join(" ".join(pages(hostile_case(), tmp_path)).split())
    assert "<script>alert(1)</script>" in text
    assert "</para><b>" in text
    assert not [one for one in ACTING if one in text]


def test_fhir_holds_the_words_as_text() -> None:
    for file in export_case(hostile_case(), ["fhir"], NOW):
        text = file.content.decode()
        assert json.loads(text)
        assert not [one for one in ("\\u001b", "\u202e", "\\u0000") if one in text]


@pytest.mark.parametrize("form", ["sr", "gsps"])
def test_dicom_objects_are_valid_and_hold_nothing_that_acts(form: str, tmp_path: Path) -> None:
    for file in export_case(hostile_case(), [form], NOW):
        if not file.name.startswith(form):
            continue
        ds = dcmread(BytesIO(file.content))
        said = str(ds)
        assert not [one for one in ACTING if one in said]
        path = tmp_path / file.name
        path.write_bytes(file.content)
        assert not [line for line in dciodvfy(path) if line.startswith("Error")]
