"""Studies: what one holds, whose it is, its priors, and how it is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.orm import Session

from imaging.documents import Document
from imaging.entities import Assessment, Instance, Patient, Status, TypedFacts, Unreadable
from imaging.errors import ConflictError, NotFoundError, StoreError
from imaging.patients import IdentityDecision, group_of, group_patients
from imaging.person import Person, person_of
from imaging.priors import Priors, find_priors
from imaging.review.records import AuditEvent
from imaging.review.rights import Right
from imaging.store import audit
from imaging.store.access.redaction import as_allowed
from imaging.store.base import Records, load_typed
from imaging.store.identities import load_decisions, load_patients, stand_in_uid
from imaging.store.pending_studies import load_announced
from imaging.store.reading.switches import ai_off
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    AnnouncementTable,
    AssessmentTable,
    CaseTable,
    DecisionTable,
    DocumentTable,
    FirstReadTable,
    InstanceTable,
    JobFileTable,
    ReadingEventTable,
    ResultTable,
    ReviewTable,
    SeparationTable,
    StudyTable,
    TruthTable,
    TypedFactsTable,
    WorklistTable,
)
from imaging.store.seals.row_seals import release_rows, release_study, seal_rows
from imaging.store.worklist_rows import refresh_worklist
from imaging.study import StudyRecord
from imaging.typed_facts import with_typed

_AT_ONCE = 400  # files of one query
_CANDIDATES = 50  # studies that one key may bring up as priors
_File = TypeVar("_File", Instance, Document)
_UNKNOWN = "This study is not in the data folder. Go back to the worklist, or upload it again."
_BEGUN = (
    "The report of this study was begun before the images of this patient came, so the "
    "patient it was begun about keeps the study. Choose that one; the other gets a study of "
    "its own."
)
_OVERTAKEN = "Somebody else changed this study first; look at it again."


class Studies(Records):
    """Stored studies, with what the networks answered."""

    def get(self, study_instance_uid: str, *, typed_until: datetime | None = None) -> StudyRecord:
        """A stored study.

        Parameters
        ----------
        study_instance_uid : str
        typed_until : datetime, optional
            Films with what had been typed of them at that moment, as under a signature.

        Raises
        ------
        NotFoundError
            If there is none of that UID.
        """
        with self._database.reading(Right.FILMS) as session:
            record = _load_record(session, study_instance_uid, typed_until=typed_until)
            return as_allowed(record, ai_off(session, study_instance_uid))

    def priors(self, study_instance_uid: str) -> Priors:
        """Earlier stored studies of the same patient, and of who may be the same, newest first.

        See `imaging.priors.find_priors`. Keys in the worklist's table find candidates: studies
        with the same number, name or birth date, in whatever spelling, of each the newest few.

        Raises
        ------
        NotFoundError
            If there is no study of that UID.
        """
        with self._database.reading(Right.FILMS) as session:
            current = _load_record(session, study_instance_uid, waiting=False)
            if not current.files or current.held:
                return Priors()
            uids = _load_candidates(session, current)
            others = [
                as_allowed(_load_record(session, uid, waiting=False), ai_off(session, uid))
                for uid in uids
            ]
        return find_priors(current, [other for other in others if other.instances])

    def identify(
        self,
        study_instance_uid: str,
        patient: Patient,
        *,
        account: str,
        reader: str,
        seen: Sequence[Patient] | None = None,
    ) -> None:
        """Write down that all files of a study are one person's, and that this identity is right.

        From then on the study is known by it, in what is shown and in what leaves; the originals
        stay as they are. A file of somebody else that comes later holds the study again.

        Parameters
        ----------
        study_instance_uid : str
        patient : Patient
            The identity that is right.
        account, reader : str
            Who says so.
        seen : sequence of Patient, optional
            Whom the reader saw named in the files: the decision is about no others.

        Raises
        ------
        NotFoundError
            If there is no study of that UID.
        ConflictError
            If its files name others by now than were seen.
        """
        with self._database.writing(Right.FACTS) as session:
            named = load_patients(session, [study_instance_uid]).get(study_instance_uid, ())
            groups = _load_record(session, study_instance_uid).patients
            if seen is not None and _persons(chain(*groups)) != _persons(seen):
                raise ConflictError(_OVERTAKEN)
            accepted = [*_load_accepted(session, study_instance_uid), *named]
            row = session.merge(
                DecisionTable(
                    study_instance_uid=study_instance_uid,
                    patient=json_codec.patient_to_json(patient),
                    accepted=[json_codec.patient_to_json(one) for one in accepted],
                    reader=reader,
                    decided_at=datetime.now(UTC),
                )
            )
            audit.append(
                session,
                AuditEvent.IDENTIFY,
                account=account,
                study_instance_uid=study_instance_uid,
                detail=f"{len(group_patients(named))} identities in its files are one person's",
                seals=seal_rows(row),
            )
            refresh_worklist(session, [study_instance_uid])

    def take_back_identity(self, study_instance_uid: str, *, account: str) -> None:
        """Take a decision on whose a study is back: its files are again what they say.

        Raises
        ------
        ConflictError
            If there is none any more.
        """
        with self._database.writing(Right.FACTS) as session:
            decision = session.get(DecisionTable, study_instance_uid)
            if decision is None:
                raise ConflictError(_OVERTAKEN)
            gone = release_rows(decision)
            session.delete(decision)
            audit.append(
                session,
                AuditEvent.IDENTIFY,
                account=account,
                study_instance_uid=study_instance_uid,
                detail="the decision was taken back",
                seals=gone,
            )
            refresh_worklist(session, [study_instance_uid])

    def separate(self, study_instance_uid: str, keeps: Patient, *, account: str) -> tuple[str, ...]:
        """Give every patient of a study but one a study of its own.

        The patient who `keeps` the study keeps its UID, its reviews, and the files that name
        nobody; each other's files get a UID that follows from the old one and the patient, so that
        what comes later finds them. Reviews stay as they were signed.

        Returns
        -------
        tuple of str
            The Study Instance UIDs of the new studies.

        Raises
        ------
        NotFoundError
            If there is no study of that UID.
        ConflictError
            If `keeps` is not one of its patients any more, or the only one, or had no film here
            when the report was begun, while another had.
        """
        with self._database.writing(Right.FACTS) as session:
            record = _load_record(session, study_instance_uid)
            groups = record.patients
            if len(groups) < 2 or keeps not in [one for group in groups for one in group]:
                raise ConflictError(_OVERTAKEN)
            kept = group_of(groups, keeps)
            _insist_on_begun_about(session, record, kept)
            decision = record.identity
            new = {}
            for at, group in enumerate(groups):
                named = tuple(patient for patient in group if not person_of(patient).silent)
                if at != kept:
                    new[_separated_uid(study_instance_uid, named)] = (at, named)
            for uid, (at, patients) in new.items():
                files = [
                    file.identity.sop_instance_uid
                    for file in record.files
                    if not person_of(file.patient).silent and group_of(groups, file.patient) == at
                ]
                seals: dict[str, str | None] = dict(_move(session, study_instance_uid, uid, files))
                if decision and person_of(decision.patient) in map(person_of, patients):
                    accepted = (p for p in decision.accepted if not person_of(p).silent)
                    patients = tuple(dict.fromkeys((*patients, *accepted)))
                    seals |= _move_decision(session, study_instance_uid, uid)
                seals |= _note_separation(session, study_instance_uid, uid, patients)
                audit.append(
                    session,
                    AuditEvent.SEPARATE,
                    account=account,
                    study_instance_uid=study_instance_uid,
                    detail=f"{len(files)} files to study {uid}",
                    seals=seals,
                )
            refresh_worklist(session, [study_instance_uid, *new])
        return tuple(new)

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
        with self._database.writing(Right.DELETE) as session:
            row = _load_row(session, study_instance_uid)
            # the files as they came: a reason must not name who they name, whatever was decided
            waiting = load_announced(session, study_instance_uid)
            record = _to_record(session, row, waiting, None)
            _check_reason(reason, record.files)
            session.expunge(row)
            gone = release_study(session, study_instance_uid)
            _delete_rows(session, record)
            audit.append(
                session,
                AuditEvent.DELETE,
                account=account,
                study_instance_uid=study_instance_uid,
                detail=reason.strip(),
                seals=gone,
            )
        self._forget_bytes({file.identity.sha256 for file in record.files})


def _persons(patients: Iterable[Patient]) -> set[Person]:
    """Who is named; who says nothing is nobody."""
    return {person for person in map(person_of, patients) if not person.silent}


def _load_row(session: Session, study_instance_uid: str) -> StudyTable:
    row = session.get(StudyTable, study_instance_uid)
    if row is None:
        raise NotFoundError(_UNKNOWN)
    return row


def _load_record(
    session: Session, uid: str, *, waiting: bool = True, typed_until: datetime | None = None
) -> StudyRecord:
    """A study; without the films that wait, which have no place in time yet, if so asked."""
    row = _load_row(session, uid)
    announced = load_announced(session, uid) if waiting else ()
    decision = load_decisions(session, [uid]).get(uid)
    return _to_record(session, row, announced, decision, typed_until=typed_until)


def _load_candidates(session: Session, current: StudyRecord) -> list[str]:
    """Studies that share a number, a name or a birth date with one; the newest of each."""
    person = person_of(current.patient)
    keys: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (WorklistTable.id_key, person.number_keys),
        (WorklistTable.name_key, (person.name_key,)),
        (WorklistTable.birth_key, (person.birth_date,)),
    )
    uids: dict[str, None] = {}
    for column, values in keys:
        query = (
            select(WorklistTable.study_instance_uid)
            .where(
                column.in_([value for value in values if value]),
                WorklistTable.study_instance_uid != current.study_instance_uid,
            )
            .order_by(WorklistTable.received_at.desc())
            .limit(_CANDIDATES)
        )
        uids.update(dict.fromkeys(session.scalars(query)))
    return list(uids)


def _load_accepted(session: Session, uid: str) -> tuple[Patient, ...]:
    """Identities that an earlier decision stands for."""
    decision = load_decisions(session, [uid]).get(uid)
    return decision.accepted if decision else ()


def _separated_uid(uid: str, patients: Sequence[Patient]) -> str:
    """The UID of the study of a patient who was separated from another."""
    person = person_of(patients[0])
    parts = [*person.number_keys[:1], person.name_key, person.birth_date, person.sex]
    return stand_in_uid(uid, *parts)


def _insist_on_begun_about(session: Session, record: StudyRecord, kept: int) -> None:
    """Refuse to leave a report to somebody who had no film when it was begun, while others had.

    Reviews stay with the study's UID, so whose films they are about must keep it.
    """
    if not record.reviews:
        return
    begun = record.reviews[0].created_at
    films = [*record.instances, *(lost.instance for lost in record.unreadable)]
    early = _load_answered(session, [f.identity.sop_instance_uid for f in films], until=begun)
    owners = {
        kept if person_of(film.patient).silent else group_of(record.patients, film.patient)
        for film in films
        if film.identity.sop_instance_uid in early
    }
    if owners and kept not in owners:
        raise ConflictError(_BEGUN)


def _load_answered(session: Session, sops: Sequence[str], *, until: datetime) -> set[str]:
    """Those of some films that a network had been asked about by then."""
    found: set[str] = set()
    for start in range(0, len(sops), _AT_ONCE):
        query = select(AssessmentTable.sop_instance_uid).where(
            AssessmentTable.sop_instance_uid.in_(sops[start : start + _AT_ONCE]),
            AssessmentTable.created_at <= until,
        )
        found.update(session.scalars(query))
    return found


def _move_decision(session: Session, old: str, new: str) -> dict[str, str | None]:
    """A decision on whose some files are goes with them."""
    row = session.get_one(DecisionTable, old)
    moved = session.merge(
        DecisionTable(
            study_instance_uid=new,
            patient=row.patient,
            accepted=row.accepted,
            reader=row.reader,
            decided_at=row.decided_at,
        )
    )
    gone = release_rows(row)
    session.delete(row)
    return {**gone, **seal_rows(moved)}


def _note_separation(
    session: Session, old: str, new: str, patients: Sequence[Patient]
) -> dict[str, str]:
    """Write down whose files of one study go to another, beside those who went there before."""
    row = session.get(SeparationTable, (old, new))
    before = list(row.patients) if row else []
    named = [json_codec.patient_to_json(patient) for patient in patients]
    noted = session.merge(
        SeparationTable(
            study_instance_uid=old,
            separated_uid=new,
            patients=[*before, *(one for one in named if one not in before)],
        )
    )
    return seal_rows(noted)


def _move(session: Session, old: str, new: str, sops: Sequence[str]) -> dict[str, str]:
    """Put files of a study into another, with all that is known of each; returns their seals."""
    seals: dict[str, str] = {}
    study = session.get_one(StudyTable, old)
    if session.get(StudyTable, new) is None:
        session.add(StudyTable(study_instance_uid=new, received_at=study.received_at))
        session.flush()
    holders: tuple[Any, ...] = (InstanceTable, DocumentTable, AnnouncementTable)
    for table in holders:
        rows: list[Any] = []
        for start in range(0, len(sops), _AT_ONCE):
            is_one = table.sop_instance_uid.in_(sops[start : start + _AT_ONCE])
            rows += session.scalars(select(table).where(is_one, table.study_instance_uid == old))
        for row in rows:
            identity = {**row.header["identity"], "study_instance_uid": new}
            row.header = {**row.header, "identity": identity}
            row.study_instance_uid = new
        if table is not AnnouncementTable:
            seals |= seal_rows(*rows)
            _renumber(session, table, new, last=rows)
            _renumber(session, table, old)
    followers: tuple[Any, ...] = (JobFileTable, ResultTable, CaseTable, TypedFactsTable)
    for table in followers:
        for start in range(0, len(sops), _AT_ONCE):
            part = table.sop_instance_uid.in_(sops[start : start + _AT_ONCE])
            moved = update(table).where(part, table.study_instance_uid == old)
            session.execute(moved.values(study_instance_uid=new))
    session.flush()
    session.expire_all()
    return seals


def _renumber(session: Session, table: Any, uid: str, last: Sequence[Any] = ()) -> None:
    """Count the files of a study from 0 again, in their order, some of them last."""
    session.flush()
    rows = list(session.scalars(select(table).where(table.study_instance_uid == uid)))
    moved = {id(row) for row in last}
    rows.sort(key=lambda row: (id(row) in moved, row.position))
    for position, row in enumerate(rows):
        row.position = position


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
        TypedFactsTable,
        InstanceTable,
        DocumentTable,
        ReviewTable,
        FirstReadTable,
        ReadingEventTable,
        TruthTable,
        WorklistTable,
        DecisionTable,
        SeparationTable,
        StudyTable,
    ):
        of_study = table.study_instance_uid == record.study_instance_uid
        session.execute(delete(table).where(of_study))
    separated = SeparationTable.separated_uid == record.study_instance_uid
    session.execute(delete(SeparationTable).where(separated))


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


def _to_record(
    session: Session,
    row: StudyTable,
    waiting: tuple[Instance, ...],
    decision: IdentityDecision | None,
    *,
    typed_until: datetime | None = None,
) -> StudyRecord:
    """The entity of a row; its files bear the identity that a reader called right."""

    def correct(file: _File) -> _File:
        return replace(file, patient=decision.correct(file.patient)) if decision else file

    typed = load_typed(session, [i.sop_instance_uid for i in row.instances], until=typed_until)
    films = [
        (
            correct(
                with_typed(json_codec.instance_from_json(i.header), typed.get(i.sop_instance_uid))
            ),
            _latest_assessment(i, typed.get(i.sop_instance_uid)),
        )
        for i in row.instances
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
        documents=tuple(correct(json_codec.document_from_json(d.header)) for d in row.documents),
        unreadable=tuple(
            Unreadable(film, " ".join(assessment.messages))
            for film, assessment in films
            if assessment is not None and assessment.status is Status.ERROR
        ),
        waiting=tuple(correct(_with_source(film, typed)) for film in waiting),
        identity=decision,
    )


def _with_source(film: Instance, typed: Mapping[str, TypedFacts]) -> Instance:
    """A film that waits, with what was typed of the photograph it was cut out of."""
    made = film.derivation
    return with_typed(film, typed.get(made.source_sop_instance_uid)) if made else film


def _latest_assessment(row: InstanceTable, typed: TypedFacts | None) -> Assessment | None:
    """The newest assessment of a film, with what is typed of it; None until there is one."""
    version = typed.version if typed else 0
    for last in reversed(row.assessments):
        assessment = json_codec.assessment_from_json(last.content, last.created_at)
        if assessment.typed_version == version:
            return assessment
    return None
