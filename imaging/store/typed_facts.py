"""What readers typed of films without a header: versions that are appended, the newest counts.

Typed facts never touch a header as it is stored. They are joined to it wherever a film is loaded,
and the networks are asked again with them in the same transaction. A photograph and the films cut
out of it are of one patient: what is typed of one is typed of all, version by version, and what
comes later takes it along (`imaging.store.result_writer`).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from imaging.entities import SourceKind, TypedFacts
from imaging.errors import ConflictError, NotFoundError, StoreError
from imaging.jobs import URGENT, JobKind, Task
from imaging.review import drafting
from imaging.review.records import Account, AuditEvent, Stage
from imaging.review.rights import Right
from imaging.store import audit
from imaging.store.base import Records, load_kin, load_typed, to_facts
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    AnnouncementTable,
    InstanceTable,
    JobFileTable,
    JobTable,
    ResultTable,
    ReviewTable,
    TypedFactsTable,
)
from imaging.store.seals.row_seals import seal_rows
from imaging.store.worklist_rows import refresh_worklist
from imaging.typed_facts import objections, stated

_SIGNED = "This study is signed; begin an amendment before you change whose image it is."
_OVERTAKEN = "Somebody else typed something about this image meanwhile; look at it, and save again."
_NO_FILM = (
    "Nothing can be typed for this image: its own header says whose it is. Have the "
    "header corrected where it is wrong."
)
_GONE = "This image is not in the data folder. Upload it again."
_TWO_WORDS = "A photograph and the film cut out of it are of one patient; say the same of both."


class TypedFactsRecords(Records):
    """What readers typed of films."""

    def save(self, typed: Mapping[str, TypedFacts], account: Account) -> str:
        """Append a version for each of some films, and have the networks asked again about them.

        It holds for the photograph that a film was cut out of, and for all that was cut out of it.
        A study with a preliminary signature gets a draft on top of it: nobody has signed what is
        typed now.

        Parameters
        ----------
        typed : mapping
            SOP Instance UID to the facts; ``version`` is the version they were made on top of.
        account : Account
            Who typed them.

        Returns
        -------
        str
            The id of the job that asks again.

        Raises
        ------
        ConflictError
            If a study is signed as final, or somebody else was faster.
        NotFoundError
            If a film is not stored.
        StoreError
            If the facts cannot be true, a film has a header of its own, or a photograph and what
            was cut out of it are said to be two things.
        """
        now = datetime.now(UTC)
        for facts in typed.values():
            for objection in objections(facts, today=now.astimezone().date()):
                raise StoreError(objection)
        with self._database.writing(Right.FACTS) as session:
            films = _load_films(session, typed)
            newest = load_typed(session, list(typed))
            if any(facts.version != _version(newest, sop) for sop, facts in typed.items()):
                raise ConflictError(_OVERTAKEN)
            said = _with_kin(session, films, typed)
            films = _load_films(session, said)
            studies = sorted({film.study_instance_uid for film in films})
            _open_reviews(session, studies, account)
            for film in films:
                _append(session, film, said[film.sop_instance_uid], account, now)
            job_id = _ask_again(session, films, account)
            refresh_worklist(session, studies)
        return job_id

    def is_asked(self, sha256: str) -> bool:
        """True while a film, by its bytes, waits for the networks in a job nobody cancelled."""
        query = (
            select(JobFileTable.position)
            .where(JobFileTable.sha256 == sha256, JobFileTable.status.is_(None))
            .limit(1)
        )
        with self._database.reading() as session:
            return session.scalar(query) is not None

    def versions(self, sop_instance_uid: str) -> tuple[TypedFacts, ...]:
        """All that was ever typed of a film, oldest first."""
        query = (
            select(TypedFactsTable)
            .where(TypedFactsTable.sop_instance_uid == sop_instance_uid)
            .order_by(TypedFactsTable.version)
        )
        with self._database.reading(Right.FACTS) as session:
            return tuple(map(to_facts, session.scalars(query)))


def with_facts(session: Session, tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Tasks with what was typed of their films, by the SHA-256 of their files.

    A film that was cut out of a photograph and waits is asked about with what was typed of that.
    """
    sha256s = sorted({task.sha256 for task in tasks if task.sha256})
    films = (
        select(InstanceTable.sha256, InstanceTable.sop_instance_uid)
        .join(TypedFactsTable, TypedFactsTable.sop_instance_uid == InstanceTable.sop_instance_uid)
        .where(InstanceTable.sha256.in_(sha256s))
        .distinct()
    )
    sops = dict(session.execute(films).all()) if sha256s else {}
    sources = _load_sources(session, [task for task in tasks if task.sha256 not in sops])
    by_task = [
        sops.get(task.sha256) or sources.get((task.job_id, task.position), "") for task in tasks
    ]
    known = [sop for sop in by_task if sop]
    facts = load_typed(session, known) if known else {}
    return tuple(replace(t, typed=facts.get(sop)) for t, sop in zip(tasks, by_task, strict=True))


def _load_sources(session: Session, tasks: Sequence[Task]) -> dict[tuple[str, int], str]:
    """The photographs of films that were cut out of one and are announced, by their tasks."""
    job_id, position = AnnouncementTable.job_id, AnnouncementTable.position
    source = AnnouncementTable.header["derivation"]["source_sop_instance_uid"].as_string()
    keys = [(task.job_id, task.position) for task in tasks]
    query = select(job_id, position, source)
    query = query.where(tuple_(job_id, position).in_(keys), source.is_not(None))
    rows = session.execute(query) if keys else ()
    return {(job, at): sop for job, at, sop in rows}


def _version(newest: Mapping[str, TypedFacts], sop_instance_uid: str) -> int:
    facts = newest.get(sop_instance_uid)
    return facts.version if facts else 0


def _with_kin(
    session: Session, films: Sequence[InstanceTable], typed: Mapping[str, TypedFacts]
) -> dict[str, TypedFacts]:
    """What was typed, of the films' kin too: each on top of what is known of that."""
    said = dict(typed)
    kin = load_kin(session, [json_codec.instance_from_json(film.header) for film in films])
    newest = load_typed(session, [row.sop_instance_uid for rows in kin.values() for row in rows])
    for sop, rows in kin.items():
        for one in (row.sop_instance_uid for row in rows):
            facts = replace(typed[sop], version=_version(newest, one))
            if said.setdefault(one, facts) != facts:
                raise StoreError(_TWO_WORDS)
    return said


def _load_films(session: Session, sop_instance_uids: Collection[str]) -> list[InstanceTable]:
    films = list(
        session.scalars(
            select(InstanceTable).where(InstanceTable.sop_instance_uid.in_(sop_instance_uids))
        )
    )
    if len(films) != len(sop_instance_uids):
        raise NotFoundError(_GONE)
    if any(film.header["source"] != SourceKind.FILM.value for film in films):
        raise StoreError(_NO_FILM)
    return films


def _open_reviews(session: Session, studies: Sequence[str], account: Account) -> None:
    """Refuse signed studies; take back a preliminary signature by a draft with its content."""
    for uid in studies:
        newest = session.scalar(
            select(ReviewTable)
            .where(ReviewTable.study_instance_uid == uid)
            .order_by(ReviewTable.version.desc())
            .limit(1)
        )
        if newest is None or newest.stage == Stage.DRAFT.value:
            continue
        if newest.stage == Stage.FINAL.value:
            raise ConflictError(_SIGNED)
        last = json_codec.review_from_json(newest.content, newest.created_at)
        draft = replace(drafting.draft(uid, last, account), version=newest.version + 1)
        row = ReviewTable(
            study_instance_uid=uid,
            version=draft.version,
            stage=draft.stage.value,
            content=json_codec.review_to_json(draft),
            created_at=draft.created_at,
        )
        session.add(row)
        audit.append(
            session,
            AuditEvent.CHANGE,
            account=account.name,
            study_instance_uid=uid,
            detail=f"version {draft.version} draft: typed anew after a preliminary signature",
            seals=seal_rows(row),
        )


def _append(
    session: Session, film: InstanceTable, facts: TypedFacts, account: Account, now: datetime
) -> None:
    """A film's next version, its line in the trail, and its patient's number for the priors."""
    stamped = replace(facts, account=account.name, reader=account.reader)
    version = facts.version + 1
    row = TypedFactsTable(
        sop_instance_uid=film.sop_instance_uid,
        version=version,
        study_instance_uid=film.study_instance_uid,
        content=json_codec.typed_facts_to_json(stamped),
        typed_at=now,
    )
    session.add(row)
    audit.append(
        session,
        AuditEvent.DESCRIBE,
        account=account.name,
        study_instance_uid=film.study_instance_uid,
        detail=f"version {version}: typed {', '.join(stated(facts))}",
        seals=seal_rows(row),
    )


def _ask_again(session: Session, films: Sequence[InstanceTable], account: Account) -> str:
    """Queue films before all others; what was answered without the facts is forgotten as known."""
    sha256s = [film.sha256 for film in films]
    session.execute(delete(ResultTable).where(ResultTable.sha256.in_(sha256s)))
    job = JobTable(
        job_id=str(uuid.uuid4()),
        created_at=datetime.now(UTC),
        account=account.name,
        kind=JobKind.RESCORE.value,
        priority=URGENT,
    )
    job.files = [
        JobFileTable(
            position=at,
            file_name=film.header["file_name"],
            sha256=film.sha256,
            location=film.location,
            study_instance_uid=film.study_instance_uid,  # so that it goes with its study
        )
        for at, film in enumerate(films)
    ]
    session.add(job)
    return job.job_id
