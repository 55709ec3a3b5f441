"""The background worker: works off the jobs in the store with a crew of processes.

The queue lives in the database, so a browser reload loses sight of nothing, and a server that was
killed goes on where it stopped: what it had claimed is given back when it starts.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from imaging.errors import AssistantError, ConflictError, PixelDataError, StoreError
from imaging.jobs import Result, Task
from imaging.listing_jobs import Lister
from imaging.settings import Settings
from imaging.store import Repository
from models.assess import failed
from models.inference.crew import CHUNK, FAULT, Judges, Mate
from models.inference.fingerprints import fingerprint

log = logging.getLogger(__name__)
_IDLE = 5.0  # seconds between two looks for files that nobody announced
_TROUBLE = 10.0  # seconds to wait after the store or the networks failed


_ours: set[str] = set()  # names given in this process


def worker_name() -> str:
    """A name for this process: who holds a claim, and whether it can still be alive."""
    name = f"{socket.gethostname()[:32]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    _ours.add(name)
    return name


class Worker:
    """Threads that claim files and write outcomes; the work is done by their processes.

    Parameters
    ----------
    repository : Repository
    settings : Settings
        What the processes load their networks by.
    processes : int
        One for each processor, without a number.
    reduced : bool
        See `models.inference.shard.Shard`.
    mates : sequence of Judges
        Who does the work, one for each thread, instead of processes of this computer.
    """

    def __init__(
        self,
        repository: Repository,
        settings: Settings,
        *,
        processes: int = 0,
        reduced: bool = True,
        mates: Sequence[Judges] = (),
    ) -> None:
        self._repository, self._settings = repository, settings
        count = processes or os.cpu_count() or 1
        self._mates: Sequence[Judges] = mates or [
            Mate(settings, reduced=reduced) for _ in range(count)
        ]
        self._name = worker_name()
        self._wake = threading.Condition()
        self._stopped = False
        self._lister = Lister(repository, self._nudge)
        self._threads = [
            threading.Thread(
                target=self._run, args=(mate,), name=f"lightbox-worker-{i}", daemon=True
            )
            for i, mate in enumerate(self._mates)
        ]

    def start(self) -> None:
        """Begin working; claims of workers that died here are given back first."""
        release_dead_claims(self._repository)
        self._lister.start()
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that files were queued; the processes load their networks meanwhile."""
        for mate in self._mates:
            mate.start()
        with self._wake:
            self._wake.notify_all()
        self._lister.wake()

    def _nudge(self) -> None:
        with self._wake:
            self._wake.notify_all()

    def stop(self) -> None:
        """Stop after the chunks in hand."""
        self._stopped = True
        self._lister.stop()
        with self._wake:
            self._wake.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for mate in self._mates:
            mate.close()

    def _run(self, mate: Judges) -> None:
        while not self._stopped:
            try:
                busy = work_chunk(self._repository, mate, self._settings, self._name)
            except AssistantError as exc:
                log.error("the queue stands still: %s", exc)
                time.sleep(_TROUBLE)
                continue
            except Exception as exc:  # a fault of ours; only its type, a message may hold a name
                log.error("%s in the queue", type(exc).__name__)
                time.sleep(_TROUBLE)
                continue
            if not busy:
                with self._wake:
                    self._wake.wait(_IDLE)


def work_chunk(
    repository: Repository,
    mate: Judges,
    settings: Settings,
    name: str,
    *,
    size: int = CHUNK,
    jobs: Sequence[str] = (),
) -> int:
    """Claim a chunk, have it worked off, write its outcomes; returns how many files it had."""
    tasks = repository.claim_files(name, size, jobs=jobs)
    if not tasks:
        return 0
    networks = fingerprint(settings, reduced=mate.reduced)
    claimed = {(task.job_id, task.position): task for task in tasks}
    try:
        fetched = [located(task, repository) for task in tasks]
        found = mate.run(fetched, lambda sha256s: repository.known_results(sha256s, networks))
        results = [replace(r, task=claimed[r.task.job_id, r.task.position]) for r in found]
        _write(repository, name, results, networks)
    except Exception:
        repository.release_files(name, tasks)
        raise
    return len(tasks)


def _write(repository: Repository, name: str, results: list[Result], networks: str) -> None:
    """Write outcomes down; one that cannot be is told alone, and holds back no other."""
    try:
        repository.finish_files(name, results, networks)
    except Exception as exc:
        if isinstance(exc, StoreError) and not isinstance(exc, ConflictError):
            raise  # nothing can be written
        if len(results) > 1:
            for result in results:
                _write(repository, name, [result], networks)
            return
        # a fault of ours; only its type is logged, a message may hold a name
        log.error("%s with the outcome of a file of %s", type(exc).__name__, results[0].task.job_id)
        lost = failed(results[0].task.file_name, PixelDataError(FAULT))
        repository.finish_files(name, [replace(results[0], outcome=lost, fault=True)], networks)


def located(task: Task, repository: Repository) -> Task:
    """The same task with a place its file can be read from."""
    if task.location:
        return task
    return Task(
        task.job_id,
        task.position,
        task.file_name,
        str(repository.kept_at(task.sha256)),
        task.sha256,
        task.account,
    )


def drain(
    repository: Repository,
    settings: Settings,
    *,
    jobs: Sequence[str] = (),
    processes: int = 1,
    reduced: bool = True,
    on_results: Callable[[int], None] | None = None,
    mates: Sequence[Judges] = (),
) -> int:
    """Work off every waiting file and return how many; for terminals and tests.

    `mates` do the work, one for each thread, and stay open; without them so many processes.
    """
    name, lock, counts = worker_name(), threading.Lock(), [0]
    troubles: list[Exception] = []

    own = [] if mates else [Mate(settings, reduced=reduced) for _ in range(processes)]

    def run(mate: Judges) -> None:
        try:
            while done := work_chunk(repository, mate, settings, name, jobs=jobs):
                with lock:
                    counts[0] += done
                    if on_results:
                        on_results(counts[0])
        except Exception as exc:  # raised again below, in the thread that asked
            troubles.append(exc)

    threads = [threading.Thread(target=run, args=(mate,)) for mate in mates or own]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in own:
        one.close()
    if troubles:
        repository.release_claims([name])
        raise troubles[0]
    return counts[0]


def release_dead_claims(repository: Repository) -> None:
    """Give back what workers of this computer had claimed whose process is gone."""
    here = socket.gethostname()[:32]
    dead = []
    for name in repository.claimants():
        host, _, rest = name.partition(":")
        pid = rest.partition(":")[0]
        if host == here and pid.isdigit() and name not in _ours and not _lives(int(pid)):
            dead.append(name)
    if dead:
        repository.release_claims(dead)


def _lives(pid: int) -> bool:
    if os.name == "nt":  # there a signal to ask with would end it; its claims lapse by themselves
        return True
    if pid == os.getpid():  # a container's first process bears the number of its forerunner
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives, and is somebody else's
        return True
    return True


__all__ = ["Result", "Worker", "drain", "release_dead_claims", "work_chunk", "worker_name"]
