"""What a reader typed of a film goes into every export, and each says by whom it was typed."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO, StringIO

import pydicom
import pypdfium2
import pytest

from imaging.entities import TypedFacts
from imaging.export import FORMATS, ExportCase, ExportedFile, export_case
from imaging.export.batch.columns import Codes, result_columns
from imaging.export.batch.rows import result_row
from imaging.export.batch.summary_blocks import identity
from imaging.typed_facts import with_typed
from tests.imaging.export_cases import NOW, export_case_of

AT = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
FACTS = TypedFacts(
    "Diałło^Amina", "K-7", "20210105", 4.5, "F", "20260302", "AP", "x", "Dr. Müller", AT, 2
)
DICOM = ("sr", "sc", "gsps", "map", "film")


def typed_case(facts: TypedFacts = FACTS, kind: str = "png") -> ExportCase:
    case = export_case_of(kind)
    film = with_typed(case.record.instances[0], facts)
    return replace(case, record=replace(case.record, instances=(film,)))


@pytest.fixture(scope="module")
def files() -> dict[str, ExportedFile]:
    """The first file of every form, by its kind."""
    made = export_case(typed_case(), FORMATS, NOW)
    return {file.name.partition("-")[0]: file for file in reversed(made)}


@pytest.mark.parametrize("form", DICOM)
def test_every_dicom_object_names_the_patient_and_says_who_typed_it(
    files: dict[str, ExportedFile], form: str
) -> None:
    ds = pydicom.dcmread(BytesIO(files[form].content))
    assert (str(ds.PatientName), ds.PatientID) == ("Diałło^Amina", "K-7")
    assert (ds.PatientBirthDate, ds.PatientSex, ds.StudyDate) == ("20210105", "F", "20260302")
    assert "Typed by Dr. Müller on 2026-03-03" in ds.PatientComments
    assert "not stated in the file: name, number, birth date, age" in ds.PatientComments


def test_the_film_itself_and_its_report_give_the_age(files: dict[str, ExportedFile]) -> None:
    for form in ("film", "sr"):
        assert pydicom.dcmread(BytesIO(files[form].content)).PatientAge == "054M"


def test_the_report_says_it_in_its_content(files: dict[str, ExportedFile]) -> None:
    comments = files["sr"].content.count("Typed by Dr. Müller".encode())
    assert comments == 2, "in the header, and in the document"
    pages = pypdfium2.PdfDocument(files["pdf"].content)
    text = " ".join(" ".join(page.get_textpage().get_text_range() for page in pages).split())
    assert "K-7" in text and "4 years" in text
    assert "Typed by Dr. Müller on 2026-03-03" in text
    report = json.loads(files["fhir"].content)
    assert report["subject"]["display"] == "Diałło Amina"
    assert report["subject"]["identifier"]["value"] == "K-7"
    assert report["effectiveDateTime"] == "2026-03-02"
    assert "Typed by Dr. Müller" in report["conclusion"]


def test_the_tables_say_it_without_the_patient(files: dict[str, ExportedFile]) -> None:
    text = files["csv"].content.decode("utf-8-sig")
    (row,) = (row for row in csv.DictReader(StringIO(text)) if row["kind"] == "typed")
    assert row["reader"] == "Dr. Müller" and row["at"] and row["version"] == "2"
    assert "Diałło" not in text and "K-7" not in text


def test_a_row_of_results_says_who_typed_it() -> None:
    case = typed_case()
    row = result_row("a.png", None, case.record.instances[0], record=case.record)
    columns = {column.name: column.text(row) for column in result_columns(Codes())}
    assert columns["patient_typed_by"] == "Dr. Müller"
    assert columns["patient_typed_at"] == "2026-03-03T09:00:00+00:00"
    assert columns["patient_name"] == "" == columns["patient_id"]


def test_the_summary_of_a_batch_says_who_typed_a_name() -> None:
    row = result_row("a.png", None, typed_case().record.instances[0], names=True)
    assert identity(row, names=True)[0] == "Patient Diałło, Amina, K-7 (typed by Dr. Müller)"
    assert "Diałło" not in str(identity(replace(row, patient_name=""), names=False))


def test_a_film_without_a_number_keeps_an_identifier_of_its_own() -> None:
    (film,) = (
        file
        for file in export_case(typed_case(replace(FACTS, patient_id="")), ("sr",), NOW)
        if file.name.startswith("film")
    )
    ds = pydicom.dcmread(BytesIO(film.content))
    assert ds.PatientID.startswith("FILM-") and str(ds.PatientName) == "Diałło^Amina"


def test_an_untyped_film_says_nothing_of_typing() -> None:
    for file in export_case(export_case_of("png"), ("sr", "csv"), NOW):
        assert b"Typed by" not in file.content
