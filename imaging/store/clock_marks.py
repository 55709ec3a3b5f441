"""The latest moment that the records know of, from which a clock that was set back goes on."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging.store.database import Database
from imaging.store.schema.tables import AuditTable, SiteTable, WorkerTable
from imaging.store.seals.row_seals import CLOCK_MARK

_MARKED_EVERY = timedelta(minutes=5)


class ClockMarks:
    """Marks of the time; reached as `Repository.clock_marks`.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._marked_at: datetime | None = None

    def mark(self) -> None:
        """Keep the latest moment for the next start, every few minutes; a worker calls it often.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        now = self._database.clock.now()
        if self._marked_at is None or now - self._marked_at >= _MARKED_EVERY:
            with self._database.writing(background=True) as session:
                session.merge(SiteTable(name=CLOCK_MARK, value={"reached": now.isoformat()}))
            self._marked_at = now


def latest_moment(session: Session) -> datetime | None:
    """The latest moment the records know of: a mark, the audit trail's last, a worker's."""
    mark = session.get(SiteTable, CLOCK_MARK)
    line = select(AuditTable.at).order_by(AuditTable.number.desc()).limit(1)
    moments = [session.scalar(select(func.max(WorkerTable.heartbeat_at)))]
    for text in (session.scalar(line), mark.value.get("reached") if mark else None):
        with suppress(ValueError, TypeError):  # somebody altered it; the audit trail tells
            moments.append(datetime.fromisoformat(text or ""))
    return max((moment for moment in moments if moment), default=None)
