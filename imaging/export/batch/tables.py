"""Tables of results as CSV, Parquet and XLSX, written row by row: a batch never lies in memory.

XLSX and CSV are opened by people: twelve columns in words come first, all others on a second sheet
of XLSX, and after them in CSV. Parquet is read by programs and has those for programs alone.

What a file's header or name says stays text in all of them. In CSV an apostrophe leads what a
spreadsheet would take for a formula; in XLSX such cells are strings that stay strings when they
are edited; Parquet knows no formulas.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from imaging.entities import RESEARCH_USE
from imaging.errors import ExportError
from imaging.export.batch.columns import Codes, Column, Kind, lead_columns, result_columns
from imaging.export.batch.rows import ResultRow
from imaging.export.common import border
from imaging.host.temporary import ROWS
from imaging.text import escape_formula

About = Sequence[tuple[str, str]]  # (what, value) pairs that stand beside the table

_GROUP = 5000  # rows of one row group of Parquet; so many are held at a time
_MOST_ROWS = 1_048_575  # of an Excel sheet below its header
_MOST_CELL = 32_767  # characters of an Excel cell
_WIDE = {
    **{"path": 42, "message": 60, "selection": 60, "reader_findings": 40, "use": 32},
    **{"Patient": 32, "AI answer": 36, "Status": 22, "Findings": 48, "Impression": 36, "File": 36},
}
_FAILED = "The table of results cannot be written in this form."


def write_table(
    form: str, path: Path, rows: Iterable[ResultRow], codes: Codes, *, about: About = ()
) -> int:
    """Write a table in one pass over the rows; returns how many there were.

    Parameters
    ----------
    form : str
        A key of `TABLES`: "csv", "parquet" or "xlsx".
    path : Path
        The file; replaced when there, gone when it could not be written to its end.
    rows : iterable of ResultRow
        Taken one at a time.
    codes : Codes
        What the rows have scores of.
    about : sequence of (str, str)
        Facts about the batch: model identity, operating points. They are a sheet of their own in
        XLSX and metadata in Parquet; CSV has no place for them.

    Raises
    ------
    ExportError
        If the file cannot be written, or a sheet cannot hold so many rows.
    ValueError
        If the form is unknown.
    """
    if form not in TABLES:
        raise ValueError(f"form must be one of {', '.join(TABLES)}")
    count = 0
    try:
        with border(_FAILED), TABLES[form](path, result_columns(codes), about) as table:
            for row in rows:
                table.add(row)
                count += 1
    except BaseException:
        path.unlink(missing_ok=True)  # half a table would pass for a whole one
        raise
    return count


class CsvTable:
    """RFC 4180, UTF-8 with a byte order mark, as spreadsheets expect."""

    def __init__(self, path: Path, columns: Sequence[Column], about: About = ()) -> None:
        self._columns = (*lead_columns(), *columns)
        self._stream = path.open("w", newline="", encoding="utf-8-sig")
        self._writer = csv.writer(self._stream, lineterminator="\r\n")
        self._writer.writerow([column.name for column in self._columns])

    def add(self, row: ResultRow) -> None:
        """Write one row."""
        self._writer.writerow(text_cells(row, self._columns))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def text_cells(row: ResultRow, columns: Sequence[Column]) -> list[str]:
    """A row as cells of a table of text, none of which a spreadsheet runs."""
    return [
        escape_formula(column.text(row)) if column.kind is Kind.TEXT else column.text(row)
        for column in columns
    ]


class ParquetTable:
    """Typed columns in groups of `_GROUP` rows, compressed by zstandard."""

    def __init__(self, path: Path, columns: Sequence[Column], about: About = ()) -> None:
        import pyarrow as pa  # a quarter of a second, for those who want it
        from pyarrow import parquet

        types = {
            Kind.TEXT: pa.string(),
            Kind.PROBABILITY: pa.float64(),
            Kind.FIGURE: pa.float64(),
            Kind.WHOLE: pa.int8(),
            Kind.MOMENT: pa.timestamp("us", tz="UTC"),
        }
        metadata = {f"lightbox.{what}": value for what, value in (("use", RESEARCH_USE), *about)}
        fields = [pa.field(column.name, types[column.kind]) for column in columns]
        self._schema = pa.schema(fields, metadata=metadata)
        self._make = pa.RecordBatch.from_pydict
        self._columns, self._pending = columns, self._empty_columns(columns)
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    @staticmethod
    def _empty_columns(columns: Sequence[Column]) -> dict[str, list[Any]]:
        return {column.name: [] for column in columns}

    def add(self, row: ResultRow) -> None:
        """Keep one row until its group is full."""
        for column in self._columns:
            self._pending[column.name].append(column.of(row))
        if len(self._pending["path"]) >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        """Write what is held as one row group."""
        if self._pending["path"]:
            self._writer.write_batch(self._make(self._pending, schema=self._schema))
            self._pending = self._empty_columns(self._columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()


class XlsxTable:
    """A sheet in words, one of all figures, each below a frozen header, and what made them."""

    def __init__(self, path: Path, columns: Sequence[Column], about: About = ()) -> None:
        from xlsxwriter import Workbook

        # its rows lie there until the end: beside the file, and gone whatever happens
        self._folder = TemporaryDirectory(dir=path.parent, prefix=ROWS)
        options = {
            "constant_memory": True,  # a row is on disk once the next begins
            "tmpdir": self._folder.name,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
        }
        self._count = 0
        self._book = Workbook(str(path), options)
        self._book.set_properties({"title": "Lightbox results", "comments": RESEARCH_USE})
        self._formats = {
            # the apostrophe of a spreadsheet, as a property: a string stays one when it is edited
            Kind.TEXT: self._book.add_format({"num_format": "@", "quote_prefix": True}),
            Kind.PROBABILITY: self._book.add_format({"num_format": "0.000"}),
            Kind.FIGURE: self._book.add_format({"num_format": "0.000"}),
            Kind.WHOLE: self._book.add_format({"num_format": "0"}),
            Kind.MOMENT: self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        self._head = self._book.add_format({"bold": True, "bottom": 1})
        self._sheets = [
            (self._add_sheet(name, shown), shown)
            for name, shown in (("Results", lead_columns()), ("All figures", tuple(columns)))
        ]
        self._write_about(about)

    def _add_sheet(self, name: str, columns: Sequence[Column]) -> Any:
        """A sheet with its header, frozen, and the widths of its columns."""
        sheet = self._book.add_worksheet(name)
        for at, column in enumerate(columns):
            width = _WIDE.get(column.name, 24 if column.name.endswith("uid") else 16)
            sheet.set_column(at, at, width)
            sheet.write_string(0, at, column.name, self._head)
        sheet.freeze_panes(1, 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_footer(f"&L{RESEARCH_USE}&RPage &P of &N")
        return sheet

    def _write_about(self, about: About) -> None:
        """Write the last sheet: what it is for, which network, which operating point."""
        sheet = self._book.add_worksheet("About")
        sheet.set_column(0, 0, 32)
        sheet.set_column(1, 1, 90)
        notes = (
            ("Use", RESEARCH_USE),
            *about,
            ("Times", "Study date is local time; received_at, created_at and signed_at are UTC."),
        )
        for at, (what, value) in enumerate(notes):
            sheet.write_string(at, 0, what, self._head if at == 0 else None)
            sheet.write_string(at, 1, value[:_MOST_CELL], self._formats[Kind.TEXT])

    def add(self, row: ResultRow) -> None:
        """Write one row on both sheets."""
        self._count += 1
        if self._count > _MOST_ROWS:
            raise ExportError(
                f"An Excel sheet holds {_MOST_ROWS:,} results at most; take CSV or Parquet instead."
            )
        for sheet, columns in self._sheets:
            for at, column in enumerate(columns):
                self._write_cell(sheet, at, column, column.of(row))

    def _write_cell(self, sheet: Any, at: int, column: Column, value: Any) -> None:
        """Write one cell by what its column holds; nothing where nothing is known."""
        cell_format = self._formats[column.kind]
        if value is None or value == "":
            return
        if column.kind is Kind.TEXT:
            sheet.write_string(self._count, at, value[:_MOST_CELL], cell_format)
        elif isinstance(value, datetime):
            sheet.write_datetime(self._count, at, value.astimezone(UTC), cell_format)
        else:
            sheet.write_number(self._count, at, value, cell_format)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                for sheet, columns in self._sheets:
                    sheet.autofilter(0, 0, max(self._count, 1), len(columns) - 1)
                self._book.close()
        finally:
            for sheet in self._book.worksheets():
                sheet.row_data_fh.close()
            self._folder.cleanup()


TABLES: dict[str, type[CsvTable] | type[ParquetTable] | type[XlsxTable]] = {
    "csv": CsvTable,
    "parquet": ParquetTable,
    "xlsx": XlsxTable,
}
