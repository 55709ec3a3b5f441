"""What a press does, done whole: Streamlit would leave a callback in its middle for the next press.

While a callback runs, every touch of ``st.session_state`` and every message to the browser is a
place where Streamlit looks for a newer request. Finding one (the viewer reporting its window, a
progress bar asking for itself) it raises ``RerunException`` there; the rest of the callback is
never run, and nothing says so: a finding that stands pressed on the screen was never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from imaging.errors import StoreError
from imaging.store.database import waiting_at_most
from pages.ui.i18n import sentence

P = ParamSpec("P")
AT_MOST = 4.0  # seconds that somebody waits before a screen for other writers
NOTICE = "notice"  # key of what a callback has to say


def deed(callback: Callable[P, None]) -> Callable[P, None]:
    """Make a callback of a widget (``on_click``, ``on_change``, ...) run to its end.

    A request that arrives meanwhile is answered right after. What the store refuses is left as a
    notice, and a store that another program holds is not waited for longer than `AT_MOST`.
    `tests/pages/test_deeds.py` insists that every callback below ``pages`` is one.
    """

    @wraps(callback)
    def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        with _uninterrupted(), waiting_at_most(AT_MOST):
            try:
                callback(*args, **kwargs)
            except StoreError as exc:  # nothing was saved, and whoever pressed is told
                st.session_state[NOTICE] = ("error", sentence(str(exc)))

    return whole


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let the script of this session answer no request.

    Streamlit has no public way to say so; the flag is the one its own ``ScriptRunner`` asks before
    it looks for a request, and a test fails should a version of Streamlit no longer heed it.
    """
    context = get_script_run_ctx(suppress_warning=True)
    runner = getattr(context.yield_check, "__self__", None) if context else None
    if runner is None:
        yield
        return
    before = runner._execing
    runner._execing = False
    try:
        yield
    finally:
        runner._execing = before
