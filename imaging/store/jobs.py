"""Jobs: files that belong together, how far they have come, and what a reader may do with them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session

from imaging.entities import Job, JobFile, Status
from imaging.errors import ConflictError, NotFoundError
from imaging.jobs import DropState, JobKind, JobProgress, JobState
from imaging.review.records import AuditEvent
from imaging.review.rights import Right
from imaging.store import audit
from imaging.store.access.sessions import insist_on_owner
from imaging.store.base import Records
from imaging.store.pending_files import has_waiting
from imaging.store.pending_studies import forget_empty, forget_job
from imaging.store.schema import json_codec
from imaging.store.schema.tables import DropFileTable, InstanceTable, JobFileTable, JobTable
from imaging.store.worklist_rows import refresh_worklist

_T = TypeVar("_T")
_UNKNOWN = "This batch is not known here. Add the files again."
_INTERRUPTED = "Lightbox was stopped before all studies were added; run the AI on the list again."
_LATELY = timedelta(minutes=1)
_FEW = 500  # studies whose films are added in one transaction
_LISTED = (JobKind.FOLDER.value, JobKind.WATCH.value)  # somebody looks for their files
_ACTIVE = (JobState.LISTING.value, JobState.RUNNING.value)


class Jobs(Records):
    """Jobs: files that wait for the network, and what became of the rest."""

    def add(
        self,
        files: Sequence[tuple[str, bytes]],
        *,
        refused: Sequence[tuple[str, str]] = (),
        account: str = "",
        priority: int = 0,
    ) -> str:
        """Queue files (name, bytes); returns the job's id. The bytes are kept at once.

        What could not even be unpacked is written down with its reason: ``refused`` holds
        (name, sentence) pairs.
        """
        job = new_job(JobKind.UPLOAD, account=account, priority=priority)
        rows = [
            JobFileTable(
                position=i, file_name=json_codec.plain(name), sha256=self._objects.put(content)
            )
            for i, (name, content) in enumerate(files)
        ]
        with self._database.writing(Right.INTAKE) as session:
            session.add(job)
            job.files = rows
            session.flush()
            for row, (_, content) in zip(rows, files, strict=True):
                if not self._objects.path(row.sha256).exists():  # a study was deleted meanwhile
                    self._objects.put(content)
            add_lost(session, job.job_id, refused, start=len(files))
        return job.job_id

    def open(self, kind: JobKind, source: str, *, account: str = "", priority: int = 0) -> str:
        """Begin a job whose files are added as they are found; returns its id."""
        job = new_job(kind, account=account, priority=priority)
        job.source, job.state = json_codec.plain(source), JobState.LISTING.value
        right = Right.RESCORE if kind is JobKind.RESCORE else Right.INTAKE
        with self._database.writing(right) as session:
            session.add(job)
            note_job(session, job.job_id, account, f"{kind.value} queued")
        return job.job_id

    def add_files(
        self,
        job_id: str,
        files: Iterable[tuple[str, str]],
        *,
        marks: Mapping[str, str] | None = None,
        kept: Iterable[tuple[str, str]] = (),
        refused: Iterable[tuple[str, str]] = (),
    ) -> int:
        """Add files to an open job; returns how many were new to it: to a cancelled one, none.

        Parameters
        ----------
        files : iterable of (name, location)
            Files that stay where they are; one whose location the job has already is left out,
            unless its mark is another.
        marks : mapping of location to mark, optional
            What the files at watched places are at present. Where the job does not know yet what
            it has from there, it takes this as the mark of that.
        kept : iterable of (name, sha256)
            Files whose bytes were kept here; left out like the others where the job has them, and
            forgotten where it was cancelled meanwhile.
        refused : iterable of (name, sentence)
            Files that could not even be unpacked; the same.
        """
        in_place = [(json_codec.plain(name), json_codec.plain(place)) for name, place in files]
        copies = [(json_codec.plain(name), sha256) for name, sha256 in kept]
        lost_files = [(json_codec.plain(name), sentence) for name, sentence in refused]
        unwanted: set[str] = set()
        with self._database.writing(Right.INTAKE) as session:
            if load_row(session, job_id).state == JobState.CANCELLED.value:
                unwanted = {sha256 for _, sha256 in copies}
                in_place, copies, lost_files = [], [], []
            start = next_position(session, job_id)
            known_marks = _load_marks(session, job_id, [place for _, place in in_place])
            current_marks = {
                json_codec.plain(place): json_codec.plain(mark)
                for place, mark in (marks or {}).items()
            }
            _adopt_marks(session, job_id, known_marks, current_marks)
            rows = [
                {
                    "file_name": name,
                    "location": place,
                    "sha256": "",
                    "mark": current_marks.get(place, ""),
                }
                for name, place in dict.fromkeys(in_place)
                if place not in known_marks
                or current_marks.get(place, "") not in {"", *known_marks[place]}
            ]
            members = _load_members(session, job_id, [n for n, _ in copies + lost_files])
            rows += [
                {"file_name": name, "location": "", "sha256": sha256}
                for name, sha256 in dict.fromkeys(copies)
                if (name, sha256) not in members
            ]
            lost_files = [file for file in lost_files if (file[0], "") not in members]
            if rows:
                session.execute(
                    insert(JobFileTable),
                    [
                        {"job_id": job_id, "position": start + i, "message": "", **row}
                        for i, row in enumerate(rows)
                    ],
                )
            lost_count = add_lost(session, job_id, lost_files, start=start + len(rows))
        if unwanted:
            self._forget_bytes(unwanted)
        return len(rows) + lost_count

    def end_listing(self, job_id: str) -> None:
        """Say that all files of a job were found; a job paused or cancelled meanwhile stays so."""
        self._change_state(job_id, JobState.RUNNING, (JobState.LISTING,))

    def add_rescore(
        self, study_instance_uids: Sequence[str], *, account: str = "", priority: int = 0
    ) -> str:
        """Queue the stored films of some studies again, for networks that have not seen them.

        They are added part by part, so that others can write and a worker can begin meanwhile.
        """
        job_id = self.open(JobKind.RESCORE, "", account=account, priority=priority)
        position = 0
        try:
            for part in _slices(study_instance_uids, _FEW):
                with self._database.writing(Right.RESCORE, background=True) as session:
                    if load_row(session, job_id).state == JobState.CANCELLED.value:
                        break
                    position += _add_films(session, job_id, part, start=position)
        finally:
            self.end_listing(job_id)
        return job_id

    def get(self, job_id: str) -> Job:
        """A job with all its files.

        Raises
        ------
        NotFoundError
            If there is none of that id.
        """
        with self._database.reading(Right.INTAKE) as session:
            row = load_row(session, job_id)
            files = tuple(job_file(f) for f in row.files)
            return Job(row.job_id, row.created_at, files, account=row.account)

    def progress(self, job_id: str) -> JobProgress:
        """How far a job has come; as cheap for a million files as for one.

        Raises
        ------
        NotFoundError
            If there is none of that id.
        """
        with self._database.reading() as session:
            row = load_row(session, job_id)
            return _load_progress(session, row)

    def files(
        self,
        job_id: str,
        *,
        statuses: Sequence[Status] = (),
        offset: int = 0,
        limit: int = 100,
    ) -> tuple[JobFile, ...]:
        """A page of a job's files in their order; of those statuses, where some are named.

        Where none is, helper files are left out.
        """
        query = select(JobFileTable).where(JobFileTable.job_id == job_id)
        if statuses:
            query = query.where(JobFileTable.status.in_([s.value for s in statuses]))
        else:
            film = JobFileTable.status != Status.HELPER.value
            query = query.where(or_(JobFileTable.status.is_(None), film))
        query = query.order_by(JobFileTable.position).offset(offset).limit(limit)
        with self._database.reading(Right.INTAKE) as session:
            return tuple(job_file(row) for row in session.scalars(query))

    def unfinished(self) -> tuple[JobProgress, ...]:
        """Jobs with a file that waits, is to be found or is on its way, oldest first.

        Watched ones too.
        """
        goes_on = or_(
            JobTable.state == JobState.LISTING.value,
            JobTable.kind == JobKind.WATCH.value,
            has_waiting(),
            _has_expected(),
        )
        query = (
            select(JobTable)
            .where(JobTable.state != JobState.CANCELLED.value, goes_on)
            .order_by(JobTable.created_at)
        )
        with self._database.reading() as session:
            return tuple(_load_progress(session, row) for row in session.scalars(query))

    def recent(self, *, account: str | None = None, limit: int = 20) -> tuple[JobProgress, ...]:
        """The newest jobs, finished or not, newest first; of one account where it is named.

        Without those that come of opening a study: nobody asked for them by that name.
        """
        query = (
            select(JobTable)
            .where(JobTable.kind != JobKind.OPENED.value)
            .order_by(JobTable.created_at.desc())
            .limit(limit)
        )
        if account is not None:
            query = query.where(JobTable.account == account)
        with self._database.reading() as session:
            return tuple(_load_progress(session, row) for row in session.scalars(query))

    def listings(self) -> tuple[JobProgress, ...]:
        """Jobs whose files are still to be found in a folder."""
        query = select(JobTable).where(
            JobTable.state == JobState.LISTING.value, JobTable.kind.in_(_LISTED)
        )
        with self._database.reading() as session:
            return tuple(_load_progress(session, row) for row in session.scalars(query))

    def end_interrupted(self, before: datetime) -> int:
        """End questions about stored films that were being put when their server was killed.

        Which studies were meant is known no more; the job says so among its outcomes, and what
        was queued by then is answered.

        Parameters
        ----------
        before : datetime
            Of jobs that got no film since then.

        Returns
        -------
        int
            How many there were.
        """
        alive = exists().where(
            JobFileTable.job_id == JobTable.job_id, JobFileTable.added_at >= before
        )
        query = select(JobTable.job_id).where(
            JobTable.state == JobState.LISTING.value,
            JobTable.kind == JobKind.RESCORE.value,
            JobTable.created_at < before,
            ~alive,
        )
        with self._database.reading() as session:
            job_ids = list(session.scalars(query))
        for job_id in job_ids:
            self.add_files(job_id, [], refused=[("", _INTERRUPTED)])
            self.end_listing(job_id)
        return len(job_ids)

    def pause(self, job_id: str, *, account: str = "") -> None:
        """Stop taking files of a job; what is being read is finished."""
        origins = (JobState.RUNNING, JobState.LISTING)
        self._change_state(job_id, JobState.PAUSED, origins, told=(account, "paused"))

    def resume(self, job_id: str, *, account: str = "") -> None:
        """Go on with a paused job: first look again for files, which may have been interrupted."""
        with self._database.writing() as session:
            row = load_row(session, job_id)
            _insist_on_steering(session, row)
            if row.state == JobState.PAUSED.value:
                listed = row.kind in _LISTED
                row.state = (JobState.LISTING if listed else JobState.RUNNING).value
                note_job(session, job_id, account, "resumed")

    def cancel(self, job_id: str, *, account: str = "") -> None:
        """End a job; files without an outcome are forgotten, outcomes stay."""
        with self._database.writing() as session:
            row = load_row(session, job_id)
            _insist_on_steering(session, row)
            row.state = JobState.CANCELLED.value
            note_job(session, job_id, account, "cancelled")
            announced = forget_job(session, job_id)
            open_files = select(JobFileTable).where(
                JobFileTable.job_id == job_id, JobFileTable.status.is_(None)
            )
            lost = set()
            for file in session.scalars(open_files):
                if not file.location:
                    lost.add(file.sha256)
                session.delete(file)
            if announced:
                refresh_worklist(session, sorted(forget_empty(session, announced)))
        self._forget_bytes(lost)

    def set_priority(self, job_id: str, priority: int, *, account: str = "") -> None:
        """Put a job before or after others; a higher number goes first."""
        with self._database.writing() as session:
            row = load_row(session, job_id)
            _insist_on_steering(session, row)
            row.priority = priority
            note_job(session, job_id, account, f"priority {priority}")

    def retryable(self, job_id: str) -> int:
        """How many files `retry_failed` would queue again: those that are still to be had.

        Raises
        ------
        NotFoundError
            If there is no job of that id.
        """
        with self._database.reading() as session:
            if load_row(session, job_id).state == JobState.CANCELLED.value:
                return 0
            elsewhere = select(func.count()).where(*_where_failed_elsewhere(job_id))
            return (session.scalar(elsewhere) or 0) + len(self._find_kept_failures(session, job_id))

    def retry_failed(self, job_id: str, *, account: str = "") -> int:
        """Queue the files of a job again that could not be read; returns how many.

        Raises
        ------
        ConflictError
            If the job was cancelled.
        """
        again = {
            "status": None,
            "message": "",
            "finished_at": None,
            "claimed_by": "",
            "claimed_at": None,
        }
        with self._database.writing() as session:
            row = load_row(session, job_id)
            _insist_on_steering(session, row)
            if row.state == JobState.CANCELLED.value:
                raise ConflictError("This batch was cancelled; add the files again.")
            note_job(session, job_id, account, "unreadable files queued again")
            where_elsewhere = _where_failed_elsewhere(job_id)
            count = session.scalar(select(func.count()).where(*where_elsewhere)) or 0
            positions = self._find_kept_failures(session, job_id)
            # a file may have been completed since: its hash is that of what it was
            session.execute(update(JobFileTable).where(*where_elsewhere).values(sha256="", **again))
            for part in _slices(positions):
                rows = (JobFileTable.job_id == job_id, JobFileTable.position.in_(part))
                session.execute(update(JobFileTable).where(*rows).values(**again))
        return count + len(positions)

    def _find_kept_failures(self, session: Session, job_id: str) -> list[int]:
        """Places in the job of files that could not be read and whose bytes are still kept."""
        query = select(JobFileTable.position, JobFileTable.sha256).where(
            *_where_failed(job_id), JobFileTable.location == "", JobFileTable.sha256 != ""
        )
        rows = session.execute(query).all()
        stored = {sha256 for _, sha256 in rows if self._objects.path(sha256).exists()}
        return [position for position, sha256 in rows if sha256 in stored]

    def _change_state(
        self,
        job_id: str,
        to: JobState,
        origins: Sequence[JobState],
        *,
        told: tuple[str, str] | None = None,
    ) -> None:
        """Change a job's state where it is one of some; `told` is who did what, for the trail."""
        with self._database.writing() as session:
            is_one = JobTable.state.in_([o.value for o in origins])
            row = session.scalar(select(JobTable).where(JobTable.job_id == job_id, is_one))
            if row is None:
                return
            if told is not None:
                _insist_on_steering(session, row)
            row.state = to.value
            if told is not None:
                note_job(session, job_id, *told)


def _insist_on_steering(session: Session, job: JobTable) -> None:
    """Who handed a batch in steers it; another's only who may steer everybody's."""
    insist_on_owner(session, job.account, Right.BATCHES, Right.INTAKE)


def note_job(session: Session, job_id: str, account: str, what: str) -> None:
    """Tell of a deed in the audit trail; a job's source may name a patient and is not told."""
    audit.append(session, AuditEvent.JOB, account=account, detail=f"job {job_id}: {what}")


def active() -> tuple[str, ...]:
    """States in which a job's files are worked on."""
    return _ACTIVE


def job_file(row: JobFileTable) -> JobFile:
    """The entity of a row."""
    return JobFile(
        position=row.position,
        file_name=row.file_name,
        status=Status(row.status) if row.status else None,
        message=row.message,
        study_instance_uid=row.study_instance_uid,
        sop_instance_uid=row.sop_instance_uid,
        duplicate=row.duplicate,
    )


def new_job(kind: JobKind, *, account: str, priority: int) -> JobTable:
    """A row for a job that begins now."""
    return JobTable(
        job_id=str(uuid.uuid4()),
        created_at=datetime.now(UTC),
        account=account,
        kind=kind.value,
        priority=priority,
    )


def load_row(session: Session, job_id: str) -> JobTable:
    """The row of a job; raises `NotFoundError`."""
    row = session.get(JobTable, job_id)
    if row is None:
        raise NotFoundError(_UNKNOWN)
    return row


def _where_failed(job_id: str) -> tuple[ColumnElement[bool], ...]:
    return JobFileTable.job_id == job_id, JobFileTable.status == Status.ERROR.value


def _where_failed_elsewhere(job_id: str) -> tuple[ColumnElement[bool], ...]:
    """Files that could not be read and were not copied; whether they are there is seen then."""
    return *_where_failed(job_id), JobFileTable.location != ""


def next_position(session: Session, job_id: str) -> int:
    """Where the next file of a job goes."""
    newest = session.scalar(
        select(func.max(JobFileTable.position)).where(JobFileTable.job_id == job_id)
    )
    return 0 if newest is None else newest + 1


def _load_marks(
    session: Session, job_id: str, locations: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Those of the locations that a job has, each with its marks and their places in the job."""
    marks: dict[str, dict[str, int]] = {}
    for part in _slices(locations):
        query = select(JobFileTable.location, JobFileTable.mark, JobFileTable.position).where(
            JobFileTable.job_id == job_id, JobFileTable.location.in_(part)
        )
        for location, mark, position in session.execute(query):
            marks.setdefault(location, {})[mark] = position
    return marks


def _adopt_marks(
    session: Session,
    job_id: str,
    known_marks: dict[str, dict[str, int]],
    current_marks: Mapping[str, str],
) -> None:
    """Give files without a mark that of what lies there now: nothing tells that it is another."""
    rows = []
    for place, marks in known_marks.items():
        mark = current_marks.get(place)
        if mark and "" in marks:
            marks[mark] = marks.pop("")
            rows.append({"job_id": job_id, "position": marks[mark], "mark": mark})
    if rows:
        session.execute(update(JobFileTable), rows)


def _load_members(session: Session, job_id: str, names: Sequence[str]) -> set[tuple[str, str]]:
    """(name, SHA-256) of the members of archives a job has: two servers may look into one."""
    members: set[tuple[str, str]] = set()
    for part in _slices(names):
        query = select(JobFileTable.file_name, JobFileTable.sha256).where(
            JobFileTable.job_id == job_id,
            JobFileTable.location == "",
            JobFileTable.file_name.in_(part),
        )
        members.update((name, sha256) for name, sha256 in session.execute(query))
    return members


def _slices(values: Sequence[_T], size: int = 500) -> Iterable[Sequence[_T]]:
    """Slices that fit into one query."""
    return (values[i : i + size] for i in range(0, len(values), size))


def add_lost(
    session: Session, job_id: str, refused: Iterable[tuple[str, str]], *, start: int
) -> int:
    """Write down what could not be unpacked; returns how many."""
    rows = [
        {
            "job_id": job_id,
            "position": position,
            "file_name": json_codec.plain(name),
            "sha256": "",
            "status": Status.ERROR.value,
            "message": sentence,
            "finished_at": datetime.now(UTC),
        }
        for position, (name, sentence) in enumerate(refused, start)
    ]
    if rows:
        session.execute(insert(JobFileTable), rows)
    return len(rows)


def _add_films(
    session: Session, job_id: str, study_instance_uids: Sequence[str], *, start: int
) -> int:
    """Add the stored films of some studies to a job; returns how many."""
    films = (
        select(
            InstanceTable.header["file_name"].as_string(),
            InstanceTable.sha256,
            InstanceTable.location,
        )
        .where(InstanceTable.study_instance_uid.in_(study_instance_uids))
        .order_by(InstanceTable.study_instance_uid, InstanceTable.position)
    )
    rows = [
        {
            "job_id": job_id,
            "position": position,
            "file_name": name,
            "sha256": sha256,
            "location": location,
        }
        for position, (name, sha256, location) in enumerate(session.execute(films), start)
    ]
    if rows:
        session.execute(insert(JobFileTable), rows)
    return len(rows)


def _load_progress(session: Session, row: JobTable) -> JobProgress:
    counted = session.execute(
        select(
            JobFileTable.status,
            func.count(),
            func.count(func.nullif(JobFileTable.duplicate, "")),
        )
        .where(JobFileTable.job_id == row.job_id)
        .group_by(JobFileTable.status)
    ).all()
    counts = {Status(status): count for status, count, _ in counted if status}
    total = sum(count for _, count, _ in counted)
    states = _count_states(session, row.job_id) if row.kind == JobKind.UPLOAD.value else {}
    goes_on = counts and total > sum(counts.values())
    return JobProgress(
        job_id=row.job_id,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        source=row.source,
        priority=row.priority,
        account=row.account,
        created_at=row.created_at,
        total=total,
        counts=counts,
        announced=sum(states.values()),
        arrived=states.get(DropState.ARRIVED, 0),
        expected=states.get(DropState.EXPECTED, 0),
        duplicates=sum(duplicates for _, _, duplicates in counted),
        rate=_measure_rate(session, row.job_id) if goes_on else None,
    )


def _has_expected() -> ColumnElement[bool]:
    """True for a job of which a browser still sends a file."""
    return exists().where(
        DropFileTable.job_id == JobTable.job_id, DropFileTable.state == DropState.EXPECTED.value
    )


def _count_states(session: Session, job_id: str) -> dict[str, int]:
    """How many of the files a browser announced are in which `DropState`."""
    counted = (
        select(DropFileTable.state, func.count())
        .where(DropFileTable.job_id == job_id)
        .group_by(DropFileTable.state)
    )
    return dict(session.execute(counted).all())


def _measure_rate(session: Session, job_id: str) -> float | None:
    """Files a second in the last minute up to the newest outcome: no pause before it counts.

    Outcomes are written many at a time: those of the first moment began before it.
    """
    of_job = JobFileTable.job_id == job_id
    newest = session.scalar(select(func.max(JobFileTable.finished_at)).where(of_job))
    if newest is None:
        return None
    moments = session.execute(
        select(JobFileTable.finished_at, func.count())
        .where(of_job, JobFileTable.finished_at >= newest - _LATELY)
        .group_by(JobFileTable.finished_at)
        .order_by(JobFileTable.finished_at)
    ).all()
    seconds = (newest - min(moment for moment, _ in moments if moment)).total_seconds()
    return sum(count for _, count in moments[1:]) / seconds if seconds > 0 else None
