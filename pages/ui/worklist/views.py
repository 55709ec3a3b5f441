"""Views: lists under a name, those everybody has and the reader's own."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from imaging.review.rights import Right
from imaging.worklist.query import Replied, Sort, View, WorklistQuery
from pages.ui import resources, session
from pages.ui.deeds import deed
from pages.ui.escape import plain
from pages.ui.i18n import _


def render_views(query: WorklistQuery) -> None:
    """The lists everybody has, the reader's own, and a way to keep the present one."""
    account, repository = session.account().name, resources.repository()
    with st.popover(_("Views")):
        for view in usual_views(blind=session.reads_blind()):
            st.button(view.name, key=f"view-{view.name}", on_click=show, args=(view.query,))
        for view in repository.site.views(account):
            with st.container(horizontal=True):
                st.button(
                    plain(view.name), key=f"own-{view.name}", on_click=show, args=(view.query,)
                )
                st.button(
                    _("Delete"), key=f"delete-{view.name}", on_click=_delete, args=(view.name,)
                )
        name = st.text_input(_("Keep this list as"), max_chars=64, key="view-name")
        st.button(
            _("Save view"),
            disabled=not (name or "").strip(),
            on_click=_save,
            args=(query,),
        )


def usual_views(*, blind: bool) -> tuple[View, ...]:
    """The lists everybody has; one that tells what the network says is not for who reads blind."""
    raised = View(_("Priority by AI"), WorklistQuery(unread=True, urgency=1))
    return (
        View(_("Unread"), WorklistQuery(unread=True)),
        *(() if blind else (raised,)),
        View(_("Not answered"), WorklistQuery(answer=Replied.NOT)),
        View(_("All"), WorklistQuery()),
    )


@deed(Right.WORKLIST)
def show(query: WorklistQuery) -> None:
    """Fill the filter in from a view (a button's callback)."""
    values: dict[str, Any] = {
        "unread": query.unread,
        "find": query.words,
        "modality": query.modality,
        "answer": query.answer.value if query.answer else "",
        "urgency": "" if query.urgency is None else str(query.urgency),
        "outcome": query.status,
        "reading": query.stage,
        "from": _date(query.date_from),
        "to": _date(query.date_to),
        "sort": "" if query.sort is Sort.READING else query.sort.value,
        "down": query.descending,
    }
    for key, value in values.items():
        st.session_state[key] = value
    session.set_worklist_page(1)


def _date(digits: str) -> date | None:
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if digits else None


@deed(Right.WORKLIST)
def _delete(name: str) -> None:
    resources.repository().site.delete_view(name, account=session.account().name)


@deed(Right.WORKLIST)
def _save(query: WorklistQuery) -> None:
    """Keep a list under the name that is typed, and empty the name's field."""
    view = View(st.session_state["view-name"], query)
    resources.repository().site.save_view(view, account=session.account().name)
    st.session_state["view-name"] = ""
