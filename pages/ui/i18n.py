"""The language of whoever sits before the screen: the account's choice, else the browser's.

The words themselves are `imaging.language`'s; here is what Streamlit and a request know of a
reader. The choice is the account's, and the browser keeps it in a cookie for the pages before a
sign-in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from starlette.requests import Request

from imaging.language import (
    _,
    accepted,
    languages,
    ngettext,
    sentence,
    speak,
    speaking,
    spoken,
)
from imaging.review.records import Account

__all__ = [
    "COOKIE",
    "_",
    "languages",
    "ngettext",
    "sentence",
    "speak",
    "speak_to",
    "speaking_to",
    "spoken",
]
COOKIE = "lightbox_language"


def speak_to(reader: Account | None) -> None:
    """Speak a reader's language for the rest of this run of a script.

    Every run says it anew: a page (`app.py`), a callback and a fragment (`pages.ui.deeds`).
    """
    chosen = reader.language if reader else _known(st.context.cookies.get(COOKIE))
    speak(chosen or st.context.locale or "")


@contextmanager
def speaking_to(request: Request, reader: Account | None = None) -> Iterator[None]:
    """Speak the language of a request's reader, outside of Streamlit's pages."""
    chosen = reader.language if reader else _known(request.cookies.get(COOKIE))
    with speaking(chosen or accepted(request.headers.get("accept-language", ""))):
        yield


def _known(cookie: str | None) -> str:
    """What a browser kept, where it is one of our languages; else ""."""
    return cookie if cookie and cookie in languages() else ""
