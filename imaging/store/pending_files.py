"""Files that wait: their headers are looked at before their turn, or their turn comes at once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, tuple_
from sqlalchemy.orm import Session

from imaging.entities import Instance
from imaging.jobs import NOWHERE, URGENT, JobKind, JobState, Span, Task
from imaging.review.records import AuditEvent
from imaging.review.rights import Right
from imaging.store import audit
from imaging.store.base import Records
from imaging.store.identities import Routes, route_film
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    AnnouncementTable,
    InstanceTable,
    JobFileTable,
    JobTable,
    StudyTable,
)
from imaging.store.worklist_rows import refresh_worklist

_HANDFUL = 20  # films
Look = tuple[Task, Instance]  # a file that waits, and what its header says
_IS = tuple_(JobFileTable.job_id, JobFileTable.position)
_ANNOUNCED = (
    AnnouncementTable.job_id == JobFileTable.job_id,
    AnnouncementTable.position == JobFileTable.position,
)


class PendingFiles(Records):
    """Files that nobody has assessed yet."""

    def not_yet_scanned(
        self, spans: Mapping[str, Span], *, until: datetime, limit: int
    ) -> tuple[Task, ...]:
        """Files of one job that wait and whose headers were not announced yet.

        What was queued since the last look comes first, then the end of the pile: what waits
        longest is announced soonest, and what is assessed soon need not be. Films that are
        assessed again are left out: their studies are listed already.

        Parameters
        ----------
        spans : mapping of str to Span
            Of jobs, the positions that somebody has looked at.
        until : datetime
            Files queued later are left out: most are assessed before anybody could look.
        limit : int
        """
        jobs = (
            select(JobTable)
            .where(
                JobTable.state != JobState.CANCELLED.value,
                JobTable.kind != JobKind.RESCORE.value,
                has_waiting(),
            )
            .order_by(JobTable.priority.desc(), JobTable.created_at)
        )
        at = JobFileTable.position
        with self._database.reading() as session:
            for job in session.scalars(jobs):
                low, high = spans.get(job.job_id) or _load_span(session, job.job_id)
                rows = (
                    select(JobFileTable)
                    .where(
                        JobFileTable.job_id == job.job_id,
                        JobFileTable.status.is_(None),
                        JobFileTable.claimed_by == "",
                        or_(JobFileTable.added_at.is_(None), JobFileTable.added_at <= until),
                        ~exists().where(*_ANNOUNCED),
                    )
                    .limit(limit)
                )
                new = rows.where(at > high).order_by(at) if high >= 0 else None
                old = rows.where(at < low).order_by(at.desc())
                for part in (new, old):
                    if part is not None and (waiting := session.scalars(part).all()):
                        return tuple(task_of(row, job) for row in waiting)
        return ()

    def add_pending(self, looks: Sequence[Look]) -> int:
        """Put studies of films that wait on the worklist; returns how many films were new.

        Left out are files that have their outcome by now, and films that are stored already.
        """
        with self._database.writing(Right.INTAKE, background=True) as session:
            new = _select_new(session, _route(session, looks))
            if not new:
                return 0
            _insist_on_studies(session, new)
            session.execute(
                insert(AnnouncementTable),
                [
                    {
                        "job_id": task.job_id,
                        "position": task.position,
                        "study_instance_uid": film.identity.study_instance_uid,
                        "sop_instance_uid": film.identity.sop_instance_uid,
                        "header": json_codec.instance_to_json(film),
                    }
                    for task, film in new
                ],
            )
            refresh_worklist(session, [film.identity.study_instance_uid for _, film in new])
        return len(new)

    def films_waiting(self, study_instance_uid: str) -> int:
        """How many films of a study are announced and wait."""
        query = (
            select(func.count())
            .select_from(AnnouncementTable)
            .where(AnnouncementTable.study_instance_uid == study_instance_uid)
        )
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def prioritise_study(self, study_instance_uid: str, *, account: str = "") -> bool:
        """Queue films of a study that wait before all others: somebody wants to see them.

        A handful of them, so that a long series holds up nobody else. Their first job keeps them
        too, and finds them answered. False when none waits that is not in such haste already.
        """
        with self._database.reading() as session:  # nobody waits for a look in vain
            if not _load_not_urgent(session, study_instance_uid):
                return False
        with self._database.writing(Right.FILMS) as session:
            rows = _load_not_urgent(session, study_instance_uid)
            if not rows:
                return False
            job = JobTable(
                job_id=str(uuid.uuid4()),
                created_at=datetime.now(UTC),
                account=account,
                kind=JobKind.OPENED.value,
                priority=URGENT,
            )
            job.files = [
                JobFileTable(
                    position=i,
                    file_name=row.file_name,
                    location=row.location,
                    sha256=row.sha256,
                    added_at=row.added_at,
                )
                for i, row in enumerate(rows)
            ]
            session.add(job)
            audit.append(
                session,
                AuditEvent.JOB,
                account=account,
                study_instance_uid=study_instance_uid,
                detail=f"job {job.job_id}: {len(rows)} images hastened",
            )
        return True


def has_waiting() -> ColumnElement[bool]:
    """True for a job with a file that waits.

    From one such job to the next along an index of the files that wait: neither the jobs of all
    years are asked, nor every file of a long one.
    """
    first = func.min(JobFileTable.job_id)
    jobs = (
        select(first.label("job_id"))
        .where(JobFileTable.status.is_(None))
        .cte("with_waiting", recursive=True)
    )
    following = select(first).where(
        JobFileTable.status.is_(None), JobFileTable.job_id > jobs.c.job_id
    )
    further = select(following.scalar_subquery()).where(jobs.c.job_id.is_not(None))
    jobs = jobs.union_all(further)
    return JobTable.job_id.in_(select(jobs.c.job_id))


def task_of(row: JobFileTable, job: JobTable) -> Task:
    """The task of a row, as a worker gets it."""
    return Task(
        job_id=row.job_id,
        position=row.position,
        file_name=row.file_name,
        location=row.location,
        sha256=row.sha256,
        account=job.account,
        urgent=job.priority >= URGENT,
        since=row.added_at or job.created_at,
    )


def _route(session: Session, looks: Sequence[Look]) -> list[Look]:
    """The same, each film in the study that its patient's files were separated to."""
    routes = Routes(session, [film.identity.study_instance_uid for _, film in looks])
    return [(task, route_film(routes, film)) for task, film in looks]


def _select_new(session: Session, looks: Sequence[Look]) -> list[Look]:
    """Select those whose files still wait, unannounced, and whose films are not stored."""
    keys = [(task.job_id, task.position) for task, _ in looks]
    sops = [film.identity.sop_instance_uid for _, film in looks]
    open_files = select(JobFileTable.job_id, JobFileTable.position).where(
        _IS.in_(keys), JobFileTable.status.is_(None), ~exists().where(*_ANNOUNCED)
    )
    waiting = {(job_id, position) for job_id, position in session.execute(open_files)}
    sop = InstanceTable.sop_instance_uid
    stored = set(session.scalars(select(sop).where(sop.in_(sops))))
    return [
        (task, film)
        for task, film in looks
        if (task.job_id, task.position) in waiting and film.identity.sop_instance_uid not in stored
    ]


def _insist_on_studies(session: Session, looks: Sequence[Look]) -> None:
    """The studies of films, made when they are the first; they wait since their file was queued."""
    uids = {film.identity.study_instance_uid for _, film in looks}
    study = StudyTable.study_instance_uid
    stored = set(session.scalars(select(study).where(study.in_(uids))))
    new: dict[str, dict[str, Any]] = {}
    for task, film in looks:
        uid = film.identity.study_instance_uid
        if uid not in stored:
            new.setdefault(
                uid,
                {
                    "study_instance_uid": uid,
                    "received_at": task.since or datetime.now(UTC),
                },
            )
    if new:
        session.execute(insert(StudyTable), list(new.values()))


def _load_not_urgent(session: Session, study_instance_uid: str) -> list[JobFileTable]:
    """The first films of a study that wait, without those that an urgent job holds, waiting."""
    first = (
        select(JobFileTable)
        .join(AnnouncementTable, and_(*_ANNOUNCED))
        .where(
            AnnouncementTable.study_instance_uid == study_instance_uid,
            JobFileTable.status.is_(None),
        )
        .order_by(JobFileTable.job_id, JobFileTable.position)
        .limit(_HANDFUL)
    )
    rows = {(row.location, row.sha256): row for row in session.scalars(first)}
    urgent = (
        select(JobFileTable.location, JobFileTable.sha256)
        .join(JobTable, JobTable.job_id == JobFileTable.job_id)
        .where(
            JobTable.priority >= URGENT,
            JobTable.state.in_([JobState.LISTING.value, JobState.RUNNING.value]),
            JobFileTable.status.is_(None),
            tuple_(JobFileTable.location, JobFileTable.sha256).in_(list(rows)),
        )
    )
    urgent_places = {(location, sha256) for location, sha256 in session.execute(urgent)}
    return [row for place, row in rows.items() if place not in urgent_places]


def _load_span(session: Session, job_id: str) -> Span:
    """The positions of a job between which films were announced, as by an earlier header scan."""
    at = AnnouncementTable.position
    query = select(func.min(at), func.max(at)).where(AnnouncementTable.job_id == job_id)
    low, high = session.execute(query).one()
    return NOWHERE if low is None else (low, high)
