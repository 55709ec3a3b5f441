"""Filter, order and page of the worklist, kept in the address line."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import streamlit as st

from imaging.entities import Status
from imaging.review.records import Stage
from imaging.review.rights import Right
from imaging.worklist.order import TOP_LEVEL
from imaging.worklist.query import (
    PAGE,
    UNTOUCHED,
    WAITING,
    Replied,
    Sort,
    WorklistPage,
    WorklistQuery,
)
from pages.ui import labels, resources, session
from pages.ui.deeds import deed
from pages.ui.grid.component import reported
from pages.ui.i18n import _

_LENGTHS = (PAGE, 100, 200)  # rows of a page
_MORE = ("modality", "answer", "urgency", "outcome", "reading", "from", "to")


def render_count(query: WorklistQuery, page: WorklistPage) -> None:
    """How many are to be read; under a filter how many of all those it shows, and a way out."""
    if not query.filtered:
        counted = _("{unread} unread of {total} studies")
        st.subheader(counted.format(unread=page.stored_unread, total=page.stored), anchor=False)
        return
    counted = _("Showing {shown} of {total} unread")
    shown = counted.format(shown=page.unread, total=page.stored_unread)
    st.subheader(shown, anchor=False)
    read, stored_read = page.total - page.unread, page.stored - page.stored_unread
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if read or stored_read:
            text = _("and {shown} of {total} read")
            st.caption(text.format(shown=read, total=stored_read))
        st.button(_("Show all"), key="show-all", type="tertiary", on_click=_show_all)


@deed(Right.WORKLIST)
def _show_all() -> None:
    """Take the filter away, and keep how the list is sorted."""
    for key, value in {"unread": False, "find": "", "from": None, "to": None}.items():
        st.session_state[key] = value
    for key in ("modality", "answer", "urgency", "outcome", "reading"):
        st.session_state[key] = ""
    session.set_worklist_page(1)


def render_filter() -> WorklistQuery:
    """Draw the filter; returns what it asks for."""
    only_unread = st.toggle(
        _("Unread only"),
        key="unread",
        bind="query-params",
        persist_state="session",
        on_change=_to_first_page,
    )
    wanted = st.text_input(
        _("Search"),
        key="find",
        bind="query-params",
        persist_state="session",
        placeholder=_("Name, ID, finding, file ..."),
        width=280,
        label_visibility="collapsed",
        on_change=_to_first_page,
    )
    count = sum(bool(st.session_state.get(key)) for key in _MORE)
    label = _("More filters ({count})").format(count=count) if count else _("More filters")
    with st.popover(label):
        more = _render_more()
    return WorklistQuery(
        words=wanted or "", unread=only_unread, blind=session.reads_blind(), **more
    )


def _render_more() -> dict[str, Any]:
    """The finer choices, as arguments of a query."""
    repository = resources.repository()
    answers = {
        Replied.PRESENT.value: _("Finding suspected"),
        Replied.ABSENT.value: _("No finding seen"),
        Replied.UNSURE.value: _("Unsure"),
        Replied.NOT.value: _("Not answered"),
    }
    levels = {str(n): labels.level(n) for n in range(TOP_LEVEL + 1)}
    levels |= {n: _("{level} or above").format(level=levels[n]) for n in ("1", "2")}
    if session.reads_blind():  # the choice would tell what the network says
        answers, levels = {Replied.NOT.value: answers[Replied.NOT.value]}, {}
    outcomes = {WAITING: labels.outcome(None)} | {
        s.value: labels.outcome(s) for s in Status if s is not Status.HELPER
    }
    stages = {UNTOUCHED: _("Unread")} | {s.value: labels.stage(s) for s in Stage}
    left, right = st.columns(2)
    with left:
        modality = _choice(
            _("Modality"), "modality", {m: m for m in repository.worklist.modalities()}
        )
        status = _choice(_("Outcome"), "outcome", outcomes)
        first = _day(_("Study date from"), "from")
        urgency = _choice(_("Urgency"), "urgency", levels) if levels else ""
    with right:
        answer = _choice(_("AI answer"), "answer", answers)
        stage = _choice(_("Reading"), "reading", stages)
        last = _day(_("to"), "to")
        order = _render_order()
    return {
        "modality": modality,
        "status": status,
        "date_from": first,
        "urgency": int(urgency) if urgency else None,
        "answer": Replied(answer) if answer else None,
        "stage": stage,
        "date_to": last,
        **order,
    }


def _render_order() -> dict[str, Any]:
    """How the list is sorted and cut into pages."""
    sorts = {
        Sort.RECEIVED.value: _("Received"),
        Sort.PATIENT.value: _("Patient"),
        Sort.DATE.value: _("Study date"),
        Sort.MODALITY.value: _("Modality"),
    }
    sort = _choice(_("Sort by"), "sort", sorts, nothing=_("Order of reading"))
    descending = st.toggle(
        _("Newest first"),
        key="down",
        bind="query-params",
        persist_state="session",
        disabled=not sort,
        on_change=_to_first_page,
    )
    length = st.segmented_control(
        _("Rows per page"),
        _LENGTHS,
        default=PAGE,
        required=True,
        key="rows",
        bind="query-params",
        persist_state="session",
        on_change=_to_first_page,
    )
    return {
        "sort": Sort(sort) if sort else Sort.READING,
        "descending": bool(sort) and descending,
        "limit": int(length or PAGE),
    }


def _choice(label: str, key: str, options: dict[str, str], *, nothing: str = "") -> str:
    """One of some options, or nothing of the kind (an empty string)."""
    names = {"": nothing or _("All")} | options
    if st.session_state.get(key, "") not in names:
        st.session_state[key] = ""  # it went meanwhile
    chosen = st.selectbox(
        label,
        list(names),
        format_func=names.__getitem__,
        key=key,
        bind="query-params",
        persist_state="session",
        on_change=_to_first_page,
    )
    return chosen or ""


def _day(label: str, key: str) -> str:
    """A date as YYYYMMDD, or an empty string."""
    chosen = st.date_input(
        label,
        None,
        min_value=date(1900, 1, 1),
        max_value=date(2100, 12, 31),
        key=key,
        format="YYYY-MM-DD",
        bind="query-params",
        persist_state="session",
        on_change=_to_first_page,
    )
    return chosen.strftime("%Y%m%d") if isinstance(chosen, date) else ""


@deed(Right.WORKLIST)
def sort_by_header(key: str) -> None:
    """Sort the whole list by what a header says (a table's callback).

    Pressed again the other way round, a third time by the order of reading.
    """
    wanted = reported(key, "sorted")
    if wanted not in {sort.value for sort in Sort}:
        return
    same, down = st.session_state.get("sort") == wanted, bool(st.session_state.get("down"))
    back = wanted == Sort.READING or (same and down)
    st.session_state["sort"] = "" if back else wanted
    st.session_state["down"] = same and not back
    session.set_worklist_page(1)


def page_of(query: WorklistQuery) -> WorklistQuery:
    """The query with the page this session is at."""
    return replace(query, offset=(session.worklist_page() - 1) * query.limit)


def render_pages(query: WorklistQuery, total: int) -> None:
    """The way to the other pages of a list, by mouse and key."""
    last = max(1, -(-total // query.limit))
    if last == 1:
        return
    at = query.offset // query.limit + 1
    with st.container(horizontal=True, vertical_alignment="center"):
        _turn(_("Previous page"), "Shift+P", at - 1, disabled=at <= 1)
        key = f"page-{at}"  # a new one for each page, so that it always begins where the list is
        st.pagination(last, default=at, key=key, on_change=_go_to_page, args=(key,))
        _turn(_("Next page"), "Shift+N", at + 1, disabled=at >= last)
        shown = _("{first} to {last} of {total}").format(
            first=query.offset + 1, last=min(query.offset + query.limit, total), total=total
        )
        st.caption(shown)


def _turn(label: str, shortcut: str, number: int, *, disabled: bool) -> None:
    st.button(
        label,
        shortcut=shortcut,
        disabled=disabled,
        on_click=_turn_to,
        args=(number,),
        key=label,
    )


@deed(Right.WORKLIST)
def _turn_to(number: int) -> None:
    session.set_worklist_page(number)


@deed(Right.WORKLIST)
def _go_to_page(key: str) -> None:
    session.set_worklist_page(int(st.session_state[key]))


@deed(Right.WORKLIST)
def _to_first_page() -> None:
    session.set_worklist_page(1)
