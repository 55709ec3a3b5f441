"""Working off jobs: files are claimed, and their outcomes written down, each exactly once.

A claim is only a promise. An outcome counts when it is written, in one transaction with the
film, the network's answer, the worklist and the audit trail; whoever comes second, because its
claim had lapsed, changes nothing. So a worker may die at any moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from imaging.entities import Status
from imaging.jobs import Result, Task
from imaging.store.announcements import forget_empty, take
from imaging.store.batches import store_results
from imaging.store.jobs import active
from imaging.store.records import Records
from imaging.store.tables import JobFileTable, JobTable, ResultTable
from imaging.store.waiting import has_waiting, task_of

LEASE = timedelta(minutes=15)  # after that a claim is anybody's


class Outcomes(Records):
    """Claims and outcomes."""

    def claim_files(
        self, worker: str, limit: int, *, jobs: Sequence[str] = (), without: Collection[str] = ()
    ) -> tuple[Task, ...]:
        """Take up to `limit` waiting files: of the job with the highest priority, the oldest first.

        Parameters
        ----------
        worker : str
            Who takes them, at most 64 characters.
        jobs : sequence of str
            Of these jobs alone.
        without : collection of str
            Of none of these jobs.
        """
        with self._database.reading() as session:  # nobody waits for a look in vain
            if not _waiting(session, 1, jobs, without):
                return ()
        with self._database.writing(behind=True) as session:
            found, now = _waiting(session, limit, jobs, without), datetime.now(UTC)
            for row, _ in found:
                row.claimed_by, row.claimed_at = worker, now
            return tuple(task_of(row, job) for row, job in found)

    def release_claims(self, workers: Iterable[str]) -> None:
        """Give back what these workers had taken; they are known to be dead."""
        with self._database.writing() as session:
            session.execute(
                update(JobFileTable)
                .where(JobFileTable.status.is_(None), JobFileTable.claimed_by.in_(list(workers)))
                .values(claimed_by="", claimed_at=None)
            )

    def release_files(self, worker: str, tasks: Sequence[Task]) -> None:
        """Give back some claims of a worker; what has its outcome keeps it."""
        keys = [(task.job_id, task.position) for task in tasks]
        with self._database.writing() as session:
            session.execute(
                update(JobFileTable)
                .where(
                    tuple_(JobFileTable.job_id, JobFileTable.position).in_(keys),
                    JobFileTable.status.is_(None),
                    JobFileTable.claimed_by == worker,
                )
                .values(claimed_by="", claimed_at=None)
            )

    def claimants(self) -> tuple[str, ...]:
        """Who holds claims."""
        query = (
            select(JobFileTable.claimed_by)
            .where(JobFileTable.status.is_(None), JobFileTable.claimed_by != "")
            .distinct()
        )
        with self._database.reading() as session:
            return tuple(session.scalars(query))

    def known_results(self, sha256s: Sequence[str], fingerprint: str) -> frozenset[str]:
        """Those of some bytes (SHA-256) that these networks have answered already."""
        query = select(ResultTable.sha256).where(
            ResultTable.sha256.in_(sha256s), ResultTable.fingerprint == fingerprint
        )
        with self._database.reading() as session:
            return frozenset(session.scalars(query))

    def finish_files(
        self, worker: str, results: Sequence[Result], fingerprint: str
    ) -> tuple[Result, ...]:
        """Write outcomes down, with all that follows from them, in one transaction.

        Parameters
        ----------
        worker : str
            Who had claimed the files. Outcomes of files that somebody else has claimed meanwhile,
            or that have one already, are dropped.
        fingerprint : str
            Of the networks, see `Assessor.fingerprint`.

        Returns
        -------
        tuple of Result
            Those that were written.
        """
        with self._database.writing(behind=True) as session:
            rows = _claimed(session, worker, results)
            mine = [r for r in results if (r.task.job_id, r.task.position) in rows]
            mine, announced = take(session, mine)
            fates, replaced = store_results(session, mine, fingerprint, also=announced)
            now = datetime.now(UTC)
            for result, fate in zip(mine, fates, strict=True):
                row = rows[result.task.job_id, result.task.position]
                row.sha256 = row.sha256 or result.sha256
                if fate is None:  # what had been known was deleted meanwhile: to be read again
                    row.claimed_by, row.claimed_at = "", None
                    continue
                row.status, row.message, row.finished_at = fate.status, fate.message, now
                row.study_instance_uid = fate.study_instance_uid
                row.sop_instance_uid = fate.sop_instance_uid
            if announced:
                session.flush()
                forget_empty(session, announced)
        pairs = [(r, f) for r, f in zip(mine, fates, strict=True) if f is not None]
        lost = {
            r.sha256
            for r, f in pairs
            if f.status == Status.ERROR and not r.task.location and not r.fault
        }
        if lost | replaced:
            self._forget_bytes(lost | replaced)
        return tuple(r for r, _ in pairs)


def _waiting(
    session: Session, limit: int, jobs: Sequence[str], without: Collection[str]
) -> list[tuple[JobFileTable, JobTable]]:
    """Files that may be claimed, with their jobs.

    Job by job, each along its index: one query over all would sort every waiting file.
    """
    query = select(JobTable).where(JobTable.state.in_(active()), has_waiting())
    if jobs:
        query = query.where(JobTable.job_id.in_(jobs))
    if without:
        query = query.where(JobTable.job_id.not_in(without))
    query = query.order_by(JobTable.priority.desc(), JobTable.created_at)
    lapsed = datetime.now(UTC) - LEASE
    found: list[tuple[JobFileTable, JobTable]] = []
    for job in session.scalars(query):
        of_job = (JobFileTable.job_id == job.job_id, JobFileTable.status.is_(None))
        for free in (
            (JobFileTable.claimed_by == "",),
            (JobFileTable.claimed_by > "", JobFileTable.claimed_at < lapsed),
        ):
            rows = (
                select(JobFileTable)
                .where(*of_job, *free)
                .order_by(JobFileTable.position)
                .limit(limit - len(found))
            )
            found += [(row, job) for row in session.scalars(rows)]
            if len(found) >= limit:
                return found
    return found


def _claimed(
    session: Session, worker: str, results: Sequence[Result]
) -> dict[tuple[str, int], JobFileTable]:
    """The rows that still wait for this worker, by job and position."""
    keys = [(r.task.job_id, r.task.position) for r in results]
    query = select(JobFileTable).where(
        tuple_(JobFileTable.job_id, JobFileTable.position).in_(keys),
        JobFileTable.status.is_(None),
        JobFileTable.claimed_by == worker,
    )
    return {(row.job_id, row.position): row for row in session.scalars(query)}
