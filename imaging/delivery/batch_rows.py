"""A batch as rows: every file of a job, or all that is stored, one study in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from imaging.documents import Document
from imaging.entities import Assessment, Instance, Job, JobFile, Status
from imaging.errors import NotFoundError
from imaging.export.batch.rows import ResultRow, result_row
from imaging.patients import HELD
from imaging.store import Repository
from imaging.study import StudyRecord
from imaging.worklist.order import ReadingOrder

Because = Callable[[Instance | None, Assessment | None], str]
"""Tells why an image was classified or not, such as `models.inference.image_selection.because`."""

ALL = "all"
_CACHED_STUDIES = 32  # studies held in memory: their films may be scattered over a job
_GONE = "The study of this file was deleted since."


@dataclass(frozen=True, slots=True)
class Batch:
    """Results to be exported.

    Attributes
    ----------
    name : str
        Part of the names of its files: the beginning of the job's id, or `ALL`.
    total : int
        How many rows there will be, as far as is known; at least the order of them.
    rows : callable
        Makes the rows anew from the store; True names the patients in them.
    """

    name: str
    total: int
    rows: Callable[[bool], Iterator[ResultRow]]


def job_batch(repository: Repository, job: Job, because: Because) -> Batch:
    """The files of a job, study by study in the worklist's order; a waiting one says that it waits.

    Files of no study come last, in the order they were handed in.
    """
    order = repository.site.reading_order()
    places = {uid: at for at, uid in enumerate(repository.worklist.study_uids())}
    files = sorted(job.files, key=lambda file: places.get(file.study_instance_uid, len(places)))

    def rows(names: bool) -> Iterator[ResultRow]:
        study = lru_cache(_CACHED_STUDIES)(lambda uid: _study(repository, uid))
        held = lru_cache(_CACHED_STUDIES)(lambda uid: bool((found := study(uid)) and found.held))
        for file in files:
            uid = file.study_instance_uid
            record = study(uid) if uid else None
            if record is not None and held(uid):
                sop = file.sop_instance_uid
                one = next((f for f in record.files if f.identity.sop_instance_uid == sop), None)
                yield _held_row(file.file_name, one)
            else:
                yield _file_row(file, record, because, names=names, order=order)

    return Batch(job.job_id[:8], job.total, rows)


def stored_batch(repository: Repository, because: Because) -> Batch:
    """Every stored film and document, study by study in the worklist's order."""
    uids = repository.worklist.study_uids()

    order = repository.site.reading_order()

    def rows(names: bool) -> Iterator[ResultRow]:
        for uid in uids:
            record = _study(repository, uid)
            if record is not None:
                yield from _study_rows(record, because, names=names, order=order)

    return Batch(ALL, len(uids), rows)


def _study(repository: Repository, uid: str) -> StudyRecord | None:
    try:
        return repository.studies.get(uid)
    except NotFoundError:
        return None


def _study_rows(
    record: StudyRecord, because: Because, *, names: bool, order: ReadingOrder
) -> Iterator[ResultRow]:
    """The rows of every file of a study."""
    if record.held:
        yield from (_held_row(file.file_name, file) for file in record.files)
        return
    row = partial(result_row, record=record, names=names, order=order)
    for instance, assessment in zip(record.instances, record.assessments, strict=True):
        yield row(instance.file_name, assessment, instance, selection=because(instance, assessment))
    for film in record.unreadable:
        unread, uid = film.instance, film.instance.identity.sop_instance_uid
        failed = Assessment(uid, Status.ERROR, messages=(film.reason,))
        yield row(unread.file_name, failed, unread, selection=because(unread, failed))
    for queued in record.waiting:
        yield row(queued.file_name, None, queued, selection=because(queued, None))
    for document in record.documents:
        not_assessed = Assessment(document.identity.sop_instance_uid, Status.DOCUMENT)
        yield row(document.file_name, not_assessed, document, selection=because(None, not_assessed))


def _file_row(
    file: JobFile,
    record: StudyRecord | None,
    because: Because,
    *,
    names: bool,
    order: ReadingOrder,
) -> ResultRow:
    """The row of a job's file: by its record's newest answer, else by what the job says itself."""
    outcome = _outcome(file, study_deleted=record is None)
    if record is None:
        return result_row(file.file_name, outcome, selection=because(None, outcome))
    uid = file.sop_instance_uid
    for instance, newest in zip(record.instances, record.assessments, strict=True):
        if instance.identity.sop_instance_uid == uid:
            why = because(instance, newest)
            return result_row(
                file.file_name,
                newest,
                instance,
                record=record,
                selection=why,
                names=names,
                order=order,
            )
    stored_file = next((f for f in record.files if f.identity.sop_instance_uid == uid), None)
    return result_row(
        file.file_name,
        outcome,
        stored_file,
        record=record,
        selection=because(None, outcome),
        names=names,
        order=order,
    )


def _held_row(path: str, file: Instance | Document | None) -> ResultRow:
    """A file of a study that names two patients: that it is held, and nothing else about it."""
    uid = file.identity.sop_instance_uid if file else ""
    held = Assessment(uid, Status.REFUSED, messages=(HELD,))
    row = result_row(path, held, file, selection=HELD)
    return replace(row, age_years=None, sex="", study_date="", examination="")


def _outcome(file: JobFile, *, study_deleted: bool) -> Assessment | None:
    """The outcome that the job wrote down about a file; None while it waits."""
    if file.status is None:
        return None
    was_stored = study_deleted and bool(file.study_instance_uid)
    messages = (_GONE,) if was_stored else (file.message,) if file.message else ()
    return Assessment(file.sop_instance_uid, file.status, messages=messages)
