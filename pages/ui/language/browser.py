"""The page's language told to the browser: its ``lang``, a cookie, and Streamlit's own words.

The cookie is for the pages of the door, before anybody is signed in.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui import session
from pages.ui.i18n import COOKIE, spoken
from pages.ui.language import streamlit_words

# `lang` chooses the voice of a screen reader, hyphens, and which shapes Han characters take.
_apply = st.components.v2.component(
    "lightbox_language",
    js=Path(__file__).with_name("browser.js").read_text(encoding="utf-8"),
)


def render_language() -> None:
    """Tell the browser in which language the page is, and what this reader chose."""
    with st.container(key="language-told"):
        _apply(
            key="told-language",
            data={
                "cookie": COOKIE,
                "tag": spoken().replace("_", "-"),
                "chosen": session.chosen_language(),
                "scope": streamlit_words.SCOPE,
                "words": streamlit_words.words(),
                "patterns": streamlit_words.patterns(),
            },
        )
