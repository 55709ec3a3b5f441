"""The repository: studies, assessments, reviews and jobs, spoken in entities."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, func, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, selectinload, sessionmaker

from imaging.entities import (
    Assessment,
    FileOutcome,
    Instance,
    Job,
    JobFile,
    Review,
    Status,
    StudyRecord,
    WorklistItem,
)
from imaging.errors import ConflictError, NotFoundError, StoreError
from imaging.store import serial
from imaging.store.objects import ObjectFolder
from imaging.store.tables import (
    SCHEMA_VERSION,
    AssessmentTable,
    Base,
    InstanceTable,
    JobFileTable,
    JobTable,
    ReviewTable,
    SchemaTable,
    StudyTable,
)
from imaging.worklist import worklist_item

_UNWRITABLE = (
    "The data folder cannot be opened or written. Check that the disk is connected, not full, "
    "and that LIGHTBOX_HOME names a folder you may write to."
)


class Repository:
    """Records in SQLite and originals beside them, under one folder.

    Parameters
    ----------
    engine : Engine
        Where the tables live.
    objects : ObjectFolder
        Where the original bytes live.
    """

    def __init__(self, engine: Engine, objects: ObjectFolder) -> None:
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        self._objects = objects
        self._engine = engine

    @classmethod
    def open(cls, home: Path) -> Repository:
        """Open the store below `home`, creating folder and tables on first use.

        Raises
        ------
        StoreError
            If the folder cannot be created or written, or holds another version's tables.
        """
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(_UNWRITABLE) from exc
        engine = create_engine(f"sqlite:///{home / 'lightbox.db'}", connect_args={"timeout": 30})
        event.listen(engine, "connect", _configure_sqlite)
        repository = cls(engine, ObjectFolder(home / "objects"))
        repository._prepare()
        return repository

    def _prepare(self) -> None:
        """Create missing tables; refuse a file of another schema version."""
        with self._session() as session:
            Base.metadata.create_all(session.connection())
            known = session.scalar(select(SchemaTable.version))
            if known is None:
                session.add(SchemaTable(version=SCHEMA_VERSION))
            elif known != SCHEMA_VERSION:
                raise StoreError("The data folder was written by another version of Lightbox.")

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """One transaction; database errors leave as ours."""
        try:
            with self._sessions.begin() as session:
                yield session
        except IntegrityError as exc:
            raise ConflictError("Somebody else saved this first; reload and try again.") from exc
        except (SQLAlchemyError, OSError) as exc:
            raise StoreError(_UNWRITABLE) from exc

    def close(self) -> None:
        """Give the database file back."""
        self._engine.dispose()

    # Originals and instances ---------------------------------------------------------------

    def keep(self, content: bytes) -> str:
        """Keep a file's bytes; returns their SHA-256 (hex)."""
        return self._objects.put(content)

    def content(self, sha256: str) -> bytes:
        """A file's bytes, checked against their hash."""
        return self._objects.get(sha256)

    def add_instance(self, instance: Instance) -> bool:
        """Record an instance whose bytes were kept; False when it was there already.

        Raises
        ------
        ConflictError
            If another file already bears this SOP Instance UID.
        """
        identity = instance.identity
        with self._session() as session:
            known = session.get(InstanceTable, identity.sop_instance_uid)
            if known is not None:
                if known.sha256 != identity.sha256:
                    raise ConflictError(
                        "Another film with the same SOP Instance UID is already stored; "
                        "this one was not saved."
                    )
                return False
            study = session.get(StudyTable, identity.study_instance_uid)
            if study is None:
                study = StudyTable(
                    study_instance_uid=identity.study_instance_uid, received_at=datetime.now(UTC)
                )
                session.add(study)
            study.instances.append(
                InstanceTable(
                    sop_instance_uid=identity.sop_instance_uid,
                    position=len(study.instances),
                    sha256=identity.sha256,
                    header=serial.instance_to_json(instance),
                )
            )
        return True

    def add_assessment(self, assessment: Assessment) -> None:
        """Append the network's answer about a stored instance."""
        with self._session() as session:
            session.add(
                AssessmentTable(
                    sop_instance_uid=assessment.sop_instance_uid,
                    status=assessment.status.value,
                    content=serial.assessment_to_json(assessment),
                    created_at=assessment.created_at or datetime.now(UTC),
                )
            )

    # Studies and reviews -------------------------------------------------------------------

    def study(self, study_instance_uid: str) -> StudyRecord:
        """A stored study.

        Raises
        ------
        NotFoundError
            If there is none of that UID.
        """
        with self._session() as session:
            row = session.get(StudyTable, study_instance_uid)
            if row is None:
                raise NotFoundError("This study is not in the data folder.")
            return _study(row)

    def worklist(self) -> tuple[WorklistItem, ...]:
        """All studies: highest priority first, then the longest waiting."""
        with self._session() as session:
            everything = select(StudyTable).options(
                selectinload(StudyTable.instances).selectinload(InstanceTable.assessments),
                selectinload(StudyTable.reviews),
            )
            items = [worklist_item(_study(row)) for row in session.scalars(everything)]
        return tuple(sorted(items, key=lambda i: (-i.priority, i.received_at)))

    def add_review(self, review: Review) -> Review:
        """Append the next version of a decision.

        Parameters
        ----------
        review : Review
            Its ``version`` is the version it was made on top of (0 for the first).

        Returns
        -------
        Review
            As stored, with its own version and time.

        Raises
        ------
        ConflictError
            If somebody saved another version meanwhile.
        """
        with self._session() as session:
            newest = session.scalar(
                select(func.max(ReviewTable.version)).where(
                    ReviewTable.study_instance_uid == review.study_instance_uid
                )
            )
            if (newest or 0) != review.version:
                raise ConflictError("Somebody else saved a decision first; reload and compare.")
            stored = replace(review, version=review.version + 1, created_at=datetime.now(UTC))
            session.add(
                ReviewTable(
                    study_instance_uid=stored.study_instance_uid,
                    version=stored.version,
                    content=serial.review_to_json(stored),
                    created_at=stored.created_at,
                )
            )
        return stored

    # Jobs ----------------------------------------------------------------------------------

    def add_job(self, files: Sequence[tuple[str, bytes]]) -> str:
        """Queue files (name, bytes); returns the job's id. The bytes are kept at once."""
        job = JobTable(job_id=str(uuid.uuid4()), created_at=datetime.now(UTC))
        job.files = [
            JobFileTable(position=i, file_name=name, sha256=self.keep(content))
            for i, (name, content) in enumerate(files)
        ]
        with self._session() as session:
            session.add(job)
        return job.job_id

    def job(self, job_id: str) -> Job:
        """How far a job has come.

        Raises
        ------
        NotFoundError
            If there is none of that id.
        """
        with self._session() as session:
            row = session.get(JobTable, job_id)
            if row is None:
                raise NotFoundError("This batch is not known here.")
            return _job(row)

    def unfinished_jobs(self) -> tuple[Job, ...]:
        """Jobs with a file still waiting, oldest first."""
        waiting = select(JobFileTable.job_id).where(JobFileTable.status.is_(None))
        query = select(JobTable).where(JobTable.job_id.in_(waiting)).order_by(JobTable.created_at)
        with self._session() as session:
            return tuple(_job(row) for row in session.scalars(query))

    def next_file(self) -> tuple[str, JobFile, bytes] | None:
        """The file that has waited longest: (job id, file, bytes); None when all are done."""
        query = (
            select(JobFileTable)
            .join(JobTable)
            .where(JobFileTable.status.is_(None))
            .order_by(JobTable.created_at, JobFileTable.position)
            .limit(1)
        )
        with self._session() as session:
            row = session.scalar(query)
            if row is None:
                return None
            found = row.job_id, _job_file(row), row.sha256
        return found[0], found[1], self.content(found[2])

    def finish_file(self, job_id: str, position: int, outcome: FileOutcome) -> None:
        """Write down what became of a queued file; forget its bytes if no record needs them."""
        instance = outcome.instance
        with self._session() as session:
            row = session.get_one(JobFileTable, (job_id, position))
            row.status = outcome.assessment.status.value
            row.message = " ".join(outcome.assessment.messages)
            if instance is not None:
                row.study_instance_uid = instance.identity.study_instance_uid
                row.sop_instance_uid = instance.identity.sop_instance_uid
            sha256 = row.sha256
            session.flush()
            needed = session.scalar(
                select(func.count())
                .select_from(InstanceTable)
                .where(InstanceTable.sha256 == sha256)
            ) or session.scalar(
                select(func.count())
                .select_from(JobFileTable)
                .where(JobFileTable.sha256 == sha256, JobFileTable.status.is_(None))
            )
        if not needed:
            self._objects.discard(sha256)

    def give_up_file(self, job_id: str, position: int, message: str) -> None:
        """Mark a queued file as failed without an outcome (its bytes could not be read)."""
        with self._session() as session:
            session.execute(
                update(JobFileTable)
                .where(JobFileTable.job_id == job_id, JobFileTable.position == position)
                .values(status=Status.ERROR.value, message=message)
            )


def _configure_sqlite(connection: object, _record: object) -> None:
    """Write-ahead log: readers do not wait for the worker. Foreign keys are enforced."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _study(row: StudyTable) -> StudyRecord:
    return StudyRecord(
        study_instance_uid=row.study_instance_uid,
        instances=tuple(serial.instance_from_json(i.header) for i in row.instances),
        assessments=tuple(
            serial.assessment_from_json(i.assessments[-1].content, i.assessments[-1].created_at)
            if i.assessments
            else None
            for i in row.instances
        ),
        reviews=tuple(serial.review_from_json(r.content, r.created_at) for r in row.reviews),
        received_at=row.received_at,
    )


def _job(row: JobTable) -> Job:
    return Job(row.job_id, row.created_at, tuple(_job_file(f) for f in row.files))


def _job_file(row: JobFileTable) -> JobFile:
    return JobFile(
        position=row.position,
        file_name=row.file_name,
        status=Status(row.status) if row.status else None,
        message=row.message,
        study_instance_uid=row.study_instance_uid,
        sop_instance_uid=row.sop_instance_uid,
    )
