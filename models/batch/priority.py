"""Who goes first on one computer: what a reader waits for, before work that nobody asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_PAUSE = 1.0  # seconds at one report: a busy ward must not starve a proof


class Priority:
    """Work that somebody waits for goes before work that nobody asked for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._interactive_count = 0

    @contextmanager
    def interactive(self) -> Iterator[None]:
        """Count as interactive while this goes on: work of low priority pauses."""
        with self._changed:
            self._interactive_count += 1
        try:
            yield
        finally:
            with self._changed:
                self._interactive_count -= 1
                self._changed.notify_all()

    def yield_to_interactive(self, longest: float = _LONGEST_PAUSE) -> None:
        """Return when no interactive work goes on, or after `longest` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._interactive_count, longest)


_priority = Priority()
interactive, yield_to_interactive = _priority.interactive, _priority.yield_to_interactive
