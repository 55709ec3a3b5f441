"""The tables (SQLAlchemy). Times are UTC; JSON columns hold the entities' plain values.

A change here needs a revision below `migrations/versions` (`python -m
imaging.store.migrations.revise`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


def now() -> datetime:
    """Tell the time, in UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware datetime; the databases drop the zone, so it is put back on reading."""

    impl = DateTime
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Mark the stored value as UTC."""
        return value.replace(tzinfo=UTC) if value is not None else None

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC without a zone."""
        return value.astimezone(UTC).replace(tzinfo=None) if value is not None else None


class Base(DeclarativeBase):
    """Declarative base."""


class SchemaTable(Base):
    """A row that Lightbox 0.3 and older look at: anything but 1 and they refuse the folder."""

    __tablename__ = "schema"
    version: Mapped[int] = mapped_column(Integer, primary_key=True)


class StudyTable(Base):
    """A study, by its UID. Whose it is, is said by its files, and by a reader where they differ."""

    __tablename__ = "studies"
    study_instance_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    instances: Mapped[list[InstanceTable]] = relationship(order_by="InstanceTable.position")
    documents: Mapped[list[DocumentTable]] = relationship(order_by="DocumentTable.position")
    reviews: Mapped[list[ReviewTable]] = relationship(order_by="ReviewTable.version")


class InstanceTable(Base):
    """An instance and its header as JSON.

    Its bytes lie in the object folder under `sha256`, or at `location` when they were not copied.
    """

    __tablename__ = "instances"
    sop_instance_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), index=True
    )
    position: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    header: Mapped[dict[str, Any]] = mapped_column(JSON)
    location: Mapped[str] = mapped_column(Text, server_default="", default="")
    assessments: Mapped[list[AssessmentTable]] = relationship(order_by="AssessmentTable.id")


class TypedFactsTable(Base):
    """A version of what a reader typed of a film without a header; appended, the newest counts."""

    __tablename__ = "typed_facts"
    sop_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("instances.sop_instance_uid"), primary_key=True
    )
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), index=True
    )
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    typed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ThumbnailTable(Base):
    """A small picture (JPEG) of a film for lists, by the SHA-256 of its file; goes with its bytes.

    Made where the film is decoded, by the worker: no page decodes a film to list it.
    """

    __tablename__ = "thumbnails"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class DocumentTable(Base):
    """A report or presentation state and its header as JSON; its bytes lie where a film's do."""

    __tablename__ = "documents"
    sop_instance_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), index=True
    )
    position: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    header: Mapped[dict[str, Any]] = mapped_column(JSON)


class AssessmentTable(Base):
    """An answer of one network about one instance; appended, the newest counts."""

    __tablename__ = "assessments"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    sop_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("instances.sop_instance_uid"), index=True
    )
    status: Mapped[str] = mapped_column(String(16))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReviewTable(Base):
    """A version of a reader's work; the key makes a second writer of a version fail."""

    __tablename__ = "reviews"
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), primary_key=True
    )
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    stage: Mapped[str] = mapped_column(String(16), server_default="draft")
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DecisionTable(Base):
    """A reader's word on whose a study is: the patient that is right, and those it stands for."""

    __tablename__ = "identity_decisions"
    study_instance_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient: Mapped[dict[str, Any]] = mapped_column(JSON)
    accepted: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    reader: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SeparationTable(Base):
    """A patient whose files were taken out of a study, and the study they went to.

    What comes later under the old UID and is this patient's goes there too.
    """

    __tablename__ = "separations"
    study_instance_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    separated_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    patients: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class FirstReadTable(Base):
    """A call committed before the network's answer was shown: once per study and account."""

    __tablename__ = "first_reads"
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), primary_key=True
    )
    account: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    committed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReadingEventTable(Base):
    """What happened while a study was read, and the switches of AI (`imaging.review.events`)."""

    __tablename__ = "reading_events"
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), primary_key=True
    )
    account: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)


class TruthTable(Base):
    """The truth about a study: what it turned out to show."""

    __tablename__ = "truths"
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), primary_key=True
    )
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    present: Mapped[bool] = mapped_column(Boolean)
    source: Mapped[str] = mapped_column(Text)


class CaseTable(Base):
    """A film the site compares others with: its features, as one network sees it."""

    __tablename__ = "cases"
    sop_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("instances.sop_instance_uid"), primary_key=True
    )
    weights_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), index=True
    )
    features: Mapped[bytes] = mapped_column(LargeBinary)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WorklistTable(Base):
    """A row per study: what the worklist shows, sorts by and searches (`worklist_rows` keeps it).

    All of it follows from the other tables. `read` is whether it waits for nobody: signed, or a
    prior that is folded below a later study (`prior_of`). `standing` is the priority turned round
    (0 is routine, below 0 is raised) so that the order of reading is one direction of one index;
    `signals` is what raised it, so that a new level of the site is one UPDATE.
    """

    __tablename__ = "worklist"
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), primary_key=True
    )
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read: Mapped[bool] = mapped_column(Boolean)
    standing: Mapped[int] = mapped_column(Integer)
    search: Mapped[str] = mapped_column(Text)  # near the front, where a scan finds it soonest
    search_all: Mapped[str] = mapped_column(Text)  # with the network's words
    signals: Mapped[str] = mapped_column(Text)
    status: Mapped[str | None] = mapped_column(String(16), nullable=True)
    message: Mapped[str] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(String(16), nullable=True)
    finding_code: Mapped[str | None] = mapped_column(Text, nullable=True)
    finding_label: Mapped[str] = mapped_column(Text)
    probability: Mapped[float | None] = mapped_column(Float, nullable=True)
    operating_point: Mapped[float | None] = mapped_column(Float, nullable=True)
    exploratory: Mapped[bool] = mapped_column(Boolean)
    model_name: Mapped[str] = mapped_column(Text)
    model_version: Mapped[str] = mapped_column(Text)
    weights_sha256: Mapped[str] = mapped_column(String(64))
    patient_name: Mapped[str] = mapped_column(Text)
    patient_id: Mapped[str] = mapped_column(Text)
    birth_date: Mapped[str] = mapped_column(Text)
    sex: Mapped[str] = mapped_column(Text)
    age_years: Mapped[float | None] = mapped_column(Float, nullable=True)
    modality: Mapped[str] = mapped_column(Text)
    accession_number: Mapped[str] = mapped_column(Text)
    study_date: Mapped[str] = mapped_column(Text)
    study_description: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(16))
    instances: Mapped[int] = mapped_column(Integer)
    stage: Mapped[str | None] = mapped_column(String(16), nullable=True)
    reader: Mapped[str] = mapped_column(Text)
    held: Mapped[bool] = mapped_column(Boolean)
    id_key: Mapped[str] = mapped_column(Text, index=True)  # finds priors, as do the next two
    name_key: Mapped[str] = mapped_column(Text, index=True)
    birth_key: Mapped[str] = mapped_column(String(8), index=True)
    patient_key: Mapped[str] = mapped_column(Text)
    date_key: Mapped[str] = mapped_column(String(8))
    typed: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)
    signed: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)
    prior_of: Mapped[str] = mapped_column(String(64), server_default="", default="", index=True)
    time_key: Mapped[str] = mapped_column(Text, server_default="", default="")
    body_part: Mapped[str] = mapped_column(Text, server_default="", default="")
    view_position: Mapped[str] = mapped_column(Text, server_default="", default="")
    age_key: Mapped[float] = mapped_column(Float, server_default="-1", default=-1.0)  # -1: unknown
    stage_key: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    ai_off: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)
    __table_args__ = (
        # the list is read priority by priority: a row outside them would be in no part of it
        CheckConstraint("standing BETWEEN -6 AND 0", name="ck_worklist_standing"),
        Index("ix_worklist_reading", "read", "standing", "received_at", "study_instance_uid"),
        Index("ix_worklist_waiting", "read", "received_at", "study_instance_uid"),
        Index("ix_worklist_patient", "patient_key", "received_at", "study_instance_uid"),
        Index("ix_worklist_date", "date_key", "received_at", "study_instance_uid"),
        Index("ix_worklist_modality", "modality", "received_at", "study_instance_uid"),
        Index("ix_worklist_age", "age_key", "received_at", "study_instance_uid"),
        Index("ix_worklist_stage", "stage_key", "received_at", "study_instance_uid"),
    )


class SiteTable(Base):
    """A setting of the site, which holds for all readers, by its name."""

    __tablename__ = "site"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JSON)


class ViewTable(Base):
    """A list a reader keeps under a name."""

    __tablename__ = "views"
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    query: Mapped[dict[str, Any]] = mapped_column(JSON)


class JobTable(Base):
    """Files that belong together: `kind` and `state` are those of `imaging.jobs`."""

    __tablename__ = "jobs"
    job_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    account: Mapped[str] = mapped_column(String(64), server_default="", default="")
    kind: Mapped[str] = mapped_column(String(16), server_default="upload", default="upload")
    state: Mapped[str] = mapped_column(String(16), server_default="running", default="running")
    source: Mapped[str] = mapped_column(Text, server_default="", default="")
    priority: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    files: Mapped[list[JobFileTable]] = relationship(order_by="JobFileTable.position")


_WAITS = text("status IS NULL")


class JobFileTable(Base):
    """A file of a job; `status` is null while it waits, `claimed_by` names who works on it.

    `mark` is what a watched file was when it was queued (`locations.mark_text`), "" where unknown.
    """

    __tablename__ = "job_files"
    __table_args__ = (
        Index("ix_job_files_open", "job_id", "status", "claimed_by", "position"),
        Index("ix_job_files_place", "job_id", "location"),
        Index("ix_job_files_finished", "job_id", "finished_at"),
        Index("ix_job_files_waiting", "job_id", sqlite_where=_WAITS, postgresql_where=_WAITS),
    )
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.job_id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    file_name: Mapped[str] = mapped_column(Text)
    status: Mapped[str | None] = mapped_column(String(16), nullable=True, index=True)
    sha256: Mapped[str] = mapped_column(String(64), default="", index=True)
    message: Mapped[str] = mapped_column(Text, default="")
    study_instance_uid: Mapped[str] = mapped_column(String(64), default="")
    sop_instance_uid: Mapped[str] = mapped_column(String(64), default="")
    location: Mapped[str] = mapped_column(Text, server_default="", default="")
    claimed_by: Mapped[str] = mapped_column(String(64), server_default="", default="")
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    added_at: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True, default=now)
    mark: Mapped[str] = mapped_column(Text, server_default="", default="")
    duplicate: Mapped[str] = mapped_column(String(8), server_default="", default="")


class DropFileTable(Base):
    """A file that a browser said it would send; `state` is that of `imaging.jobs`.

    `loss` is why it did not arrive (`imaging.jobs.Loss`), `heard_at` when the browser last spoke of
    it.
    """

    __tablename__ = "drop_files"
    __table_args__ = (Index("ix_drop_files_state", "state", "job_id"),)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.job_id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    loss: Mapped[str] = mapped_column(String(16), server_default="", default="")
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class WorkerTable(Base):
    """Who works off files, by the name in `JobFileTable.claimed_by`, and when it last said so.

    A worker says that it lives in one row, however many files it has claimed.
    """

    __tablename__ = "workers"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AnnouncementTable(Base):
    """The header of a queued film that nobody has assessed yet: its study is listed."""

    __tablename__ = "announcements"
    __table_args__ = (
        ForeignKeyConstraint(
            ["job_id", "position"],
            ["job_files.job_id", "job_files.position"],
            name="fk_announcements_file",
            ondelete="CASCADE",
        ),
    )
    job_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), index=True
    )
    sop_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    header: Mapped[dict[str, Any]] = mapped_column(JSON)


class ResultTable(Base):
    """The outcome of some bytes by some networks (`fingerprint`): none is asked for twice."""

    __tablename__ = "results"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(Text)
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(64))


class AccountTable(Base):
    """A reader who may sign in; `password_hash` is argon2id, empty where nobody can sign in."""

    __tablename__ = "accounts"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    reader: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    blind: Mapped[bool] = mapped_column(Boolean, default=False)
    bindings: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    language: Mapped[str] = mapped_column(String(16), server_default="", default="")
    disabled: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)
    ai_off: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)
    tour_closed: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)
    roles: Mapped[str] = mapped_column(Text)  # names of `imaging.review.roles.Role`, by commas
    failures: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SessionTable(Base):
    """A signed-in browser, by the SHA-256 of its token: who reads this table cannot sign in."""

    __tablename__ = "sessions"
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    active_until: Mapped[datetime] = mapped_column(UtcDateTime)  # then the screen locks
    # of a sign-in by a provider: the one there, and its ID token (`access.secret_box`)
    provider_session: Mapped[str] = mapped_column(Text, server_default="", default="")
    id_token: Mapped[bytes | None] = mapped_column(LargeBinary, nullable=True)
    # until when the provider's word that it is the reader stands for the password
    confirmed_until: Mapped[datetime | None] = mapped_column(UtcDateTime, nullable=True)


class ProviderAccountTable(Base):
    """An account of somebody who signs in by a provider, by what the provider never gives anew."""

    __tablename__ = "provider_accounts"
    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), unique=True)


class SecondFactorTable(Base):
    """A reader's second factor (RFC 6238), sealed: who reads this table alone has none of it.

    `last_step` is the latest time step of a code that was used. Of recovery codes, which are 80
    random bits each, the SHA-256 is kept.
    """

    __tablename__ = "second_factors"
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger)
    recovery: Mapped[list[str]] = mapped_column(JSON)


class AuditTable(Base):
    """The audit trail; triggers of the migration refuse every change of a line.

    `at` is text (ISO 8601, UTC), so that the bytes under the digest are the bytes stored. `seals`
    are the records the line tells of (`imaging.store.seals.row_seals`), under the digest too;
    `seal` is the digest signed, on the last line of every transaction.
    """

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    account: Mapped[str] = mapped_column(String(64))
    deed: Mapped[str] = mapped_column(String(32))
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    detail: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    seals: Mapped[str] = mapped_column(Text, server_default="", default="")
    seal: Mapped[str] = mapped_column(String(128), server_default="", default="")


class RelayTable(Base):
    """How far the audit trail was sent to a collector; `trouble` is why it goes no further."""

    __tablename__ = "audit_relays"
    collector: Mapped[str] = mapped_column(String(255), primary_key=True)
    number: Mapped[int] = mapped_column(Integer)
    trouble: Mapped[str] = mapped_column(Text)
    told_at: Mapped[datetime] = mapped_column(UtcDateTime)
