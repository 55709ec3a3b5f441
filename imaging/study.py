"""Records made of entities, documents and reviews: a study, its row, a file's outcome.

Frozen records that pass between rooms, like those of `imaging.entities`, which know none of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imaging.documents import Document
from imaging.entities import (
    Acquisition,
    Answer,
    Assessment,
    Finding,
    Instance,
    ModelIdentity,
    Patient,
    SourceKind,
    Status,
    Unreadable,
)
from imaging.errors import HeldStudyError
from imaging.patients import HELD, IdentityDecision, group_patients, merge
from imaging.review.events import AiScope
from imaging.review.records import Review, Stage


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """Outcome of one file handed in: an ``instance``, a ``document``, or unreadable.

    ``thumbnail`` is a small picture (JPEG) of a film whose pixels could be read, else empty.
    """

    file_name: str
    assessment: Assessment
    instance: Instance | None = None
    document: Document | None = None
    thumbnail: bytes = b""


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """A stored study with its instances and their latest assessments (same order).

    A study may hold documents, films that cannot be read, or films that still wait for the network
    (``waiting``) alone: then ``instances`` is empty. Where a reader said which identity is right
    (``identity``), all its files have it. Where AI is off for who asks (``ai_off``), there are no
    assessments, though some may be stored.
    """

    study_instance_uid: str
    instances: tuple[Instance, ...]
    assessments: tuple[Assessment | None, ...]
    reviews: tuple[Review, ...]
    received_at: datetime
    documents: tuple[Document, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    waiting: tuple[Instance, ...] = ()
    identity: IdentityDecision | None = None
    ai_off: AiScope | None = None

    @property
    def patients(self) -> tuple[tuple[Patient, ...], ...]:
        """The persons its files name, each in all its spellings; more than one: it is held."""
        return group_patients(file.patient for file in self.files)

    @property
    def held(self) -> bool:
        """True while its files contradict each other about whose they are."""
        return len(self.patients) > 1

    def insist_on_one_patient(self) -> None:
        """Refuse what may not be done with a study that is held.

        Raises
        ------
        HeldStudyError
            While its files name two patients.
        """
        if self.held:
            raise HeldStudyError(HELD)

    @property
    def patient(self) -> Patient:
        """All that its files say of its patient; of the first of them while it is held."""
        return merge(self.patients[0])

    @property
    def files(self) -> tuple[Instance | Document, ...]:
        """All it holds, the films first; never empty."""
        lost = (film.instance for film in self.unreadable)
        return (*self.instances, *self.documents, *lost, *self.waiting)

    @property
    def review(self) -> Review | None:
        """The newest version of the reader's work, or None while untouched."""
        return self.reviews[-1] if self.reviews else None

    @property
    def final(self) -> Review | None:
        """The newest version that was signed off, or None; an amendment may be under way."""
        return next((r for r in reversed(self.reviews) if r.stage == "final"), None)


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """A row of the worklist: a study, why it stands where it stands, and who read it.

    ``priority`` counts up from 0 (routine); see `imaging.worklist.order`. The network may raise it;
    nothing lowers it but a reader's signature. A study the network could not answer keeps the
    routine priority and shows its reason. ``patient`` and ``acquisition`` hold what a row shows.
    ``typed`` is True where a reader typed who the patient is, for want of a header.
    ``held`` is True while its files name two patients: then it counts as unread, signed or not.
    ``stage`` and ``reader`` are those of the newest version of the review, None and empty while
    untouched; ``overdue`` is True once it has waited, unread, as long as the site lets one wait.
    ``ai_off`` is True where nothing is told of a network, because AI is switched off.
    """

    study_instance_uid: str
    priority: int
    status: Status | None  # None while it waits for the network
    message: str
    finding: Finding | None
    answer: Answer | None
    model: ModelIdentity | None
    patient: Patient
    acquisition: Acquisition
    source: SourceKind
    file_name: str
    instances: int
    received_at: datetime
    stage: Stage | None
    reader: str
    read: bool  # somebody signed off; a later draft of an amendment does not undo that
    overdue: bool = False
    typed: bool = False
    held: bool = False
    ai_off: bool = False
