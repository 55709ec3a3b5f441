"""Whether the audit trail is whole, and whether the collector gets it, in words."""

from __future__ import annotations

import streamlit as st

from imaging.review.rights import Right
from pages.ui import labels, resources
from pages.ui.deeds import only
from pages.ui.escape import plain
from pages.ui.i18n import _

_PATIENCE = 1.0  # seconds a page waits for the first check after a start
_MOST = 20  # faults named on the page


@only(Right.TRAIL)
def render_trail() -> None:
    """Draw what the last check found, the head to note elsewhere, and how far it was sent."""
    watch = resources.trail()
    watch.wait(_PATIENCE)
    st.markdown(f"**{_('Audit trail')}**")
    verdict = watch.verdict
    if verdict is None or watch.checked_at is None:
        st.caption(_("The trail is being checked ..."))
    elif verdict.intact:
        words = _("Unbroken since {since}: {lines} lines, last checked {checked}.")
        since = labels.date(verdict.since[:10].replace("-", "")) if verdict.since else ""
        checked = f"{watch.checked_at.astimezone():%Y-%m-%d %H:%M}"
        st.caption(words.format(since=since or checked, lines=verdict.entries, checked=checked))
    else:
        st.error(
            _(
                "The audit trail, or a record it tells of, was altered. Tell whoever runs this "
                "installation; `python cli.py audit verify` says the same."
            )
        )
        for fault in verdict.faults[:_MOST]:
            st.text(fault)
    for note in verdict.notes if verdict is not None else ():
        st.caption(plain(note))
    head = resources.repository().audit.head()
    if head is not None:
        st.caption(_("Last line, to note elsewhere: {anchor}").format(anchor=head.short))
        _render_collector(head.number)


def _render_collector(last: int) -> None:
    """How far the collector is, where there is one."""
    name = resources.settings().syslog
    if not name:
        return
    state = resources.repository().audit.relayed(name)
    if state.trouble and state.told_at is not None:
        words = _(
            "The collector {name} gets no lines since {since}: {reason}. {count} lines wait here, "
            "and are sent when it is back."
        )
        since = f"{state.told_at.astimezone():%Y-%m-%d %H:%M}"
        st.warning(
            plain(
                words.format(
                    name=name, since=since, reason=state.trouble, count=last - state.number
                )
            )
        )
    else:
        words = _("The collector {name} has it up to line {number} of {last}.")
        st.caption(plain(words.format(name=name, number=state.number, last=last)))
