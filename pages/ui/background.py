"""Work that takes longer than a page may: done beside it, watched, stopped when unwanted.

A `BackgroundTask` belongs to one session and one place on its page (a slot): what is asked there
next takes its place and stops it. The threads are shared by all sessions, so that two slow
explanations cannot take every core of a ward's computer. Work of low priority, a proof of a map or
a batch, pauses while a reader waits for a page or for the networks (`interactive`); proofs are made
one at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from imaging.review.rights import Right
from models.batch.priority import interactive, yield_to_interactive
from pages.ui import poll
from pages.ui.deeds import deed, fragment
from pages.ui.i18n import _

T = TypeVar("T")
OnProgress = Callable[[float], None]

_POLL = 0.4  # seconds


class _StoppedError(Exception):
    """Raised inside the work, at its next report, once nobody wants it."""


class BackgroundTask(Generic[T]):
    """A piece of work on a thread of its own.

    Parameters
    ----------
    key : hashable
        What is worked out; the same key is the same result.
    work : callable
        Gets a function to report its progress to, in [0, 1]; that function raises when the work
        is no longer wanted.
    pool : ThreadPoolExecutor
    low_priority : bool
        True for work nobody asked for: it pauses at its reports while a reader waits for other.
    wanted : callable
        Asked at the reports of such work, and before it begins: whether somebody still looks.
    """

    def __init__(
        self,
        key: Hashable,
        work: Callable[[OnProgress], T],
        pool: ThreadPoolExecutor,
        *,
        low_priority: bool = False,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._wanted = wanted
        self.key = key
        self.redrawn = False
        self.low_priority = low_priority
        self.abandoned = False  # its reader went away; one who is back never asked it to stop
        self._progress = 0.0
        self._stopped = threading.Event()
        self._future: Future[T] = pool.submit(self._run, work)

    def _run(self, work: Callable[[OnProgress], T]) -> T:
        if self.low_priority:
            self._report(0.0)
            return work(self._report)
        with interactive():
            return work(self._report)

    def _report(self, progress: float) -> None:
        if self.low_priority:
            yield_to_interactive()
            if not self._wanted():
                self.abandoned = True
                self._stopped.set()
        if self._stopped.is_set():
            raise _StoppedError
        self._progress = min(max(progress, 0.0), 1.0)

    @property
    def progress(self) -> float:
        """Share of the work done, in [0, 1]."""
        return 1.0 if self.done else self._progress

    @property
    def done(self) -> bool:
        """True once there is a result, an error, or the work was stopped."""
        return self._future.done()

    @property
    def stopped(self) -> bool:
        """True once somebody asked it to stop."""
        return self._stopped.is_set()

    @property
    def result(self) -> T | None:
        """The result; None while there is none or when the work was stopped.

        Raises
        ------
        Exception
            Whatever the work raised.
        """
        if not self.done or self._future.cancelled():
            return None
        try:
            return self._future.result()
        except (_StoppedError, CancelledError):
            return None

    def stop(self) -> None:
        """Ask the work to end at its next report; what has not begun never does."""
        self._stopped.set()
        self._future.cancel()


def start(
    slot: str, key: Hashable, work: Callable[[OnProgress], T], *, low_priority: bool = False
) -> BackgroundTask[T]:
    """The task of a slot of this session: the running one for the same key, or a new one.

    A task for another key in the same slot is stopped. Results are not kept here beyond the slot.
    With `low_priority` it waits for other tasks of low priority, and for what readers ask.
    """
    running = current(slot, key)
    if running is not None:
        return running
    forget(slot)
    pool = _low_priority_pool() if low_priority else _pool()
    task = BackgroundTask(key, work, pool, low_priority=low_priority, wanted=_make_presence_check())
    _tasks()[slot] = task
    return task


def stop_low_priority() -> None:
    """Stop what this session's reader did not ask for: another page is drawn."""
    for slot, task in list(_tasks().items()):
        if task.low_priority:
            forget(slot)


def current(slot: str, key: Hashable) -> BackgroundTask[Any] | None:
    """The task of a slot of this session, if it is for that key and was not abandoned."""
    task = _tasks().get(slot)
    return task if task is not None and task.key == key and not task.abandoned else None


@deed(Right.FINDINGS)
def stop(slot: str) -> None:
    """Stop the task of a slot, and remember that the reader did."""
    task = _tasks().get(slot)
    if task is not None:
        task.stop()


def forget(slot: str) -> None:
    """Stop and forget the task of a slot."""
    task = _tasks().pop(slot, None)
    if task is not None:
        task.stop()


@deed(Right.FINDINGS)
def begin_anew(slot: str) -> None:
    """Forget the task of a slot, so that the page asks for it once more."""
    forget(slot)


def was_stopped(slot: str) -> bool:
    """True when the reader stopped what a slot was working at."""
    task = _tasks().get(slot)
    return task is not None and task.stopped


def render_wait(slot: str, label: str) -> None:
    """Draw a bar and a way to stop while a slot works; the page is drawn again when it is done.

    Nothing polls when nothing works: a page that asks for itself all the time would get in the way
    of what the reader presses.
    """
    task = _tasks().get(slot)
    if task is not None and not task.stopped and not task.redrawn:
        _watch(slot, label)


@fragment(Right.OWN)
def _watch(slot: str, label: str) -> None:
    task = _tasks().get(slot)
    if task is None or task.stopped or task.redrawn:
        return
    if task.done:
        task.redrawn = True  # once: an error must not make the page draw itself for ever
        poll.redraw()
    bar, button = st.columns([6, 1], vertical_alignment="center")
    bar.progress(task.progress, text=label)
    if button.button(_("Stop"), key=f"stop-{slot}"):
        task.stop()
        poll.redraw()
    poll.beat(f"task-{slot}", every=_POLL)


@st.cache_resource(show_spinner=False)
def _pool() -> ThreadPoolExecutor:
    """Two threads: two slow explanations can go on beside the answers."""
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="explain")


@st.cache_resource(show_spinner=False)
def _low_priority_pool() -> ThreadPoolExecutor:
    """Single thread for all proofs, so that they never stand in the way of what readers ask."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="proof")


def _make_presence_check() -> Callable[[], bool]:
    """Return a check that this session's reader is still there: a closed tab wants nothing."""
    context = get_script_run_ctx()
    if context is None:
        return lambda: True
    session = context.session_id
    return lambda: not exists() or get_instance().is_active_session(session)


def _tasks() -> dict[str, BackgroundTask[Any]]:
    """The tasks of this session by slot."""
    tasks: dict[str, BackgroundTask[Any]] = st.session_state.setdefault("background-tasks", {})
    return tasks
