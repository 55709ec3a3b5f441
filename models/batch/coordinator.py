"""Stands between the store and the processors: claims files, and writes what became of them.

One thread alone speaks to the store, so that no claim waits for another's writing. Each processor
finds the next chunk ready, and its results are written in one transaction with whatever else came
back meanwhile. No more than that is claimed ahead. What somebody waits for goes before all that,
alone, and is written at once. While it may hold claims, another thread writes its heartbeat.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby

from imaging.errors import AssistantError, ConflictError, PixelDataError, StoreError
from imaging.jobs import Result, Task
from imaging.settings import Settings
from imaging.store import Repository
from models.batch.heartbeat import Heartbeat
from models.batch.process_pool import CHUNK, FAULT, FileProcessor
from models.inference.fingerprint import fingerprint
from models.inference.outcomes import failed_outcome

log = logging.getLogger(__name__)
_IDLE = 5.0  # seconds between two looks for files that nobody announced
_TROUBLE = 10.0  # seconds to wait after the store or the networks failed
_GATHER = 0.5  # seconds between two transactions: one for many rows costs little more than for few
_HEAP = 8  # chunks that may wait to be written; at that, the processors wait too


@dataclass(frozen=True, slots=True)
class _FinishedChunk:
    """A chunk that came back: the results of its files, by which networks; or what went wrong."""

    tasks: Sequence[Task]
    results: Sequence[Result] = ()
    networks: str = ""
    trouble: Exception | None = None


class Coordinator:
    """Claims files for the processors, and writes down their results.

    Parameters
    ----------
    repository : Repository
    settings : Settings
    processors : sequence of FileProcessor
        Each gets a thread of its own.
    name : str
        Under which files are claimed.
    jobs : sequence of str
        Of these jobs alone.
    on_results : callable, optional
        Gets the number of files worked off so far, after each transaction.
    yield_to_interactive : callable, optional
        Called before files are decoded that nobody waits for; returns when the work may go on,
        after a moment at most.
    """

    def __init__(
        self,
        repository: Repository,
        settings: Settings,
        processors: Sequence[FileProcessor],
        name: str,
        *,
        jobs: Sequence[str] = (),
        on_results: Callable[[int], None] | None = None,
        yield_to_interactive: Callable[[], None] | None = None,
    ) -> None:
        self._yield_to_interactive = yield_to_interactive or (lambda: None)
        self._repository, self._settings, self._name = repository, settings, name
        self._processors, self._jobs, self._on_results = processors, jobs, on_results
        self._changed = threading.Condition()
        self._ready: deque[list[Task]] = deque()
        self._finished: deque[_FinishedChunk] = deque()
        self._busy = 0  # chunks in the hands of the processors
        self._count = 0
        self._wrote = -_GATHER
        self._elsewhere: set[str] = set()  # jobs with files that are out of reach here
        self._woken = False  # files were queued since the last look
        self._dry = False  # the last look found fewer files than were wanted
        self._holds_claims = False  # or may hold some
        self._uncertain = False  # after trouble: claims may be ours that we know nothing of
        self._stopped = False

    def wake(self) -> None:
        """Say that files were queued."""
        with self._changed:
            self._woken, self._dry = True, False
            self._changed.notify_all()

    def stop(self) -> None:
        """Have `run` return after the chunks in hand."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def run(self) -> None:
        """Work until stopped; trouble is logged, and tried again after a while."""
        with self._heartbeat():
            threads = self._start_threads()
            while not self._stopped:
                try:
                    if not self._step():
                        self._rest()
                except AssistantError as exc:
                    log.error("the queue stands still: %s", exc)
                    self._pause()
                except Exception as exc:  # a fault of ours; only its type: a message may hold names
                    log.error("%s in the queue", type(exc).__name__)
                    self._pause()
            with suppress(AssistantError):  # what cannot be written is claimed again soon
                self._end(threads)

    def drain(self) -> int:
        """Work until no file waits; returns how many were worked off.

        Raises
        ------
        Exception
            Whatever stopped the work; what was claimed is given back.
        """
        with self._heartbeat():
            threads = self._start_threads()
            try:
                while self._step() or self._has_work_in_hand():
                    self._rest()
            except BaseException:
                self._uncertain = True
                self._end(threads, write=False)
                raise
            self._end(threads)
        return self._count

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(self._repository, self._name, lambda: self._holds_claims)

    def _step(self) -> bool:
        """Claim, then write; False when there was nothing to do."""
        return self._claim() | (self._seconds_to_write() <= 0 and self._write())

    def _seconds_to_write(self) -> float:
        """Seconds until finished chunks are written; none when no other will come."""
        with self._changed:
            if not self._finished:
                return _IDLE
            idle = not self._busy and not self._ready
            full = len(self._finished) >= _HEAP // 2
            if idle or full or any(c.trouble or _is_urgent(c.tasks) for c in self._finished):
                return 0.0
            return self._wrote + _GATHER - time.monotonic()

    def _wants_chunks(self) -> bool:
        """Fewer than every second processor has a chunk ready, or files just came."""
        if self._uncertain and self._has_work_in_hand():
            return False  # first everything in hand comes to an end
        most = len(self._processors) * 2 if self._woken else len(self._processors) // 2
        return not self._dry and len(self._ready) <= most

    def _has_work_in_hand(self) -> bool:
        with self._changed:
            return bool(self._ready or self._finished or self._busy)

    def _claim(self) -> bool:
        """Have a chunk ready for each processor."""
        with self._changed:
            if not self._wants_chunks():
                return False
            wanted = max(1, len(self._processors) - len(self._ready)) * CHUNK
            self._woken, self._dry = False, True  # unless somebody wakes us meanwhile
            self._holds_claims = True
        self._release_uncertain()
        claimed = self._repository.claims.claim_files(
            self._name, wanted, jobs=self._jobs, without=self._elsewhere
        )
        few, tasks = len(claimed) < wanted, self._release_unreachable(claimed)
        urgent = self._split([task for task in tasks if task.urgent], shared=True)
        others = self._split([task for task in tasks if not task.urgent], shared=few)
        with self._changed:
            self._dry = self._dry and few and len(tasks) == len(claimed)
            self._ready.extendleft(reversed(urgent))
            self._ready.extend(others)
            self._changed.notify_all()
        return bool(claimed)

    def _release_unreachable(self, tasks: Sequence[Task]) -> list[Task]:
        """Give back files whose bytes another computer keeps: it does those, and their jobs."""
        if not self._repository.shared:
            return list(tasks)
        gone = [
            t
            for t in tasks
            if not (t.location or self._repository.originals.path_of(t.sha256).exists())
        ]
        if gone:
            self._elsewhere |= {task.job_id for task in gone}
            self._repository.claims.release_files(self._name, gone)
            log.warning("%d jobs hold files that another computer keeps", len(self._elsewhere))
        return [task for task in tasks if task not in gone]

    def _split(self, tasks: list[Task], *, shared: bool) -> list[list[Task]]:
        """Files by the chunk; `shared` among the processors, so that all end together."""
        size = min(CHUNK, -(-len(tasks) // len(self._processors)) or 1) if shared else CHUNK
        return [tasks[i : i + size] for i in range(0, len(tasks), size)]

    def _write(self) -> bool:
        """Write finished chunks down; raises what went wrong with one."""
        with self._changed:
            finished = list(self._finished)
            self._finished.clear()
            if finished:
                self._dry = False  # files may have come meanwhile
            self._changed.notify_all()
        self._wrote = time.monotonic()
        try:
            succeeded = (chunk for chunk in finished if not chunk.trouble)
            for networks, chunks in groupby(succeeded, _networks_of):
                results = [result for chunk in chunks for result in chunk.results]
                write_results(self._repository, self._name, results, networks)
                self._count += len(results)
                if self._on_results:
                    self._on_results(self._count)
        except Exception:
            self._give_back([task for chunk in finished for task in chunk.tasks])
            raise
        lost = [chunk for chunk in finished if chunk.trouble]
        if lost:
            self._give_back([task for chunk in lost for task in chunk.tasks])
            raise lost[0].trouble or AssertionError
        return bool(finished)

    def _give_back(self, tasks: list[Task]) -> None:
        """Give back claims that will come to nothing, and those that lie ready."""
        with self._changed:
            tasks += [task for chunk in self._ready for task in chunk]
            self._ready.clear()
        if tasks:
            self._repository.claims.release_files(self._name, tasks)

    def _release_uncertain(self) -> None:
        """After trouble, with nothing in hand: give back whatever bears our name.

        A claim whose answer was lost, or that could not be given back, would else stand for as
        long as our heartbeat is written.
        """
        if self._uncertain:
            self._repository.claims.release_claims([self._name])
            self._uncertain = False

    def _rest(self) -> None:
        """Wait until there is something to write or to claim, or it is time for a look."""
        with self._changed:
            self._holds_claims = self._uncertain or self._has_work_in_hand()
            seconds = self._seconds_to_write()
            if not (self._stopped or seconds <= 0 or self._wants_chunks()):
                self._changed.wait(min(_IDLE, seconds))
                self._dry = False

    def _pause(self) -> None:
        """Wait after trouble, whoever calls."""
        ends = time.monotonic() + _TROUBLE
        with self._changed:
            self._uncertain = True
            while not self._stopped and (left := ends - time.monotonic()) > 0:
                self._changed.wait(left)
            self._dry = False

    def _start_threads(self) -> list[threading.Thread]:
        threads = [
            threading.Thread(
                target=self._process_chunks,
                args=(processor,),
                name=f"lightbox-processor-{i}",
                daemon=True,
            )
            for i, processor in enumerate(self._processors)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _end(self, threads: Sequence[threading.Thread], *, write: bool = True) -> None:
        """Wait for the chunks in hand, and leave nothing claimed."""
        self.stop()
        for thread in threads:
            thread.join()
        try:
            if write:
                self._write()
        except BaseException:
            self._uncertain = True
            raise
        finally:
            self._give_back([])
            self._release_uncertain()
        with suppress(AssistantError):  # without claims, its heartbeat is of no use to anybody
            self._repository.claims.end_worker(self._name)

    def _process_chunks(self, processor: FileProcessor) -> None:
        """Work of one thread: chunk by chunk."""
        while (tasks := self._take_chunk()) is not None:
            try:
                chunk = self._process(processor, tasks)
            except Exception as exc:  # raised again by whoever writes
                chunk = _FinishedChunk(tasks, trouble=exc)
            with self._changed:
                self._finished.append(chunk)
                self._busy -= 1
                self._changed.notify_all()

    def _take_chunk(self) -> list[Task] | None:
        with self._changed:
            while not self._stopped and (not self._ready or len(self._finished) >= _HEAP):
                self._changed.wait()
            if self._stopped:
                return None
            self._busy += 1
            self._changed.notify_all()
            return self._ready.popleft()

    def _process(self, processor: FileProcessor, tasks: Sequence[Task]) -> _FinishedChunk:
        networks = fingerprint(self._settings, reduced=processor.reduced)
        claimed = {(task.job_id, task.position): task for task in tasks}
        located = [_locate(task, self._repository) for task in tasks]

        def find_known(sha256s: Sequence[str]) -> Collection[str]:
            if not _is_urgent(tasks):
                self._yield_to_interactive()
            return self._repository.claims.known_results(sha256s, networks)

        results = [
            replace(result, task=claimed[result.task.job_id, result.task.position])
            for result in processor.run(located, find_known)
        ]
        return _FinishedChunk(tasks, results, networks)


def write_results(
    repository: Repository, name: str, results: Sequence[Result], networks: str
) -> None:
    """Write outcomes down; one that cannot be is replaced alone, and holds back no other.

    Parameters
    ----------
    name : str
        Who claimed the files.
    networks : str
        Fingerprint of those that answered.

    Raises
    ------
    StoreError
        If nothing can be written.
    """
    try:
        repository.claims.finish_files(name, results, networks)
    except Exception as exc:
        if isinstance(exc, StoreError) and not isinstance(exc, ConflictError):
            raise
        if len(results) > 1:
            for result in results:
                write_results(repository, name, [result], networks)
            return
        # a fault of ours; only its type is logged, a message may hold a name
        log.error("%s with the outcome of a file of %s", type(exc).__name__, results[0].task.job_id)
        lost = failed_outcome(results[0].task.file_name, PixelDataError(FAULT))
        repository.claims.finish_files(
            name, [replace(results[0], outcome=lost, fault=True)], networks
        )


def _is_urgent(tasks: Sequence[Task]) -> bool:
    return any(task.urgent for task in tasks)


def _networks_of(chunk: _FinishedChunk) -> str:
    return chunk.networks


def _locate(task: Task, repository: Repository) -> Task:
    """Return the task with a place its file can be read from.

    A file that is not kept here may be another by now: its hash is not taken on trust, nor a link
    that came into its path.
    """
    if task.location:
        return replace(task, sha256="", linked=False)
    location, key = repository.originals.place_of(task.sha256)
    return replace(task, location=location, key=key)
