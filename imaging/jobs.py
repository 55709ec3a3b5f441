"""Jobs: files that belong together, how far they have come, and what a worker is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from imaging.entities import Status, TypedFacts
from imaging.study import FileOutcome

URGENT, NORMAL, LOW = 10, 0, -10  # priorities: somebody waits; a folder; a watched folder
HANDFUL = 20  # files of an upload that somebody waits for

Span = tuple[int, int]  # the first and the last of some positions in a job
NOWHERE: Span = (2**31 - 1, -1)  # no position at all


class JobKind(StrEnum):
    """Where a job's files come from."""

    UPLOAD = "upload"  # handed in through a browser; the bytes are kept at once
    FOLDER = "folder"  # a folder the server can read; the files stay where they are
    WATCH = "watch"  # a folder in which files keep arriving
    RESCORE = "rescore"  # stored films, asked about again
    OPENED = "opened"  # films of a study that somebody opened before their turn


class JobState(StrEnum):
    """State of a job, and what it may still do."""

    LISTING = "listing"  # its files are still being found; those found are worked on
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class DropState(StrEnum):
    """How far a file has come that a browser announced."""

    EXPECTED = "expected"
    ARRIVED = "arrived"
    MISSING = "missing"
    DISMISSED = "dismissed"  # missing, and a reader has seen it


class Loss(StrEnum):
    """Why a file that a browser announced did not arrive."""

    LARGE = "large"  # over the limit; never sent
    UNREADABLE = "unreadable"  # by the browser: gone, changed or not allowed
    CUT = "cut"  # the connection broke, again and again
    STOPPED = "stopped"  # by the reader
    SILENT = "silent"  # the page was closed, or its computer went to sleep
    UNKEPT = "unkept"  # arrived, and could not be written to the data folder


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A file that a browser announced and that did not arrive.

    Attributes
    ----------
    number : int
        Its place in the drop, from 0.
    size : int
        Bytes, as announced.
    """

    number: int
    name: str
    size: int
    loss: Loss


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file of a drop that is here whole: what it became, one file or those of an archive.

    Attributes
    ----------
    kept : tuple of (name, sha256)
        Files whose bytes were kept.
    refused : tuple of (name, sentence)
        Members of an archive that could not be unpacked.
    """

    number: int
    kept: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A file of a job, claimed by a worker.

    Attributes
    ----------
    location : str
        Path or address of the file; "" when its bytes are kept here under `sha256`.
    sha256 : str
        Of its bytes (hex); "" until it has been read.
    urgent : bool
        Somebody waits for it.
    since : datetime or None
        When it was queued.
    typed : TypedFacts or None
        What a reader typed of the film; the networks are asked with it.
    linked : bool
        Its path may lead over links; see `imaging.locations.read_place`.
    key : bytes
        What lies at `location` is encrypted with it; see `imaging.intake.queued`.
    """

    job_id: str
    position: int
    file_name: str
    location: str = ""
    sha256: str = ""
    account: str = ""
    urgent: bool = False
    since: datetime | None = None
    typed: TypedFacts | None = None
    linked: bool = True
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """Outcome of a task.

    Attributes
    ----------
    outcome : FileOutcome or None
        None when these very bytes were answered before by the same networks.
    fault : bool
        The file was never judged: the process that read it died or was stopped.
    """

    task: Task
    sha256: str
    outcome: FileOutcome | None
    fault: bool = False


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job has come, without its files.

    Attributes
    ----------
    counts : mapping of Status to int
        Files that have their outcome.
    rate : float or None
        Files a second of late, up to the newest outcome; None where nobody can tell.
    announced, arrived, expected : int
        Files that a browser said it would send, those that came, and those that are still being
        sent; 0 for a job that does not come from a browser. The rest is missing.
    duplicates : int
        Files with an outcome whose bytes were here already.
    """

    job_id: str
    kind: JobKind
    state: JobState
    source: str
    priority: int
    account: str
    created_at: datetime
    total: int
    counts: Mapping[Status, int] = field(default_factory=dict)
    rate: float | None = None
    announced: int = 0
    arrived: int = 0
    expected: int = 0
    duplicates: int = 0

    @property
    def helpers(self) -> int:
        """Files that are no films and not meant as such."""
        return self.counts.get(Status.HELPER, 0)

    @property
    def done(self) -> int:
        """Files that have their outcome."""
        return sum(self.counts.values())

    @property
    def finished(self) -> bool:
        """True when nothing waits any more; a watched folder never is until it is cancelled."""
        if self.state is JobState.CANCELLED:
            return True
        more = self.state is JobState.LISTING or self.kind is JobKind.WATCH or self.expected > 0
        return self.done == self.total and not more

    @property
    def seconds_left(self) -> float | None:
        """At this rate; None when nobody can tell, as while files are still being found."""
        if not self.rate or self.state is JobState.LISTING or self.expected:
            return None
        return (self.total - self.done) / self.rate
