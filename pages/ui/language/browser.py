"""The page's language told to the browser: its ``lang``, and a cookie for the pages of the door."""

from __future__ import annotations

import streamlit as st

from pages.ui import session
from pages.ui.i18n import COOKIE, spoken

# `lang` chooses the voice of a screen reader, hyphens, and which shapes Han characters take.
_APPLY = """
export default function ({ data }) {
  document.documentElement.lang = data.tag;
  if (data.chosen === null) return; // nobody is signed in: the last reader's stays
  const kept = data.chosen ? 31536000 : 0;
  document.cookie = `${data.cookie}=${data.chosen}; Path=/; SameSite=Strict; Max-Age=${kept}`;
}
"""
_apply = st.components.v2.component("lightbox_language", js=_APPLY)


def render_language() -> None:
    """Tell the browser in which language the page is, and what this reader chose."""
    tag = spoken().replace("_", "-")
    data = {"cookie": COOKIE, "tag": tag, "chosen": session.chosen_language()}
    with st.container(key="language-told"):
        _apply(key="told-language", data=data)
