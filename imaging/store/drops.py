"""Drops: what a browser said it would send, and what became of each of these files.

A drop is a job whose files arrive one after the other. What was announced is written down first,
so that a file that is cut, refused or never sent is known by its name, after a reload too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import Session

from imaging.errors import ConflictError, NotFoundError
from imaging.jobs import (
    HANDFUL,
    NORMAL,
    URGENT,
    Arrival,
    DropState,
    JobKind,
    JobState,
    Loss,
    MissingFile,
)
from imaging.review.rights import Right
from imaging.store.base import Records
from imaging.store.jobs import add_lost, load_row, new_job, next_position, note_job
from imaging.store.schema import json_codec
from imaging.store.schema.tables import DropFileTable, JobFileTable, JobTable, now

_CANCELLED = "This batch was cancelled; add the files again."
_NOT_ANNOUNCED = "This file was not announced; add it again."
_DELETED = "The files were deleted while they arrived; add them again."
_MOST = 500  # numbers in one query


class Drops(Records):
    """Files on their way from browsers."""

    def open(self, files: Sequence[tuple[str, int]], *, account: str = "") -> str:
        """Write down what a browser will send, (name, bytes) each; returns the job's id.

        Somebody waits for a handful of files: they go before any folder.
        """
        priority = URGENT if len(files) <= HANDFUL else NORMAL
        job = new_job(JobKind.UPLOAD, account=account, priority=priority)
        with self._database.writing(Right.INTAKE) as session:
            session.add(job)
            session.flush()
            rows = [
                {
                    "job_id": job.job_id,
                    "number": number,
                    "name": json_codec.plain(name),
                    "size": size,
                    "state": DropState.EXPECTED.value,
                }
                for number, (name, size) in enumerate(files)
            ]
            if rows:
                session.execute(insert(DropFileTable), rows)
            note_job(session, job.job_id, account, f"{len(rows)} files announced")
        return job.job_id

    def insist_on_owner(self, job_id: str, account: str) -> None:
        """Insist that a drop is this reader's.

        Raises
        ------
        NotFoundError
            If there is none of that id that this account opened.
        """
        with self._database.reading(Right.INTAKE) as session:
            if load_row(session, job_id).account != account:
                raise NotFoundError("This batch is not known here. Add the files again.")

    def announced(self, job_id: str, numbers: Sequence[int]) -> dict[int, tuple[str, int, bool]]:
        """Name, bytes, and whether it has arrived, of files of a drop.

        They count as heard of. A file that was given up is expected again.

        Raises
        ------
        ConflictError
            If the job was cancelled, or one was not announced.
        """
        with self._database.writing(Right.INTAKE) as session:
            _insist_on_open(session, job_id)
            rows = _load(session, job_id, numbers)
            for row in rows.values():
                row.heard_at = now()
                if row.state != DropState.ARRIVED.value:
                    row.state, row.loss = DropState.EXPECTED.value, ""
            return {
                number: (row.name, row.size, row.state == DropState.ARRIVED.value)
                for number, row in rows.items()
            }

    def take(self, job_id: str, arrivals: Sequence[Arrival]) -> None:
        """Queue files that have arrived; one that had arrived before changes nothing.

        Raises
        ------
        ConflictError
            If the job was cancelled, one was not announced, or bytes were deleted meanwhile.
        """
        with self._database.writing(Right.INTAKE) as session:
            job = _insist_on_open(session, job_id)
            rows = _load(session, job_id, [arrival.number for arrival in arrivals])
            new = [a for a in arrivals if rows[a.number].state != DropState.ARRIVED.value]
            kept = [(json_codec.plain(name), sha256) for a in new for name, sha256 in a.kept]
            if not all(self._objects.path(sha256).exists() for _, sha256 in kept):
                raise ConflictError(_DELETED)
            start = next_position(session, job_id)
            files = [
                {
                    "job_id": job_id,
                    "position": start + i,
                    "file_name": name,
                    "sha256": sha256,
                    "message": "",
                }
                for i, (name, sha256) in enumerate(kept)
            ]
            if files:
                session.execute(insert(JobFileTable), files)
            end = start + len(files)
            end += add_lost(session, job_id, [file for a in new for file in a.refused], start=end)
            for arrival in new:
                row = rows[arrival.number]
                row.name = ""  # from now on it stands in the queue, and goes with its study
                row.state, row.loss, row.heard_at = DropState.ARRIVED.value, "", now()
            if job.priority == URGENT and start <= HANDFUL < end:  # an archive was no handful
                job.priority = NORMAL

    def lose(self, job_id: str, losses: Mapping[int, Loss]) -> None:
        """Write down files that will not come, and why; one that has arrived stays so."""
        with self._database.writing(Right.INTAKE) as session:
            for number, row in _load(session, job_id, list(losses)).items():
                if row.state != DropState.ARRIVED.value:
                    row.state, row.loss = DropState.MISSING.value, losses[number].value

    def lose_rest(self, job_id: str, loss: Loss) -> None:
        """Write down that nothing more comes of a drop, and why."""
        with self._database.writing(Right.INTAKE) as session:
            _lose(session, (DropFileTable.job_id == job_id,), loss)

    def end_silent(self, before: datetime) -> int:
        """Give up on drops whose browser was not heard since then; returns on how many."""
        silent = (
            select(DropFileTable.job_id)
            .where(
                DropFileTable.job_id.in_(
                    select(DropFileTable.job_id).where(
                        DropFileTable.state == DropState.EXPECTED.value
                    )
                )
            )
            .group_by(DropFileTable.job_id)
            .having(func.max(DropFileTable.heard_at) < before)
        )
        with self._database.reading() as session:
            job_ids = list(session.scalars(silent))
        for job_id in job_ids:
            self.lose_rest(job_id, Loss.SILENT)
        return len(job_ids)

    def dismiss(self, job_id: str, *, account: str) -> None:
        """Write down that its reader has seen what is missing of a drop.

        Raises
        ------
        NotFoundError
            As `insist_on_owner`.
        """
        self.insist_on_owner(job_id, account)
        missing = DropFileTable.job_id == job_id, DropFileTable.state == DropState.MISSING.value
        with self._database.writing(Right.INTAKE) as session:
            session.execute(
                update(DropFileTable).where(*missing).values(state=DropState.DISMISSED.value)
            )
            note_job(session, job_id, account, "missing files acknowledged")

    def count_missing(self, account: str) -> dict[str, int]:
        """How many files did not arrive and were not dismissed, by the jobs of a reader."""
        query = (
            select(DropFileTable.job_id, func.count())
            .join(JobTable, JobTable.job_id == DropFileTable.job_id)
            .where(DropFileTable.state == DropState.MISSING.value, JobTable.account == account)
            .group_by(DropFileTable.job_id)
            .order_by(func.min(JobTable.created_at))
        )
        with self._database.reading(Right.INTAKE) as session:
            return dict(session.execute(query).all())

    def missing_of(self, account: str, *, limit: int = 5000) -> dict[str, tuple[MissingFile, ...]]:
        """Files that did not arrive and that nobody has dismissed, by the jobs of a reader.

        The first of them; `count_missing` counts all.
        """
        query = (
            select(DropFileTable)
            .join(JobTable, JobTable.job_id == DropFileTable.job_id)
            .where(DropFileTable.state == DropState.MISSING.value, JobTable.account == account)
            .order_by(JobTable.created_at, DropFileTable.number)
            .limit(limit)
        )
        found: dict[str, list[MissingFile]] = {}
        with self._database.reading(Right.INTAKE) as session:
            for row in session.scalars(query):
                file = MissingFile(row.number, row.name, row.size, Loss(row.loss))
                found.setdefault(row.job_id, []).append(file)
        return {job_id: tuple(files) for job_id, files in found.items()}


def _insist_on_open(session: Session, job_id: str) -> JobTable:
    job = load_row(session, job_id)
    if job.state == JobState.CANCELLED.value:
        raise ConflictError(_CANCELLED)
    return job


def _load(session: Session, job_id: str, numbers: Sequence[int]) -> dict[int, DropFileTable]:
    rows: dict[int, DropFileTable] = {}
    for start in range(0, len(numbers), _MOST):
        part = numbers[start : start + _MOST]
        query = select(DropFileTable).where(
            DropFileTable.job_id == job_id, DropFileTable.number.in_(part)
        )
        rows.update((row.number, row) for row in session.scalars(query))
    if len(rows) < len(set(numbers)):
        raise ConflictError(_NOT_ANNOUNCED)
    return rows


def _lose(session: Session, which: Iterable[ColumnElement[bool]], loss: Loss) -> None:
    session.execute(
        update(DropFileTable)
        .where(*which, DropFileTable.state == DropState.EXPECTED.value)
        .values(state=DropState.MISSING.value, loss=loss.value)
    )
