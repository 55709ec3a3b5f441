"""The SHA-256 of a record as it stands in its table, and the name under which a line tells of it.

The canonical form is JSON with sorted keys, no blanks and ASCII alone (close to RFC 8785, whose
numbers it does not need: both sides are written by this module), times in UTC with microseconds.
Only what a reader decided, what the network said and whose film it is are sealed; the worklist's
rows, jobs and caches follow from them or hold nothing that is signed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Text, or_, select, type_coerce
from sqlalchemy.orm import Session

from imaging.store.schema.tables import (
    AssessmentTable,
    DecisionTable,
    DocumentTable,
    FirstReadTable,
    InstanceTable,
    ReadingEventTable,
    ReviewTable,
    SeparationTable,
    SiteTable,
    TruthTable,
    TypedFactsTable,
    UtcDateTime,
)

Seals = Mapping[str, str | None]
"""Names of records to the SHA-256 (hex) of each; None for one that is gone from now on."""

_DECODED = (JSON, UtcDateTime)  # columns that a forger could fill with what is neither
_AT_ONCE = 400  # films of one query
_SHORT = 16  # hexadecimal digits that tell the answers about one film apart


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of record: its word in the trail, and the columns that name it and are sealed."""

    word: str
    table: Any
    key: tuple[str, ...]
    values: tuple[str, ...]


_KINDS = (
    _Kind(
        "review",
        ReviewTable,
        ("study_instance_uid", "version"),
        ("stage", "content", "created_at"),
    ),
    _Kind("answer", AssessmentTable, ("sop_instance_uid",), ("status", "content", "created_at")),
    _Kind("film", InstanceTable, ("sop_instance_uid",), ("study_instance_uid", "sha256", "header")),
    _Kind(
        "document",
        DocumentTable,
        ("sop_instance_uid",),
        ("study_instance_uid", "sha256", "header"),
    ),
    _Kind("typed", TypedFactsTable, ("sop_instance_uid", "version"), ("content", "typed_at")),
    _Kind(
        "first-read",
        FirstReadTable,
        ("study_instance_uid", "account"),
        ("content", "committed_at"),
    ),
    _Kind(
        "event", ReadingEventTable, ("study_instance_uid", "account", "kind", "at"), ("content",)
    ),
    _Kind("truth", TruthTable, ("study_instance_uid", "code"), ("present", "source")),
    _Kind(
        "identity",
        DecisionTable,
        ("study_instance_uid",),
        ("patient", "accepted", "reader", "decided_at"),
    ),
    _Kind("separation", SeparationTable, ("study_instance_uid", "separated_uid"), ("patients",)),
    _Kind("site", SiteTable, ("name",), ("value",)),
)
_KIND_OF = {kind.table: kind for kind in _KINDS}
CLOCK_MARK = "clock"
"""Among the site's rows the server's own note of the time, which nobody decided: not sealed."""
EXPORT = "export"  # a file that left; it stands in no table


def seal_rows(*rows: Any) -> dict[str, str]:
    """Names and SHA-256 of records, given as rows of the tables, stored or about to be.

    Parameters
    ----------
    *rows
        Rows whose sealed columns are set.

    Returns
    -------
    dict of str to str
        "review 1.2.3 2" to 64 hexadecimal digits.
    """
    kinds = ((_KIND_OF[type(row)], row) for row in rows)
    return dict(
        _name(kind, {name: getattr(row, name) for name in (*kind.key, *kind.values)})
        for kind, row in kinds
    )


def seal_file(name: str, content: bytes | Path) -> dict[str, str]:
    """Name and SHA-256 of a file that leaves, given its bytes or where they lie."""
    if isinstance(content, Path):
        with content.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    else:
        sha256 = hashlib.sha256(content).hexdigest()
    return {f"{EXPORT} {name}": sha256}


def release_rows(*rows: Any) -> dict[str, None]:
    """Names of records that are gone from now on, and rightly so."""
    return dict.fromkeys(seal_rows(*rows))


def release_study(session: Session, study_instance_uid: str) -> dict[str, None]:
    """Names of all records of a study that is about to be deleted."""
    gone: list[Any] = []
    sops: list[str] = []
    for kind in _KINDS:
        table = kind.table
        if table is SeparationTable:
            either = (table.study_instance_uid, table.separated_uid)
            of_study = or_(*(column == study_instance_uid for column in either))
            gone += session.scalars(select(table).where(of_study))
        elif hasattr(table, "study_instance_uid"):
            rows = session.scalars(
                select(table).where(table.study_instance_uid == study_instance_uid)
            ).all()
            gone += rows
            sops += [row.sop_instance_uid for row in rows if table is InstanceTable]
    for start in range(0, len(sops), _AT_ONCE):
        part = AssessmentTable.sop_instance_uid.in_(sops[start : start + _AT_ONCE])
        gone += session.scalars(select(AssessmentTable).where(part))
    return release_rows(*gone)


def read_rows(session: Session) -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of every sealed record that stands in the tables, damaged ones too."""
    for kind in _KINDS:
        names = (*kind.key, *kind.values)
        columns = [getattr(kind.table, name) for name in names]
        raw = [type_coerce(c, Text) if isinstance(c.type, _DECODED) else c for c in columns]
        for row in session.execute(select(*raw).execution_options(yield_per=500)):
            values = {
                name: _decode(value, column.type)
                for name, value, column in zip(names, row, columns, strict=True)
            }
            if (kind.table, values[kind.key[0]]) != (SiteTable, CLOCK_MARK):
                yield _name(kind, values)


def encode_seals(seals: Seals) -> str:
    """The text in which a line of the trail holds its seals; empty where it has none."""
    return canonical(seals) if seals else ""


def decode_seals(text: str) -> Seals:
    """Inverse of `encode_seals`; what is no such text, an altered line's, holds no seal."""
    try:
        values = json.loads(text) if text else {}
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def canonical(value: object) -> str:
    """JSON with sorted keys, no blanks, ASCII alone."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr)


def same_record(name: str) -> str:
    """What a name says without telling apart the answers about one film: to pair old and new."""
    word, _, rest = name.partition(" ")
    return f"{word} {rest.rpartition(' ')[0]}" if word == "answer" else name


def words_for(names: Iterable[str]) -> str:
    """A sentence's subject for a record: "Version 2 of the report of study 1.2.3"."""
    return ", ".join(map(_words, names))


def _words(name: str) -> str:
    word, _, rest = name.partition(" ")
    first, _, second = rest.partition(" ")
    return {
        "review": f"version {second} of the report of study {first}",
        "answer": f"an AI answer about image {first}",
        "film": f"the record of image {first}",
        "document": f"the record of document {first}",
        "typed": f"version {second} of what was typed for image {first}",
        "first-read": f"the first read of study {first} by {second}",
        "event": f"an event of the reading of study {first}",
        "truth": f"the outcome ({second}) of study {first}",
        "identity": f"the decision whose study {first} is",
        "separation": f"the separation of study {second} from study {first}",
        "site": f"the site's setting {rest}",
    }.get(word, f"record {name}")


def _name(kind: _Kind, values: Mapping[str, object]) -> tuple[str, str]:
    """Name and SHA-256 of a row."""
    columns = {name: _plain(value) for name, value in values.items()}
    sha256 = hashlib.sha256(canonical([kind.word, columns]).encode()).hexdigest()
    name = " ".join([kind.word, *(str(columns[key]) for key in kind.key)])
    return (f"{name} {sha256[:_SHORT]}" if kind.table is AssessmentTable else name), sha256


def _decode(value: object, kind: object) -> object:
    """The value of a column that was read as text; what is no such value any more stays text."""
    if not isinstance(value, str):
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
    with suppress(ValueError):
        if isinstance(kind, UtcDateTime):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        if isinstance(kind, JSON):
            return json.loads(value)
    return value


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value
