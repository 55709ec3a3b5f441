"""What surrounds every page: style sheet and intended-use banner."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from imaging.entities import RESEARCH_USE
from pages.ui.i18n import _

ASSETS = Path(__file__).parent / "assets"
ICON = str(ASSETS / "icon.png")


def render_frame() -> None:
    """Draw the intended-use banner into the header line, where scrolling leaves it in sight."""
    st.html(ASSETS / "reading_room.css")
    st.html(f'<div class="lb-intended-use" role="note">{escape(_(RESEARCH_USE))}</div>')
