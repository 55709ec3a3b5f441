"""Going from study to study: in the order of the worklist, by button, key or table row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

import streamlit as st

from imaging.review.rights import Right
from imaging.study import WorklistItem
from imaging.worklist.query import WorklistPage, WorklistQuery
from pages.ui import labels, resources, session
from pages.ui.deeds import deed, only
from pages.ui.i18n import _, ngettext

REVIEW_PAGE = "pages/review.py"
_SEARCH_LIMIT = 20  # studies a search offers


def open_study(study_instance_uid: str) -> NoReturn:
    """Go to the Review page of a study."""
    st.switch_page(REVIEW_PAGE, query_params={"study": study_instance_uid})


def describe(item: WorklistItem) -> str:
    """Describe a study in one line of a list."""
    patient = labels.HIDDEN if session.identity_hidden() else labels.patient_name(item.patient.name)
    if patient and item.typed:
        patient = labels.typed(patient)
    state = labels.outcome(item.status)
    if item.finding and (item.read or not session.reads_blind()):
        state = labels.answer(item.finding, item.answer)
    return " \u00b7 ".join(
        part
        for part in (
            patient or (labels.HIDDEN if session.identity_hidden() else item.file_name),
            labels.date(item.acquisition.study_date),
            state,
            labels.reading(item),
        )
        if part
    )


def render_identity_switch() -> None:
    """Mask who the patients are, on every page of this session."""
    st.toggle(_("Hide identity"), key=session.HIDE_IDENTITY, persist_state="session")


def render_picker(
    query: WorklistQuery,
    *,
    key: str,
    shown: WorklistPage | None = None,
    on_shown: Callable[[list[str]], None] | None = None,
) -> None:
    """Words to look for, the studies that hold them, and a button: no mouse, and no long list.

    `shown` is the page on screen, which is offered until something is looked for. `on_shown` hears
    which studies are named, for the audit trail.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            _("Go to a study (type to search)"),
            key=f"seek-{key}",
            placeholder=_("Patient, date or finding"),
            width=280,
        )
        search = replace(query, words=f"{query.words} {typed or ''}", offset=0, limit=_SEARCH_LIMIT)
        matches = shown if shown and not typed else resources.repository().worklist.page(search)
        names = _name_items(matches.items[:_SEARCH_LIMIT])
        if on_shown is not None:
            on_shown(list(names))
        pick = f"pick-{key}"
        if typed and matches.total == 1:
            st.session_state[pick] = matches.items[0].study_instance_uid
        elif st.session_state.get(pick) not in names:
            st.session_state[pick] = None  # of an earlier search
        chosen = st.selectbox(
            ngettext("{count} study found", "{count} studies found", matches.total).format(
                count=matches.total
            ),
            list(names),
            format_func=names.__getitem__,
            placeholder=_("The first {count} of them").format(count=_SEARCH_LIMIT),
            key=pick,
        )
        if st.button(_("Open"), key=f"open-{key}", disabled=chosen is None) and chosen:
            open_study(chosen)


def _name_items(items: Sequence[WorklistItem]) -> dict[str, str]:
    """UID -> line of each study; no two alike, for a browser identifies options by their words."""
    names: dict[str, str] = {}
    for item in items:
        name, same = describe(item), 1
        while name in names.values():
            same += 1
            name = f"{describe(item)} ({same})"
        names[item.study_instance_uid] = name
    return names


@only(Right.FINDINGS)
def render_start(query: WorklistQuery, page: WorklistPage) -> None:
    """The button to the case that is read next; without one it says why."""
    first = resources.repository().worklist.next_unread(query)
    pressed = st.button(_("Read next"), type="primary", shortcut="N", disabled=first is None)
    if pressed and first:
        open_study(first.study_instance_uid)
    if first is None and page.stored:
        st.caption(why_none(page))


def why_none(page: WorklistPage) -> str:
    """Why there is no unread case in a list."""
    if not page.stored_unread:
        return _("All studies are read.")
    text = ngettext(
        "{count} unread study is hidden by the filter.",
        "{count} unread studies are hidden by the filter.",
        page.stored_unread - page.unread,
    )
    return text.format(count=page.stored_unread - page.unread)


def render_steps(current: str, *, done: bool) -> None:
    """Buttons to the case above and to the next unread one, within the list last shown.

    `done` says that this one is read: then the next is what the reader wants.
    """
    if not session.may(Right.FINDINGS):  # the order of reading tells what the network raised
        render_identity_switch()
        return
    repository, query = resources.repository(), session.worklist_query()
    before = repository.worklist.previous(query, before=current)
    after = repository.worklist.next_unread(query, after=current)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.button(
            _("Previous"),
            shortcut="P",
            disabled=before is None,
            key="previous",
            on_click=_turn_back,
            args=(current,),
        )
        st.button(
            _("Next unread"),
            shortcut="N",
            disabled=after is None,
            type="primary" if done else "secondary",
            key="next",
            help=_("Within the filter of the worklist.") if query.filtered else None,
            on_click=_go_on,
            args=(current,),
        )


# A callback, and by now's list: a press that is answered where the button stands would draw the
# film on screen once more before the one that is wanted.
@deed(Right.FINDINGS)
def _go_on(current: str) -> None:
    _show(resources.repository().worklist.next_unread(session.worklist_query(), after=current))


@deed(Right.FINDINGS)
def _turn_back(current: str) -> None:
    _show(resources.repository().worklist.previous(session.worklist_query(), before=current))


def _show(item: WorklistItem | None) -> None:
    """Turn the Review page to a study; where there is none (any more) it stays as it is."""
    if item is not None:
        st.query_params.from_dict({"study": item.study_instance_uid})
