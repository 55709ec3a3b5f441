"""Working off jobs: files are claimed, and their outcomes written down, each exactly once.

A claim is only a promise. An outcome counts when it is written, in one transaction with the
film, the network's answer, the worklist and the audit trail; whoever comes second, because its
claim had lapsed, changes nothing. So a worker may die at any moment.

Whoever holds claims says every few seconds that it lives (`Claims.record_heartbeat`); when it
has been silent for `STALLED`, its claims are anybody's. Times of claims and heartbeats are the
database server's own, so that computers whose clocks differ agree on who is silent; SQLite has no
clock but that of its one computer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from imaging.entities import Status
from imaging.jobs import JobKind, Result, Task
from imaging.store.base import Records
from imaging.store.jobs import active
from imaging.store.pending_files import has_waiting, task_of
from imaging.store.pending_studies import forget_empty, take_announcements
from imaging.store.result_writer import store_results
from imaging.store.schema.tables import JobFileTable, JobTable, ResultTable, WorkerTable
from imaging.store.typed_facts import with_facts

STALLED = timedelta(seconds=30)  # a worker that was silent for so long counts as dead
_HANDED_IN = (JobKind.UPLOAD.value, JobKind.FOLDER.value, JobKind.WATCH.value)
_NOT_KEPT = (Status.ERROR, Status.HELPER)
LEASE = timedelta(minutes=15)  # for so long a claim stands whose worker has no heartbeat at all


class Claims(Records):
    """Claims and outcomes."""

    def claim_files(
        self, worker: str, limit: int, *, jobs: Sequence[str] = (), without: Collection[str] = ()
    ) -> tuple[Task, ...]:
        """Take up to `limit` waiting files: of the job with the highest priority, the oldest first.

        It counts as a heartbeat of the worker. On PostgreSQL many may claim at once, beside those
        who write: a row that another transaction holds is passed over, not waited for.

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
            if not _load_waiting(session, _now(session), 1, jobs, without):
                return ()
        with self._database.writing(background=True, alone=False) as session:
            now = _now(session)
            free = _load_waiting(session, now, limit, jobs, without, lock=True)
            for row, _ in free:
                row.claimed_by, row.claimed_at = worker, now
            if free:
                session.flush()  # the files first, then the worker: the order of `release_claims`
                _record_heartbeat(session, worker, now)
            return with_facts(session, [task_of(row, job) for row, job in free])

    def record_heartbeat(self, worker: str) -> None:
        """Write down that a worker lives; it keeps what it has claimed for `STALLED` from now."""
        with self._database.writing(alone=False) as session:
            _record_heartbeat(session, worker, _now(session))

    def end_worker(self, worker: str) -> None:
        """Forget a worker that has given back what it had claimed, and any long silent one."""
        with self._database.writing() as session:
            # the claims of a worker are no younger than its heartbeat: those lapse without it too
            long_silent = WorkerTable.heartbeat_at < _now(session) - LEASE
            session.execute(delete(WorkerTable).where(or_(WorkerTable.name == worker, long_silent)))

    def release_claims(self, workers: Iterable[str]) -> None:
        """Give back what these workers had taken; they are known to be dead."""
        names = list(workers)
        with self._database.writing() as session:
            session.execute(
                update(JobFileTable)
                .where(JobFileTable.status.is_(None), JobFileTable.claimed_by.in_(names))
                .values(claimed_by="", claimed_at=None)
            )
            session.execute(delete(WorkerTable).where(WorkerTable.name.in_(names)))

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
            Of the networks that answer, and of how they were asked.

        Returns
        -------
        tuple of Result
            Those that were written.
        """
        with self._database.writing(background=True) as session:
            rows = _load_claimed(session, worker, results)
            claimed = [r for r in results if (r.task.job_id, r.task.position) in rows]
            claimed, announced = take_announcements(session, claimed)
            entries, replaced = store_results(session, claimed, fingerprint, also=announced)
            now = datetime.now(UTC)
            for result, entry in zip(claimed, entries, strict=True):
                row = rows[result.task.job_id, result.task.position]
                row.sha256 = row.sha256 or result.sha256
                # what had been known was deleted, or something typed of it: to be read again
                if entry is None:
                    row.claimed_by, row.claimed_at = "", None
                    continue
                row.status, row.message, row.finished_at = entry.status, entry.message, now
                row.study_instance_uid = entry.study_instance_uid
                row.sop_instance_uid = entry.sop_instance_uid
            _mark_duplicates(session, list(rows.values()))
            if announced:
                session.flush()
                forget_empty(session, announced)
        pairs = [(r, e) for r, e in zip(claimed, entries, strict=True) if e is not None]
        lost = {
            r.sha256
            for r, e in pairs
            if e.status in _NOT_KEPT and not r.task.location and not r.fault
        }
        if lost | replaced:
            self._forget_bytes(lost | replaced)
        return tuple(r for r, _ in pairs)


def _now(session: Session) -> datetime:
    """Tell the time all workers agree on: the database server's; on SQLite, this computer's."""
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    return session.scalars(select(func.clock_timestamp())).one()


def _record_heartbeat(session: Session, worker: str, now: datetime) -> None:
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert if on_sqlite else postgresql.insert
    row = insert(WorkerTable).values(name=worker, heartbeat_at=now)
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"heartbeat_at": now}))


def _has_lapsed(now: datetime) -> ColumnElement[bool]:
    """True for a claimed file whose worker is silent, or whose claim is old and nobody's we know.

    A claim is a heartbeat too, so that of a silent worker is as old as its silence. It is asked
    for all the same: of a claim that ended while this query began the row is seen as it is now,
    the heartbeat as it was.
    """
    name = WorkerTable.name == JobFileTable.claimed_by
    silent = exists().where(name, WorkerTable.heartbeat_at < now - STALLED)
    unknown = and_(~exists().where(name), JobFileTable.claimed_at < now - LEASE)
    return and_(
        JobFileTable.claimed_by > "",
        JobFileTable.claimed_at < now - STALLED,
        or_(silent, unknown),
    )


def _load_waiting(
    session: Session,
    now: datetime,
    limit: int,
    jobs: Sequence[str],
    without: Collection[str],
    *,
    lock: bool = False,
) -> list[tuple[JobFileTable, JobTable]]:
    """Files that may be claimed, with their jobs.

    Job by job, each along its index: one query over all would sort every waiting file. With
    `lock`, PostgreSQL passes over rows that another transaction holds, and holds these until the
    end of this one (FOR NO KEY UPDATE: who writes a row that refers to one need not wait).
    """
    query = select(JobTable).where(JobTable.state.in_(active()), has_waiting())
    if jobs:
        query = query.where(JobTable.job_id.in_(jobs))
    if without:
        query = query.where(JobTable.job_id.not_in(without))
    query = query.order_by(JobTable.priority.desc(), JobTable.created_at)
    waiting: list[tuple[JobFileTable, JobTable]] = []
    for job in session.scalars(query):
        of_job = (JobFileTable.job_id == job.job_id, JobFileTable.status.is_(None))
        for free in (JobFileTable.claimed_by == "", _has_lapsed(now)):
            rows = (
                select(JobFileTable)
                .where(*of_job, free)
                .order_by(JobFileTable.position)
                .limit(limit - len(waiting))
            )
            if lock:
                rows = rows.with_for_update(skip_locked=True, key_share=True)
            waiting += [(row, job) for row in session.scalars(rows)]
            if len(waiting) >= limit:
                return waiting
    return waiting


def _mark_duplicates(session: Session, rows: Sequence[JobFileTable]) -> None:
    """Say of files that were just done whose bytes were handed in before (`JobFile.duplicate`).

    Within a job the first in its order is the one that counts, whichever was done first. Not
    looked at: files somebody hastened by opening their study, and what is asked about again.
    """
    session.flush()  # the outcomes of this batch count
    handed_in = _handed_in(session, {row.job_id for row in rows})
    found = {row.sha256 for row in rows if row.study_instance_uid and row.job_id in handed_in}
    query = (
        select(JobFileTable)
        .join(JobTable, JobTable.job_id == JobFileTable.job_id)
        .where(
            JobFileTable.sha256.in_(found),
            JobFileTable.status.is_not(None),
            JobFileTable.study_instance_uid != "",
            JobTable.kind.in_(_HANDED_IN),
        )
    )
    places: defaultdict[str, list[JobFileTable]] = defaultdict(list)
    for row in session.scalars(query) if found else ():
        places[row.sha256].append(row)
    done = {(row.job_id, row.position) for row in rows}
    for same in places.values():
        for row in same:
            of_job = [other.position for other in same if other.job_id == row.job_id]
            if row.position > min(of_job):
                row.duplicate = "job"
            elif (row.job_id, row.position) in done and len(same) > len(of_job):
                row.duplicate = "store"


def _handed_in(session: Session, jobs: Collection[str]) -> set[str]:
    """Those jobs whose files were handed in."""
    query = select(JobTable.job_id).where(JobTable.job_id.in_(jobs), JobTable.kind.in_(_HANDED_IN))
    return set(session.scalars(query))


def _load_claimed(
    session: Session, worker: str, results: Sequence[Result]
) -> dict[tuple[str, int], JobFileTable]:
    """The rows that still wait for this worker, by job and position; nobody claims them now."""
    keys = [(r.task.job_id, r.task.position) for r in results]
    query = (
        select(JobFileTable)
        .where(
            tuple_(JobFileTable.job_id, JobFileTable.position).in_(keys),
            JobFileTable.status.is_(None),
            JobFileTable.claimed_by == worker,
        )
        .with_for_update(key_share=True)
    )
    return {(row.job_id, row.position): row for row in session.scalars(query)}
