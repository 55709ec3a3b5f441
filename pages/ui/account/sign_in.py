"""Who is signed in: the sign-in form, the first account, and the setting for a reader who is alone.

A sign-in outlives the browser's reload by a cookie. It holds a random token of which the store
keeps the hash; Streamlit cannot set cookies, so a component without a picture does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from hmac import compare_digest

import streamlit as st

from imaging.errors import AssistantError, StoreError
from imaging.review.records import Account, AuditEvent
from imaging.settings import check_exposure
from imaging.store.accounts import SESSION_LIFE
from pages.ui import resources, session
from pages.ui.deeds import deed
from pages.ui.i18n import _, sentence
from pages.ui.messages import show_notice

log = logging.getLogger(__name__)
COOKIE = "lightbox_session"
_NAME, _READER, _PASSWORD = "door-name", "door-reader", "door-password"
_SET_COOKIE = """
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${data.name}=${data.token}; Path=/; SameSite=Strict; `
    + `Max-Age=${data.token ? data.seconds : 0}${secure}`;
}
"""
_cookie = st.components.v2.component("lightbox_cookie", js=_SET_COOKIE)


def find_reader() -> Account | None:
    """The reader who is signed in, or None.

    Raises
    ------
    SettingsError
        If others can reach this server and it is not guarded by accounts.
    """
    accounts, settings = resources.repository().accounts, resources.settings()
    check_exposure(
        str(st.get_option("server.address") or ""),
        single_reader=settings.single_reader,
        accounts=accounts.any(),
    )
    if settings.single_reader:
        account = accounts.alone(settings.single_reader)
        session.set_account(account)
        return account
    token = session.token() or _read_cookie()
    reader = accounts.account_of(token) if token else None
    session.set_account(reader)
    if reader is None:
        return None
    session.set_token(token)
    if _read_cookie() != token:
        _write_cookie(token)
    return reader


@deed
def sign_out() -> None:
    """End this sign-in, here and in every other tab."""
    resources.repository().accounts.sign_out(session.token())
    session.set_token("")
    session.set_account(None)
    session.note_sign_out()


def admits(sign_in: str, cookies: Mapping[str, str]) -> bool:
    """Whether a browser may collect what was laid ready under a sign-in; called outside of pages.

    Parameters
    ----------
    sign_in : str
        Token of the sign-in.
    cookies : mapping of str to str
        What the browser sent along: it must be the one that signed in, and still be signed in.
    """
    if resources.settings().single_reader:
        return True
    own = compare_digest(cookies.get(COOKIE, "").encode(), sign_in.encode())
    return own and bool(sign_in) and resources.repository().accounts.account_of(sign_in) is not None


def _read_cookie() -> str:
    """Read the token the browser kept; empty without one, and outside a browser."""
    token = st.context.cookies.get(COOKIE)
    return token if isinstance(token, str) else ""


def _write_cookie(token: str) -> None:
    with st.container(height=1, border=False):
        _cookie(
            key="cookie",
            data={"name": COOKIE, "token": token, "seconds": int(SESSION_LIFE.total_seconds())},
        )


def render_sign_in_page() -> None:
    """The form of a reader who is not signed in yet."""
    if session.just_signed_out():
        _write_cookie("")
    _left, middle, _right = st.columns([1, 1.2, 1])
    with middle:
        show_notice()
        if resources.repository().accounts.any():
            _render_sign_in()
        else:
            _render_first()


def _render_sign_in() -> None:
    with st.form("sign-in"):
        st.subheader(_("Sign in"), anchor=False)
        st.text_input(_("Sign-in name"), autocomplete="username", key=_NAME)
        st.text_input(
            _("Password"), type="password", autocomplete="current-password", key=_PASSWORD
        )
        st.form_submit_button(_("Sign in"), type="primary", on_click=_enter)


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
        st.text_input(_("Your name, as it stands under a report"), max_chars=64, key=_READER)
        st.text_input(_("Sign-in name"), max_chars=64, autocomplete="username", key=_NAME)
        st.text_input(
            _("Password (10 characters or more)"),
            type="password",
            autocomplete="new-password",
            key=_PASSWORD,
        )
        st.form_submit_button(_("Create account"), type="primary", on_click=_create)


@deed
def _create() -> None:
    """Make the first account and sign in with it."""
    typed = st.session_state
    try:
        resources.repository().accounts.create(
            typed[_NAME], typed[_READER], typed[_PASSWORD], first=True
        )
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
    else:
        _enter()


@deed
def _enter() -> None:
    """Sign in with what was typed."""
    typed = st.session_state
    try:
        account, token = resources.repository().accounts.sign_in(typed[_NAME], typed[_PASSWORD])
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
    else:
        session.set_token(token)
        session.set_account(account)


def note_view(study_instance_uid: str) -> None:
    """Write into the audit trail, once a session, that this reader looked at a study.

    While that cannot be written it goes to the log, and is written as soon as it can: a report
    that can be read is not withheld from who needs it.
    """
    viewed, account = f"viewed-{study_instance_uid}", session.account().name
    if not session.first_time(viewed):
        return
    try:
        resources.repository().audit.record(
            AuditEvent.VIEW, account=account, study_instance_uid=study_instance_uid
        )
    except StoreError as exc:
        session.not_yet(viewed)
        log.warning("account %s viewed a study, not in the audit trail: %s", account, exc)
