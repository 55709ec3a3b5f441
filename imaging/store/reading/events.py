"""Events of reading, kept as they happen, and the switches of AI, which are events too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging.review.events import AiScope, Moment, ReadingEvent
from imaging.review.records import AuditEvent
from imaging.review.rights import Right
from imaging.store import audit
from imaging.store.access.account_rows import load_row
from imaging.store.access.sessions import insist_on_self
from imaging.store.base import Records
from imaging.store.reading import switches
from imaging.store.schema.tables import ReadingEventTable, SiteTable, StudyTable
from imaging.store.seals.row_seals import seal_rows
from imaging.store.worklist_rows import refresh_worklist

Detail = Mapping[str, str | float | bool]
_AT_ONCE = 400  # studies of one query


class ReadingEvents(Records):
    """What happened while studies were read; reached as `Repository.reading`."""

    def note_seen(
        self, study_instance_uids: Collection[str], kind: Moment, detail: Detail, *, account: str
    ) -> tuple[str, ...]:
        """Keep that an answer, a map or a second look came onto an account's screen.

        The first time counts; what is known already, or is of no stored study, is left alone.

        Parameters
        ----------
        study_instance_uids : collection of str
        kind : Moment
            Any but the switches.
        detail : mapping
            The same for all of them.
        account : str

        Returns
        -------
        tuple of str
            The studies for which it is kept now.
        """
        uids = list(dict.fromkeys(study_instance_uids))
        if not uids or not self._unseen(uids, kind, account):
            return ()
        with self._database.writing(Right.FINDINGS) as session:
            insist_on_self(session, account)
            new = _unseen(session, uids, kind, account)
            now = datetime.now(UTC)
            rows = [_row(uid, account, kind, now, detail) for uid in new]
            session.add_all(rows)
            for row in rows:
                audit.append(
                    session,
                    AuditEvent.SEEN,
                    account=account,
                    study_instance_uid=row.study_instance_uid,
                    detail=kind.value,
                    seals=seal_rows(row),
                )
        return tuple(new)

    def _unseen(self, uids: list[str], kind: Moment, account: str) -> list[str]:
        with self._database.reading(Right.FINDINGS) as session:
            return _unseen(session, uids, kind, account)

    def of_study(self, study_instance_uid: str) -> tuple[ReadingEvent, ...]:
        """All events of a study, oldest first."""
        with self._database.reading(Right.FINDINGS) as session:
            return events_of(session, [study_instance_uid])

    def switch_study(self, study_instance_uid: str, *, off: bool, account: str) -> None:
        """Switch AI off for a study, for everybody, or on again.

        Answers stay stored; what the network raised the study by counts again once it is on.
        """
        kind = Moment.AI_OFF if off else Moment.AI_ON
        with self._database.writing(Right.DRAFT) as session:
            insist_on_self(session, account)
            is_off = bool(switches.studies_without_ai(session, [study_instance_uid]))
            if is_off is off or session.get(StudyTable, study_instance_uid) is None:
                return
            row = _row(study_instance_uid, account, kind, datetime.now(UTC), {})
            session.add(row)
            audit.append(
                session,
                AuditEvent.AI,
                account=account,
                study_instance_uid=study_instance_uid,
                detail=f"{'off' if off else 'on'} for the study",
                seals=seal_rows(row),
            )
            refresh_worklist(session, [study_instance_uid])

    def switch_account(self, account: str, *, off: bool) -> None:
        """Switch AI off for an account, by itself, or on again."""
        with self._database.writing(Right.OWN) as session:
            insist_on_self(session, account)
            load_row(session, account).ai_off = off
            detail = f"{'off' if off else 'on'} for the account"
            audit.append(session, AuditEvent.AI, account=account, detail=detail)

    def switch_site(self, *, off: bool, account: str) -> None:
        """Switch AI off for everybody at once, or on again."""
        with self._database.writing(Right.SITE) as session:
            row = session.merge(SiteTable(name=switches.AI, value={"off": off}))
            session.flush()
            audit.append(
                session,
                AuditEvent.AI,
                account=account,
                detail=f"{'off' if off else 'on'} for the site",
                seals=seal_rows(row),
            )

    def off_for_all(self) -> AiScope | None:
        """Why the account that asks hears no network about any study; None where it does."""
        with self._database.reading() as session:
            return switches.off_for_all(session)

    def stamp(self) -> str:
        """Changes whenever a switch of a study or of the site was turned: to look again by."""
        kinds = (Moment.AI_OFF.value, Moment.AI_ON.value)
        query = select(func.max(ReadingEventTable.at)).where(ReadingEventTable.kind.in_(kinds))
        with self._database.reading() as session:
            return f"{session.scalar(query)} {switches.site_hears_no_ai(session)}"


def events_of(session: Session, study_instance_uids: Collection[str]) -> tuple[ReadingEvent, ...]:
    """All events of some studies, oldest first."""
    study = ReadingEventTable.study_instance_uid
    query = select(ReadingEventTable).where(study.in_(study_instance_uids))
    return tuple(map(_to_event, session.scalars(query.order_by(ReadingEventTable.at))))


def _unseen(session: Session, uids: list[str], kind: Moment, account: str) -> list[str]:
    """Those of some stored studies of which an account has not seen this yet, in their order."""
    event, study = ReadingEventTable, StudyTable.study_instance_uid
    seen: set[str] = set()
    stored: set[str] = set()
    for start in range(0, len(uids), _AT_ONCE):
        part = uids[start : start + _AT_ONCE]
        query = select(event.study_instance_uid).where(
            event.study_instance_uid.in_(part),
            event.account == account,
            event.kind == kind.value,
        )
        seen.update(session.scalars(query))
        stored.update(session.scalars(select(study).where(study.in_(part))))
    return [uid for uid in uids if uid in stored - seen]


def _row(uid: str, account: str, kind: Moment, at: datetime, detail: Detail) -> ReadingEventTable:
    return ReadingEventTable(
        study_instance_uid=uid, account=account, kind=kind.value, at=at, content=dict(detail)
    )


def _to_event(row: ReadingEventTable) -> ReadingEvent:
    kind = Moment(row.kind)
    return ReadingEvent(row.study_instance_uid, row.account, kind, row.at, row.content)
