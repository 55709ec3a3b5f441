"""Tables of results, read back by other people's readers: typed, whole, and nothing that runs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pyarrow import parquet

from imaging.entities import RESEARCH_USE
from imaging.errors import ExportError
from imaging.export.batch import tables
from imaging.export.batch.columns import Codes
from imaging.export.batch.rows import ResultRow
from imaging.export.batch.tables import TABLES, write_table
from tests.imaging.result_cases import HOSTILE, NOW, answered, counted, unanswered

RISKY = (HOSTILE, "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "'=1", "=1+1")
ROWS = [
    answered(1, 0.9),
    answered(2, 0.123456789, path=HOSTILE, patient_name="=HYPERLINK(1)"),
    unanswered(3, "error", "=cmd|'/C calc'!A0"),
]
CODES = Codes.of(ROWS)
ABOUT = (("Model m", "weights SHA-256 abc"), ("Operating point", "=0.43"))


def written(form: str, folder: Path, rows: list[ResultRow]) -> Path:
    path = folder / f"results.{form}"
    assert write_table(form, path, iter(rows), Codes.of(rows), about=ABOUT) == len(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def read_xlsx(path: Path, sheet: str = "All figures") -> list[dict[str, Any]]:
    book = openpyxl.load_workbook(path)
    head, *rows = book[sheet].iter_rows()
    names = [cell.value for cell in head]
    return [dict(zip(names, row, strict=True)) for row in rows]


# CSV -----------------------------------------------------------------------------------------


def test_csv_holds_every_column_as_text(tmp_path: Path) -> None:
    rows = read_csv(written("csv", tmp_path, ROWS))
    assert rows[0]["p_pneumonia"] == "0.900000" and rows[0]["operating_point"] == "0.43"
    assert rows[0]["received_at"] == "2026-03-04T15:07:07+00:00"
    assert rows[2]["p_pneumonia"] == "" and rows[2]["status"] == "error"
    assert {row["use"] for row in rows} == {RESEARCH_USE}


def test_no_cell_of_csv_is_a_formula(tmp_path: Path) -> None:
    rows = read_csv(written("csv", tmp_path, [*ROWS, *(answered(9, 0.5, path=r) for r in RISKY)]))
    assert rows[1]["path"] == f"'{HOSTILE}" and rows[1]["patient_name"] == "'=HYPERLINK(1)"
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]


LEAD = (
    *("Patient", "Age", "Sex", "Study date", "Examination", "AI answer"),
    *("Urgency", "Status", "Signed by", "Findings", "Impression", "File"),
)
PERSON = answered(
    4,
    0.9,
    patient_name="Diallo^Amina",
    age_years=1.5,
    sex="F",
    study_date="2026-03-04 08:35",
    examination="CR CHEST AP",
    reading="final",
    signed_by="Dr Ada",
    reader_findings="Pneumonia, right lower zone.",
    impression="Pneumonia.",
)
IN_WORDS = {
    "Patient": "Diallo, Amina",
    "Age": "18 months",
    "Sex": "female",
    "Study date": "2026-03-04 08:35",
    "Examination": "CR CHEST AP",
    "AI answer": "Pneumonia: suspected",
    "Urgency": "raised",
    "Status": "signed as final",
    "Signed by": "Dr Ada",
    "Findings": "Pneumonia, right lower zone.",
    "Impression": "Pneumonia.",
    "File": "ward/film-4.dcm",
}


def test_csv_leads_with_what_a_person_looks_for(tmp_path: Path) -> None:
    rows = read_csv(written("csv", tmp_path, [PERSON, unanswered(3, "refused", "Not a chest.")]))
    assert tuple(rows[0])[:12] == LEAD
    assert {name: rows[0][name] for name in LEAD} == IN_WORDS
    assert rows[1]["AI answer"] == "not suitable: Not a chest."


def test_xlsx_leads_with_what_a_person_looks_for(tmp_path: Path) -> None:
    (row,) = read_xlsx(written("xlsx", tmp_path, [PERSON]), "Results")
    assert {name: cell.value for name, cell in row.items()} == IN_WORDS
    (figures,) = read_xlsx(tmp_path / "results.xlsx")
    assert figures["probability"].value == 0.9 and "Patient" not in figures


# Parquet -------------------------------------------------------------------------------------


def test_parquet_is_typed_and_exact(tmp_path: Path) -> None:
    table = parquet.read_table(written("parquet", tmp_path, ROWS))
    types = {field.name: str(field.type) for field in table.schema}
    assert types["p_pneumonia"] == types["operating_point_pneumonia"] == "double"
    assert types["received_at"] == "timestamp[us, tz=UTC]" and types["urgency"] == "int8"
    assert types["path"] == "string"
    second, third = table.to_pylist()[1:]
    assert second["p_pneumonia"] == 0.123456789 and second["path"] == HOSTILE
    assert second["created_at"] == NOW
    assert third["probability"] is None and third["urgency"] is None


def test_parquet_says_what_it_is_for_and_which_model(tmp_path: Path) -> None:
    metadata = parquet.read_schema(written("parquet", tmp_path, ROWS)).metadata
    assert metadata[b"lightbox.use"].decode() == RESEARCH_USE
    assert metadata[b"lightbox.Model m"] == b"weights SHA-256 abc"


def test_parquet_is_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_GROUP", 4)
    path = written("parquet", tmp_path, [answered(n, 0.5) for n in range(10)])
    found = parquet.ParquetFile(path)
    assert [found.metadata.row_group(n).num_rows for n in range(3)] == [4, 4, 2]
    assert found.read()["sop_instance_uid"].to_pylist()[9] == "1.2.5.9"


# XLSX ----------------------------------------------------------------------------------------


def test_xlsx_cells_are_numbers_and_moments(tmp_path: Path) -> None:
    rows = read_xlsx(written("xlsx", tmp_path, ROWS))
    assert rows[1]["p_pneumonia"].value == 0.123456789
    assert rows[0]["received_at"].value == datetime(2026, 3, 4, 15, 7, 7)
    assert rows[0]["urgency"].value == 2 and rows[2]["probability"].value is None


def test_no_cell_of_xlsx_is_a_formula_even_when_edited(tmp_path: Path) -> None:
    rows = read_xlsx(written("xlsx", tmp_path, [answered(n, 0.5, path=r) for n, r in
                                                enumerate(RISKY)]))  # fmt: skip
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert [row["path"].value for row in rows] == list(RISKY)
    assert all(row["path"].data_type == "s" and row["path"].quotePrefix for row in rows)
    assert not [cell for cell in cells if cell.hyperlink]


def test_xlsx_keeps_its_header_in_sight_and_says_what_made_it(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(written("xlsx", tmp_path, ROWS))
    assert book.sheetnames == ["Results", "All figures", "About"]
    assert {book[name].freeze_panes for name in ("Results", "All figures")} == {"B2"}
    assert book["Results"].column_dimensions["A"].width > 30
    about = {row[0].value: row[1] for row in book["About"].iter_rows()}
    assert about["Use"].value == RESEARCH_USE
    assert about["Model m"].value == "weights SHA-256 abc"
    assert about["Operating point"].data_type == "s"


def test_a_sheet_that_is_full_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_MOST_ROWS", 2)
    with pytest.raises(ExportError, match="take CSV or Parquet"):
        written("xlsx", tmp_path, ROWS)
    assert not list(tmp_path.iterdir())


# All of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", TABLES)
def test_a_batch_without_rows_is_a_table_with_a_header(form: str, tmp_path: Path) -> None:
    assert written(form, tmp_path, []).stat().st_size > 0


@pytest.mark.parametrize("form", TABLES)
def test_rows_are_taken_one_at_a_time(form: str, tmp_path: Path) -> None:
    """Nothing is asked of the rows but the next: a generator that ends the work proves it."""
    taken: list[int] = []

    def stop(number: int) -> None:
        taken.append(number)
        if number == 3:
            raise InterruptedError

    with pytest.raises(ExportError):
        write_table(form, tmp_path / "t", counted([answered(1, 0.5)] * 9, stop), CODES)
    assert taken == [1, 2, 3]


@pytest.mark.parametrize("form", TABLES)
def test_half_a_table_does_not_stay(form: str, tmp_path: Path) -> None:
    def failing() -> Iterator[ResultRow]:
        yield answered(1, 0.5)
        raise OSError("the disk is full")

    with pytest.raises(ExportError, match="cannot be written"):
        write_table(form, tmp_path / "results", failing(), CODES)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", TABLES)
def test_a_folder_that_is_not_there_is_a_sentence(form: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be written"):
        write_table(form, tmp_path / "gone" / "results", iter(ROWS), CODES)


def test_an_unknown_form_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="csv, parquet, xlsx"):
        write_table("ods", tmp_path / "t", iter(ROWS), CODES)


def test_moments_keep_their_zone(tmp_path: Path) -> None:
    table = parquet.read_table(written("parquet", tmp_path, ROWS))
    assert table["received_at"].to_pylist()[0].tzinfo is not None
    assert table["received_at"].to_pylist()[0].astimezone(UTC).minute == 7
