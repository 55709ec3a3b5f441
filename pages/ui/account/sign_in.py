"""Who is signed in on a page, and what a page shows once nobody is any more.

Signing in itself, and opening a locked screen again, is no page of Streamlit's, which cannot set
cookies: see `route`.
"""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest

import streamlit as st

from imaging.review.records import Account
from imaging.review.rights import Right, rights_of
from imaging.settings import check_exposure
from pages.ui import connection, resources, session
from pages.ui.account.route import DOOR
from pages.ui.deeds import deed, deed_of_anybody
from pages.ui.i18n import _
from pages.ui.wall.own_routes import place

# The wall answers the reload with the door.
_RELOAD = """
export default function ({ data }) {
  if (data?.address) location.replace(data.address);
  else location.reload();
}
"""
_reload = st.components.v2.component("lightbox_reload", js=_RELOAD)


def find_reader() -> Account | None:
    """The reader who is signed in at the browser before this page, or None.

    Raises
    ------
    SettingsError
        If others can reach this server and it is not guarded by accounts, or not by TLS.
    """
    accounts, settings = resources.repository().accounts, resources.settings()
    check_exposure(
        str(st.get_option("server.address") or ""),
        single_reader=settings.single_reader,
        accounts=accounts.any(),
        certificate=bool(st.get_option("server.sslCertFile")),
        behind_tls=settings.behind_tls,
    )
    present = connection.present()
    if present is None:
        session.set_token("")
        session.set_account(None)
        return None
    # the setting may have given the only reader another name
    reader = accounts.alone(settings.single_reader) if settings.single_reader else present.account
    session.set_token(present.token)
    session.set_account(reader)
    return reader


@deed_of_anybody
def sign_out() -> None:
    """End this sign-in, here and in every other tab, and at the provider it is of."""
    session.set_onward(_logout_address())
    resources.repository().accounts.sign_out(session.token())
    session.set_token("")
    session.set_account(None)


@deed(Right.OWN)
def sign_out_everywhere() -> None:
    """End every sign-in of this reader, on whatever computer; the provider's is in this browser."""
    session.set_onward(_logout_address())
    resources.repository().accounts.sign_out_everywhere(session.account().name)
    session.set_token("")
    session.set_account(None)


@deed(Right.OWN)
def lock_screen() -> None:
    """Lock the screen now; the reader goes away for a while."""
    resources.repository().accounts.lock(session.token())


def admits(sign_in: str, cookies: Mapping[str, str]) -> bool:
    """Whether a browser may collect films laid ready under a sign-in; called outside of pages.

    Parameters
    ----------
    sign_in : str
        Token of the sign-in.
    cookies : mapping of str to str
        What the browser sent along: it must be the one that signed in, and still be signed in.
    """
    return _is_of(sign_in, cookies, Right.FILMS)


def admits_upload(sign_in: str, cookies: Mapping[str, str]) -> bool:
    """As `admits`, who hands films in; that keeps the screen from being locked meanwhile."""
    if not _is_of(sign_in, cookies, Right.INTAKE):
        return False
    resources.repository().accounts.note_activity(sign_in)
    return True


def _is_of(sign_in: str, cookies: Mapping[str, str], right: Right) -> bool:
    """Whether a browser is signed in by that token, to an account that has a right."""
    present = connection.signed_in(cookies)
    if present is None or not compare_digest(present.token.encode(), sign_in.encode()):
        return False
    return right in rights_of(present.account.roles)


def find_token(cookies: Mapping[str, str]) -> str:
    """The token of the sign-in that these cookies are of; empty when there is none (any more)."""
    present = connection.signed_in(cookies)
    return present.token if present else ""


def render_ended() -> None:
    """The page of a reader who is not signed in any more: it asks for itself anew."""
    st.info(_("You are signed out. The page asks you to sign in again."))
    with st.container(height=1, border=False):
        _reload(key="reload", data={"address": session.take_onward()})


def _logout_address() -> str:
    """Where this browser ends its sign-in at the provider; empty for one with a password."""
    provider = resources.provider()
    id_token = resources.repository().accounts.id_token_of(session.token()) if provider else None
    if provider is None or id_token is None:
        return ""
    scheme = "https" if connection.is_secure() else "http"
    base_path = str(st.get_option("server.baseUrlPath") or "")
    host = st.context.headers.get("Host", "")
    return provider.logout_address(id_token, f"{scheme}://{host}{place(base_path, DOOR)}")
