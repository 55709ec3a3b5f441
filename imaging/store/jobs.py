"""The queue: files handed in together, which a worker takes one at a time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select, update

from imaging.entities import FileOutcome, Job, JobFile, Status
from imaging.errors import NotFoundError
from imaging.store import serial
from imaging.store.records import Records
from imaging.store.tables import JobFileTable, JobTable


class Jobs(Records):
    """What still waits for the network."""

    def add_job(
        self,
        files: Sequence[tuple[str, bytes]],
        *,
        refused: Sequence[tuple[str, str]] = (),
        account: str = "",
    ) -> str:
        """Queue files (name, bytes); returns the job's id. The bytes are kept at once.

        What could not even be unpacked is written down with its reason: ``refused`` holds
        (name, sentence) pairs.
        """
        job = JobTable(job_id=str(uuid.uuid4()), created_at=datetime.now(UTC), account=account)
        job.files = [
            JobFileTable(
                position=i, file_name=serial.plain(name), sha256=self._objects.put(content)
            )
            for i, (name, content) in enumerate(files)
        ]
        lost = [
            JobFileTable(
                position=i,
                file_name=serial.plain(name),
                sha256="",
                status=Status.ERROR.value,
                message=sentence,
            )
            for i, (name, sentence) in enumerate(refused, len(files))
        ]
        with self._database.writing() as session:
            session.add(job)
            session.flush()
            for row, (_, content) in zip(job.files, files, strict=True):
                if not self._objects.path(row.sha256).exists():  # a study was deleted meanwhile
                    self._objects.put(content)
            job.files.extend(lost)
        return job.job_id

    def job(self, job_id: str) -> Job:
        """How far a job has come.

        Raises
        ------
        NotFoundError
            If there is none of that id.
        """
        with self._database.reading() as session:
            row = session.get(JobTable, job_id)
            if row is None:
                raise NotFoundError("This batch is not known here.")
            return _job(row)

    def unfinished_jobs(self) -> tuple[Job, ...]:
        """Jobs with a file still waiting, oldest first."""
        waiting = select(JobFileTable.job_id).where(JobFileTable.status.is_(None))
        query = select(JobTable).where(JobTable.job_id.in_(waiting)).order_by(JobTable.created_at)
        with self._database.reading() as session:
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
        with self._database.reading() as session:
            row = session.scalar(query)
            if row is None:
                return None
            found = row.job_id, _job_file(row), row.sha256
        return found[0], found[1], self._objects.get(found[2])

    def finish_file(self, job_id: str, position: int, outcome: FileOutcome) -> None:
        """Write down what became of a queued file; forget its bytes if no record needs them."""
        kept = outcome.instance or outcome.document
        with self._database.writing() as session:
            row = session.get_one(JobFileTable, (job_id, position))
            row.status = outcome.assessment.status.value
            row.message = " ".join(outcome.assessment.messages)
            if kept is not None:
                row.study_instance_uid = kept.identity.study_instance_uid
                row.sop_instance_uid = kept.identity.sop_instance_uid
            sha256 = row.sha256
        self._forget_bytes({sha256})

    def give_up_file(self, job_id: str, position: int, message: str) -> None:
        """Mark a queued file as failed without an outcome (its bytes could not be read)."""
        with self._database.writing() as session:
            session.execute(
                update(JobFileTable)
                .where(JobFileTable.job_id == job_id, JobFileTable.position == position)
                .values(status=Status.ERROR.value, message=message)
            )


def _job(row: JobTable) -> Job:
    files = tuple(_job_file(f) for f in row.files)
    return Job(row.job_id, row.created_at, files, account=row.account)


def _job_file(row: JobFileTable) -> JobFile:
    return JobFile(
        position=row.position,
        file_name=row.file_name,
        status=Status(row.status) if row.status else None,
        message=row.message,
        study_instance_uid=row.study_instance_uid,
        sop_instance_uid=row.sop_instance_uid,
    )
