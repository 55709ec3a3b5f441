"""How the site wants its studies read: the longest wait, and how urgent each finding is."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from imaging.review.rights import Right
from imaging.worklist.order import LONGEST_WAIT, SHORTEST_WAIT, TOP_LEVEL, ReadingOrder
from pages.ui import labels, poll, resources, session
from pages.ui.deeds import only
from pages.ui.i18n import _, ngettext

_HOUR = timedelta(hours=1)


def render_overdue(count: int) -> None:
    """Say that some studies have waited too long, and where they are."""
    if count:
        hours = resources.repository().site.reading_order().max_wait / _HOUR
        text = ngettext(
            "{count} unread study has waited longer than {hours} h and goes first.",
            "{count} unread studies have waited longer than {hours} h and go first.",
            count,
        )
        st.caption(text.format(count=count, hours=f"{hours:g}"))


@only(Right.FINDINGS, Right.SITE)
def render_order() -> None:
    """The settings, folded away; what is saved holds for every reader at once."""
    order = resources.repository().site.reading_order()
    with st.expander(_("Order of reading")):
        if session.reads_blind():
            st.caption(
                _(
                    "You read blind: unread studies stand in the order they came in, and the next "
                    "case follows it. What the AI says changes nothing for you."
                )
            )
        else:
            st.caption(
                _(
                    "Studies that waited too long come first. Then those the AI gave priority: "
                    "the more urgent finding first, suspected before unsure, then the one "
                    "waiting longest. All others stay in the order they came in. The AI can move "
                    "a study up, never down or off the list."
                )
            )
        st.caption(
            _(
                "Earlier studies of a patient lie folded below the current one when they were read "
                "or were old when they came; they are not counted as unread."
            )
        )
        _render_settings(order)


@only(Right.SITE)
def _render_settings(order: ReadingOrder) -> None:
    with st.form("order", border=False):
        hours = st.number_input(
            _("Maximum wait (h)"),
            int(SHORTEST_WAIT / _HOUR),
            int(LONGEST_WAIT / _HOUR),
            round(order.max_wait / _HOUR),
            key="longest-wait",
            width=280,
        )
        levels = dict(order.levels)
        for code, label in findings().items():
            levels[code] = st.segmented_control(
                _("Urgency of {finding}").format(finding=_(label)),
                range(TOP_LEVEL + 1),
                default=order.level(code),
                required=True,
                format_func=labels.level,
                key=f"level-{code}",
            )
        if st.form_submit_button(_("Save for all doctors")):
            _save(ReadingOrder(timedelta(hours=int(hours or 1)), tuple(levels.items())))


def findings() -> dict[str, str]:
    """The firm findings of the installed networks, code -> label; the others raise nothing."""
    return {
        spec.code: spec.label
        for card in resources.panel().cards
        for spec in card.findings
        if not card.explores(spec)
    }


def _save(order: ReadingOrder) -> None:
    resources.repository().site.set_reading_order(order, account=session.account().name)
    session.leave_notice("success", _("The order of reading is saved."))
    poll.redraw()
