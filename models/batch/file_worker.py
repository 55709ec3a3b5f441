"""Worker of a batch: reads files, asks its networks about them in batches, by one processor.

``python -m models.batch.file_worker`` is such a worker as a process of its own, which talks to a
`models.batch.process_pool.WorkerProcess` through its pipes. It knows no database and no screen, and
torch only where a checkpoint has no graphs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from imaging import typed_json
from imaging.documents import Document
from imaging.errors import AssistantError, PixelDataError
from imaging.intake import decode_process
from imaging.intake.child_process import aside, connect
from imaging.intake.decode_process import DecodedFilm
from imaging.intake.queued import read_queued
from imaging.jobs import Result, Task
from imaging.rendering import film_thumbnail
from imaging.settings import Settings
from imaging.study import FileOutcome
from imaging.text import MAX_NAME, clean
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
from models.inference.assessor import Assessor, PreparedFilm
from models.inference.outcomes import document_outcome, failed_file, failed_film, failed_outcome

ENOUGH = 4  # pixels of a reduced decoding for each of the largest input, see docs/performance.md
HELD = 4 * 2**20  # bytes of files that are read before the first of them is decoded
REDUCED, WHOLE = "reduced", "whole"  # see `FileWorker`
Known = Callable[[Sequence[str]], Collection[str]]
At = Callable[[int], None]


class FileWorker:
    """Files in, results out.

    Parameters
    ----------
    assessor : Assessor
    reduced : bool
        Decode wavelet files only as far as the networks need them.
    """

    def __init__(self, assessor: Assessor, *, reduced: bool = True) -> None:
        self._assessor = assessor
        self._enough = ENOUGH * assessor.size if reduced else 0

    def run(self, tasks: Sequence[Task], *, known: Known = lambda _: (), at: At) -> list[Result]:
        """Work off a chunk of files.

        Parameters
        ----------
        tasks : sequence of Task
            A handful: their files are in memory together.
        known : callable
            Gets SHA-256s; returns those that were answered before by these networks.
        at : callable
            Gets the place of each file before it is opened: it is to blame for a death after that.
        """
        results: list[Result | None] = [None] * len(tasks)
        films: dict[int, PreparedFilm] = {}
        places: dict[str, int] = {}  # where these bytes came first
        repeats: dict[int, int] = {}  # the same bytes a second time, and where they came first
        for group in self._read_groups(tasks, results, at):
            answered = set(known([sha256 for _, sha256 in group.values()]))
            for i in tuple(group):
                content, sha256 = group.pop(i)  # the bytes go as soon as the film is small
                if sha256 in answered:
                    results[i] = Result(tasks[i], sha256, None)
                    continue
                if sha256 in places:
                    repeats[i] = places[sha256]
                    continue
                at(i)
                places[sha256] = i
                film_or_outcome = self._read(content, tasks[i].file_name, sha256)
                if isinstance(film_or_outcome, PreparedFilm):
                    films[i] = replace(film_or_outcome, typed=tasks[i].typed)
                else:
                    results[i] = Result(tasks[i], sha256, film_or_outcome)
        assessments = self._assessor.judge(list(films.values())) if films else []
        for (i, film), assessment in zip(films.items(), assessments, strict=True):
            picture = film_thumbnail(film.picture.values)
            outcome = FileOutcome(
                film.instance.file_name, assessment, film.instance, thumbnail=picture
            )
            results[i] = Result(tasks[i], film.instance.identity.sha256, outcome)
        for i, first in repeats.items():
            results[i] = _copy_result(results[first], tasks[i])
        return [result for result in results if result is not None]

    def judge(self, content: bytes, file_name: str) -> FileOutcome:
        """Work off one file whose bytes are here, as `run` does those of a chunk.

        Parameters
        ----------
        content : bytes
            The whole file.
        file_name : str
            Its name in the outcome.
        """
        film = self._read(content, file_name, hashlib.sha256(content).hexdigest())
        if not isinstance(film, PreparedFilm):
            return film
        (assessment,) = self._assessor.judge([film])
        return FileOutcome(film.instance.file_name, assessment, film.instance)

    def _read_groups(
        self, tasks: Sequence[Task], results: list[Result | None], at: At
    ) -> Iterator[dict[int, tuple[bytes, str]]]:
        """Read files with their hashes, so many that they fit into a processor's cache together.

        What a film holds is looked at several times before it is small; where it lies in the
        cache until then, that takes half as long.
        """
        group: dict[int, tuple[bytes, str]] = {}
        for i, task in enumerate(tasks):
            at(i)
            try:
                content = read_queued(task.location, task.key, linked=task.linked)
            except AssistantError as exc:
                outcome = failed_outcome(task.file_name, exc)
                results[i] = Result(task, task.sha256, outcome, fault=True)
                continue
            group[i] = content, task.sha256 or hashlib.sha256(content).hexdigest()
            del content
            if sum(len(held) for held, _ in group.values()) >= HELD:
                yield group
                group = {}
        if group:
            yield group

    def _read(self, content: bytes, file_name: str, sha256: str) -> PreparedFilm | FileOutcome:
        """Read a film to be asked about, or return what became of the file."""
        try:
            read = decode_process.read_for_triage(
                content, file_name, enough=self._enough, sha256=sha256
            )
            if isinstance(read, DecodedFilm) and read.instance.geometry.frames > 1:
                with suppress(AssistantError):
                    decode_process.decode_other_frames(content, file_name)
        except AssistantError as exc:
            return failed_file(content, file_name, exc, sha256=sha256)
        except MemoryError:
            return failed_outcome(file_name, PixelDataError(decode_process.OUT_OF_MEMORY))
        if isinstance(read, Document):
            return document_outcome(read, file_name)
        if read.trouble is not None:
            return failed_film(read.instance, read.trouble, file_name)
        return self._assessor.prepare(read)


def _copy_result(first: Result | None, task: Task) -> Result | None:
    """Copy the result of the same bytes, under this file's name."""
    if first is None or first.outcome is None:
        return None
    name, outcome = clean(task.file_name, MAX_NAME), first.outcome
    return Result(
        task,
        first.sha256,
        replace(
            outcome,
            file_name=name,
            instance=outcome.instance and replace(outcome.instance, file_name=name),
            document=outcome.document and replace(outcome.document, file_name=name),
        ),
    )


def serve() -> None:
    """Answer chunks until the pipe closes.

    What somebody waits for is done at the usual priority: beside a busy computer an idle thread
    gets next to nothing, and a single dropped film would take minutes.
    """
    server, (settings, reading) = connect(lower=False)
    try:
        assessor = aside(lambda: Assessor.load(typed_json.read(Settings, settings)))
        worker = FileWorker(assessor, reduced=reading == REDUCED)
    except AssistantError as exc:
        server.send(Unfit(type(exc).__name__, str(exc)))
        return
    server.send(Ready())

    def ask(sha256s: Sequence[str]) -> Collection[str]:
        server.send(Question(tuple(sha256s)))
        return server.receive(AnsweredBefore).sha256s

    while True:
        try:
            tasks = server.receive(Chunk).tasks
        except EOFError:
            return
        try:
            work = partial(
                worker.run, tasks, known=ask, at=lambda place: server.send(Opened(place))
            )
            results = work() if any(task.urgent for task in tasks) else aside(work)
            server.send(Done(tuple(Judged(r.sha256, r.outcome, r.fault) for r in results)))
        except (EOFError, OSError):
            raise
        except Exception as exc:  # a fault of ours; only its type, a message may hold a name
            server.send(Fault(type(exc).__name__))


if __name__ == "__main__":
    serve()
