"""Messages between the server and its file worker, in the order in which they are sent.

Records of plain types: `imaging.typed_json` writes and reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

from imaging.jobs import Task
from imaging.study import FileOutcome


@dataclass(frozen=True, slots=True)
class Ready:
    """From the worker, once: its networks are loaded."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """From the worker, once: why it cannot load them, as an error's name and its sentence."""

    error: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """To the worker: files to read and judge."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """From the worker: the place in the chunk of the file that it opens next."""

    place: int


@dataclass(frozen=True, slots=True)
class Question:
    """From the worker: it asks which of these files the same networks answered before."""

    sha256s: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnsweredBefore:
    """To the worker: these were."""

    sha256s: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """Outcome of one file of a chunk; see `imaging.jobs.Result`."""

    sha256: str
    outcome: FileOutcome | None
    fault: bool


@dataclass(frozen=True, slots=True)
class Done:
    """From the worker: what became of all, in the order of the chunk."""

    judged: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """From the worker: our own code failed, and no file; the name of the exception."""

    exception: str
