"""Notices: what a reader's name holds is text."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest


def _say() -> None:
    from pages.ui import messages, session

    session.leave_notice("error", "![x](http://elsewhere.example/beacon) saved this study.")
    messages.show_notice()


def test_a_name_that_is_a_picture_is_not_fetched(home: Path) -> None:
    """Another reader's browser would tell that address who reads, and when."""
    (said,) = AppTest.from_function(_say).run().error
    assert said.value.startswith("!\\[x\\](http") and "](" not in said.value.replace("\\](", "")
