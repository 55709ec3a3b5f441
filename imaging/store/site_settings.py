"""Settings of the whole site, and the lists its readers keep."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging.review.records import AuditEvent
from imaging.review.rights import Right
from imaging.store import audit
from imaging.store.base import Records
from imaging.store.schema import json_codec
from imaging.store.schema.tables import SiteTable, ViewTable
from imaging.store.seals.row_seals import seal_rows
from imaging.store.worklist_rows import READING_ORDER, restand, site_order
from imaging.worklist.order import ReadingOrder
from imaging.worklist.query import Replied, Sort, View, WorklistQuery

LONGEST_NAME = 64  # characters of a view's name
_TWO_DOCTORS = "two doctors"  # the setting of that name


def asks_two_doctors(session: Session) -> bool:
    """Whether the site wants every report signed by two doctors."""
    row = session.get(SiteTable, _TWO_DOCTORS)
    return row is not None and bool(row.value.get("on"))


class SiteSettings(Records):
    """The site's order of reading and signatures; readers' views of the worklist."""

    def two_doctors(self) -> bool:
        """Whether a final signature needs another doctor's preliminary one before it."""
        with self._database.reading() as session:
            return asks_two_doctors(session)

    def set_two_doctors(self, on: bool, *, account: str) -> None:
        """Ask for the signatures of two doctors from now on, or of one; what is signed stays."""
        with self._database.writing(Right.SITE) as session:
            row = session.merge(SiteTable(name=_TWO_DOCTORS, value={"on": on}))
            session.flush()
            audit.append(
                session,
                AuditEvent.SITE,
                account=account,
                detail=f"signatures of {'two doctors' if on else 'one doctor'} on a final report",
                seals=seal_rows(row),
            )

    def reading_order(self) -> ReadingOrder:
        """How the site wants its studies read."""
        with self._database.reading() as session:
            return site_order(session)

    def set_reading_order(self, order: ReadingOrder, *, account: str) -> None:
        """Change how the site wants its studies read; every study takes its new place at once."""
        minutes = order.max_wait // timedelta(minutes=1)
        levels = dict(sorted(order.levels))
        value = {"max_wait_minutes": minutes, "levels": levels}
        with self._database.writing(Right.SITE) as session:
            row = session.merge(SiteTable(name=READING_ORDER, value=value))
            restand(session, order)
            listing = ", ".join(f"{code} {level}" for code, level in levels.items())
            audit.append(
                session,
                AuditEvent.SITE,
                account=account,
                detail=f"reading order: maximum wait {minutes} min; {listing or 'usual levels'}",
                seals=seal_rows(row),
            )

    def views(self, account: str) -> tuple[View, ...]:
        """The lists a reader keeps, by name."""
        query = select(ViewTable).where(ViewTable.account == account).order_by(ViewTable.name)
        with self._database.reading(Right.WORKLIST) as session:
            return tuple(View(r.name, _to_query(r.query)) for r in session.scalars(query))

    def save_view(self, view: View, *, account: str) -> None:
        """Keep a list under its name; one of that name before is replaced.

        Raises
        ------
        ValueError
            If the name is empty or longer than 64 characters.
        """
        name = json_codec.plain(" ".join(view.name.split()))
        if not 0 < len(name) <= LONGEST_NAME:
            raise ValueError("a view needs a name of up to 64 characters")
        with self._database.writing(Right.WORKLIST) as session:
            values = asdict(view.query.whole)
            values.update(sort=view.query.sort.value, descending=view.query.descending)
            session.merge(ViewTable(account=account, name=name, query=values))
            # its name and words may be a patient's: the trail does not hold them
            audit.append(session, AuditEvent.ACCOUNT, account=account, detail="worklist view saved")

    def delete_view(self, name: str, *, account: str) -> None:
        """Keep a list no more; one that is not there is gone already."""
        with self._database.writing(Right.WORKLIST) as session:
            row = session.get(ViewTable, (account, name))
            if row is not None:
                session.delete(row)
                audit.append(
                    session, AuditEvent.ACCOUNT, account=account, detail="worklist view deleted"
                )


def _to_query(values: dict[str, Any]) -> WorklistQuery:
    answer = Replied(values["answer"]) if values["answer"] else None
    return WorklistQuery(**{**values, "answer": answer, "sort": Sort(values["sort"])})
