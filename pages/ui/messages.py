"""Failures in words: what a clinician reads when something could not be done."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from imaging.decoding.budget import telling
from imaging.errors import AssistantError
from pages.ui import session
from pages.ui.escape import plain
from pages.ui.i18n import _, sentence

log = logging.getLogger(__name__)


@contextmanager
def in_words() -> Iterator[None]:
    """Show an `AssistantError` as its sentence and any other failure as one general sentence.

    The log gets the type and place of an unforeseen failure and nothing of its text, which might
    quote a patient's header.
    """
    try:
        yield
    except AssistantError as exc:
        st.error(plain(sentence(str(exc))), icon=":material/error:")
    except Exception as exc:
        log.error("%s at %s", type(exc).__name__, _place(exc))
        st.error(
            _("Something went wrong here. Nothing was lost; reload the page, and report it."),
            icon=":material/error:",
        )


@contextmanager
def telling_of_waits() -> Iterator[None]:
    """Tell a reader whose film waits because others' films are being opened."""
    words = _("Images are being opened for others; this one waits its turn.")
    with telling(lambda: st.toast(words, icon=":material/hourglass_top:")):
        yield


def show_notice() -> None:
    """Show what a button's callback had to say; names in it are text, whatever they hold."""
    notice = session.take_notice()
    if notice is not None:
        kind, text = notice
        {"success": st.success, "warning": st.warning}.get(kind, st.error)(plain(text))


def _place(error: BaseException) -> str:
    """File and line where an error arose."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
