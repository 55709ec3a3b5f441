"""Between the store and those who judge: nobody waits, nothing is held back, nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from imaging.entities import Status
from imaging.errors import CheckpointError, PixelDataError, StoreError
from imaging.jobs import URGENT, JobKind, Result, Task
from imaging.settings import Settings
from imaging.store import Repository
from models.batch import coordinator as coordinators
from models.batch.coordinator import Coordinator
from models.batch.file_worker import Known
from models.batch.process_pool import CHUNK, WorkerProcess
from models.batch.worker import drain, worker_name
from models.inference.outcomes import failed_outcome
from tests.postgresql import fresh_database

SECONDS = 30.0  # after which a test has hung


class Judge:
    """Says of every file that it is broken, after whatever else it is told to do first."""

    reduced = True

    def __init__(self, first: Callable[[Sequence[Task]], None] = lambda _: None) -> None:
        self.chunks: list[list[str]] = []
        self._first = first

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        self.chunks.append([task.file_name for task in tasks])
        self._first(tasks)
        return [
            Result(task, task.sha256, failed_outcome(task.file_name, PixelDataError("Broken.")))
            for task in tasks
        ]

    def start(self) -> None: ...

    def ready(self) -> None: ...

    def close(self) -> None: ...


def queued(store: Repository, count: int, *, name: str = "", priority: int = 0) -> str:
    files = [(f"{name}{i}", b"%s %d" % (name.encode(), i)) for i in range(count)]
    return store.jobs.add(files, priority=priority)


def test_few_files_are_shared_out(repository: Repository, tiny_settings: Settings) -> None:
    """Else one would work them off while the other looks on."""
    queued(repository, CHUNK)
    both = threading.Barrier(2)

    def meet(_: Sequence[Task]) -> None:
        both.wait(SECONDS)

    processors = [Judge(meet), Judge(meet)]
    assert drain(repository, tiny_settings, processors=processors) == CHUNK
    assert [len(judge.chunks) for judge in processors] == [1, 1]


def test_nobody_waits_while_the_store_is_written(
    repository: Repository, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(repository, 3 * CHUNK)
    second = threading.Event()
    write = repository.claims.finish_files

    def slow(name: str, results: Sequence[Result], networks: str) -> tuple[Result, ...]:
        assert second.wait(SECONDS), "the second chunk waited for the first to be written"
        return write(name, results, networks)

    def begun(_: Sequence[Task]) -> None:
        if len(judge.chunks) == 2:
            second.set()

    judge = Judge(begun)
    monkeypatch.setattr(repository.claims, "finish_files", slow)
    assert drain(repository, tiny_settings, processors=[judge]) == 3 * CHUNK


@pytest.mark.slow
def test_a_slow_store_holds_up_those_who_judge(
    repository: Repository, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said and not yet written is bounded, however long writing takes."""
    queued(repository, 20 * CHUNK)
    heaps: list[int] = []
    write = repository.claims.finish_files

    def slow(name: str, results: Sequence[Result], networks: str) -> tuple[Result, ...]:
        waits.wait(0.3)
        heaps.append(len(results))
        return write(name, results, networks)

    waits = threading.Event()
    monkeypatch.setattr(repository.claims, "finish_files", slow)
    assert drain(repository, tiny_settings, processors=[Judge(), Judge()]) == 20 * CHUNK
    assert max(heaps) <= 10 * CHUNK


def test_an_urgent_file_goes_before_what_was_queued(
    repository: Repository, tiny_settings: Settings
) -> None:
    queued(repository, 10 * CHUNK, name="pile")

    def arrive(_: Sequence[Task]) -> None:
        if len(judge.chunks) == 2:
            queued(repository, 1, name="urgent", priority=URGENT)

    judge = Judge(arrive)
    drain(repository, tiny_settings, processors=[judge])
    place = judge.chunks.index(["urgent0"])  # alone
    assert place <= 4, "no more than the chunk in hand and what lies ready go first"


def test_an_urgent_file_that_is_announced_goes_before_what_lies_ready(
    repository: Repository, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(repository, 10 * CHUNK, name="pile")
    ahead, urgent = threading.Event(), threading.Event()
    claims: list[int] = []
    claim = repository.claims.claim_files

    def listened(*args: Any, **kwargs: Any) -> tuple[Task, ...]:
        found = claim(*args, **kwargs)
        claims.append(len(found))
        if any(task.urgent for task in found):
            threading.Timer(0.2, urgent.set).start()  # once it lies ready
        elif sum(claims) >= 3 * CHUNK:
            threading.Timer(0.2, ahead.set).start()
        return found

    def arrive(_: Sequence[Task]) -> None:
        if len(judge.chunks) == 2:
            assert ahead.wait(SECONDS)  # the third chunk lies ready
            queued(repository, 1, name="urgent", priority=URGENT)
            coordinator.wake()
            assert urgent.wait(SECONDS), "the coordinator did not look"

    judge = Judge(arrive)
    monkeypatch.setattr(repository.claims, "claim_files", listened)
    coordinator = Coordinator(repository, tiny_settings, [judge], worker_name())
    coordinator.drain()
    assert judge.chunks.index(["urgent0"]) == 2


def test_what_somebody_waits_for_is_written_at_once(
    repository: Repository, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinators, "_GATHER", 3600.0)
    queued(repository, 6 * CHUNK, name="pile")
    urgent: list[str] = []
    written = threading.Event()

    def arrive(_: Sequence[Task]) -> None:
        if ["urgent0"] in judge.chunks[:-1]:
            assert written.wait(SECONDS), "the urgent file waited for others"
        if len(judge.chunks) == 2:  # the first was written, the next may wait for an hour
            urgent.append(queued(repository, 1, name="urgent", priority=URGENT))
            coordinator.wake()

    def told(_: int) -> None:
        if urgent and repository.jobs.progress(urgent[0]).finished:
            written.set()

    judge = Judge(arrive)
    coordinator = Coordinator(repository, tiny_settings, [judge], worker_name(), on_results=told)
    assert coordinator.drain() == 6 * CHUNK + 1
    assert judge.chunks[-1] != ["urgent0"]


def test_trouble_gives_every_claim_back(repository: Repository, tiny_settings: Settings) -> None:
    job = queued(repository, 4 * CHUNK)

    def fail(_: Sequence[Task]) -> None:
        if len(judge.chunks) == 2:
            raise CheckpointError("The networks could not be loaded.")

    judge = Judge(fail)
    with pytest.raises(CheckpointError):
        drain(repository, tiny_settings, processors=[judge])
    assert repository.claims.claimants() == ()
    assert drain(repository, tiny_settings, processors=[Judge()]) >= 3 * CHUNK
    assert repository.jobs.progress(job).counts == {Status.ERROR: 4 * CHUNK}


def test_a_store_that_cannot_be_written_is_told(
    repository: Repository, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(repository, 3 * CHUNK)

    def fail(*_: object) -> tuple[Result, ...]:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(repository.claims, "finish_files", fail)
    with pytest.raises(StoreError, match="full"):
        drain(repository, tiny_settings, processors=[Judge(), Judge()])
    assert repository.claims.claimants() == ()


def test_a_coordinator_that_is_stopped_leaves_nothing_claimed(
    repository: Repository, tiny_settings: Settings
) -> None:
    job = queued(repository, 20 * CHUNK)
    begun = threading.Event()
    coordinator = Coordinator(
        repository, tiny_settings, [Judge(lambda _: begun.set())], worker_name()
    )
    thread = threading.Thread(target=coordinator.run)
    thread.start()
    assert begun.wait(SECONDS)
    coordinator.stop()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert repository.claims.claimants() == ()
    done = repository.jobs.progress(job).done
    assert done % CHUNK == 0 and done > 0, "the chunk in hand was written down"


def test_a_batch_gives_way_before_it_decodes(
    repository: Repository, tiny_settings: Settings
) -> None:
    job = queued(repository, 1)
    asked, go = threading.Event(), threading.Event()

    def yield_to_interactive() -> None:
        asked.set()
        go.wait(SECONDS)

    processors = [WorkerProcess(tiny_settings)]
    coordinator = Coordinator(
        repository,
        tiny_settings,
        processors,
        worker_name(),
        yield_to_interactive=yield_to_interactive,
    )
    thread = threading.Thread(target=coordinator.drain)
    thread.start()
    assert asked.wait(SECONDS)
    assert not repository.jobs.progress(job).finished
    go.set()
    thread.join(SECONDS)
    processors[0].close()
    assert repository.jobs.progress(job).finished


def test_what_somebody_waits_for_rests_for_nobody(
    repository: Repository, tiny_settings: Settings
) -> None:
    rests: list[None] = []
    queued(repository, 1, priority=URGENT)
    processors = [WorkerProcess(tiny_settings)]
    drain = Coordinator(
        repository,
        tiny_settings,
        processors,
        worker_name(),
        yield_to_interactive=lambda: rests.append(None),
    ).drain
    assert drain() == 1
    processors[0].close()
    assert rests == []


def test_files_queued_later_are_found(repository: Repository, tiny_settings: Settings) -> None:
    told = threading.Event()
    coordinator = Coordinator(
        repository, tiny_settings, [Judge()], worker_name(), on_results=lambda _: told.set()
    )
    thread = threading.Thread(target=coordinator.run)
    thread.start()
    job = queued(repository, 1)
    coordinator.wake()
    assert told.wait(SECONDS)
    coordinator.stop()
    thread.join(SECONDS)
    assert repository.jobs.progress(job).finished


def test_files_that_another_computer_keeps_are_left_to_it(
    postgresql: Path, tiny_settings: Settings, tmp_path: Path
) -> None:
    """Two computers, one database: what was uploaded at one cannot be read by the other."""
    with fresh_database(postgresql) as address:
        here = Repository.open(tmp_path / "here", address)
        there = Repository.open(tmp_path / "there", address)
        uploaded = queued(here, 2 * CHUNK)
        film = tmp_path / "film.dcm"
        film.write_bytes(b"broken")
        folder = here.jobs.open(JobKind.FOLDER, str(tmp_path))
        here.jobs.add_files(folder, [("film.dcm", str(film))])
        here.jobs.end_listing(folder)
        judge = Judge()
        assert drain(there, tiny_settings, processors=[judge]) == 1
        assert judge.chunks == [["film.dcm"]]
        assert there.claims.claimants() == ()
        assert drain(here, tiny_settings, processors=[Judge()]) == 2 * CHUNK
        assert here.jobs.progress(uploaded).finished and here.jobs.progress(folder).finished
        for store in (here, there):
            store.close()
