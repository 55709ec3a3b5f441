"""Jobs: files that belong together, how far they have come, and what a worker is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from imaging.entities import Status
from imaging.study import FileOutcome

URGENT, NORMAL, LOW = 10, 0, -10  # priorities: somebody waits; a folder; a watched folder

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
    """

    job_id: str
    position: int
    file_name: str
    location: str = ""
    sha256: str = ""
    account: str = ""
    urgent: bool = False
    since: datetime | None = None


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

    @property
    def done(self) -> int:
        """Files that have their outcome."""
        return sum(self.counts.values())

    @property
    def finished(self) -> bool:
        """True when nothing waits any more; a watched folder never is until it is cancelled."""
        if self.state is JobState.CANCELLED:
            return True
        more = self.state is JobState.LISTING or self.kind is JobKind.WATCH
        return self.done == self.total and not more

    @property
    def seconds_left(self) -> float | None:
        """At this rate; None when nobody can tell, as while files are still being found."""
        if not self.rate or self.state is JobState.LISTING:
            return None
        return (self.total - self.done) / self.rate
