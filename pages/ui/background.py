"""Work that takes longer than a page may: done beside it, watched, stopped when unwanted.

A `Task` belongs to one session and one place on its page (a slot): what is asked there next takes
its place and stops it. The threads are shared by all sessions, so that two slow explanations
cannot take every core of a ward's computer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import streamlit as st

from pages.ui.i18n import _

T = TypeVar("T")
OnProgress = Callable[[float], None]

_POLL = 0.4  # seconds


class _StoppedError(Exception):
    """Raised inside the work, at its next report, once nobody wants it."""


class Task(Generic[T]):
    """One piece of work on a thread of its own.

    Parameters
    ----------
    key : hashable
        What is worked out; the same key is the same result.
    work : callable
        Gets a function to report its progress to, in [0, 1]; that function raises when the work
        is no longer wanted.
    pool : ThreadPoolExecutor
    """

    def __init__(self, key: Hashable, work: Callable[[OnProgress], T], pool: ThreadPoolExecutor):
        self.key = key
        self.told = False
        self._progress = 0.0
        self._stopped = threading.Event()
        self._future: Future[T] = pool.submit(work, self._report)

    def _report(self, progress: float) -> None:
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


def start(slot: str, key: Hashable, work: Callable[[OnProgress], T]) -> Task[T]:
    """The task of a slot of this session: the running one for the same key, or a new one.

    A task for another key in the same slot is stopped. Results are not kept here beyond the slot.
    """
    tasks: dict[str, Task[Any]] = st.session_state.setdefault("background-tasks", {})
    known = tasks.get(slot)
    if known is not None and known.key == key:
        return known
    if known is not None:
        known.stop()
    tasks[slot] = Task(key, work, _pool())
    return tasks[slot]


def forget(slot: str) -> None:
    """Stop and forget the task of a slot."""
    found = st.session_state.get("background-tasks", {}).pop(slot, None)
    if found is not None:
        found.stop()


def was_stopped(slot: str) -> bool:
    """True when the reader stopped what a slot was working at."""
    task: Task[Any] | None = st.session_state.get("background-tasks", {}).get(slot)
    return task is not None and task.stopped


def render_wait(slot: str, label: str) -> None:
    """Draw a bar and a way to stop while a slot works; the page is drawn again when it is done.

    Nothing polls when nothing works: a page that asks for itself all the time would get in the way
    of what the reader presses.
    """
    task: Task[Any] | None = st.session_state.get("background-tasks", {}).get(slot)
    if task is not None and not task.stopped and not task.told:
        _watch(slot, label)


@st.fragment(run_every=_POLL)
def _watch(slot: str, label: str) -> None:
    task: Task[Any] | None = st.session_state.get("background-tasks", {}).get(slot)
    if task is None or task.stopped or task.told:
        return
    if task.done:
        task.told = True  # once: an error must not make the page draw itself for ever
        st.rerun()
    bar, button = st.columns([6, 1], vertical_alignment="center")
    bar.progress(task.progress, text=label)
    if button.button(_("Stop"), key=f"stop-{slot}"):
        task.stop()
        st.rerun()


@st.cache_resource(show_spinner=False)
def _pool() -> ThreadPoolExecutor:
    """Two threads: one film's proof and one slow map can go on beside the answers."""
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="explain")
