"""Worker processes of this computer, which read and judge files: one to a processor.

A file that kills its process, hangs or devours memory is one row with its reason; the others of
its chunk are read again by the next process.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

from imaging import typed_json
from imaging.documents import Document
from imaging.entities import Instance
from imaging.errors import AssistantError, CheckpointError, PixelDataError, error_named
from imaging.intake import decode_process
from imaging.intake.child_process import ChildLostError, ChildProcess
from imaging.jobs import Result, Task
from imaging.settings import Settings
from models.batch.file_worker import REDUCED, WHOLE, Known
from models.batch.messages import (
    AnsweredBefore,
    Chunk,
    Done,
    Fault,
    Judged,
    Opened,
    Question,
    Ready,
    Unfit,
)
from models.inference.outcomes import failed_outcome

CHUNK = 8  # files: what batching gains is gained by then
log = logging.getLogger(__name__)
FAULT = "An internal fault stopped this file; please report it."
_UNLOADED = (
    "The models could not be loaded on this computer. Ask whoever runs Lightbox to "
    "look into its log."
)
WORKER = "models.batch.file_worker"  # what the process runs
_MESSAGES = 3  # about one file at most: twice that it is opened, and what is known of it
_SHA256 = re.compile(r"([0-9a-f]{64})?")
START = 300.0  # seconds a process may take to load its networks on a busy computer


class FileProcessor(Protocol):
    """Whoever works off chunks: a `WorkerProcess` of this computer, or a `RayPool` of many."""

    reduced: bool

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        """Work off a chunk; every file has a result."""

    def start(self) -> None:
        """Load the networks meanwhile."""

    def ready(self) -> None:
        """Wait until they are loaded; raises `CheckpointError` when they cannot be."""

    def close(self) -> None:
        """End it."""


class _FaultError(Exception):
    """The file worker itself failed, not a file."""


class WorkerProcess:
    """File worker in a process of its own, used by one thread.

    Parameters
    ----------
    settings : Settings
    reduced : bool
        See `FileWorker`.
    seconds : float
        For one file; then the process is killed.
    memory : int
        Bytes of address space it may have, where the system can limit that.
    low_priority : bool
        It takes only the processor time nobody else wants: where readers use the same server.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        reduced: bool = True,
        low_priority: bool = False,
        seconds: float = decode_process.SECONDS,
        memory: int = decode_process.MEMORY,
    ) -> None:
        self.reduced, self._seconds = reduced, seconds
        public = typed_json.write(replace(settings, database="", openid=None))  # others see this
        self._child = ChildProcess(
            WORKER,
            [public, REDUCED if reduced else WHOLE],
            memory=memory,
            idle=low_priority,
            environment=_environment(),
        )

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        """Work off a chunk; every file has a result, whatever it did to its process.

        Raises
        ------
        CheckpointError
            If no process can load its networks.
        """
        waiting, results = list(tasks), []
        while waiting:
            opened: list[int] = []
            try:
                results += self._work(waiting, known, opened)
                return results
            except _FaultError as exc:
                if len(waiting) > 1:  # each alone, so that only the guilty one has no answer
                    for task in waiting:
                        results += self.run([task], known)
                    return results
                log.error("%s in a queued file of %s", exc, waiting[0].job_id)
                outcome = failed_outcome(waiting[0].file_name, PixelDataError(FAULT))
                return [*results, Result(waiting[0], waiting[0].sha256, outcome, fault=True)]
            except ChildLostError as exc:
                task = waiting.pop(opened[-1] if opened else 0)
                outcome = failed_outcome(
                    task.file_name,
                    PixelDataError(
                        decode_process.TIMED_OUT if exc.late else decode_process.CRASHED
                    ),
                )
                results.append(Result(task, task.sha256, outcome, fault=True))
        return results

    def start(self) -> None:
        """Start the process, which then loads its networks while others are busy elsewhere."""
        self._child.start()

    def ready(self) -> None:
        """Start the process and wait until it has loaded its networks.

        Raises
        ------
        CheckpointError
            If it cannot load them, or did not in time.
        """
        try:
            self._child.start()
            if not self._child.silent:
                return
            self._child.allow(START)
            message = self._child.receive(Ready, Unfit)
        except (OSError, ChildLostError) as exc:
            raise CheckpointError(_UNLOADED) from exc
        self._child.rest()
        if isinstance(message, Unfit):
            self._child.close()
            raise error_named(message.error, message.sentence, default=CheckpointError)

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def _work(self, tasks: Sequence[Task], known: Known, opened: list[int]) -> list[Result]:
        """Have the process work off a chunk; `opened` gets the place of each file it opens."""
        self.ready()
        self._child.allow(self._seconds)
        self._child.send(Chunk(tuple(tasks)))
        for _ in range(_MESSAGES * len(tasks) + 1):
            message = self._child.receive(Opened, Question, Fault, Done)
            self._child.allow(self._seconds)
            if isinstance(message, Opened) and 0 <= message.place < len(tasks):
                opened.append(message.place)
            elif isinstance(message, Question):
                self._child.send(AnsweredBefore(tuple(find_known(known, message.sha256s))))
            elif isinstance(message, Done) and _fits(message.judged, tasks):
                self._child.rest()
                return [
                    Result(task, judged.sha256, judged.outcome, judged.fault)
                    for task, judged in zip(tasks, message.judged, strict=True)
                ]
            elif isinstance(message, Fault) and message.exception.isidentifier():
                self._child.rest()
                raise _FaultError(message.exception)
            else:
                break
        raise self._child.reject()


def _fits(files: Sequence[Judged], tasks: Sequence[Task]) -> bool:
    """Each file has its outcome, under the hash of its own bytes."""
    return len(files) == len(tasks) and all(
        _SHA256.fullmatch(judged.sha256)
        and (not task.sha256 or judged.sha256 == task.sha256)
        and all(part.identity.sha256 == judged.sha256 for part in _list_stored(judged))
        for task, judged in zip(tasks, files, strict=True)
    )


def _list_stored(judged: Judged) -> list[Instance | Document]:
    """List what of a file would be stored."""
    outcome = judged.outcome
    return [part for part in (outcome and (outcome.instance, outcome.document)) or () if part]


def _environment() -> dict[str, str]:
    """A worker process's own: one thread, and memory that is kept from film to film.

    glibc gives a film's memory back and asks for it anew, which costs 2,000 page faults a film;
    other systems do not know the names.
    """
    malloc = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20)}
    return {**malloc, **os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def find_known(known: Known, sha256s: Sequence[str]) -> Collection[str]:
    """Find those that were answered before; none where the store cannot say."""
    try:
        return frozenset(known(sha256s))
    except AssistantError:
        return frozenset()
