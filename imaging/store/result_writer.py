"""A batch of outcomes on its way into the tables: asked for once, added at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging.documents import Document
from imaging.entities import Assessment, Instance, Status
from imaging.jobs import Result
from imaging.person import compare
from imaging.review.records import AuditEvent
from imaging.store import audit
from imaging.store.base import load_kin, load_typed, to_facts
from imaging.store.identities import Routes, stand_in_uid
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    AssessmentTable,
    DocumentTable,
    InstanceTable,
    ResultTable,
    StudyTable,
    ThumbnailTable,
    TypedFactsTable,
)
from imaging.store.seals.row_seals import seal_rows
from imaging.store.worklist_rows import refresh_worklist
from imaging.study import FileOutcome

_TWICE = (
    "Another file with the same SOP Instance UID and other content is stored already. Both are "
    "kept, this one under a UID of its own; compare them."
)
_LARGEST_THUMBNAIL = 32 * 2**10  # bytes
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
        As `results`; None for one said to be known of which nothing is known any more, and for
        one whose networks were not asked with what is typed of the film by now, or of the
        photograph that it was cut out of: that film is added all the same, without an answer.
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
        self._routes = Routes(session, uids)
        uids += self._routes.separated_uids
        sops += [_own_uid(file) for file in files]
        self._kin = load_kin(session, [file for file in files if isinstance(file, Instance)])
        uids += [row.study_instance_uid for rows in self._kin.values() for row in rows]
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
        self._places = _load_places(session, sops)
        self._studies = {
            row.study_instance_uid: row
            for row in session.scalars(
                select(StudyTable).where(StudyTable.study_instance_uid.in_(uids))
            )
        }
        self._unreadable = _load_unreadable(session, sops)
        self._typed = load_typed(session, sops)
        self._inherited = _load_inherited(session, self._kin, self._places)
        self._typed |= {sop: to_facts(rows[-1]) for sop, rows in self._inherited.items()}
        self._pictured = _load_pictured(session, [r.sha256 for r in results])
        self._made: dict[str, InstanceTable] = {}
        self._sizes = {table: _count_files(session, table, uids) for table in self._sha256s}
        self._entries = _load_results(session, [r.sha256 for r in results], fingerprint)
        self._rows: list[Any] = []
        self._typed_rows: list[TypedFactsTable] = []
        self._lines: list[audit.Line] = []
        self._touched: set[str] = set()
        self.replaced: set[str] = set()

    def add(self, result: Result) -> FileResult | None:
        """Add the file of a result; returns its columns, None where nothing is known of it."""
        stored = self._entries.get(result.sha256)
        if stored is not None or result.outcome is None:
            return stored
        assessment, file = result.outcome.assessment, _file_of(result.outcome)
        if file is None:
            return FileResult(assessment.status.value, " ".join(assessment.messages))
        file, assessment = self._settle(file, assessment)
        uid, sop = file.identity.study_instance_uid, file.identity.sop_instance_uid
        typed, broken = self._typed.get(sop), assessment.status is Status.ERROR
        if result.task.typed != typed and not broken:
            # the networks were asked without what a reader typed since. A film that is stored is
            # asked with it the next time; one that came just now would be refused for ever
            if sop not in self._places:
                self._insist_on_file(file, result)
                self._touched.add(uid)
            return None
        entry = FileResult(assessment.status.value, " ".join(assessment.messages), uid, sop)
        if broken and self._sha256s[InstanceTable].get(sop) and sop not in self._unreadable:
            return replace(entry, study_instance_uid="")
        self._insist_on_file(file, result)
        if isinstance(file, Instance):
            asked = replace(assessment, typed_version=typed.version if typed else 0)
            self._add_assessment(asked, uid)
            self._add_thumbnail(result.outcome.thumbnail, file.identity.sha256)
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
        self._session.add_all(self._typed_rows)  # behind the films that they refer to
        if self._lines:
            audit.append_many(self._session, self._lines)
        if touched := self._touched.union(also):
            refresh_worklist(self._session, sorted(touched))

    def _settle(self, file: _StoredFile, assessment: Assessment) -> tuple[_StoredFile, Assessment]:
        """A file in the study it belongs to, under a UID that no other content has.

        Two contents under one SOP Instance UID are told and both kept: neither takes the other's
        place, for nobody knows which of them the reports elsewhere mean.
        """
        table = InstanceTable if isinstance(file, Instance) else DocumentTable
        identity, own_uid = file.identity, _own_uid(file)
        study = self._routes.study_of(identity.study_instance_uid, file.patient)
        known_as_own = self._sha256s[table].get(own_uid) == identity.sha256
        broken = assessment.status is Status.ERROR
        if known_as_own or self._is_taken(file, study, broken=broken):
            said = Status.WARNED if assessment.status is Status.OK else assessment.status
            messages = (*assessment.messages, _TWICE)
            identity = replace(identity, sop_instance_uid=own_uid)
            assessment = replace(
                assessment, sop_instance_uid=own_uid, status=said, messages=messages
            )
        if self._sha256s[table].get(identity.sop_instance_uid) == identity.sha256:
            study = self._places.get(identity.sop_instance_uid, study)
        elif kin := self._kin.get(identity.sop_instance_uid):
            study = kin[0].study_instance_uid  # where its photograph lies by now
        return replace(file, identity=replace(identity, study_instance_uid=study)), assessment

    def _is_taken(self, file: _StoredFile, study: str, *, broken: bool) -> bool:
        """True where a file needs a UID of its own, for another content is known by the one it has.

        A film takes the place of one of its study and patient that could not be read; a broken
        copy of a readable film of theirs is not kept at all.
        """
        sop = file.identity.sop_instance_uid
        if isinstance(file, Document):
            return self._sha256s[DocumentTable].get(sop) not in (None, file.identity.sha256)
        if self._sha256s[InstanceTable].get(sop) in (None, file.identity.sha256):
            return False
        if sop not in self._unreadable and not broken:
            return True
        row = self._made.get(sop) or self._session.get_one(InstanceTable, sop)
        before = json_codec.instance_from_json(row.header).patient
        return row.study_instance_uid != study or compare(before, file.patient).contradicts

    def _insist_on_file(self, file: _StoredFile, result: Result) -> None:
        """The file's row, made when it is new."""
        table = InstanceTable if isinstance(file, Instance) else DocumentTable
        identity, uid = file.identity, file.identity.study_instance_uid
        stored_sha256 = self._sha256s[table].get(identity.sop_instance_uid)
        if stored_sha256 == identity.sha256:
            return
        if stored_sha256 is not None and isinstance(file, Instance):
            self._replace(file, result)
            return
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
        self._places[identity.sop_instance_uid] = uid
        what = "file" if isinstance(file, Instance) else file.kind.value
        detail = f"{what} {identity.sha256}"
        seals = seal_rows(row)
        if inherited := self._inherited.get(identity.sop_instance_uid):
            copies = [_copy_typed(one, identity.sop_instance_uid, uid) for one in inherited]
            self._typed_rows += copies
            seals |= seal_rows(*copies)
            detail += f", with what was typed of its photograph (version {inherited[-1].version})"
        self._lines.append(audit.Line(AuditEvent.RECEIVE, result.task.account, uid, detail, seals))

    def _replace(self, film: Instance, result: Result) -> None:
        """Put a film in the place of one of its study that could not be read."""
        sop, uid = film.identity.sop_instance_uid, film.identity.study_instance_uid
        row = self._made.get(sop) or self._session.get_one(InstanceTable, sop)
        self.replaced.add(row.sha256)
        row.sha256, row.location = film.identity.sha256, result.task.location
        row.header = json_codec.instance_to_json(film)
        self._sha256s[InstanceTable][sop] = row.sha256
        detail = f"file {row.sha256} in the place of one that could not be read"
        self._lines.append(
            audit.Line(AuditEvent.RECEIVE, result.task.account, uid, detail, seal_rows(row))
        )

    def _insist_on_study(self, file: _StoredFile, since: datetime | None) -> None:
        uid = file.identity.study_instance_uid
        study = self._studies.get(uid)
        if study is None:
            received = since or datetime.now(UTC)
            study = StudyTable(study_instance_uid=uid, received_at=received)
            self._studies[uid] = study
            self._session.add(study)

    def _add_thumbnail(self, content: bytes, sha256: str) -> None:
        """Keep a film's small picture; one too large for a list was not made by us."""
        if 0 < len(content) <= _LARGEST_THUMBNAIL and sha256 not in self._pictured:
            self._pictured.add(sha256)
            self._rows.append(ThumbnailTable(sha256=sha256, content=content))

    def _add_assessment(self, assessment: Assessment, study_instance_uid: str) -> None:
        row = AssessmentTable(
            sop_instance_uid=assessment.sop_instance_uid,
            status=assessment.status.value,
            content=json_codec.assessment_to_json(assessment),
            created_at=assessment.created_at or datetime.now(UTC),
        )
        self._rows.append(row)
        model = assessment.model
        name = f"{model.name} {model.version} {model.short_hash}" if model else "no model"
        self._lines.append(
            audit.Line(
                AuditEvent.SCORE,
                audit.NETWORK,
                study_instance_uid,
                f"{name}: {assessment.status.value}",
                seal_rows(row),
            )
        )


def _file_of(outcome: FileOutcome) -> _StoredFile | None:
    return outcome.instance or outcome.document


def _own_uid(file: _StoredFile) -> str:
    """The UID of a file whose SOP Instance UID another content has taken."""
    return stand_in_uid(file.identity.sop_instance_uid, file.identity.sha256)


def _load_inherited(
    session: Session, kin: Mapping[str, Sequence[InstanceTable]], places: Mapping[str, str]
) -> dict[str, list[TypedFactsTable]]:
    """All versions of what was typed of the kin of films that are not stored yet.

    Where kin came without each other and something was typed of each, the newest word counts.
    """
    new = {sop: [row.sop_instance_uid for row in kin[sop]] for sop in kin if sop not in places}
    of_kin = TypedFactsTable.sop_instance_uid.in_({one for sops in new.values() for one in sops})
    query = select(TypedFactsTable).where(of_kin).order_by(TypedFactsTable.version)
    versions: defaultdict[str, list[TypedFactsTable]] = defaultdict(list)
    for row in session.scalars(query) if any(new.values()) else ():
        versions[row.sop_instance_uid].append(row)
    found: dict[str, list[TypedFactsTable]] = {}
    for sop, sops in new.items():
        if typed := [versions[one] for one in sops if one in versions]:
            found[sop] = max(typed, key=lambda rows: rows[-1].typed_at)
    return found


def _copy_typed(row: TypedFactsTable, sop_instance_uid: str, study: str) -> TypedFactsTable:
    """A version, as it was typed by whom and when, of another film."""
    return TypedFactsTable(
        sop_instance_uid=sop_instance_uid,
        version=row.version,
        study_instance_uid=study,
        content=row.content,
        typed_at=row.typed_at,
    )


def _load_places(session: Session, sops: list[str]) -> dict[str, str]:
    """The studies in which stored files lie: not always the one that they state."""
    places: dict[str, str] = {}
    for table in (InstanceTable, DocumentTable):
        query = select(table.sop_instance_uid, table.study_instance_uid)
        places.update(dict(session.execute(query.where(table.sop_instance_uid.in_(sops))).all()))
    return places


def _count_files(session: Session, table: Any, uids: list[str]) -> Counter[str]:
    """How many files of that table each study has."""
    counted = (
        select(table.study_instance_uid, func.count())
        .where(table.study_instance_uid.in_(uids))
        .group_by(table.study_instance_uid)
    )
    return Counter(dict(session.execute(counted).all()))


def _load_pictured(session: Session, sha256s: list[str]) -> set[str]:
    """Those of some files whose small picture is kept already."""
    query = select(ThumbnailTable.sha256).where(ThumbnailTable.sha256.in_(sha256s))
    return set(session.scalars(query))


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
