"""The base of the repository's parts, which share the database and the folder of originals."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging.store.database import Database
from imaging.store.object_store import ObjectFolder
from imaging.store.tables import DocumentTable, InstanceTable, JobFileTable


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


def _is_needed(session: Session, sha256: str) -> bool:
    films = select(func.count()).where(InstanceTable.sha256 == sha256)
    documents = select(func.count()).where(DocumentTable.sha256 == sha256)
    waiting = select(func.count()).where(
        JobFileTable.sha256 == sha256, JobFileTable.status.is_(None)
    )
    return bool(session.scalar(films) or session.scalar(documents) or session.scalar(waiting))
