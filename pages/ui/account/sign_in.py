"""Who is signed in: the sign-in form, the first account, and the setting for a reader who is alone.

A screen that was left alone is locked: the sign-in goes on, and opens for its reader's password.

A sign-in outlives the browser's reload by a cookie. It holds a random token of which the store
keeps the hash; Streamlit cannot set cookies, so a component without a picture does.
"""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest

import streamlit as st

from imaging.errors import AssistantError
from imaging.review.records import Account
from imaging.settings import check_exposure
from imaging.store.access.sessions import SESSION_LIFE
from pages.ui import resources, session
from pages.ui.deeds import deed, deed_of_anybody
from pages.ui.i18n import _, sentence
from pages.ui.messages import show_notice

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


@deed_of_anybody
def sign_out() -> None:
    """End this sign-in, here and in every other tab."""
    resources.repository().accounts.sign_out(session.token() or _read_cookie())
    session.forget_reader()
    session.note_sign_out()


@deed
def sign_out_everywhere() -> None:
    """End every sign-in of this reader, on whatever computer."""
    resources.repository().accounts.sign_out_everywhere(session.account().name)
    session.forget_reader()
    session.note_sign_out()


@deed
def lock_screen() -> None:
    """Lock the screen now; the reader goes away for a while."""
    resources.repository().accounts.lock(session.token())


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


def admits_upload(sign_in: str, cookies: Mapping[str, str]) -> bool:
    """As `admits`; files that arrive keep the screen from being locked below them."""
    if not admits(sign_in, cookies):
        return False
    resources.repository().accounts.note_activity(sign_in)
    return True


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
        accounts = resources.repository().accounts
        locked = accounts.find_sign_in(session.token() or _read_cookie())
        if locked is not None:
            _render_locked(locked.account.reader)
        elif accounts.any():
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


def _render_locked(reader: str) -> None:
    """The screen of a reader who did nothing for a while; no patient is on it."""
    with st.form("locked"):
        st.subheader(_("Screen locked"), anchor=False)
        st.caption(_("Nothing was done here for a while. What was saved is kept."))
        st.text(reader)
        st.text_input(
            _("Password"), type="password", autocomplete="current-password", key=_PASSWORD
        )
        with st.container(horizontal=True):
            st.form_submit_button(_("Unlock"), type="primary", on_click=_unlock)
            st.form_submit_button(_("Sign in as somebody else"), on_click=sign_out)


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


@deed_of_anybody
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


@deed_of_anybody
def _enter() -> None:
    """Sign in with what was typed."""
    typed = st.session_state
    try:
        account, token = resources.repository().accounts.sign_in(typed[_NAME], typed[_PASSWORD])
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
    else:
        session.begin(account, token)


@deed_of_anybody
def _unlock() -> None:
    """Go on with the sign-in that was locked."""
    token = session.token() or _read_cookie()
    try:
        account = resources.repository().accounts.unlock(token, st.session_state[_PASSWORD])
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
    else:
        session.begin(account, token)
