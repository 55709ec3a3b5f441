"""The worklist as the database gives it: one page, one search, the next case; never the table.

The order of reading has parts, each a queue by age and one stretch of one index: first what has
waited too long; then, priority by priority, what else is unread; last what was read. Which part a
study is in depends on the time, so no column holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from imaging.entities import SourceKind
from imaging.review.rights import Right
from imaging.store.access.redaction import item_as_allowed, query_as_allowed
from imaging.store.base import Records
from imaging.store.reading.switches import off_for_all
from imaging.store.schema.tables import WorklistTable as Row
from imaging.store.worklist_rows import item_of, site_order
from imaging.study import WorklistItem
from imaging.worklist.order import TOP_LEVEL, level_of
from imaging.worklist.query import (
    UNTOUCHED,
    WAITING,
    Replied,
    Sort,
    WorklistPage,
    WorklistQuery,
)
from imaging.worklist.workload import Listed

_Columns = tuple[InstrumentedAttribute[Any], ...]
_Conditions = Sequence[ColumnElement[bool]]
_KEYS: dict[Sort, _Columns] = {
    Sort.RECEIVED: (Row.received_at, Row.study_instance_uid),
    Sort.PATIENT: (Row.patient_key, Row.received_at, Row.study_instance_uid),
    Sort.DATE: (Row.date_key, Row.received_at, Row.study_instance_uid),
    Sort.MODALITY: (Row.modality, Row.received_at, Row.study_instance_uid),
}
_RARE = 500  # so few matches are put in order here; of more, the index has a page together sooner


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the list: which rows, and the columns that put them in order."""

    where: ColumnElement[bool]
    keys: _Columns
    descending: bool = False

    def order_keys(self, *, backwards: bool = False) -> list[ColumnElement[Any]]:
        """The columns to order by."""
        down = self.descending != backwards
        return [key.desc() if down else key.asc() for key in self.keys]


@dataclass(frozen=True, slots=True, order=True)
class NamelessStudy:
    """A study as somebody may know it who must not know of whom it is: its UID stays here too."""

    study_instance_uid: str
    modality: str
    images: int


class WorklistPages(Records):
    """Pages of what is to be read, and in which order."""

    def page(
        self, query: WorklistQuery | None = None, *, now: datetime | None = None
    ) -> WorklistPage:
        """A page of the worklist.

        Parameters
        ----------
        query : WorklistQuery
            Filter, sort and page; without it the first page of all studies.
        now : datetime
            The time that tells who has waited too long; without it the present.
        """
        with self._database.reading(Right.WORKLIST) as session:
            off = off_for_all(session)
            query = query_as_allowed(query or WorklistQuery(), off)
            cutoff = _cutoff(session, now)
            passes = _build_conditions(query)
            everything, read = (_count_rows(session, where) for where in ([], [Row.read == true()]))
            stored = everything, everything - read
            overdue = _count_rows(session, [Row.read == false(), Row.received_at <= cutoff])
            few = _load_few(session, query, passes, cutoff) if passes else None
            if few is not None:
                rows, total = few
            else:
                rows = _load_window(session, query, passes, cutoff)
                total = _count_passing(session, passes) if passes else stored
            items = tuple(
                item_as_allowed(item_of(row, overdue=row.received_at <= cutoff), off)
                for row in rows
            )
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

    def load_workload_rows(self) -> tuple[Listed, ...]:
        """Of every study only what its place and its wait follow from, oldest first."""
        raised = Row.probability >= Row.operating_point
        query = select(Row.standing, Row.read, Row.received_at, raised).order_by(Row.received_at)
        with self._database.reading(Right.FINDINGS) as session:
            return tuple(
                Listed(-standing, read, at, None if positive is None else bool(positive))
                for standing, read, at, positive in session.execute(query)
            )

    def study_uids(self, query: WorklistQuery | None = None) -> tuple[str, ...]:
        """Every stored study that passes a filter, in the order of reading."""
        uids = list[str]()
        with self._database.reading(Right.RESCORE) as session:
            query = query_as_allowed(query or WorklistQuery(), off_for_all(session))
            passes = _build_conditions(query)
            for part in _parts(_in_place(query), _cutoff(session, None)):
                rows = select(Row.study_instance_uid).where(part.where, *passes)
                uids.extend(session.scalars(rows.order_by(*part.order_keys())))
        return tuple(uids)

    def nameless(self) -> tuple[NamelessStudy, ...]:
        """Every study that holds DICOM films of one patient, without a word on whom or when."""
        query = select(Row.study_instance_uid, Row.modality, Row.instances).where(
            Row.source == SourceKind.DICOM.value, Row.held == false(), Row.instances > 0
        )
        with self._database.reading(Right.RELEASE) as session:
            return tuple(NamelessStudy(*row) for row in session.execute(query))

    def modalities(self) -> tuple[str, ...]:
        """The modalities of the stored studies, in alphabetical order."""
        names: list[str] = [""]
        with self._database.reading(Right.WORKLIST) as session:
            while True:  # from one to the next along the index, whatever lies between
                further = select(func.min(Row.modality)).where(Row.modality > names[-1])
                following = session.scalar(further)
                if following is None:
                    return tuple(names[1:])
                names.append(following)

    def _step(
        self, query: WorklistQuery | None, start: str, now: datetime | None, *, backwards: bool
    ) -> WorklistItem | None:
        with self._database.reading(Right.FINDINGS) as session:
            off = off_for_all(session)
            query = query_as_allowed(query or WorklistQuery(), off)
            passes = [*_build_conditions(query), Row.study_instance_uid != start]
            if not backwards:
                passes.append(Row.read == false())
            cutoff = _cutoff(session, now)
            parts = _parts(_in_place(query), cutoff)
            row = session.get(Row, start) if start else None
            searched = _parts_beyond(parts, row, cutoff, query, backwards=backwards)
            if not backwards:  # round to the top
                searched += [(part, true()) for part in parts]
            for part, further in searched:
                following = session.scalar(
                    select(Row)
                    .where(part.where, further, *passes)
                    .order_by(*part.order_keys(backwards=backwards))
                    .limit(1)
                )
                if following is not None:
                    item = item_of(following, overdue=following.received_at <= cutoff)
                    return item_as_allowed(item, off)
        return None


def _cutoff(session: Session, now: datetime | None) -> datetime:
    """Who came by then has waited as long as the site allows."""
    return (now or datetime.now(UTC)) - site_order(session).max_wait


def _parts(query: WorklistQuery, cutoff: datetime) -> list[_Part]:
    """The stretches of a list; together they are all rows, and no row is in two."""
    if query.sort is not Sort.READING:
        return [_Part(true(), _KEYS[query.sort], query.descending)]
    unread = Row.read == false()
    by_age = _KEYS[Sort.RECEIVED]
    if query.blind:  # a place in the list would tell the answer: who came first goes first
        return [_Part(unread, by_age), _Part(Row.read == true(), by_age)]
    late, fresh = Row.received_at <= cutoff, Row.received_at > cutoff
    priorities = [Row.standing == standing for standing in range(-2 * TOP_LEVEL, 1)]
    return [
        _Part(and_(unread, late), by_age),
        *(_Part(and_(unread, at, fresh), by_age) for at in priorities),
        _Part(Row.read == true(), by_age),
    ]


def _in_place(query: WorklistQuery) -> WorklistQuery:
    """The whole list in the order of reading, as who asks may know it."""
    return WorklistQuery(blind=query.blind)


def _part_of(
    read: bool, standing: int, received_at: datetime, cutoff: datetime, *, blind: bool
) -> int:
    """The part of the order of reading that a row is in."""
    if blind:
        return int(read)
    last = 2 * TOP_LEVEL + 2
    if read:
        return last
    return 0 if received_at <= cutoff else last - 1 + standing


def _parts_beyond(
    parts: Sequence[_Part],
    row: Row | None,
    cutoff: datetime,
    query: WorklistQuery,
    *,
    backwards: bool,
) -> list[tuple[_Part, ColumnElement[bool]]]:
    """The parts behind (or before) a row's place, nearest first, with what to ask of each."""
    if row is None:
        return []
    at = _part_of(row.read, row.standing, row.received_at, cutoff, blind=query.blind)
    row_key = tuple_(Row.received_at, Row.study_instance_uid)
    start_key = tuple_(row.received_at, row.study_instance_uid)
    if backwards:
        return [
            (parts[at], row_key < start_key),
            *((part, true()) for part in reversed(parts[:at])),
        ]
    return [(parts[at], row_key > start_key), *((part, true()) for part in parts[at + 1 :])]


def _load_few(
    session: Session, query: WorklistQuery, passes: _Conditions, cutoff: datetime
) -> tuple[list[Row], tuple[int, int]] | None:
    """The page and the counts of a list of few studies, from one look at the table.

    None when there are many.
    """
    keys = _KEYS.get(query.sort, _KEYS[Sort.RECEIVED])
    columns = (Row.read, Row.standing, *keys)
    matches = list(session.execute(select(*columns).where(*passes).limit(_RARE + 1)))
    if len(matches) > _RARE:
        return None
    if query.sort is Sort.READING:
        matches.sort(
            key=lambda row: (_part_of(row[0], row[1], row[2], cutoff, blind=query.blind), *row[2:])
        )
    else:
        matches.sort(key=lambda row: row[2:], reverse=query.descending)
    uids = [row[-1] for row in matches[query.offset : query.offset + query.limit]]
    rows = session.scalars(select(Row).where(Row.study_instance_uid.in_(uids)))
    rows_by_uid = {row.study_instance_uid: row for row in rows}
    unread = sum(not row[0] for row in matches)
    return [rows_by_uid[uid] for uid in uids], (len(matches), unread)


def _load_window(
    session: Session, query: WorklistQuery, passes: _Conditions, cutoff: datetime
) -> list[Row]:
    """The rows of one page: as many parts as it takes, each asked for what is still missing."""
    rows: list[Row] = []
    skip = query.offset
    for part in _parts(query, cutoff):
        where = [part.where, *passes]
        statement = select(Row).where(*where).order_by(*part.order_keys())
        page_rows = session.scalars(statement.offset(skip).limit(query.limit - len(rows))).all()
        rows.extend(page_rows)
        if len(rows) >= query.limit:
            break
        if page_rows:
            skip = 0
        elif skip:
            skip -= min(skip, _count_rows(session, where))
    return rows


def _count_passing(session: Session, passes: _Conditions) -> tuple[int, int]:
    """How many rows pass, and how many of those are unread."""
    unread = func.count(case((Row.read == false(), 1)))
    total, of_these = session.execute(select(func.count(), unread).where(*passes)).one()
    return total, of_these


def _count_rows(session: Session, passes: _Conditions) -> int:
    return session.scalar(select(func.count()).select_from(Row).where(*passes)) or 0


def _build_conditions(query: WorklistQuery) -> list[ColumnElement[bool]]:
    """The conditions on a row that passes the filter."""
    conditions = [_contains(word, blind=query.blind) for word in query.words.casefold().split()]
    if query.unread:
        conditions.append(Row.read == false())
    if query.modality:
        conditions.append(Row.modality == query.modality)
    if query.status:
        waits = query.status == WAITING
        conditions.append(Row.status.is_(None) if waits else Row.status == query.status)
    if query.stage:
        untouched = query.stage == UNTOUCHED
        conditions.append(Row.stage.is_(None) if untouched else Row.stage == query.stage)
    if query.date_from:
        conditions.append(Row.date_key >= query.date_from)
    if query.date_to:
        conditions.append(and_(Row.date_key != "", Row.date_key <= query.date_to))
    if query.answer is Replied.NOT:
        conditions.append(Row.finding_code.is_(None))
    if not query.blind:
        conditions += _build_answer_conditions(query)
    return conditions


def _build_answer_conditions(query: WorklistQuery) -> list[ColumnElement[bool]]:
    """The part of a filter that tells what the network says."""
    conditions: list[ColumnElement[bool]] = []
    if query.urgency is not None:
        least = next(p for p in range(7) if level_of(p) == query.urgency)
        raised = Row.standing <= -least
        conditions.append(raised if query.urgency else Row.standing == 0)
    if query.answer in (Replied.PRESENT, Replied.ABSENT, Replied.UNSURE):
        conditions.append(and_(Row.finding_code.is_not(None), _match_answer(query.answer)))
    return conditions


def _match_answer(answer: Replied) -> ColumnElement[bool]:
    """An answer from before there was "unsure" is told by its operating point."""
    positive = Row.probability >= Row.operating_point
    by_point = {Replied.PRESENT: positive, Replied.ABSENT: ~positive}.get(answer, false())
    return or_(Row.answer == answer.value, and_(Row.answer.is_(None), by_point))


def _contains(word: str, *, blind: bool) -> ColumnElement[bool]:
    return (Row.search if blind else Row.search_all).contains(word, autoescape=True)
