"""Records cross a pipe as they are, and nothing but records of the declared types is read."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging import typed_json
from imaging.dicom import Image, read_object
from imaging.documents import Document, DocumentKind
from imaging.entities import (
    Answer,
    Assessment,
    Finding,
    Instance,
    ModelIdentity,
    Patient,
    Status,
    TypedFacts,
    VoiPreset,
)
from imaging.intake.decode_process import Descriptions
from imaging.jobs import Task
from imaging.settings import Settings
from imaging.study import FileOutcome
from models.batch import messages
from models.batch.messages import Chunk, Done, Judged, Opened, Ready
from tests.factories import make_dicom_bytes


def film() -> Instance:
    image = read_object(make_dicom_bytes(PatientName="Doe^Jane"), file_name="a.dcm")
    assert isinstance(image, Image)
    presets = (VoiPreset("window", 0, "Ä", 1.5, -math.inf), VoiPreset("lut", 1))
    return replace(image.instance, voi_presets=presets, file_name="b\udcff\0\u2028")


def document() -> Document:
    one = film()
    return Document(one.identity, one.patient, one.acquisition, DocumentKind.REPORT, "Title")


def assessment() -> Assessment:
    return Assessment(
        "1.2.3",
        Status.WARNED,
        ModelIdentity("a", "1", "0" * 64),
        (Finding("p", "Pneumonia", 0.1 + 0.2, 0.5), Finding("b", "Bacterial", 1, 0.5, True)),
        ("A sentence.",),
        datetime(2026, 11, 26, 1, 2, 3, 456789, tzinfo=UTC),
        Answer.UNSURE,
        ("present", "absent"),
        0.05,
        5e-324,
        (("normal", 0.7), ("viral", 0.3)),
    )


RECORDS = [
    Settings(Path("/home/ü"), data=Path("/data"), roots=("/a", "s3://b"), error_rate=0.01),
    Settings(Path("relative")),
    Chunk((Task("j", 0, "a\udcff", since=datetime.now(UTC)), Task("j", 1, "b", urgent=True))),
    Chunk((Task("j", 2, "c", typed=TypedFacts("A^B", age_years=3.5, typed_at=datetime.now(UTC))),)),
    Descriptions((film(), None)),
    Done(
        (
            Judged(
                "0" * 64, FileOutcome("a", assessment(), film(), thumbnail=b"\xff\xd8\0"), False
            ),
            Judged(
                "1" * 64, FileOutcome("a", Assessment("", Status.DOCUMENT), None, document()), True
            ),
            Judged("", None, False),
        )
    ),
    messages.Unfit("CheckpointError", "No."),
    messages.Question(("0" * 64,)),
    messages.AnsweredBefore(()),
    messages.Fault("ValueError"),
    Ready(),
    Opened(3),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_as_it_was(record: Any) -> None:
    text = typed_json.write(record)
    assert text.isascii() and typed_json.read(type(record), text.encode("ascii")) == record
    assert repr(typed_json.read(type(record), text)) == repr(record)  # types too


def altered(record: Any) -> list[str]:
    """What a record's JSON may not be: each value in turn of another type, one more, one less."""
    whole = json.loads(typed_json.write(record))
    texts: list[str] = []

    def visit(values: list[Any]) -> None:
        for i, value in enumerate(values):
            others: list[Any] = [{"a": 1}, [value], [[]], True, 7.5, "\0"]
            for other in others:
                if type(other) is type(value) or (type(value), type(other)) == (int, float):
                    continue
                values[i] = other
                texts.append(json.dumps(whole))
            values[i] = value
            if isinstance(value, list):
                visit(value)
        values.append(1)
        texts.append(json.dumps(whole))
        values.pop()

    visit(whole)
    return texts


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_another_type_anywhere_is_refused(record: Any) -> None:
    accepted = []
    for text in altered(record):
        try:
            accepted.append((text, typed_json.read(type(record), text)))
        except ValueError:
            continue
    for text, read in accepted:  # only what is of the declared types after all
        assert json.loads(typed_json.write(read)) == json.loads(text)
        assert all(_is_plain(value) for value in _leaves(asdict(read)))


def _leaves(values: Any) -> list[Any]:
    if isinstance(values, dict):
        return [leaf for value in values.values() for leaf in _leaves(value)]
    if isinstance(values, tuple):
        return [leaf for value in values for leaf in _leaves(value)]
    return [values]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bytes | int | float | datetime | Path)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Opened, "[true]"),
        (Opened, "[1.0]"),
        (Opened, '["1"]'),
        (Opened, "[null]"),
        (Opened, "[]"),
        (Opened, "[1, 2]"),
        (Opened, '{"place": 1}'),
        (Opened, "[1"),
        (Opened, ""),
        (Opened, "[" * 10**6),
        (Opened, "[" + "9" * 10**5 + "]"),
        (Patient, '["", "", "", "", true]'),
        (Judged, '["", ["a", ["1", "no status"]], false]'),
        (messages.Question, '["abc"]'),
        (messages.Question, "[[1]]"),
        (messages.Question, "[null]"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_record_of_its_kind_is_refused(kind: type, text: str) -> None:
    with pytest.raises(ValueError):
        typed_json.read(kind, text)


@pytest.mark.parametrize("moment", ['"yesterday"', "1", "[]"])
def test_a_moment_must_be_one(moment: str) -> None:
    text = typed_json.write(Task("j", 0, "a"))
    before, none, after = text.partition("null")  # `since`
    assert none
    with pytest.raises(ValueError):
        typed_json.read(Task, f"{before}{moment}{after}")


@dataclass(frozen=True)
class _Odd:
    anything: Any


@dataclass(frozen=True)
class _Either:
    value: int | str


@pytest.mark.parametrize(
    "record",
    [
        _Odd(1),
        _Either(1),
        Opened(True),
        Opened("1"),  # type: ignore[arg-type]
        Opened(np.int64(1)),  # type: ignore[arg-type]
        messages.Question(["1"]),  # type: ignore[arg-type]
        messages.Question((1,)),  # type: ignore[arg-type]
        Finding("a", "a", np.float32(0.5), 0.5),  # type: ignore[arg-type]
        Assessment("1", "ok"),  # type: ignore[arg-type]
        {"a": 1},
    ],
    ids=lambda record: repr(record)[:30],
)
def test_what_no_record_declares_is_not_written(record: Any) -> None:
    with pytest.raises(TypeError):
        typed_json.write(record)
