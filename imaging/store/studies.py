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
from imaging.store.pending_studies import load_announced
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
    """Stored studies, with what the networks answered."""

    def get(self, study_instance_uid: str) -> StudyRecord:
        """A stored study.

        Raises
        ------
        NotFoundError
            If there is none of that UID.
        """
        with self._database.reading() as session:
            row = _load_row(session, study_instance_uid)
            return _to_record(row, load_announced(session, study_instance_uid))

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
            row = _load_row(session, study_instance_uid)
            others = select(StudyTable).where(
                StudyTable.patient_id == row.patient_id,
                StudyTable.patient_id != "",
                StudyTable.study_instance_uid != study_instance_uid,
            )
            current = _to_record(row, ())  # what waits has no place in time yet
            records = [_to_record(other, ()) for other in session.scalars(others)]
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
            row = _load_row(session, study_instance_uid)
            record = _to_record(row, load_announced(session, study_instance_uid))
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


def _load_row(session: Session, study_instance_uid: str) -> StudyTable:
    row = session.get(StudyTable, study_instance_uid)
    if row is None:
        raise NotFoundError(_UNKNOWN)
    return row


def _check_reason(reason: str, files: tuple[Instance | Document, ...]) -> None:
    """Refuse a reason that is missing or would keep the patient in the trail for good."""
    if not reason.strip():
        raise StoreError("Say why the study is deleted; the reason stays in the audit trail.")
    folded = reason.casefold()
    for patient in (f.patient for f in files):
        words = {patient.patient_id, patient.birth_date}
        words.update(patient.name.replace("^", " ").replace("=", " ").split())
        if any(len(word) > 2 and word.casefold() in folded for word in words):
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
    """Delete queued films, in every job that holds them: else they would bring the study back."""
    job_id, position = AnnouncementTable.job_id, AnnouncementTable.position
    announced = select(job_id, position).where(
        AnnouncementTable.study_instance_uid == study_instance_uid
    )
    is_file = tuple_(JobFileTable.job_id, JobFileTable.position)
    is_place = tuple_(JobFileTable.location, JobFileTable.sha256)
    query = select(JobFileTable.location, JobFileTable.sha256).where(is_file.in_(announced))
    places = [(location, sha256) for location, sha256 in session.execute(query)]
    for start in range(0, len(places), _AT_ONCE):
        is_queued = is_place.in_(places[start : start + _AT_ONCE])
        session.execute(delete(JobFileTable).where(is_queued, JobFileTable.status.is_(None)))


def _to_record(row: StudyTable, waiting: tuple[Instance, ...]) -> StudyRecord:
    films = [
        (json_codec.instance_from_json(i.header), _latest_assessment(i)) for i in row.instances
    ]
    lost = [assessment is not None and assessment.status is Status.ERROR for _, assessment in films]
    return StudyRecord(
        study_instance_uid=row.study_instance_uid,
        instances=tuple(
            film for (film, _), is_lost in zip(films, lost, strict=True) if not is_lost
        ),
        assessments=tuple(
            assessment for (_, assessment), is_lost in zip(films, lost, strict=True) if not is_lost
        ),
        reviews=tuple(json_codec.review_from_json(r.content, r.created_at) for r in row.reviews),
        received_at=row.received_at,
        documents=tuple(json_codec.document_from_json(d.header) for d in row.documents),
        unreadable=tuple(
            Unreadable(film, " ".join(assessment.messages))
            for film, assessment in films
            if assessment is not None and assessment.status is Status.ERROR
        ),
        waiting=waiting,
    )


def _latest_assessment(row: InstanceTable) -> Assessment | None:
    """The newest assessment of a film, if there is any."""
    if not row.assessments:
        return None
    last = row.assessments[-1]
    return json_codec.assessment_from_json(last.content, last.created_at)
