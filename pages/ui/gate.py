"""Who is at the desk: signing in, the first account, and the setting for a reader who is alone.

A sign-in outlives the browser's reload by a cookie. It holds a random token of which the store
keeps the hash; Streamlit cannot set cookies, so a component without a picture does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

import streamlit as st

from imaging.errors import AssistantError
from imaging.review import Account, Deed
from imaging.settings import check_exposure
from pages.ui import resources, state
from pages.ui.i18n import _, sentence
from pages.ui.messages import show_notice

COOKIE = "lightbox_session"
_LIFE = timedelta(hours=12)
_SET_COOKIE = """
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${data.name}=${data.token}; Path=/; SameSite=Strict; `
    + `Max-Age=${data.token ? data.seconds : 0}${secure}`;
}
"""
_cookie = st.components.v2.component("lightbox_cookie", js=_SET_COOKIE)


def insist_on_reader() -> Account:
    """The reader who is signed in; without one the page ends with a form to become one."""
    accounts, settings = resources.repository().accounts, resources.settings()
    check_exposure(
        str(st.get_option("server.address") or ""),
        single_reader=settings.single_reader,
        accounts=accounts.any(),
    )
    if settings.single_reader:
        account = accounts.alone(settings.single_reader)
        state.set_account(account)
        return account
    token = state.token() or st.context.cookies.get(COOKIE, "")
    found = accounts.account_of(token) if token else None
    if found is None:
        state.set_account(None)
        _render_door(first=not accounts.any())
    state.set_token(token)
    state.set_account(found)
    if st.context.cookies.get(COOKIE, "") != token:
        _write_cookie(token)
    return found


def sign_out() -> None:
    """End this sign-in, here and in every other tab."""
    resources.repository().accounts.sign_out(state.token())
    state.set_token("")
    state.set_account(None)
    st.session_state["signed-out"] = True


def _write_cookie(token: str) -> None:
    with st.container(height=1, border=False):
        _cookie(
            key="cookie",
            data={"name": COOKIE, "token": token, "seconds": int(_LIFE.total_seconds())},
        )


def _render_door(*, first: bool) -> NoReturn:
    """The form of a reader who is not known yet."""
    if st.session_state.pop("signed-out", False):
        _write_cookie("")
    _left, middle, _right = st.columns([1, 1.2, 1])
    with middle:
        show_notice()
        if first:
            _render_first()
        else:
            _render_sign_in()
    st.stop()


def _render_sign_in() -> None:
    with st.form("sign-in"):
        st.subheader(_("Sign in"), anchor=False)
        name = st.text_input(_("Sign-in name"), autocomplete="username")
        password = st.text_input(_("Password"), type="password", autocomplete="current-password")
        if st.form_submit_button(_("Sign in"), type="primary"):
            _enter(name, password)


def _render_first() -> None:
    """The first account of an installation; whoever starts it is asked."""
    with st.form("first-account"):
        st.subheader(_("Who will read here?"), anchor=False)
        st.caption(
            _(
                "A decision and a signature belong to a reader, so the first one makes an account "
                "now. Nothing leaves this computer. Who reads alone can do without: start Lightbox "
                "with LIGHTBOX_SINGLE_READER set to your name."
            )
        )
        reader = st.text_input(_("Your name, as it stands under a report"), max_chars=64)
        name = st.text_input(_("Sign-in name"), max_chars=64, autocomplete="username")
        password = st.text_input(
            _("Password (10 characters or more)"), type="password", autocomplete="new-password"
        )
        if st.form_submit_button(_("Create account"), type="primary"):
            try:
                resources.repository().accounts.create(name, reader, password, first=True)
            except AssistantError as exc:
                st.error(sentence(str(exc)))
            else:
                _enter(name, password)


def _enter(name: str, password: str) -> None:
    """Sign in and start the page anew."""
    repository = resources.repository()
    try:
        account, token = repository.accounts.sign_in(name, password)
    except AssistantError as exc:
        st.error(sentence(str(exc)))
        return
    state.set_token(token)
    state.set_account(account)
    st.rerun()


def note_view(study_instance_uid: str) -> None:
    """Write into the audit trail, once a session, that this reader looked at a study."""
    if state.first_time(f"viewed-{study_instance_uid}"):
        resources.repository().record(
            Deed.VIEW, account=state.account().name, study_instance_uid=study_instance_uid
        )
