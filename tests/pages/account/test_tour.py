"""The tour of a first sign-in: once, on two pages, never over a film, and again on request."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, words
from tests.pages.test_review import press


def test_it_is_shown_until_it_is_closed_and_again_on_request(open_page: OpenPage) -> None:
    page = open_page("pages/upload.py")
    assert "3. Decide and sign" in words(page)
    press(page, "Got it")
    for room in ("upload", "triage"):
        assert "3. Decide and sign" not in words(open_page(f"pages/{room}.py"))
    press(open_page("pages/account.py"), "Show the tour again")
    assert "3. Decide and sign" in words(open_page("pages/triage.py"))


@pytest.mark.parametrize("room", ["review", "model", "account"])
def test_it_never_stands_beside_a_film(open_page: OpenPage, study: str, room: str) -> None:
    assert "3. Decide and sign" not in words(open_page(f"pages/{room}.py", study=study))
