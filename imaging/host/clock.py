"""How long something lasts: told by a clock that never runs backwards, whatever the wall shows.

A sign-in that ends at ten would live a day longer if somebody set the computer's clock back by one.
So how long something lasts is told by a clock that goes on from the latest moment that was ever
seen, here or in the store; what happened when is still told by the clock on the wall.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that goes on at the pace of time and follows the wall clock forwards only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mark, self._at = datetime.now(UTC), _elapsed()

    def now(self) -> datetime:
        """The moment, in UTC; never earlier than one that was told or `reach`ed before."""
        with self._lock:
            return self._tick(datetime.now(UTC))

    def reach(self, moment: datetime) -> timedelta:
        """Be at a moment that is known to be past, at least; returns how far the wall is behind.

        Parameters
        ----------
        moment : datetime
            With a time zone; one that is earlier than now changes nothing.

        Returns
        -------
        timedelta
            By how much the clock on the wall must have been set back; 0 where it is later.
        """
        wall = datetime.now(UTC)
        with self._lock:
            if moment > self._tick(wall):
                self._mark, self._at = moment, _elapsed()
        return max(moment - wall, timedelta())

    def _tick(self, wall: datetime) -> datetime:
        elapsed = _elapsed()
        reached = self._mark + timedelta(seconds=elapsed - self._at)
        self._mark, self._at = max(wall, reached), elapsed
        return self._mark


def _elapsed() -> float:
    """Seconds that have passed, those of a closed lid included where the system counts them."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
