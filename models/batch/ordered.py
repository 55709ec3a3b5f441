"""Files judged in chunks by several at once, told in the order in which they were named.

No store: the door for `cli.py classify`. The same for every engine, which is a `FileProcessor`.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from imaging.errors import AssistantError
from imaging.intake.expand import Candidate
from imaging.jobs import Task
from imaging.study import FileOutcome
from models.batch.process_pool import CHUNK, FileProcessor
from models.inference.outcomes import failed

_AHEAD = 2  # chunks in flight for each who judges: enough that none waits, few in memory


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A file on its way.

    Attributes
    ----------
    path : str
        As it is told to the person who named it.
    task : Task
        With the place its bytes can be read from.
    outcome : FileOutcome or None
        What is known already: that it could not even be unpacked.
    spooled : bool
        The place is a copy that goes when the file has been told.
    """

    path: str
    task: Task
    outcome: FileOutcome | None = None
    spooled: bool = False


@contextmanager
def spool(candidates: Iterable[Candidate]) -> Iterator[Iterator[PendingFile]]:
    """Candidates as parcels; members of archives lie in a folder of their own meanwhile."""
    with tempfile.TemporaryDirectory(prefix="lightbox-") as folder:
        yield (_packed(number, one, Path(folder)) for number, one in enumerate(candidates))


def map_ordered(
    files: Iterator[PendingFile], processors: Sequence[FileProcessor]
) -> Iterator[tuple[PendingFile, FileOutcome]]:
    """Every file and what became of it, in the order of `files`.

    Raises
    ------
    CheckpointError
        If nobody can load the networks.
    """
    free: SimpleQueue[FileProcessor] = SimpleQueue()
    for judge in processors:
        free.put(judge)

    def run(chunk: Sequence[PendingFile]) -> list[FileOutcome]:
        judge = free.get()
        try:
            return _judge(judge, chunk)
        finally:
            free.put(judge)

    waiting: deque[tuple[Sequence[PendingFile], Future[list[FileOutcome]]]] = deque()
    pool = ThreadPoolExecutor(len(processors))
    try:
        while chunk := list(islice(files, CHUNK)):
            waiting.append((chunk, pool.submit(run, chunk)))
            if len(waiting) >= _AHEAD * len(processors):
                yield from _told(*waiting.popleft())
        while waiting:
            yield from _told(*waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _packed(number: int, one: Candidate, folder: Path) -> PendingFile:
    task = Task("", number, one.path, one.location)
    if one.location:
        return PendingFile(one.path, task)
    try:
        content = one.read()
    except AssistantError as exc:
        return PendingFile(one.path, task, failed(one.path, exc))
    place = folder / str(number)
    place.write_bytes(content)
    return PendingFile(one.path, Task("", number, one.path, str(place)), spooled=True)


def _judge(judge: FileProcessor, chunk: Sequence[PendingFile]) -> list[FileOutcome]:
    tasks = [pending_file.task for pending_file in chunk if pending_file.outcome is None]
    results = judge.run(tasks, lambda _: ()) if tasks else []
    said = {result.task.position: result.outcome for result in results}
    found = [pending_file.outcome or said[pending_file.task.position] for pending_file in chunk]
    return [one for one in found if one is not None]


def _told(
    chunk: Sequence[PendingFile], future: Future[list[FileOutcome]]
) -> Iterator[tuple[PendingFile, FileOutcome]]:
    for pending_file, outcome in zip(chunk, future.result(), strict=True):
        yield pending_file, outcome
        if pending_file.spooled:
            Path(pending_file.task.location).unlink(missing_ok=True)
