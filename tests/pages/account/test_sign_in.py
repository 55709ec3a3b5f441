"""Who is at the desk, and what a server that others can reach refuses to show."""

from __future__ import annotations

import pytest
import streamlit as st

from imaging.store import Repository
from pages.ui.wall.cookie import NAME
from tests.pages.conftest import Cookies, OpenPage, has_uploader, tables, words

PASSWORD = "correct horse battery"


@pytest.fixture
def ada(store: Repository, monkeypatch: pytest.MonkeyPatch) -> str:
    """Readers sign in; Ada did. The token of her sign-in."""
    monkeypatch.delenv("LIGHTBOX_SINGLE_READER")
    store.accounts.create("ada", "Dr Ada", PASSWORD)
    return store.accounts.sign_in("ada", PASSWORD)[1]


@pytest.mark.parametrize("path", ["pages/triage.py", "pages/review.py", "pages/account.py"])
def test_nothing_is_shown_to_who_is_not_signed_in(
    open_page: OpenPage, store: Repository, study: str, ada: str, path: str
) -> None:
    page = open_page(path, study=study)
    assert "T-1" not in words(page) and not tables(page) and not page.selectbox
    assert "signed out" in words(page)


def test_the_cookie_of_the_connection_tells_who_reads(
    open_page: OpenPage, cookies: Cookies, store: Repository, ada: str
) -> None:
    cookies[NAME] = ada
    page = open_page("pages/account.py")
    assert "Dr Ada" in words(page)
    store.accounts.create("bob", "Dr Bob", PASSWORD)
    cookies[NAME] = store.accounts.sign_in("bob", PASSWORD)[1]
    page.run()
    assert page.session_state["account"].name == "bob", "not who this session of Streamlit had"
    cookies.clear()
    assert "signed out" in words(page.run()) and not has_uploader(page)


def test_signing_out_ends_the_sign_in_everywhere(
    open_page: OpenPage, cookies: Cookies, store: Repository, ada: str
) -> None:
    cookies[NAME] = ada
    page = open_page("pages/account.py")
    page = next(b for b in page.button if b.label == "Sign out").click().run()
    assert "signed out" in words(page) and store.accounts.account_of(ada) is None


def test_a_server_others_can_reach_refuses_to_serve_without_accounts(
    open_page: OpenPage, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else option(name)
    )
    page = open_page("pages/triage.py")
    assert "SINGLE" in page.error[0].value and not tables(page)
