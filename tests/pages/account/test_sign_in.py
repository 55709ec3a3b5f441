"""Who is at the desk: the first account, signing in, and what a server others can reach refuses."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from imaging.store import Repository
from tests.pages.conftest import OpenPage, has_uploader, words

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers sign in."""
    monkeypatch.delenv("LIGHTBOX_SINGLE_READER")


def fill(page: AppTest, **fields: str) -> AppTest:
    """Fill a form by the beginnings of its labels and send it."""
    for label, text in fields.items():
        next(t for t in page.text_input if t.label.startswith(label)).set_value(text)
    return page.button[0].click().run()


def enter(page: AppTest, password: str = PASSWORD) -> AppTest:
    """Sign in as Ada."""
    return fill(page, **{"Sign-in name": "ada", "Password": password})


def test_the_first_visitor_makes_an_account(
    open_page: OpenPage, accounts: None, store: Repository
) -> None:
    page = open_page("pages/upload.py")
    assert "Who will read here" in words(page) and not has_uploader(page)
    page = fill(page, **{"Your name": "Dr Ada", "Sign-in name": "ada", "Password": PASSWORD})
    assert has_uploader(page)
    assert [(a.name, a.reader) for a in store.accounts.all()] == [("ada", "Dr Ada")]


def test_a_short_password_is_refused_in_words(
    open_page: OpenPage, accounts: None, store: Repository
) -> None:
    page = fill(
        open_page("pages/upload.py"), **{"Your name": "A", "Sign-in name": "a", "Password": "short"}
    )
    assert "10 characters" in page.error[0].value and not store.accounts.any()


@pytest.mark.parametrize("path", ["pages/triage.py", "pages/review.py", "pages/account.py"])
def test_nothing_is_shown_before_signing_in(
    open_page: OpenPage, accounts: None, store: Repository, study: str, path: str
) -> None:
    store.accounts.create("ada", "Dr Ada", PASSWORD)
    page = open_page(path, study=study)
    assert "T-1" not in words(page) and not page.dataframe and not page.selectbox
    assert "Sign in" in words(page)


def test_a_wrong_password_says_no_more_than_that(
    open_page: OpenPage, accounts: None, store: Repository
) -> None:
    store.accounts.create("ada", "Dr Ada", PASSWORD)
    page = enter(open_page("pages/upload.py"), "wrong wrong wrong")
    assert "do not match" in page.error[0].value and not has_uploader(page)


def test_signing_out_ends_the_sign_in_everywhere(
    open_page: OpenPage, accounts: None, store: Repository
) -> None:
    store.accounts.create("ada", "Dr Ada", PASSWORD)
    page = enter(open_page("pages/account.py"))
    assert "Dr Ada" in words(page)
    token = page.session_state["token"]
    page = next(b for b in page.button if b.label == "Sign out").click().run()
    assert "Sign in" in words(page) and store.accounts.account_of(token) is None


def test_a_server_others_can_reach_refuses_to_serve_without_accounts(
    open_page: OpenPage, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else option(name)
    )
    page = open_page("pages/triage.py")
    assert "SINGLE" in page.error[0].value and not page.dataframe
