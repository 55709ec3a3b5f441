"""Which sign-in a browser's connection is of: the one place that reads the session's cookie.

Routes ask with the cookies of a request, pages with `present`: those of the socket they are drawn
for, which `pages.ui.wall` let in. A session of Streamlit is no proof of who sits before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from imaging.review.records import Account
from imaging.store.access.account_rows import ALONE
from pages.ui import resources
from pages.ui.wall.cookie import read_token


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A reader, and the token of the sign-in, of which the store keeps the hash."""

    account: Account
    token: str = field(repr=False)


def signed_in(cookies: Mapping[str, str]) -> SignedIn | None:
    """Who a browser with these cookies is signed in as; None when nobody is (any more).

    Raises
    ------
    StoreError
        If the records cannot be asked.
    """
    token = read_token(cookies, secure=is_secure())
    account = resources.repository().accounts.account_of(token) if token else None
    alone = bool(resources.settings().single_reader)
    # a sign-in of before the server was started in the other way is none
    if account is None or (account.name == ALONE) is not alone:
        return None
    return SignedIn(account, token)


def present() -> SignedIn | None:
    """Who is signed in at the browser that the running page, callback or fragment is for."""
    return signed_in(st.context.cookies)


def is_secure() -> bool:
    """Whether browsers reach this server by TLS: its own, or of a proxy before it."""
    return bool(st.get_option("server.sslCertFile")) or resources.settings().behind_tls
