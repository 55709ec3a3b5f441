"""Workload as the list itself shows it: what waits, how fast films come and are read.

A figure measured on too little is None; a reader then says it.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from imaging.worklist.order import RAISED, ROUTINE, UNSURE
from imaging.worklist.simulation import LEVELS, Waiting

WINDOW = timedelta(hours=24)  # films that came in it give the rate
SHORTEST = timedelta(hours=4)  # a list younger than that has no rate yet
PAUSE = timedelta(minutes=20)  # between two signatures: longer, and the reader was elsewhere
ENOUGH = 20  # studies, or readings, a figure is taken from


class Listed(NamedTuple):
    """The facts of a study that its wait follows from.

    ``raised`` is whether the network's leading finding reached its operating point; None where
    the network gave no answer.
    """

    priority: int
    read: bool
    received_at: datetime
    raised: bool | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """The workload a list shows.

    Attributes
    ----------
    waiting : tuple of Waiting
        Unread studies.
    arrivals_per_hour : float or None
        Over the last 24 hours, or since the first study came.
    minutes, minutes_spread : float or None
        Mean and standard deviation of the time from one signature of a reader to the next.
    raised_share : float or None
        Of the studies the network answered, read or not, the share it raised.
    """

    waiting: tuple[Waiting, ...] = ()
    arrivals_per_hour: float | None = None
    minutes: float | None = None
    minutes_spread: float | None = None
    raised_share: float | None = None

    def counts(self) -> tuple[int, ...]:
        """How many wait at each urgency, the lowest first."""
        return tuple(sum(w.urgency == level for w in self.waiting) for level in LEVELS)


def workload(
    items: Sequence[Listed],
    signed: Iterable[tuple[str, datetime]] = (),
    *,
    now: datetime | None = None,
) -> Workload:
    """Measure a worklist.

    Parameters
    ----------
    items : sequence of Listed
        The whole list, read and unread.
    signed : iterable of (account, datetime)
        Who signed a study off, and when.
    now : datetime, optional
        With a time zone; the present when left out.
    """
    moment = now or datetime.now(UTC)
    minutes, spread = reading_minutes(signed)
    raised = [item.raised for item in items if item.raised is not None]
    return Workload(
        waiting=tuple(
            Waiting(
                kind_of_urgency(item.priority),
                max((moment - item.received_at) / timedelta(hours=1), 0.0),
            )
            for item in items
            if not item.read
        ),
        arrivals_per_hour=arrival_rate([item.received_at for item in items], moment),
        minutes=minutes,
        minutes_spread=spread,
        raised_share=statistics.mean(raised) if len(raised) >= ENOUGH else None,
    )


def kind_of_urgency(priority: int) -> int:
    """ROUTINE, UNSURE or RAISED: a priority without the site's level of the finding.

    `imaging.worklist.order` counts two priorities for each level: unsure (odd), raised (even).
    """
    if priority <= ROUTINE:
        return ROUTINE
    return UNSURE if priority % 2 else RAISED


def arrival_rate(received: Iterable[datetime], now: datetime) -> float | None:
    """Studies per hour over the last day, or since the first came; None from too few."""
    ages = [now - at for at in received]
    window = min(max(ages, default=timedelta()), WINDOW)
    recent = sum(age <= window for age in ages)
    if recent < ENOUGH or window < SHORTEST:
        return None
    return recent / (window / timedelta(hours=1))


def reading_minutes(
    signed: Iterable[tuple[str, datetime]],
) -> tuple[float, float] | tuple[None, None]:
    """Mean and standard deviation of minutes from one signature of a reader to the next.

    Parameters
    ----------
    signed : iterable of (account, datetime)
        Who signed when. Gaps longer than `PAUSE` count as pauses and are left out, which makes
        slow readings look a little faster than they are.
    """
    by_reader: defaultdict[str, list[datetime]] = defaultdict(list)
    for account, at in signed:
        by_reader[account].append(at)
    gaps = [
        (later - earlier) / timedelta(minutes=1)
        for times in map(sorted, by_reader.values())
        for earlier, later in pairwise(times)
        if timedelta() < later - earlier <= PAUSE
    ]
    if len(gaps) < ENOUGH:
        return None, None
    mean = statistics.mean(gaps)
    return mean, math.sqrt(statistics.variance(gaps, mean))
