"""The base of the repository's parts, which share the database and the folder of originals.

And what several of them load: what readers typed of films (`typed_facts` writes it), and which
films are of one: a photograph, and what was cut out of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from imaging.entities import Instance, SourceKind, TypedFacts
from imaging.store.database import Database
from imaging.store.object_store import ObjectFolder
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    DocumentTable,
    InstanceTable,
    JobFileTable,
    ThumbnailTable,
    TypedFactsTable,
)

_AT_ONCE = 400  # films of one query


class Records:
    """Base of the repository's parts.

    Parameters
    ----------
    database : Database
        Where the tables live.
    objects : ObjectFolder
        Where the original bytes live.
    """

    def __init__(self, database: Database, objects: ObjectFolder) -> None:
        self._database, self._objects = database, objects

    def _forget_bytes(self, sha256s: set[str]) -> None:
        """Discard originals that no record and no waiting file needs.

        A transaction of its own, after the change is safe: bytes left behind do no harm, bytes
        gone for a change that was then rolled back would. Writing, so that no file that needs
        them is queued meanwhile.
        """
        with self._database.writing() as session:
            for sha256 in sha256s:
                if sha256 and not _is_needed(session, sha256):
                    self._objects.discard(sha256)
                    session.execute(delete(ThumbnailTable).where(ThumbnailTable.sha256 == sha256))


def _is_needed(session: Session, sha256: str) -> bool:
    films = select(func.count()).where(InstanceTable.sha256 == sha256)
    documents = select(func.count()).where(DocumentTable.sha256 == sha256)
    waiting = select(func.count()).where(
        JobFileTable.sha256 == sha256, JobFileTable.status.is_(None)
    )
    return bool(session.scalar(films) or session.scalar(documents) or session.scalar(waiting))


def load_typed(
    session: Session, sop_instance_uids: Sequence[str], *, until: datetime | None = None
) -> dict[str, TypedFacts]:
    """The newest facts typed of some films, or the newest at a moment, by SOP Instance UID."""
    sop, version = TypedFactsTable.sop_instance_uid, TypedFactsTable.version
    found: dict[str, TypedFacts] = {}
    for start in range(0, len(sop_instance_uids), _AT_ONCE):
        part = sop_instance_uids[start : start + _AT_ONCE]
        heads = select(sop, func.max(version)).where(sop.in_(part)).group_by(sop)
        if until is not None:
            heads = heads.where(TypedFactsTable.typed_at <= until)
        keys = [tuple(head) for head in session.execute(heads)]
        if keys:
            rows = select(TypedFactsTable).where(tuple_(sop, version).in_(keys))
            found |= {row.sop_instance_uid: to_facts(row) for row in session.scalars(rows)}
    return found


def load_kin(session: Session, films: Sequence[Instance]) -> dict[str, list[InstanceTable]]:
    """The stored films that show one film with each of some: its photograph, what was cut out.

    What is typed of one of them holds for all. Only films without a header have kin, and one was
    cut out of a photograph only where it names that photograph's very bytes.

    Parameters
    ----------
    session : Session
    films : sequence of Instance
        Stored or not.

    Returns
    -------
    dict
        SOP Instance UID to rows, the photograph first; the film itself is none of them.
    """
    own = {f.identity.sop_instance_uid: _shown(f) for f in films if f.source is SourceKind.FILM}
    if not own:
        return {}
    roots = {sop for sop, _ in own.values()}
    photographs = select(InstanceTable).where(InstanceTable.sop_instance_uid.in_(roots))
    rows = list(session.scalars(photographs))
    studies = {film.identity.study_instance_uid for film in films}
    studies |= {row.study_instance_uid for row in rows}  # a reader may have separated it
    source = InstanceTable.header["derivation"]["source_sop_instance_uid"].as_string()
    in_studies = InstanceTable.study_instance_uid.in_(studies)  # indexed, what follows is not
    cut_out = select(InstanceTable).where(in_studies, source.in_(roots))
    rows += session.scalars(cut_out.order_by(InstanceTable.position))
    stored = [(row, json_codec.instance_from_json(row.header)) for row in rows]
    by_shown: defaultdict[tuple[str, str], list[InstanceTable]] = defaultdict(list)
    for row, film in stored:
        if film.source is SourceKind.FILM:
            by_shown[_shown(film)].append(row)
    return {
        sop: [row for row in by_shown.get(shown, ()) if row.sop_instance_uid != sop]
        for sop, shown in own.items()
    }


def _shown(film: Instance) -> tuple[str, str]:
    """The photograph a film is of, itself where it was cut out of none: its UID and SHA-256."""
    made = film.derivation
    if made is None:
        return film.identity.sop_instance_uid, film.identity.sha256
    return made.source_sop_instance_uid, made.source_sha256


def to_facts(row: TypedFactsTable) -> TypedFacts:
    """The version that a row holds."""
    return json_codec.typed_facts_from_json(row.content, row.typed_at, row.version)
