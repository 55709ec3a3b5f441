"""The frame around every page: style sheet and intended-use banner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape
from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from imaging.entities import RESEARCH_USE
from pages.ui import theme
from pages.ui.i18n import _

_through_router = ContextVar("through_router", default=False)
ASSETS = Path(__file__).parent / "assets"
NAME = "Lightbox"
ICON = str(ASSETS / "icon.png")


def render_frame() -> None:
    """Draw the intended-use banner into the header line, where scrolling leaves it in sight."""
    st.html(theme.style_sheet())
    st.html(ASSETS / "reading_room.css")
    st.html(
        f'<div class="lb-intended-use" role="note"><b>{NAME}</b>{escape(_(RESEARCH_USE))}</div>'
    )
    theme.render_choice()


@contextmanager
def run_routed() -> Iterator[None]:
    """Run a page as the router does."""
    token = _through_router.set(True)
    try:
        yield
    finally:
        _through_router.reset(token)


def insist_on_router() -> None:
    """Send the reader through app.py; the first line of every page.

    Until `st.navigation` was called once, Streamlit takes a folder named pages/ for its older kind
    of app: the first visitor after a start who comes by a page's own address would get the bare
    page, without banner and without words for a failure.
    """
    if not _through_router.get():
        PagesManager.uses_pages_directory = False
        st.rerun()
