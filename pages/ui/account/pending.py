"""What was begun in a browser and waits there for its second half; kept by this server alone."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_MOST = 10_000  # the longest waiting are forgotten
T = TypeVar("T")


class Pending(Generic[T]):
    """Values by a random handle, each for a while.

    Parameters
    ----------
    seconds : float
        How long one is kept.
    clock : callable, optional
        Seconds that only grow.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, value: T) -> str:
        """Keep a value; the handle (256 random bits) by which it is found."""
        handle = secrets.token_urlsafe(32)
        self.put(handle, value)
        return handle

    def put(self, handle: str, value: T) -> None:
        """Keep a value under a handle that somebody else made."""
        with self._lock:
            self._kept[handle] = (self._clock() + self._seconds, value)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def find(self, handle: str) -> T | None:
        """The value of a handle, which stays; None where there is none (any more)."""
        with self._lock:
            until, value = self._kept.get(handle, (0.0, None))
            return value if self._clock() < until else None

    def take(self, handle: str) -> T | None:
        """The value of a handle, once."""
        value = self.find(handle)
        with self._lock:
            return value if self._kept.pop(handle, None) else None
