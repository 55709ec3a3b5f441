"""The worklist of 100,000 studies beside one of 100, and beside reading every study for a page.

    python -m bench.worklist                  # 100,000 rows; stores its figures
    python -m bench.worklist --rows 5000

Made-up studies in SQLite: a tenth raised, a fifth read, a tenth waiting too long. ``page`` is the
first page with its counts, ``deep`` a page from the middle, ``search`` a patient's name (one hit),
``common`` a word in every other row, ``next`` the next unread case, ``above`` the one before, each
as a multiple of the same at 100 rows. ``every_study`` is what a page cost before there was a table
of its own: all headers, answers and reviews of 2,000 studies read and sorted, as a multiple of
``page`` at the same 2,000. ``refresh`` is how many rows are made in the time of one page: filling
an older folder, or a batch. Processor time, as the database runs in the process; medians of
rounds. Ends with one line of JSON.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from imaging.entities import (
    Acquisition,
    Answer,
    Assessment,
    Finding,
    Geometry,
    Identity,
    Instance,
    ModelIdentity,
    Patient,
    Status,
)
from imaging.settings import ROOT
from imaging.store import Repository
from imaging.store.schema import json_codec
from imaging.worklist.order import ReadingOrder, Standing, worklist_item
from imaging.worklist.query import WorklistQuery

_STORED = ROOT / "bench" / "results" / "worklist.json"
_FULL, _FEW, _OLD = 100_000, 100, 2000
_MODEL = ModelIdentity("bench", "1", "ab" * 32)
_NAMES = ("DOE", "ROE", "MUELLER", "SMITH", "GARCIA", "NGUYEN", "KIM", "SILVA")
_Ask = Callable[[Repository], object]


def main(
    rows: Annotated[int, typer.Option(help="Studies in the long list.")] = _FULL,
    rounds: Annotated[int, typer.Option(help="Rounds of every question.")] = 15,
) -> None:
    """Fill, ask, print."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        few = _time_questions(_fill_store(home / "few", _FEW), _FEW, rounds)
        old = _fill_store(home / "old", _OLD)
        some = _time_questions(old, _OLD, rounds)
        every = _time_work(lambda: _every_study(home / "old"), 3)
        fill = _refill(home / "old")
        many = _time_questions(_fill_store(home / "many", rows), rows, rounds)
    figures = {
        "rows": rows,
        **{name: round(many[name] / few[name], 1) for name in many},
        "every_study": round(every / some["page"], 1),
        "refresh": round(_OLD / fill * some["page"], 1),
    }
    milliseconds = {name: round(1000 * seconds, 1) for name, seconds in many.items()}
    print(f"here, at {rows} rows, in ms: {milliseconds}")
    if rows == _FULL:
        _STORED.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({"worklist": figures}))


def _questions(rows: int) -> dict[str, _Ask]:
    """Questions to a list of that length."""
    middle = f"1.2.{rows // 2}"
    query = WorklistQuery(words=f"{_NAMES[(rows // 2) % len(_NAMES)]} patient{rows // 2:06}")
    return {
        "page": lambda r: r.worklist.page(),
        "deep": lambda r: r.worklist.page(WorklistQuery(offset=rows // 2)),
        "search": lambda r: _insist(r.worklist.page(query).total == 1),
        "common": lambda r: r.worklist.page(WorklistQuery(words="chest")),
        "next": lambda r: _insist(r.worklist.next_unread(after=middle) is not None),
        "above": lambda r: _insist(r.worklist.previous(before=middle) is not None),
    }


def _insist(holds: bool) -> None:
    if not holds:
        raise AssertionError("the worklist gave a wrong answer")


def _time_questions(repository: Repository, rows: int, rounds: int) -> dict[str, float]:
    """Seconds per question; the store is closed."""
    with closing(repository):
        return {
            name: _time_work(lambda ask=ask: ask(repository), rounds)  # type: ignore[misc]
            for name, ask in _questions(rows).items()
        }


def _time_work(work: Callable[[], object], rounds: int) -> float:
    """Median seconds of this process for a piece of work; a first round does not count."""
    work()
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return median(seconds)


def _fill_store(home: Path, count: int) -> Repository:
    """A store of that many studies: some made in full, the rest copies of their rows."""
    Repository.open(home).close()
    whole = min(count, _OLD)
    with closing(sqlite3.connect(home / "lightbox.db")) as connection, connection:
        for number in range(whole):
            _write_study(connection, number)
    Repository.open(home).close()  # makes the rows
    with closing(sqlite3.connect(home / "lightbox.db")) as connection, connection:
        for start in range(whole, count, whole):
            _copy_rows(connection, start, min(whole, count - start))
    return Repository.open(home)


def _write_study(connection: sqlite3.Connection, number: int) -> None:
    """A study as the repository writes one."""
    study, film = f"1.2.{number}", f"1.3.{number}"
    when = _received_at(number)
    instance, answer = _instance(number, study, film), _assessment(number, film)
    values = (study, when, instance.patient.patient_id)
    connection.execute(
        "INSERT INTO studies (study_instance_uid, received_at, patient_id) VALUES (?, ?, ?)", values
    )
    header = json.dumps(json_codec.instance_to_json(instance))
    connection.execute("INSERT INTO instances VALUES (?, ?, 0, '', ?)", (film, study, header))
    content = json.dumps(json_codec.assessment_to_json(answer))
    connection.execute(
        "INSERT INTO assessments (sop_instance_uid, status, content, created_at) "
        "VALUES (?, ?, ?, ?)",
        (film, answer.status.value, content, when),
    )
    if number % 5 == 0:
        review = {"stage": "final", "reader": "Dr Bench"}
        connection.execute(
            "INSERT INTO reviews (study_instance_uid, version, stage, content, created_at) "
            "VALUES (?, 1, 'final', ?, ?)",
            (study, json.dumps(review), when),
        )


def _received_at(number: int) -> str:
    """Within the last day, one in ten before it."""
    ago = timedelta(seconds=60 + number % 80_000, days=3 * (number % 10 == 3))
    return (datetime.now(UTC) - ago).strftime("%Y-%m-%d %H:%M:%S.%f")


def _instance(number: int, study: str, film: str) -> Instance:
    name = f"{_NAMES[number % len(_NAMES)]}^PATIENT{number:06}"
    acquisition = Acquisition(
        modality=("DX", "CR")[number % 2],
        body_part="CHEST",
        study_date=f"2026{number % 12 + 1:02}{number % 28 + 1:02}",
        study_description=("Chest PA", "Thorax")[number % 2],
        accession_number=f"A{number}",
    )
    return Instance(
        Identity(study, "1.2.4", film, "1.2", "1.2.840", ""),
        Patient(name, f"P{number}", "20220101", "F", 4.0),
        acquisition,
        Geometry(2000, 2000, 1, 1, "MONOCHROME2", 12, (0.1, 0.1), "PixelSpacing"),
        file_name=f"IM{number:06}.dcm",
    )


def _assessment(number: int, film: str) -> Assessment:
    if number % 20 == 7:
        return Assessment(film, Status.REFUSED, _MODEL, messages=("The body part is HAND.",))
    raised = number % 10 == 1
    finding = Finding("pneumonia", "Pneumonia", 0.9 if raised else 0.1, 0.5)
    answer = Answer.PRESENT if raised else Answer.UNSURE if number % 10 == 2 else Answer.ABSENT
    return Assessment(film, Status.OK, _MODEL, (finding,), answer=answer)


def _copy_rows(connection: sqlite3.Connection, start: int, count: int) -> None:
    """Further studies with rows of their own, without files: nothing asked here reads those."""
    connection.row_factory = sqlite3.Row
    rows = connection.execute("SELECT * FROM worklist").fetchmany(count)
    columns = rows[0].keys()
    marks = ", ".join("?" * len(columns))
    for at, row in enumerate(rows):
        number = start + at
        own = {
            "study_instance_uid": f"1.2.{number}",
            "received_at": _received_at(number),
            "patient_name": f"{_NAMES[number % len(_NAMES)]}^PATIENT{number:06}",
        }
        own["patient_key"] = own["patient_name"].replace("^", " ").casefold()
        for column in ("search", "search_all"):
            own[column] = f"{own['patient_key']} {row[column].split(' ', 2)[2]}"
        connection.execute(
            "INSERT INTO studies (study_instance_uid, received_at, patient_id) VALUES (?, ?, '')",
            (own["study_instance_uid"], own["received_at"]),
        )
        values = [own.get(name, row[name]) for name in columns]
        connection.execute(f"INSERT INTO worklist ({', '.join(columns)}) VALUES ({marks})", values)


def _every_study(home: Path) -> int:
    """A page as it was: every study read whole, ordered in Python (without the ORM's own cost)."""
    query = (
        "SELECT s.study_instance_uid, s.received_at, i.header, a.content, r.content FROM studies s "
        "JOIN instances i USING (study_instance_uid) JOIN assessments a USING (sop_instance_uid) "
        "LEFT JOIN reviews r ON r.study_instance_uid = s.study_instance_uid"
    )
    items = []
    with closing(sqlite3.connect(home / "lightbox.db")) as connection:
        for uid, received, header, content, review in connection.execute(query):
            when = datetime.fromisoformat(received).replace(tzinfo=UTC)
            film = json_codec.instance_from_json(json.loads(header))
            answer = json_codec.assessment_from_json(json.loads(content), when)
            study = Standing(uid, when, film, 1, (answer,), read=review is not None)
            items.append(worklist_item(study, ReadingOrder()))
    items.sort(key=lambda item: (-item.priority, item.received_at))
    return len(items)


def _refill(home: Path) -> float:
    """Seconds to make all rows of a folder again."""
    with closing(sqlite3.connect(home / "lightbox.db")) as connection, connection:
        connection.execute("DELETE FROM worklist")
    started = time.process_time()
    Repository.open(home).close()
    return time.process_time() - started


if __name__ == "__main__":
    typer.run(main)
