"""A reader's second factor on the Account page: set up, shown once, taken away."""

from __future__ import annotations

import streamlit as st

from imaging.errors import AssistantError
from imaging.review.records import Account
from imaging.review.rights import Right
from imaging.store.access.second_factor import new_secret
from pages.ui import poll, resources, session
from pages.ui.account.factor_forms import in_fours, qr_code_uri, recovery_words
from pages.ui.deeds import deed
from pages.ui.escape import plain
from pages.ui.i18n import _, sentence


def render_second_factor(me: Account) -> None:
    """Make a second factor, or take it away."""
    accounts = resources.repository().accounts
    with st.expander(_("Second factor"), key="second-factor"):
        if session.recovery_codes():
            st.markdown(recovery_words())
            st.code("\n".join(session.recovery_codes()), language=None)
            st.button(_("I have kept them"), on_click=_forget_codes)
        if not accounts.has_second_factor(me.name):
            _render_set_up(me)
        elif resources.settings().second_factor:
            st.caption(_("Your sign-in asks for a code. This site demands it."))
        else:
            _render_removal(me)


def _render_set_up(me: Account) -> None:
    """The key for an app, and the code that shows that the app has it."""
    secret = session.factor_secret(new_secret)
    st.caption(
        _(
            "With a second factor your password alone opens nothing. Scan the picture with an app "
            "for one-time codes (or type the key into it), then type the code that the app shows."
        )
    )
    st.html(f'<img alt="" width="200" src="{qr_code_uri(secret, me.name)}">')
    st.code(in_fours(secret), language=None)
    with st.form("factor", border=False, clear_on_submit=True):
        password = st.text_input(_("Password"), type="password", key="factor-password")
        code = st.text_input(_("Code"), autocomplete="one-time-code", key="factor-code")
        if not st.form_submit_button(_("Turn on")):
            return
    try:
        codes = resources.repository().accounts.enrol(me.name, password, secret, code)
    except AssistantError as exc:
        st.error(plain(sentence(str(exc))))
        return
    session.forget_factor_secret()
    session.set_recovery_codes(codes)
    session.leave_notice("success", _("Your sign-in asks for a code from now on."))
    poll.redraw()


def _render_removal(me: Account) -> None:
    st.caption(_("Your sign-in asks for a code."))
    with st.form("no-factor", border=False, clear_on_submit=True):
        password = st.text_input(_("Password"), type="password", key="no-factor-password")
        code = st.text_input(_("Code"), autocomplete="one-time-code", key="no-factor-code")
        if st.form_submit_button(_("Turn off")):
            try:
                resources.repository().accounts.remove_second_factor(me.name, password, code)
            except AssistantError as exc:
                st.error(plain(sentence(str(exc))))
                return
            session.leave_notice("success", _("The second factor is off."))
            poll.redraw()


@deed(Right.OWN)
def _forget_codes() -> None:
    session.set_recovery_codes(())
