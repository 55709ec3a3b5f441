"""The switches of AI: for a study, for one's own account, for the site; on again by hand alone.

What is switched off is kept back by the store (`imaging.store.access.redaction`): pages get no
answer, so none can show one.
"""

from __future__ import annotations

from html import escape

import streamlit as st

from imaging.review.events import AiScope
from imaging.review.records import Account
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import resources, session
from pages.ui.deeds import deed, only
from pages.ui.i18n import _


@only(Right.FINDINGS)
def render_off(record: StudyRecord) -> None:
    """Say that AI is off, where an answer would stand, and how it is switched on again."""
    if record.ai_off is None:
        return
    headline = {
        AiScope.STUDY: _("AI is off for this study"),
        AiScope.ACCOUNT: _("AI is off for you"),
        AiScope.SITE: _("AI is off for this site"),
    }[record.ai_off]
    next_step = {
        AiScope.STUDY: "",
        AiScope.ACCOUNT: _("Switch it on again on the Account page."),
        AiScope.SITE: _("An administrator can switch it on again."),
    }[record.ai_off]
    kept = _("No answer, map or priority of AI is shown. None was deleted.")
    st.html(
        f'<div class="lb-answer" role="status"><div class="lb-headline lb-calm">'
        f'{escape(headline)}</div><div class="lb-small">{escape(f"{kept} {next_step}")}</div></div>'
    )
    if record.ai_off is AiScope.STUDY:
        _render_turn(record.study_instance_uid, off=False)


@only(Right.DRAFT)
def render_study_switch(record: StudyRecord) -> None:
    """The button that switches AI off for the study on screen, for everybody."""
    if record.ai_off is None:
        _render_turn(record.study_instance_uid, off=True)


@only(Right.DRAFT)
def _render_turn(uid: str, *, off: bool) -> None:
    st.button(
        _("Switch AI off for this study") if off else _("Switch AI on for this study"),
        key="ai-study",
        type="tertiary",
        on_click=_switch_study,
        args=(uid, off),
        help=_(
            "Hides every answer, map and priority of AI about this study, for everybody. Images, "
            "measurements and reports go on. The record keeps who did it, and when."
        )
        if off
        else None,
    )


@deed(Right.DRAFT)
def _switch_study(uid: str, off: bool) -> None:
    resources.repository().reading.switch_study(uid, off=off, account=session.account().name)


@only(Right.FINDINGS)
def render_account_switch(me: Account) -> None:
    """The switch of one's own account."""
    st.toggle(
        _("AI on"),
        value=not me.ai_off,
        key="ai-account",
        on_change=_switch_account,
        help=_(
            "Off hides every answer, map and priority of AI from you: on all pages, in the order "
            "of the list and in what you export."
        ),
    )


@deed(Right.OWN)
def _switch_account() -> None:
    on = bool(st.session_state["ai-account"])
    resources.repository().reading.switch_account(session.account().name, off=not on)


@only(Right.SITE)
def render_site_switch() -> None:
    """The switch of the site."""
    st.markdown(f"**{_('AI on this site')}**")
    off = resources.repository().reading.off_for_all() is AiScope.SITE
    st.toggle(
        _("AI on for everybody"),
        value=not off,
        key="ai-site",
        on_change=_switch_site,
        help=_(
            "Off hides every answer, map and priority of AI from all doctors within seconds, and "
            "from what they export. Images, measurements and reports go on."
        ),
    )


@deed(Right.SITE)
def _switch_site() -> None:
    on = bool(st.session_state["ai-site"])
    resources.repository().reading.switch_site(off=not on, account=session.account().name)


@only(Right.FINDINGS)
def render_off_for_all() -> None:
    """Above a list: that AI is off for all of it, and what its order is then."""
    off = resources.repository().reading.off_for_all()
    if off is None:
        return
    who = _("AI is off for this site.") if off is AiScope.SITE else _("AI is off for you.")
    st.info(who + " " + _("Studies stand in the order in which they came."))
