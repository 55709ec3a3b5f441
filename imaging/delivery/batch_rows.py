"""A batch as rows: every file of a job, or all that is stored, one study in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

from imaging.entities import Assessment, Instance, Job, JobFile, Status
from imaging.errors import NotFoundError
from imaging.export.batch.rows import ResultRow, result_row
from imaging.store import Repository
from imaging.study import StudyRecord
from imaging.worklist.order import ReadingOrder

Because = Callable[[Instance | None, Assessment | None], str]
"""Why an image was classified or not, such as `models.inference.selection.because`."""

ALL = "all"
_KEPT = 32  # studies whose films may lie apart in a job
_GONE = "The study of this file was deleted since."


@dataclass(frozen=True, slots=True)
class Batch:
    """Results to take away.

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
    """The files of a job, in the order they were handed in; a waiting one says that it waits."""
    order = repository.site.reading_order()

    def rows(names: bool) -> Iterator[ResultRow]:
        study = lru_cache(_KEPT)(lambda uid: _study(repository, uid))
        for file in job.files:
            uid = file.study_instance_uid
            yield _file_row(file, study(uid) if uid else None, because, names=names, order=order)

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
    """Every file of a study."""
    row = partial(result_row, record=record, names=names, order=order)
    for instance, said in zip(record.instances, record.assessments, strict=True):
        yield row(instance.file_name, said, instance, selection=because(instance, said))
    for film in record.unreadable:
        lost, uid = film.instance, film.instance.identity.sop_instance_uid
        failed = Assessment(uid, Status.ERROR, messages=(film.reason,))
        yield row(lost.file_name, failed, lost, selection=because(lost, failed))
    for queued in record.waiting:
        yield row(queued.file_name, None, queued, selection=because(queued, None))
    for document in record.documents:
        unasked = Assessment(document.identity.sop_instance_uid, Status.DOCUMENT)
        yield row(document.file_name, unasked, document, selection=because(None, unasked))


def _file_row(
    file: JobFile,
    record: StudyRecord | None,
    because: Because,
    *,
    names: bool,
    order: ReadingOrder,
) -> ResultRow:
    """One file of a job: by its record's newest answer, else by what the job says itself."""
    said = _outcome(file, gone=record is None)
    if record is None:
        return result_row(file.file_name, said, selection=because(None, said))
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
    beside = next((f for f in record.files if f.identity.sop_instance_uid == uid), None)
    return result_row(
        file.file_name,
        said,
        beside,
        record=record,
        selection=because(None, said),
        names=names,
        order=order,
    )


def _outcome(file: JobFile, *, gone: bool) -> Assessment | None:
    """What the job wrote down about a file; None while it waits."""
    if file.status is None:
        return None
    lost = gone and bool(file.study_instance_uid)
    messages = (_GONE,) if lost else (file.message,) if file.message else ()
    return Assessment(file.sop_instance_uid, file.status, messages=messages)
