"""A batch of outcomes on its way into the tables: asked for once, added at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging.documents import Document
from imaging.entities import Assessment, Instance, Status
from imaging.jobs import Result
from imaging.review.records import AuditEvent
from imaging.store import audit, json_codec
from imaging.store.tables import (
    AssessmentTable,
    DocumentTable,
    InstanceTable,
    ResultTable,
    StudyTable,
)
from imaging.store.worklist_rows import refresh_worklist
from imaging.study import FileOutcome

_TWICE = "Another file with the same SOP Instance UID is already stored; this one was not saved."
_StoredFile = Instance | Document


@dataclass(frozen=True, slots=True)
class FileResult:
    """The columns of a queued file that has its outcome."""

    status: str
    message: str
    study_instance_uid: str = ""
    sop_instance_uid: str = ""


def store_results(
    session: Session, results: Sequence[Result], fingerprint: str, *, also: Collection[str] = ()
) -> tuple[list[FileResult | None], set[str]]:
    """Add films, answers, results and audit lines within a writing transaction.

    A film whose header can be read and whose pixels cannot is added too, with the reason for its
    answer: its study must not be missed. A readable file of the same UID then takes its place.
    The worklist's rows of these studies are made anew, and of some others (`also`).

    Returns
    -------
    list of FileResult or None
        As `results`; None for one said to be known of which nothing is known any more.
    set of str
        Hashes of files whose place was taken.
    """
    batch = _Batch(session, results, fingerprint)
    entries = [batch.add(result) for result in results]
    batch.close(also)
    return entries, batch.replaced


class _Batch:
    """A batch: what the tables hold about its files, and what is to be added."""

    def __init__(self, session: Session, results: Sequence[Result], fingerprint: str) -> None:
        self._session, self._fingerprint = session, fingerprint
        files = [file for r in results if r.outcome and (file := _file_of(r.outcome)) is not None]
        sops = [file.identity.sop_instance_uid for file in files]
        uids = list({file.identity.study_instance_uid for file in files})
        self._sha256s = {
            table: dict(
                session.execute(
                    select(table.sop_instance_uid, table.sha256).where(
                        table.sop_instance_uid.in_(sops)
                    )
                ).all()
            )
            for table in (InstanceTable, DocumentTable)
        }
        self._studies = {
            row.study_instance_uid: row
            for row in session.scalars(
                select(StudyTable).where(StudyTable.study_instance_uid.in_(uids))
            )
        }
        self._unreadable = _load_unreadable(session, sops)
        self._made: dict[str, InstanceTable] = {}
        self._sizes = {table: _count_files(session, table, uids) for table in self._sha256s}
        self._entries = _load_results(session, [r.sha256 for r in results], fingerprint)
        self._rows: list[Any] = []
        self._lines: list[tuple[AuditEvent, str, str, str]] = []
        self._touched: set[str] = set()
        self.replaced: set[str] = set()

    def add(self, result: Result) -> FileResult | None:
        """Add the file of a result; returns its columns, None where nothing is known of it."""
        stored = self._entries.get(result.sha256)
        if stored is not None or result.outcome is None:
            return stored
        outcome, file = result.outcome, _file_of(result.outcome)
        assessment = outcome.assessment
        if file is None:
            return FileResult(assessment.status.value, " ".join(assessment.messages))
        uid, sop = file.identity.study_instance_uid, file.identity.sop_instance_uid
        entry = FileResult(assessment.status.value, " ".join(assessment.messages), uid, sop)
        broken = assessment.status is Status.ERROR
        if broken and self._sha256s[InstanceTable].get(sop) and sop not in self._unreadable:
            return replace(entry, study_instance_uid="")
        if not self._insist_on_file(file, result):
            return FileResult(Status.ERROR.value, _TWICE)
        if isinstance(file, Instance):
            self._add_assessment(assessment, uid)
        self._touched.add(uid)
        if broken:  # may be tried again: not kept as a result
            self._unreadable.add(sop)
            return entry
        self._unreadable.discard(sop)
        self._entries[result.sha256] = entry
        self._rows.append(
            ResultTable(
                sha256=result.sha256,
                fingerprint=self._fingerprint,
                status=entry.status,
                message=entry.message,
                study_instance_uid=uid,
                sop_instance_uid=sop,
            )
        )
        return entry

    def close(self, also: Collection[str]) -> None:
        """Send everything to the database."""
        self._session.add_all(self._rows)
        self._session.flush()
        if self._lines:
            audit.append_many(self._session, self._lines)
        if touched := self._touched.union(also):
            refresh_worklist(self._session, sorted(touched))

    def _insist_on_file(self, file: _StoredFile, result: Result) -> bool:
        """The file's row, made when it is new; False when another bears its UID."""
        table = InstanceTable if isinstance(file, Instance) else DocumentTable
        identity, uid = file.identity, file.identity.study_instance_uid
        stored_sha256 = self._sha256s[table].get(identity.sop_instance_uid)
        if (
            stored_sha256 is not None
            and stored_sha256 != identity.sha256
            and isinstance(file, Instance)
        ):
            return self._replace(file, result)
        if stored_sha256 is not None:
            return stored_sha256 == identity.sha256
        self._insist_on_study(file, result.task.since)
        row = table(
            sop_instance_uid=identity.sop_instance_uid,
            study_instance_uid=uid,
            position=self._sizes[table][uid],
            sha256=identity.sha256,
            header=(
                json_codec.instance_to_json(file)
                if isinstance(file, Instance)
                else json_codec.document_to_json(file)
            ),
        )
        if isinstance(row, InstanceTable):
            row.location = result.task.location
            self._made[identity.sop_instance_uid] = row
        self._rows.append(row)
        self._sizes[table][uid] += 1
        self._sha256s[table][identity.sop_instance_uid] = identity.sha256
        what = "file" if isinstance(file, Instance) else file.kind.value
        self._lines.append(
            (AuditEvent.RECEIVE, result.task.account, uid, f"{what} {identity.sha256}")
        )
        return True

    def _replace(self, film: Instance, result: Result) -> bool:
        """Put a film in the place of one of its study that could not be read; False for another."""
        sop, uid = film.identity.sop_instance_uid, film.identity.study_instance_uid
        if sop not in self._unreadable:
            return False
        row = self._made.get(sop) or self._session.get_one(InstanceTable, sop)
        if row.study_instance_uid != uid:
            return False
        self.replaced.add(row.sha256)
        row.sha256, row.location = film.identity.sha256, result.task.location
        row.header = json_codec.instance_to_json(film)
        self._sha256s[InstanceTable][sop] = row.sha256
        detail = f"file {row.sha256} in the place of one that could not be read"
        self._lines.append((AuditEvent.RECEIVE, result.task.account, uid, detail))
        return True

    def _insist_on_study(self, file: _StoredFile, since: datetime | None) -> None:
        uid = file.identity.study_instance_uid
        study = self._studies.get(uid)
        if study is None:
            received = since or datetime.now(UTC)
            study = StudyTable(study_instance_uid=uid, received_at=received, patient_id="")
            self._studies[uid] = study
            self._session.add(study)
        study.patient_id = study.patient_id or json_codec.plain(file.patient.patient_id)

    def _add_assessment(self, assessment: Assessment, study_instance_uid: str) -> None:
        self._rows.append(
            AssessmentTable(
                sop_instance_uid=assessment.sop_instance_uid,
                status=assessment.status.value,
                content=json_codec.assessment_to_json(assessment),
                created_at=assessment.created_at or datetime.now(UTC),
            )
        )
        model = assessment.model
        name = f"{model.name} {model.version} {model.short_hash}" if model else "no model"
        self._lines.append(
            (
                AuditEvent.SCORE,
                audit.NETWORK,
                study_instance_uid,
                f"{name}: {assessment.status.value}",
            )
        )


def _file_of(outcome: FileOutcome) -> _StoredFile | None:
    return outcome.instance or outcome.document


def _count_files(session: Session, table: Any, uids: list[str]) -> Counter[str]:
    """How many files of that table each study has."""
    counted = (
        select(table.study_instance_uid, func.count())
        .where(table.study_instance_uid.in_(uids))
        .group_by(table.study_instance_uid)
    )
    return Counter(dict(session.execute(counted).all()))


def _load_unreadable(session: Session, sop_instance_uids: list[str]) -> set[str]:
    """Films of which nothing but an error was ever said."""
    query = (
        select(AssessmentTable.sop_instance_uid)
        .where(AssessmentTable.sop_instance_uid.in_(sop_instance_uids))
        .group_by(AssessmentTable.sop_instance_uid)
        .having(
            func.min(AssessmentTable.status) == Status.ERROR.value,
            func.max(AssessmentTable.status) == Status.ERROR.value,
        )
    )
    return set(session.scalars(query))


def _load_results(session: Session, sha256s: list[str], fingerprint: str) -> dict[str, FileResult]:
    """Stored results of these bytes by the same networks."""
    query = select(ResultTable).where(
        ResultTable.sha256.in_(sha256s), ResultTable.fingerprint == fingerprint
    )
    return {
        row.sha256: FileResult(
            row.status, row.message, row.study_instance_uid, row.sop_instance_uid
        )
        for row in session.scalars(query)
    }
