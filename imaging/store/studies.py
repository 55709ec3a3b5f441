"""Studies: what one holds, its priors, and how it is deleted."""

from __future__ import annotations

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from imaging.documents import Document
from imaging.entities import Assessment, Instance, Status, Unreadable
from imaging.errors import NotFoundError, StoreError
from imaging.priors import find_priors
from imaging.review.records import AuditEvent
from imaging.store import audit, json_codec
from imaging.store.base import Records
from imaging.store.pending_studies import announced
from imaging.store.tables import (
    AnnouncementTable,
    AssessmentTable,
    CaseTable,
    DocumentTable,
    FirstReadTable,
    InstanceTable,
    JobFileTable,
    ResultTable,
    ReviewTable,
    StudyTable,
    TruthTable,
    WorklistTable,
)
from imaging.study import StudyRecord

_AT_ONCE = 400  # files of one query
_UNKNOWN = "This study is not in the data folder."


class Studies(Records):
    """What was scanned and what the network said."""

    def get(self, study_instance_uid: str) -> StudyRecord:
        """A stored study.

        Raises
        ------
        NotFoundError
            If there is none of that UID.
        """
        with self._database.reading() as session:
            row = _row(session, study_instance_uid)
            return _study(row, announced(session, study_instance_uid))

    def priors(self, study_instance_uid: str) -> tuple[StudyRecord, ...]:
        """Earlier stored studies of the same patient, newest first.

        The same patient has the same PatientID (0010,0020), not empty, and the same
        PatientBirthDate (0010,0030) where both studies give one. Studies that cannot be told to
        be earlier, for want of a date or of a time on the same day, are left out.

        Raises
        ------
        NotFoundError
            If there is no study of that UID.
        """
        with self._database.reading() as session:
            row = _row(session, study_instance_uid)
            others = select(StudyTable).where(
                StudyTable.patient_id == row.patient_id,
                StudyTable.patient_id != "",
                StudyTable.study_instance_uid != study_instance_uid,
            )
            current = _study(row, ())  # what waits has no place in time yet
            records = [_study(other, ()) for other in session.scalars(others)]
        return find_priors(current, records)

    def delete(self, study_instance_uid: str, *, account: str, reason: str) -> None:
        """Delete a study: its rows, and the originals that no other record needs.

        What remains is the audit trail, with a line that gives `reason`.

        Raises
        ------
        NotFoundError
            If there is none of that UID.
        StoreError
            If `reason` is empty or names the patient, who would then never be forgotten.
        """
        with self._database.writing() as session:
            row = _row(session, study_instance_uid)
            record = _study(row, announced(session, study_instance_uid))
            _check_reason(reason, record.files)
            session.expunge(row)
            _delete_rows(session, record)
            audit.append(
                session,
                AuditEvent.DELETE,
                account=account,
                study_instance_uid=study_instance_uid,
                detail=reason.strip(),
            )
        self._forget_bytes({file.identity.sha256 for file in record.files})


def _row(session: Session, study_instance_uid: str) -> StudyTable:
    row = session.get(StudyTable, study_instance_uid)
    if row is None:
        raise NotFoundError(_UNKNOWN)
    return row


def _check_reason(reason: str, files: tuple[Instance | Document, ...]) -> None:
    """Refuse a reason that is missing or would keep the patient in the trail for good."""
    if not reason.strip():
        raise StoreError("Say why the study is deleted; the reason stays in the audit trail.")
    told = reason.casefold()
    for patient in (f.patient for f in files):
        words = {patient.patient_id, patient.birth_date}
        words.update(patient.name.replace("^", " ").replace("=", " ").split())
        if any(len(word) > 2 and word.casefold() in told for word in words):
            raise StoreError(
                "Leave the patient's name, number and birth date out of the reason: "
                "it stays in the audit trail."
            )


def _delete_rows(session: Session, record: StudyRecord) -> None:
    images = [file.identity.sop_instance_uid for file in record.files]
    session.execute(delete(AssessmentTable).where(AssessmentTable.sop_instance_uid.in_(images)))
    # queued files carry file names, which often are patients' names
    _delete_waiting(session, record.study_instance_uid)
    for table in (
        JobFileTable,
        ResultTable,
        CaseTable,
        InstanceTable,
        DocumentTable,
        ReviewTable,
        FirstReadTable,
        TruthTable,
        WorklistTable,
        StudyTable,
    ):
        of_study = table.study_instance_uid == record.study_instance_uid
        session.execute(delete(table).where(of_study))


def _delete_waiting(session: Session, study_instance_uid: str) -> None:
    """Films that are queued, in every job that holds them: else they would bring the study back."""
    job_id, position = AnnouncementTable.job_id, AnnouncementTable.position
    announced_here = select(job_id, position).where(
        AnnouncementTable.study_instance_uid == study_instance_uid
    )
    is_file = tuple_(JobFileTable.job_id, JobFileTable.position)
    is_place = tuple_(JobFileTable.location, JobFileTable.sha256)
    query = select(JobFileTable.location, JobFileTable.sha256).where(is_file.in_(announced_here))
    places = [(location, sha256) for location, sha256 in session.execute(query)]
    for start in range(0, len(places), _AT_ONCE):
        held = is_place.in_(places[start : start + _AT_ONCE])
        session.execute(delete(JobFileTable).where(held, JobFileTable.status.is_(None)))


def _study(row: StudyTable, waiting: tuple[Instance, ...]) -> StudyRecord:
    films = [(json_codec.instance_from_json(i.header), _latest(i)) for i in row.instances]
    lost = [said is not None and said.status is Status.ERROR for _, said in films]
    return StudyRecord(
        study_instance_uid=row.study_instance_uid,
        instances=tuple(film for (film, _), gone in zip(films, lost, strict=True) if not gone),
        assessments=tuple(said for (_, said), gone in zip(films, lost, strict=True) if not gone),
        reviews=tuple(json_codec.review_from_json(r.content, r.created_at) for r in row.reviews),
        received_at=row.received_at,
        documents=tuple(json_codec.document_from_json(d.header) for d in row.documents),
        unreadable=tuple(
            Unreadable(film, " ".join(said.messages))
            for film, said in films
            if said is not None and said.status is Status.ERROR
        ),
        waiting=waiting,
    )


def _latest(row: InstanceTable) -> Assessment | None:
    """What was said last about a film."""
    if not row.assessments:
        return None
    last = row.assessments[-1]
    return json_codec.assessment_from_json(last.content, last.created_at)
