"""The worklist as the database gives it: one page, one search, the next case; never the table.

The order of reading has three parts, each one walk along an index: what has waited too long, by
its age; what else is unread, by priority and age; what was read, by age. Which part a study is in
depends on the time, so no column holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from imaging.entities import WorklistItem
from imaging.store.records import Records
from imaging.store.rows import item_of, site_order
from imaging.store.tables import WorklistTable as Row
from imaging.worklist import level_of
from imaging.worklist_query import (
    UNTOUCHED,
    WAITING,
    Replied,
    Sort,
    WorklistPage,
    WorklistQuery,
)

_Columns = tuple[InstrumentedAttribute[object], ...]
_KEYS: dict[Sort, _Columns] = {
    Sort.RECEIVED: (Row.received_at, Row.study_instance_uid),
    Sort.PATIENT: (Row.patient_key, Row.received_at, Row.study_instance_uid),
    Sort.DATE: (Row.date_key, Row.received_at, Row.study_instance_uid),
    Sort.MODALITY: (Row.modality, Row.received_at, Row.study_instance_uid),
}


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the list: which rows, and the columns that put them in order."""

    where: ColumnElement[bool]
    keys: _Columns
    descending: bool = False

    def ordered(self, *, backwards: bool = False) -> list[ColumnElement[object]]:
        """What to order by."""
        down = self.descending != backwards
        return [key.desc() if down else key.asc() for key in self.keys]


class Worklists(Records):
    """What is to be read, and in which order."""

    def worklist_page(
        self, query: WorklistQuery | None = None, *, now: datetime | None = None
    ) -> WorklistPage:
        """One page of the worklist.

        Parameters
        ----------
        query : WorklistQuery
            Filter, sort and page; without it the first page of all studies.
        now : datetime
            The time that tells who has waited too long; without it the present.
        """
        query = query or WorklistQuery()
        with self._database.reading() as session:
            cutoff = _cutoff(session, now)
            passes = _conditions(query)
            stored, overdue = _count(session, [], cutoff)
            total = _count(session, passes, cutoff)[0] if passes else stored
            rows = _window(session, query, passes, cutoff)
            items = tuple(item_of(row, overdue=row.received_at <= cutoff) for row in rows)
        return WorklistPage(items, *total, *stored, overdue)

    def next_unread(
        self,
        query: WorklistQuery | None = None,
        *,
        after: str = "",
        now: datetime | None = None,
    ) -> WorklistItem | None:
        """The unread study that follows `after` in the order of reading, else the first of all.

        Never `after` itself; None when no other passes the filter. The sort of the query does not
        count: a sort is for finding, the next case is the most urgent one.
        """
        return self._step(query, after, now, backwards=False)

    def previous(
        self,
        query: WorklistQuery | None = None,
        *,
        before: str,
        now: datetime | None = None,
    ) -> WorklistItem | None:
        """The study above `before` in the order of reading, read or not; None for the first."""
        return self._step(query, before, now, backwards=True)

    def modalities(self) -> tuple[str, ...]:
        """The modalities of the stored studies, in alphabetical order."""
        with self._database.reading() as session:
            found = session.scalars(select(Row.modality).distinct().order_by(Row.modality))
            return tuple(filter(None, found))

    def _step(
        self, query: WorklistQuery | None, start: str, now: datetime | None, *, backwards: bool
    ) -> WorklistItem | None:
        passes = [*_conditions(query or WorklistQuery()), Row.study_instance_uid != start]
        if not backwards:
            passes.append(Row.read == false())
        with self._database.reading() as session:
            cutoff = _cutoff(session, now)
            parts = _reading_parts(cutoff)
            row = session.get(Row, start) if start else None
            searched = _beyond(parts, row, cutoff, backwards=backwards)
            if not backwards:  # round to the top
                searched += [(part, true()) for part in parts]
            for part, further in searched:
                found = session.scalar(
                    select(Row)
                    .where(part.where, further, *passes)
                    .order_by(*part.ordered(backwards=backwards))
                    .limit(1)
                )
                if found is not None:
                    return item_of(found, overdue=found.received_at <= cutoff)
        return None


def _cutoff(session: Session, now: datetime | None) -> datetime:
    """Who came by then has waited as long as the site allows."""
    return (now or datetime.now(UTC)) - site_order(session).max_wait


def _reading_parts(cutoff: datetime) -> list[_Part]:
    """The order of reading."""
    unread, late = Row.read == false(), Row.received_at <= cutoff
    by_age = (Row.received_at, Row.study_instance_uid)
    return [
        _Part(and_(unread, late), by_age),
        _Part(and_(unread, Row.received_at > cutoff), (Row.standing, *by_age)),
        _Part(Row.read == true(), by_age),
    ]


def _parts(query: WorklistQuery, cutoff: datetime) -> list[_Part]:
    if query.sort is Sort.READING:
        return _reading_parts(cutoff)
    return [_Part(true(), _KEYS[query.sort], query.descending)]


def _beyond(
    parts: Sequence[_Part], row: Row | None, cutoff: datetime, *, backwards: bool
) -> list[tuple[_Part, ColumnElement[bool]]]:
    """The parts behind (or before) a row's place, nearest first, with what to ask of each."""
    if row is None:
        return []
    at = 2 if row.read else 0 if row.received_at <= cutoff else 1
    here = tuple_(*parts[at].keys)
    place = tuple_(*(getattr(row, key.key) for key in parts[at].keys))
    if backwards:
        return [(parts[at], here < place), *((part, true()) for part in reversed(parts[:at]))]
    return [(parts[at], here > place), *((part, true()) for part in parts[at + 1 :])]


def _window(
    session: Session,
    query: WorklistQuery,
    passes: Sequence[ColumnElement[bool]],
    cutoff: datetime,
) -> list[Row]:
    """The rows of one page: as many parts as it takes, each asked for what is still missing."""
    rows: list[Row] = []
    skip = query.offset
    parts = _parts(query, cutoff)
    for at, part in enumerate(parts):
        where = [part.where, *passes]
        wanted: Select[tuple[Row]] = select(Row).where(*where).order_by(*part.ordered())
        found = session.scalars(wanted.offset(skip).limit(query.limit - len(rows))).all()
        rows.extend(found)
        if len(rows) >= query.limit or at == len(parts) - 1:
            break
        if found:
            skip = 0
        elif skip:
            counted = select(func.count()).select_from(Row).where(*where)
            skip -= min(skip, session.scalar(counted) or 0)
    return rows


def _count(
    session: Session, passes: Sequence[ColumnElement[bool]], cutoff: datetime
) -> tuple[tuple[int, int], int]:
    """How many rows pass and how many of those are unread; and how many of those are late."""
    late = Row.received_at <= cutoff
    query = select(Row.read, late, func.count()).where(*passes).group_by(Row.read, late)
    found = [(bool(read), bool(old), count) for read, old, count in session.execute(query)]
    unread = sum(count for read, _, count in found if not read)
    overdue = sum(count for read, old, count in found if old and not read)
    return (sum(count for *_, count in found), unread), overdue


def _conditions(query: WorklistQuery) -> list[ColumnElement[bool]]:
    """What a row must be to pass the filter."""
    found = [_has(word, blind=query.blind) for word in query.words.casefold().split()]
    if query.unread:
        found.append(Row.read == false())
    if query.modality:
        found.append(Row.modality == query.modality)
    if query.status:
        waits = query.status == WAITING
        found.append(Row.status.is_(None) if waits else Row.status == query.status)
    if query.stage:
        untouched = query.stage == UNTOUCHED
        found.append(Row.stage.is_(None) if untouched else Row.stage == query.stage)
    if query.date_from:
        found.append(Row.date_key >= query.date_from)
    if query.date_to:
        found.append(and_(Row.date_key != "", Row.date_key <= query.date_to))
    if query.answer is Replied.NOT:
        found.append(Row.finding_code.is_(None))
    if not query.blind:
        found += _said(query)
    return found


def _said(query: WorklistQuery) -> list[ColumnElement[bool]]:
    """The part of a filter that tells what the network says."""
    found: list[ColumnElement[bool]] = []
    if query.urgency is not None:
        least = next(p for p in range(7) if level_of(p) == query.urgency)
        raised = Row.standing <= -least
        found.append(raised if query.urgency else Row.standing == 0)
    if query.answer in (Replied.PRESENT, Replied.ABSENT, Replied.UNSURE):
        found.append(and_(Row.finding_code.is_not(None), _answered(query.answer)))
    return found


def _answered(answer: Replied) -> ColumnElement[bool]:
    """An answer from before there was "unsure" is told by its operating point."""
    positive = Row.probability >= Row.operating_point
    told = {Replied.PRESENT: positive, Replied.ABSENT: ~positive}.get(answer, false())
    return or_(Row.answer == answer.value, and_(Row.answer.is_(None), told))


def _has(word: str, *, blind: bool) -> ColumnElement[bool]:
    shown = Row.search.contains(word, autoescape=True)
    return shown if blind else or_(shown, Row.search_answer.contains(word, autoescape=True))
