"""What a reader does: asked anew who does it, and done whole.

Streamlit runs a widget's callback before the page, and a fragment without it: neither comes by the
place where a page asks who is signed in. So each callback is a `deed` and each fragment a
`fragment` of this module, which ask first, and write on behalf of that sign-in: the store asks once
more in the writing transaction (`imaging.store.access.sessions`). Both name the right that they
need (`imaging.review.rights`), and so does each part of a page that is not for everybody (`only`).

While a callback runs, every touch of ``st.session_state`` and every message to the browser is a
place where Streamlit looks for a newer request. Finding one (the viewer reporting its window, a
progress bar asking for itself) it raises ``RerunException`` there; the rest of the callback is
never run, and nothing says so: a finding that stands pressed on the screen was never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from imaging.errors import AssistantError, RightMissingError, SignInEndedError
from imaging.review.rights import Right, rights_of
from imaging.store.access.sessions import hearing_no_ai, on_behalf_of
from imaging.store.database import waiting_at_most
from pages.ui import connection, poll, session
from pages.ui.escape import plain
from pages.ui.i18n import _, sentence, speak_to

P = ParamSpec("P")
T = TypeVar("T")
AT_MOST = 4.0  # seconds that somebody waits before a screen for other writers


def deed(*rights: Right) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Make a callback of a widget (``on_click``, ``on_change``, ...) ask who presses, and end.

    Whoever is not signed in (any more), whose screen is locked, or whose account may not do it (any
    more) is told, and nothing is done. What the store refuses is left as a notice, and a store that
    another program holds is not waited for longer than `AT_MOST`. A request that arrives meanwhile
    is answered right after. `tests/pages/test_deeds.py` insists that every callback below ``pages``
    is one.

    Parameters
    ----------
    *rights : Right
        One of them the account must hold.
    """

    def decorate(callback: Callable[P, None]) -> Callable[P, None]:
        @wraps(callback)
        def whole(*args: P.args, **kwargs: P.kwargs) -> None:
            with _uninterrupted(), waiting_at_most(AT_MOST):
                try:
                    with signed_in(*rights):
                        callback(*args, **kwargs)
                except session.ReplacedError:
                    pass  # told late of a field that is no longer there: nobody's word
                except SignInEndedError:
                    session.set_account(None)
                    session.leave_notice("warning", not_done())
                except AssistantError as exc:
                    session.leave_notice("error", sentence(str(exc)))

        return whole

    return decorate


def only(*rights: Right) -> Callable[[Callable[P, T]], Callable[P, T | None]]:
    """Make a part of a page be drawn for accounts alone that hold one of these rights.

    For others it draws nothing, does nothing and returns None.
    """

    def decorate(draw: Callable[P, T]) -> Callable[P, T | None]:
        @wraps(draw)
        def asked(*args: P.args, **kwargs: P.kwargs) -> T | None:
            return draw(*args, **kwargs) if session.may(*rights) else None

        return asked

    return decorate


def deed_of_anybody(callback: Callable[P, None]) -> Callable[P, None]:
    """A `deed` that needs no sign-in: signing out, which may have happened already."""

    @wraps(callback)
    def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        with _uninterrupted():
            callback(*args, **kwargs)

    return whole


def fragment(*rights: Right) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """``st.fragment`` for those who are signed in; for others the page gives way to the sign-in.

    Parameters
    ----------
    *rights : Right
        One of them the account must hold; others read that they do not.
    """

    def decorate(draw: Callable[P, None]) -> Callable[P, None]:
        @wraps(draw)
        def asked(*args: P.args, **kwargs: P.kwargs) -> None:
            with or_sign_in(*rights):
                draw(*args, **kwargs)

        return st.fragment(asked)

    return decorate


@contextmanager
def or_sign_in(*rights: Right) -> Iterator[None]:
    """Draw for the reader of this session; when nobody is signed in, draw the page of sign-in.

    Whose account holds none of these rights reads that, instead of what is not drawn.
    """
    try:
        with signed_in(*rights), waiting_at_most(AT_MOST):
            yield
    except RightMissingError as exc:
        st.error(plain(sentence(str(exc))), icon=":material/lock:")
        st.stop()
    except SignInEndedError:
        session.set_account(None)
        session.leave_notice("warning", not_done())
        poll.redraw()


@contextmanager
def signed_in(*rights: Right) -> Iterator[None]:
    """Do something as the reader of this session, who must still be signed in.

    Parameters
    ----------
    *rights : Right
        One of them the account must hold, now and whenever something is written meanwhile.

    Raises
    ------
    RightMissingError
        If it holds none of them.
    SignInEndedError
        If the sign-in has ended, or its screen is locked.
    """
    speak_to(None)  # what is said to whoever is not signed in
    present = connection.present()
    if present is None:
        raise SignInEndedError(not_done())
    session.set_account(present.account)
    speak_to(present.account)
    rights_held = rights_of(present.account.roles)
    with (
        on_behalf_of(present.token, rights_held, rights),
        hearing_no_ai(present.account.ai_off),
    ):
        yield


def not_done() -> str:
    """What is said to whoever pressed something after the sign-in had ended."""
    return _("Your sign-in has ended, so nothing was changed. Sign in and do it again.")


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
