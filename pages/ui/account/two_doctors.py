"""The site's wish that two doctors sign a report: its switch, and whether a study waits for one."""

from __future__ import annotations

import streamlit as st

from imaging.review.rights import Right
from imaging.review.signatures import find_written
from imaging.study import StudyRecord
from pages.ui import resources, session
from pages.ui.deeds import deed, only
from pages.ui.i18n import _


def waits_for_another(record: StudyRecord) -> bool:
    """Whether who is signed in may not sign it as final, as no other doctor signed it before."""
    if not resources.repository().site.two_doctors():
        return False
    return find_written(record.reviews, session.account().name) is None


@only(Right.SITE)
def render_switch() -> None:
    """The switch of the site."""
    st.markdown(f"**{_('Signatures')}**")
    st.toggle(
        _("Two doctors sign every report"),
        value=resources.repository().site.two_doctors(),
        key="two-doctors",
        on_change=_switch,
        help=_(
            "One doctor signs a report as preliminary, another signs it as final; an amendment, "
            "too. Both names and times stand in the report. What is signed already stays."
        ),
    )


@deed(Right.SITE)
def _switch() -> None:
    on = bool(st.session_state["two-doctors"])
    resources.repository().site.set_two_doctors(on, account=session.account().name)
