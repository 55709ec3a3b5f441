"""Claims: one worker's alone while it says that it lives, and taken by many at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select, text

from imaging.dicom import describe
from imaging.entities import Assessment, Status
from imaging.jobs import Result, Task
from imaging.store import Repository
from imaging.store import claims as outcomes
from imaging.store.schema.tables import JobFileTable, WorkerTable
from imaging.study import FileOutcome
from tests.factories import make_dicom_bytes
from tests.postgresql import fresh_database

SECONDS = 30.0  # after which a test has hung
NETWORKS = "fingerprint"


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Repository]:
    """An empty store, in SQLite and in PostgreSQL."""
    opened = Repository.open(tmp_path / "home", database)
    yield opened
    opened.close()


@pytest.fixture
def pair(tmp_path: Path, postgresql: Path) -> Iterator[tuple[Repository, Repository]]:
    """Two computers' connections to one PostgreSQL."""
    with fresh_database(postgresql) as address:
        opened = Repository.open(tmp_path / "a", address), Repository.open(tmp_path / "b", address)
        yield opened
        for one in opened:
            one.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Whoever acts beside the test."""
    with ThreadPoolExecutor() as pool:
        yield pool


def queue(store: Repository, count: int) -> str:
    """Queue files of a job."""
    return store.jobs.add([(f"{i}.dcm", b"%d" % i) for i in range(count)])


def positions(tasks: Sequence[Task]) -> list[int]:
    """Places of the files in their job."""
    return [task.position for task in tasks]


def failed(task: Task) -> Result:
    """What a worker hands back about a file that is no film."""
    assessment = Assessment("", Status.ERROR, None, (), ("The file is empty.",))
    return Result(task, task.sha256, FileOutcome(task.file_name, assessment))


def let_pass(store: Repository, **time: float) -> None:
    """Make claims and heartbeats older, as if time had passed."""
    with store._database.writing() as session:
        for worker in session.scalars(select(WorkerTable)):
            worker.heartbeat_at -= timedelta(**time)
        for file in session.scalars(select(JobFileTable)):
            if file.claimed_at is not None:
                file.claimed_at -= timedelta(**time)


def workers(store: Repository) -> set[str]:
    """Those whose heartbeat is known."""
    with store._database.reading() as session:
        return set(session.scalars(select(WorkerTable.name)))


def test_what_a_silent_worker_had_claimed_is_free_after_half_a_minute(store: Repository) -> None:
    queue(store, 2)
    store.claims.claim_files("silent", 2)
    let_pass(store, seconds=28)
    assert store.claims.claim_files("other", 2) == ()
    let_pass(store, seconds=3)
    assert positions(store.claims.claim_files("other", 2)) == [0, 1]
    assert store.claims.claimants() == ("other",)


def test_a_worker_that_says_it_lives_keeps_its_claims_for_hours(store: Repository) -> None:
    job = queue(store, 1)
    (task,) = store.claims.claim_files("slow", 1)
    for _ in range(3):
        let_pass(store, hours=2)
        store.claims.record_heartbeat("slow")
        assert store.claims.claim_files("other", 1) == ()
    assert len(store.claims.finish_files("slow", [failed(task)], NETWORKS)) == 1
    assert store.jobs.progress(job).finished


def test_a_claim_says_that_a_worker_lives_which_had_rested(store: Repository) -> None:
    queue(store, 2)
    (first,) = store.claims.claim_files("rested", 1)
    store.claims.finish_files("rested", [failed(first)], NETWORKS)
    let_pass(store, hours=2)
    assert positions(store.claims.claim_files("rested", 1)) == [1]
    assert store.claims.claim_files("other", 1) == ()


def test_a_claim_without_any_heartbeat_lapses_as_it_did_before(store: Repository) -> None:
    """An older version of Lightbox claims so."""
    queue(store, 1)
    store.claims.claim_files("old", 1)
    with store._database.writing() as session:
        session.execute(delete(WorkerTable))
    let_pass(store, minutes=14)
    assert store.claims.claim_files("other", 1) == ()
    let_pass(store, minutes=2)
    assert positions(store.claims.claim_files("other", 1)) == [0]


def test_who_lost_its_claims_and_comes_late_changes_nothing(store: Repository) -> None:
    job = queue(store, 1)
    late = store.claims.claim_files("late", 1)
    let_pass(store, minutes=1)
    (task,) = store.claims.claim_files("other", 1)
    store.claims.record_heartbeat("late")
    assert store.claims.finish_files("late", [failed(late[0])], NETWORKS) == ()
    store.claims.release_files("late", late)
    assert store.claims.claimants() == ("other",) and not store.jobs.progress(job).finished
    assert len(store.claims.finish_files("other", [failed(task)], NETWORKS)) == 1


def test_workers_that_ended_or_died_are_forgotten(store: Repository) -> None:
    queue(store, 4)
    for worker in ("dead", "gone", "alive", "ended"):
        store.claims.claim_files(worker, 1)
        if worker == "gone":
            let_pass(store, minutes=16)
    store.claims.release_claims(["dead"])
    assert workers(store) == {"gone", "alive", "ended"}
    store.claims.end_worker("ended")
    assert workers(store) == {"alive"}
    assert positions(store.claims.claim_files("next", 4)) == [
        0,
        1,
    ]  # of the dead, and of the long gone


@pytest.mark.parametrize("wrong", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_is_wrong_frees_no_claim_and_makes_none_last(
    pair: tuple[Repository, Repository], monkeypatch: pytest.MonkeyPatch, wrong: timedelta
) -> None:
    """Of one computer among many; the database server's counts."""
    right, other = pair
    queue(right, 2)
    right.claims.claim_files("right", 1)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + wrong

    with monkeypatch.context() as patch:
        patch.setattr(outcomes, "datetime", Clock)
        assert positions(other.claims.claim_files("wrong", 2)) == [1]
        other.claims.record_heartbeat("wrong")
    assert right.claims.claim_files("third", 2) == ()
    let_pass(right, seconds=31)
    assert positions(right.claims.claim_files("third", 2)) == [0, 1]


@contextmanager
def held(store: Repository, beginning: str) -> Iterator[threading.Event]:
    """Whoever is about to send such a statement stops there, its transaction open.

    Yields what is set once somebody has; at the end all go on.
    """
    stopped, go = threading.Event(), threading.Event()

    def wait(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(beginning):
            stopped.set()
            go.wait(SECONDS)

    event.listen(store._database.engine, "before_cursor_execute", wait)
    try:
        yield stopped
    finally:
        go.set()


def test_who_claims_waits_for_nobody_that_claims(
    pair: tuple[Repository, Repository], threads: ThreadPoolExecutor
) -> None:
    one, other = pair
    queue(one, 5)
    with held(one, "INSERT INTO workers") as stopped:
        first = threads.submit(one.claims.claim_files, "one", 2)
        assert stopped.wait(SECONDS)
        second = threads.submit(other.claims.claim_files, "other", 2).result(SECONDS / 3)
        assert not first.done()
        assert positions(second) == [2, 3]
    assert positions(first.result(SECONDS)) == [0, 1]
    assert positions(one.claims.claim_files("one", 9)) == [4]


def test_who_claims_or_says_it_lives_waits_for_nobody_that_writes(
    pair: tuple[Repository, Repository], threads: ThreadPoolExecutor
) -> None:
    one, other = pair
    queue(one, 2)
    with one._database.writing() as session:
        session.execute(text("UPDATE jobs SET priority = 1"))
        claimed = threads.submit(other.claims.claim_files, "other", 1)
        assert positions(claimed.result(SECONDS / 3)) == [0]
        threads.submit(other.claims.record_heartbeat, "other").result(SECONDS / 3)


def test_a_file_whose_outcome_is_being_written_is_not_claimed(
    pair: tuple[Repository, Repository], threads: ThreadPoolExecutor
) -> None:
    one, other = pair
    job = queue(one, 1)
    (task,) = one.claims.claim_files("late", 1)
    let_pass(one, minutes=1)
    with held(one, "UPDATE job_files") as stopped:
        written = threads.submit(one.claims.finish_files, "late", [failed(task)], NETWORKS)
        assert stopped.wait(SECONDS)
        assert threads.submit(other.claims.claim_files, "other", 1).result(SECONDS / 3) == ()
    assert len(written.result(SECONDS)) == 1
    assert one.jobs.progress(job).finished and other.claims.claim_files("other", 1) == ()


def test_an_outcome_of_a_file_that_is_being_claimed_is_dropped(
    pair: tuple[Repository, Repository], threads: ThreadPoolExecutor
) -> None:
    one, other = pair
    queue(one, 1)
    (task,) = one.claims.claim_files("late", 1)
    let_pass(one, minutes=1)
    with held(other, "INSERT INTO workers") as stopped:
        claimed = threads.submit(other.claims.claim_files, "other", 1)
        assert stopped.wait(SECONDS)
        written = threads.submit(one.claims.finish_files, "late", [failed(task)], NETWORKS)
        _wait_for_lock(other)
    assert positions(claimed.result(SECONDS)) == [0]
    assert written.result(SECONDS) == ()


def test_a_claim_made_while_another_looks_stands(
    pair: tuple[Repository, Repository], threads: ThreadPoolExecutor
) -> None:
    """The claimant had rested: whoever began to look before sees the silence before the claim."""
    one, other = pair
    queue(one, 2)
    (task,) = other.claims.claim_files("rested", 1)
    other.claims.finish_files("rested", [failed(task)], NETWORKS)
    one.claims.claim_files("dead", 1)
    let_pass(one, minutes=5)

    def stop_within(
        _connection: object, _cursor: object, statement: str, parameters: Any, *_: object
    ) -> tuple[str, Any]:
        if "FOR NO KEY UPDATE" in statement and "EXISTS" in statement:
            lock = "WHERE pg_advisory_xact_lock_shared(7) IS NOT NULL AND job_files.job_id"
            statement = statement.replace("WHERE job_files.job_id", lock, 1)
        return statement, parameters

    event.listen(one._database.engine, "before_cursor_execute", stop_within, retval=True)
    with other._database.reading() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(7)"))
        looks = threads.submit(one.claims.claim_files, "looks", 1)
        _wait_for_lock(other)
        assert positions(other.claims.claim_files("rested", 1)) == [1]
    assert looks.result(SECONDS) == ()


def _wait_for_lock(store: Repository) -> None:
    """Wait until somebody waits for a lock in the database."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(int(SECONDS / 0.05)):
        with store._database.reading() as session:
            if session.scalar(query):
                return
        threading.Event().wait(0.05)
    pytest.fail("nobody waited")


def test_many_who_claim_at_once_never_get_the_same_file(
    tmp_path: Path, database: str, threads: ThreadPoolExecutor
) -> None:
    stores = [Repository.open(tmp_path / "home", database) for _ in range(4)]
    queue(stores[0], 60)
    together = threading.Barrier(len(stores))

    def claim(number: int) -> list[int]:
        claimed: list[int] = []
        together.wait(SECONDS)
        while tasks := stores[number].claims.claim_files(f"worker {number}", 3):
            claimed += positions(tasks)
        return claimed

    claims = list(threads.map(claim, range(len(stores))))
    left = stores[0].claims.claim_files("last", 60)  # passed over by all, each for another's sake
    assert sorted(chain(*claims, positions(left))) == list(range(60))
    for store in stores:
        store.close()


def answered(store: Repository, task: Task) -> Result:
    """What a worker hands back about a film."""
    film = describe(store.originals.content(task.sha256), file_name=task.file_name)
    assert film is not None
    return Result(
        task,
        film.identity.sha256,
        FileOutcome(task.file_name, Assessment(film.identity.sop_instance_uid, Status.OK), film),
    )


def test_bytes_that_come_again_are_told_as_duplicates(store: Repository) -> None:
    def work_off(job: str) -> list[str]:
        tasks = store.claims.claim_files("w", 9, jobs=[job])
        known = store.claims.known_results([t.sha256 for t in tasks], NETWORKS)
        results = [
            Result(t, t.sha256, None) if t.sha256 in known else answered(store, t) for t in tasks
        ]
        store.claims.finish_files("w", results, NETWORKS)
        return [file.duplicate for file in store.jobs.get(job).files]

    one, two, three = (make_dicom_bytes(SOPInstanceUID=f"1.2.3.{n}") for n in range(3))
    first = store.jobs.add([("a", one), ("b", two), ("c", one)])
    assert work_off(first) == ["", "", "job"]
    second = store.jobs.add([("d", one), ("e", one), ("f", three)])
    assert work_off(second) == ["store", "job", ""]
    assert store.jobs.progress(second).duplicates == 2
    again = store.jobs.add_rescore([store.jobs.get(first).files[0].study_instance_uid])
    assert set(work_off(again)) == {""}  # asked for, not handed in
