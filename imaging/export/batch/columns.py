"""The columns of a table of results: their names, what they hold, and how a row fills them.

`cli.py classify` and every table of a batch take theirs from here, so that a figure means and
reads the same wherever it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from imaging.export.batch import row_words as words
from imaging.export.batch.rows import ResultRow

Value = str | float | int | datetime | None


class Kind(Enum):
    """Kinds of value that a column holds."""

    TEXT = "text"
    PROBABILITY = "probability"  # in [0, 1], six decimals as text
    FIGURE = "figure"  # any number; up to six decimals as text
    WHOLE = "whole number"
    MOMENT = "moment"  # with a time zone


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name, what it holds, and how a row's value is found."""

    name: str
    kind: Kind
    of: Callable[[ResultRow], Value]

    def text(self, row: ResultRow) -> str:
        """The value as text; "" where nothing is known. Nothing is made harmless here."""
        return as_text(self.of(row), self.kind)


@dataclass(frozen=True, slots=True)
class Codes:
    """The scores that a batch has: codes with a probability, and those with an operating point."""

    scored: tuple[str, ...] = ()
    called: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[ResultRow]) -> Codes:
        """The codes of some rows, in the order they are met."""
        scored: dict[str, None] = {}
        called: dict[str, None] = {}
        for row in rows:
            for score in row.scores:
                scored[score.code] = None
                if score.operating_point is not None:
                    called[score.code] = None
        return cls(tuple(scored), tuple(called))


def lead_columns() -> tuple[Column, ...]:
    """The twelve columns a person looks for, in words; every other figure stands behind them."""
    texts: tuple[tuple[str, Callable[[ResultRow], Value]], ...] = (
        ("Patient", words.patient),
        ("Age", words.age),
        ("Sex", words.sex),
        ("Study date", lambda row: row.study_date),
        ("Examination", lambda row: row.examination),
        ("AI answer", words.ai_answer),
        ("Urgency", words.urgency),
        ("Status", words.reading),
        ("Signed by", lambda row: row.signed_by),
        ("Findings", lambda row: row.reader_findings),
        ("Impression", lambda row: row.impression),
        ("File", lambda row: row.path),
    )
    return tuple(Column(name, Kind.TEXT, of) for name, of in texts)


def result_columns(codes: Codes) -> tuple[Column, ...]:
    """The columns for programs, in order: fixed ones, and one or two per code."""
    return (
        *_field_columns("path"),
        *_field_columns("study_instance_uid", "series_instance_uid", "sop_instance_uid", "sha256"),
        *_field_columns("accession_number", "patient_name", "patient_id", "patient_typed_by"),
        *_field_columns("patient_typed_at", kind=Kind.MOMENT),
        *_field_columns("age_years", kind=Kind.FIGURE),
        *_field_columns("sex", "study_date", "examination"),
        *_field_columns("status", "answer", "finding", "finding_code", "finding_label"),
        *_field_columns("probability", kind=Kind.PROBABILITY),
        *_field_columns("operating_point", kind=Kind.FIGURE),
        *(_probability_column(code) for code in codes.scored),
        *(_operating_point_column(code) for code in codes.called),
        *_field_columns("conformal_set"),
        *_field_columns("error_rate", "disagreement", kind=Kind.FIGURE),
        *_field_columns(
            "model",
            "model_version",
            "weights_sha256",
            "model_sha256",
            "engine",
            "message",
            "selection",
        ),
        *_field_columns("urgency", kind=Kind.WHOLE),
        *_field_columns("reading", "signed_by", "reader_findings", "impression"),
        *_field_columns("signed_at", "received_at", "created_at", kind=Kind.MOMENT),
        *_field_columns("use"),
    )


def classify_columns(codes: Iterable[str]) -> tuple[Column, ...]:
    """The columns `cli.py classify` has always had, new ones last; programs of others read them."""
    return (
        *_field_columns("path", "sop_instance_uid", "status", "answer", "scope_reason", "finding"),
        *(_probability_column(code) for code in codes),
        *_field_columns("conformal_set"),
        *_field_columns("error_rate", "disagreement", kind=Kind.FIGURE),
        Column("model", Kind.TEXT, lambda row: row.model_name),
        *_field_columns("weights_sha256", "message", "selection", "engine", "model_sha256"),
    )


def as_text(value: Value, kind: Kind) -> str:
    """A value as a table of text writes it: full stops in figures, ISO 8601 in UTC for moments."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if kind is Kind.PROBABILITY:
        return f"{value:.6f}"
    if kind is Kind.FIGURE:
        return f"{value:.6f}".rstrip("0")
    return str(value)


def _field_columns(*names: str, kind: Kind = Kind.TEXT) -> list[Column]:
    """Columns that are a row's fields."""
    return [Column(name, kind, _field_reader(name)) for name in names]


def _field_reader(name: str) -> Callable[[ResultRow], Value]:
    def value(row: ResultRow) -> Value:
        field: Value = getattr(row, name)
        return field

    return value


def _probability_column(code: str) -> Column:
    def value(row: ResultRow) -> Value:
        return next((s.probability for s in row.scores if s.code == code), None)

    return Column(f"p_{code}", Kind.PROBABILITY, value)


def _operating_point_column(code: str) -> Column:
    def value(row: ResultRow) -> Value:
        return next((s.operating_point for s in row.scores if s.code == code), None)

    return Column(f"operating_point_{code}", Kind.FIGURE, value)
