"""A worker keeps its claims however slow it is, and loses them soon after it died."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from imaging.errors import PixelDataError, StoreError
from imaging.jobs import Result, Task
from imaging.settings import ROOT, Settings
from imaging.store import Repository, claims
from models.batch import coordinator as coordinators
from models.batch import heartbeat
from models.batch.coordinator import Coordinator
from models.batch.file_worker import Known
from models.batch.heartbeat import Heartbeat
from models.batch.worker import release_dead_claims, worker_name
from models.inference.outcomes import failed_outcome

SECONDS = 60.0  # after which a test has hung
SHORT = timedelta(seconds=1.5)  # instead of half a minute

# A worker of another computer, whose network takes for ever.
ELSEWHERE = """
import socket, sys, threading
from pathlib import Path

socket.gethostname = lambda: "elsewhere"

from imaging.settings import Settings
from imaging.store import Repository
from models.batch import heartbeat
from models.batch.worker import drain

class Slow:
    reduced = True

    def run(self, tasks, known):
        print(len(tasks), flush=True)
        threading.Event().wait()

heartbeat.INTERVAL = 0.2
store = Repository.open(Path(sys.argv[1]), sys.argv[2])
drain(store, Settings(home=Path(sys.argv[1]), weights=Path(sys.argv[3])), processors=[Slow()])
"""


class Reader:
    """Says of every file that it is broken, once `first` has returned."""

    reduced = True

    def __init__(self, first: Callable[[], None] = lambda: None) -> None:
        self._first = first

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        self._first()
        return [
            Result(task, task.sha256, failed_outcome(task.file_name, PixelDataError("Broken.")))
            for task in tasks
        ]

    def start(self) -> None: ...

    def ready(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Repository]:
    """An empty store, in SQLite and in PostgreSQL."""
    opened = Repository.open(tmp_path / "home", database)
    yield opened
    opened.close()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats come, and claims lapse, many times faster."""
    monkeypatch.setattr(claims, "STALLED", SHORT)
    monkeypatch.setattr(heartbeat, "INTERVAL", SHORT.total_seconds() / 6)


def queue(store: Repository, count: int) -> str:
    """Queue files of a job."""
    return store.jobs.add([(f"{i}.dcm", b"%d" % i) for i in range(count)])


def try_to_claim(store: Repository, seconds: float) -> tuple[Task, ...]:
    """What another worker gets within some seconds."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if tasks := store.claims.claim_files("another", 99):
            return tasks
        time.sleep(0.05)
    return ()


def test_two_heartbeats_may_be_missed() -> None:
    assert timedelta(seconds=3 * heartbeat.INTERVAL) <= claims.STALLED <= timedelta(seconds=30)


@pytest.mark.slow
@pytest.mark.parametrize("stays", [False, True])
def test_a_worker_keeps_its_claims_while_a_chunk_takes_long(
    store: Repository, tiny_settings: Settings, soon: None, stays: bool
) -> None:
    """At a terminal, and at a server, where it stays when all is done."""
    job = queue(store, 3)
    begun, lost = threading.Event(), list[Task]()

    def take_long() -> None:
        begun.set()
        lost.extend(try_to_claim(store, 2 * SHORT.total_seconds()))

    coordinator = Coordinator(store, tiny_settings, [Reader(take_long)], worker_name())
    thread = threading.Thread(target=coordinator.run if stays else coordinator.drain, daemon=True)
    thread.start()
    assert begun.wait(SECONDS)
    if stays:
        coordinator.stop()  # what is in hand is finished first
    thread.join(SECONDS)
    assert lost == []
    assert store.jobs.progress(job).finished and store.claims.claimants() == ()


@pytest.mark.slow
def test_claims_of_a_worker_killed_on_another_computer_are_free_soon(
    store: Repository, database: str, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "STALLED", SHORT)
    job = queue(store, 3)
    arguments = [str(tiny_settings.home), database, str(tiny_settings.weights)]
    worker = subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    try:
        assert worker.stdout.readline() == "3\n"
        assert try_to_claim(store, 2 * SHORT.total_seconds()) == (), "it lives"
    finally:
        worker.kill()
        worker.communicate()
    release_dead_claims(store)
    assert store.claims.claimants()[0].startswith("elsewhere:"), "nobody here can see that it died"
    assert len(try_to_claim(store, SECONDS)) == 3
    assert not store.jobs.progress(job).finished


def test_claims_that_could_not_be_given_back_do_not_stand_for_ever(
    store: Repository, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker lives, and says so, but knows nothing of them any more."""
    monkeypatch.setattr(coordinators, "_TROUBLE", 0.2)
    monkeypatch.setattr(claims, "STALLED", timedelta(hours=1))  # they do not lapse either
    job = queue(store, 3)
    finish, release = store.claims.finish_files, store.claims.release_files
    failures: list[str] = []

    def fail_once(kind: str, then: Callable[..., object]) -> Callable[..., object]:
        def attempt(*given: object) -> object:
            if kind not in failures:
                failures.append(kind)
                raise StoreError("The database cannot be reached or written.")
            return then(*given)

        return attempt

    monkeypatch.setattr(store.claims, "finish_files", fail_once("finish", finish))
    monkeypatch.setattr(store.claims, "release_files", fail_once("release", release))
    coordinator = Coordinator(store, tiny_settings, [Reader()], worker_name())
    thread = threading.Thread(target=coordinator.run, daemon=True)
    thread.start()
    ends = time.monotonic() + SECONDS
    while not store.jobs.progress(job).finished and time.monotonic() < ends:
        time.sleep(0.05)
    coordinator.stop()
    thread.join(SECONDS)
    assert failures == ["finish", "release"]
    assert store.jobs.progress(job).finished and store.claims.claimants() == ()


class Recorder:
    """Counts heartbeats; every second one cannot be written."""

    def __init__(self) -> None:
        self.workers: list[str] = []
        self.claims = self  # the only part of the store that a heartbeat needs

    def record_heartbeat(self, worker: str) -> None:
        self.workers.append(worker)
        if len(self.workers) % 2:
            raise StoreError if len(self.workers) % 4 == 1 else ZeroDivisionError


def test_a_heartbeat_goes_on_after_trouble_and_rests_without_claims(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.01)
    recorder, holds = Recorder(), True
    with Heartbeat(recorder, "worker", lambda: holds):  # type: ignore[arg-type]
        ends = time.monotonic() + SECONDS
        while len(recorder.workers) < 6 and time.monotonic() < ends:
            time.sleep(0.01)
        holds = False
        time.sleep(0.1)
        count = len(recorder.workers)
        time.sleep(0.2)
        assert len(recorder.workers) == count >= 6
    assert set(recorder.workers) == {"worker"}


@pytest.mark.slow
def test_a_worker_that_rests_or_ended_writes_no_heartbeat(
    store: Repository, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.05)
    beats: list[str] = []
    monkeypatch.setattr(store.claims, "record_heartbeat", beats.append)
    worked = threading.Event()
    coordinator = Coordinator(
        store, tiny_settings, [Reader()], worker_name(), on_results=lambda _: worked.set()
    )
    thread = threading.Thread(target=coordinator.run, daemon=True)
    thread.start()
    queue(store, 1)
    coordinator.wake()
    assert worked.wait(SECONDS)
    time.sleep(0.5)
    count = len(beats)
    time.sleep(0.5)
    assert len(beats) == count
    coordinator.stop()
    thread.join(SECONDS)
    assert not [t for t in threading.enumerate() if t.name == "lightbox-heartbeat"]
