"""Files worked off in chunks by several at once, and yielded in the order they came in.

No store: what `cli.py classify` runs on. The same for every engine, which is a `FileProcessor`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from imaging.errors import AssistantError
from imaging.host.encrypted_file import new_key, write_encrypted
from imaging.host.temporary import FILMS, temporary_folder
from imaging.intake.expand import Candidate
from imaging.jobs import Task
from imaging.study import FileOutcome
from models.batch.process_pool import CHUNK, FileProcessor
from models.inference.outcomes import failed_outcome

_AHEAD = 2  # chunks in flight for each processor: enough that none waits, few in memory


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A file on its way.

    Attributes
    ----------
    path : str
        As it is shown to the person who named it.
    task : Task
        With the place its bytes can be read from.
    outcome : FileOutcome or None
        What is known already: that it could not even be unpacked.
    spooled : bool
        The place is a copy that goes when the outcome has been yielded.
    """

    path: str
    task: Task
    outcome: FileOutcome | None = None
    spooled: bool = False


@contextmanager
def spool(candidates: Iterable[Candidate]) -> Iterator[Iterator[PendingFile]]:
    """Yield candidates as pending files; members of archives lie in a folder meanwhile.

    They are encrypted there with a key that ends with this process.
    """
    key = new_key()
    with temporary_folder(FILMS) as folder:
        yield (_make_pending(i, candidate, folder, key) for i, candidate in enumerate(candidates))


def map_ordered(
    files: Iterator[PendingFile], processors: Sequence[FileProcessor]
) -> Iterator[tuple[PendingFile, FileOutcome]]:
    """Yield every file and what became of it, in the order of `files`.

    Raises
    ------
    CheckpointError
        If nobody can load the networks.
    """
    free: SimpleQueue[FileProcessor] = SimpleQueue()
    for processor in processors:
        free.put(processor)

    def run(chunk: Sequence[PendingFile]) -> list[FileOutcome]:
        processor = free.get()
        try:
            return _process_chunk(processor, chunk)
        finally:
            free.put(processor)

    waiting: deque[tuple[Sequence[PendingFile], Future[list[FileOutcome]]]] = deque()
    pool = ThreadPoolExecutor(len(processors))
    try:
        while chunk := list(islice(files, CHUNK)):
            waiting.append((chunk, pool.submit(run, chunk)))
            if len(waiting) >= _AHEAD * len(processors):
                yield from _yield_outcomes(*waiting.popleft())
        while waiting:
            yield from _yield_outcomes(*waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _make_pending(number: int, candidate: Candidate, folder: Path, key: bytes) -> PendingFile:
    path = candidate.path
    task = Task("", number, path, candidate.location)
    if candidate.location:
        return PendingFile(path, task)
    try:
        content = candidate.read()
    except AssistantError as exc:
        return PendingFile(path, task, failed_outcome(path, exc))
    copy = folder / str(number)
    write_encrypted(copy, content, key)
    return PendingFile(path, Task("", number, path, str(copy), key=key), spooled=True)


def _process_chunk(processor: FileProcessor, chunk: Sequence[PendingFile]) -> list[FileOutcome]:
    tasks = [pending_file.task for pending_file in chunk if pending_file.outcome is None]
    results = processor.run(tasks, lambda _: ()) if tasks else []
    answers = {result.task.position: result.outcome for result in results}
    outcomes = [file.outcome or answers[file.task.position] for file in chunk]
    return [outcome for outcome in outcomes if outcome is not None]


def _yield_outcomes(
    chunk: Sequence[PendingFile], future: Future[list[FileOutcome]]
) -> Iterator[tuple[PendingFile, FileOutcome]]:
    for pending_file, outcome in zip(chunk, future.result(), strict=True):
        yield pending_file, outcome
        if pending_file.spooled:
            Path(pending_file.task.location).unlink(missing_ok=True)
