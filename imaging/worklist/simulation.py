"""How long studies wait to be read under an order of reading, by discrete-event simulation.

Films arrive at random (Poisson), readers take the next one by a rule of order, nothing interrupts
a reading. The rules are those of the worklist: urgency, then the longest waiting; with a cap,
whatever has waited as long as the cap goes first, the oldest before the others (after Baltruschat
et al. 2020). It says how long films wait, and nothing about what becomes of patients.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from imaging.worklist.order import RAISED, ROUTINE, UNSURE

LEVELS = (ROUTINE, UNSURE, RAISED)

# Where nothing was measured on the spot, and a reader has not said otherwise.
ARRIVALS_PER_HOUR, READING_MINUTES, CAP_HOURS = 12.0, 4.0, 24.0
REPETITIONS = 100

_AFFORDABLE, _FEWEST = 50_000, 10  # studies under one policy, repetitions

Steps = Generator[simpy.Event, Any, None]


class Policy(StrEnum):
    """A rule of order."""

    FIFO = "fifo"  # as they came
    URGENCY = "urgency"  # the most urgent, then the longest waiting
    CAPPED = "capped"  # the same, but whatever waits as long as the cap goes first


@dataclass(frozen=True, slots=True)
class Waiting:
    """A study that waits already: its urgency (`imaging.worklist.order`) and for how many hours."""

    urgency: int
    hours: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """Arrivals, readers and the network's accuracy.

    Attributes
    ----------
    arrivals_per_hour : float
        Mean rate of a Poisson process.
    minutes, minutes_spread : float
        Mean and standard deviation of one reading (gamma distribution; a spread of 0 is a fixed
        time, one as large as the mean the exponential distribution).
    readers : int
        Who read at the same time, from one list.
    hours : float
        For how long films arrive; then the list is read empty.
    prevalence : float
        Share of the arriving studies that show the finding, in [0, 1].
    sensitivity, specificity : float
        Of the network at its operating point, in [0, 1].
    unsure_present, unsure_absent : float
        Share of the studies with and without the finding that the network is unsure about and
        does not raise, in [0, 1].
    cap_hours : float
        Age from which a study goes first under `Policy.CAPPED`.
    waiting : tuple of Waiting
        The list as it stands at the beginning.
    repetitions, seed : int
        How often all this is played through, and where chance begins.

    Raises
    ------
    ValueError
        If a share lies outside [0, 1], shares add up to more than 1, or a rate makes no sense.
    """

    arrivals_per_hour: float = ARRIVALS_PER_HOUR
    minutes: float = READING_MINUTES
    minutes_spread: float = READING_MINUTES
    readers: int = 1
    hours: float = 24.0
    prevalence: float = 0.2
    sensitivity: float = 1.0
    specificity: float = 1.0
    unsure_present: float = 0.0
    unsure_absent: float = 0.0
    cap_hours: float = CAP_HOURS
    waiting: tuple[Waiting, ...] = ()
    repetitions: int = REPETITIONS
    seed: int = 0

    def __post_init__(self) -> None:
        shares = (*self.shares.ravel(), self.prevalence)
        if not all(-1e-9 <= share <= 1 + 1e-9 for share in shares):
            raise ValueError("shares lie in [0, 1] and add up to 1")
        if self.minutes <= 0 or self.hours <= 0 or self.cap_hours <= 0:
            raise ValueError("reading time, hours and cap are more than 0")
        if min(self.arrivals_per_hour, self.minutes_spread) < 0:
            raise ValueError("rate and spread are not below 0")
        if self.readers < 1 or self.repetitions < 2:
            raise ValueError("one reader and two repetitions at least")
        if any(w.urgency not in LEVELS or w.hours < 0 for w in self.waiting):
            raise ValueError("what waits has an urgency and an age")

    @property
    def load(self) -> float:
        """Work arriving over work the readers can do; from 1 on the list grows without end."""
        return self.arrivals_per_hour * self.minutes / 60 / self.readers

    @property
    def studies(self) -> float:
        """How many studies one repetition holds, on average."""
        return self.arrivals_per_hour * self.hours + len(self.waiting)

    @property
    def shares(self) -> NDArray[np.float64]:
        """(2, 3): of the studies without and with the finding, the share at each urgency."""
        absent = (self.specificity - self.unsure_absent, self.unsure_absent, 1 - self.specificity)
        missed = 1 - self.sensitivity - self.unsure_present
        return np.array([absent, (missed, self.unsure_present, self.sensitivity)])

    @property
    def present(self) -> NDArray[np.float64]:
        """(3,): chance that a study of each urgency shows the finding (Bayes)."""
        of_absent, of_present = self.shares
        with_it, without = self.prevalence * of_present, (1 - self.prevalence) * of_absent
        everything = with_it + without
        # an urgency that the network never gives says nothing: a study there has the usual chance
        unheard = np.full(len(LEVELS), self.prevalence)
        return np.divide(with_it, everything, out=unheard, where=everything > 1e-12)


def limit_repetitions(scenario: Scenario) -> Scenario:
    """The scenario with fewer repetitions where its list is long: a page should not wait for it."""
    count = int(_AFFORDABLE / max(scenario.studies, 1))
    return replace(scenario, repetitions=min(scenario.repetitions, max(count, _FEWEST)))


@dataclass(frozen=True, slots=True)
class Run:
    """One repetition: (n,) urgencies, arrivals in hours (below 0: waited before), waits in hours.

    The wait ends when a reader opens the study. Runs of one scenario and number hold the same
    studies with the same arrivals and reading times under every policy.
    """

    urgency: NDArray[np.int64]
    arrival: NDArray[np.float64]
    wait: NDArray[np.float64]


def simulate(scenario: Scenario, policy: Policy, number: int) -> Run:
    """Play one repetition of a scenario.

    Parameters
    ----------
    scenario : Scenario
    policy : Policy
    number : int
        Which repetition, from 0. With the scenario's seed it fixes who comes when and how long each
        reading takes, whatever the policy, so that policies are compared on the same films.
    """
    arrival, urgency, reading = _draw_films(
        scenario, np.random.default_rng((scenario.seed, number))
    )
    simulation = _Simulation(arrival, urgency, reading, policy=policy, cap=scenario.cap_hours)
    return Run(urgency, arrival, simulation.run(scenario.readers))


def _draw_films(
    scenario: Scenario, chance: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Arrival (hours), urgency and reading time (hours) of every study, in order of arrival."""
    count = chance.poisson(scenario.arrivals_per_hour * scenario.hours)
    new_arrivals = np.sort(chance.uniform(0, scenario.hours, count))
    prevalence = np.array([1 - scenario.prevalence, scenario.prevalence])
    shares = np.clip(prevalence @ scenario.shares, 0, 1)
    new_urgencies = chance.choice(LEVELS, size=count, p=shares / shares.sum())
    already_waiting = sorted(scenario.waiting, key=lambda w: -w.hours)
    arrival = np.concatenate([[-w.hours for w in already_waiting], new_arrivals])
    urgency = np.concatenate([[w.urgency for w in already_waiting], new_urgencies]).astype(np.int64)
    return arrival, urgency, _draw_reading_times(scenario, len(arrival), chance)


def _draw_reading_times(
    scenario: Scenario, count: int, chance: np.random.Generator
) -> NDArray[np.float64]:
    """Hours each of `count` readings takes."""
    mean, spread = scenario.minutes / 60, scenario.minutes_spread / 60
    if spread == 0:
        return np.full(count, mean)
    shape = (mean / spread) ** 2
    return chance.gamma(shape, mean / shape, count)


class _Simulation:
    """A list, its readers, and a clock."""

    def __init__(
        self,
        arrival: NDArray[np.float64],
        urgency: NDArray[np.int64],
        reading: NDArray[np.float64],
        *,
        policy: Policy,
        cap: float,
    ) -> None:
        # plain lists: SimPy goes study by study, and NumPy is slow at single numbers
        self._arrival, self._urgency = arrival.tolist(), urgency.tolist()
        self._reading = reading.tolist()
        self._policy, self._cap = policy, cap
        self._clock = simpy.Environment()
        # one line per urgency, each by age: the next study is always at the head of one of them
        self._lines: tuple[deque[int], ...] = tuple(deque() for _ in LEVELS)
        self._idle: list[simpy.Event] = []
        self._opened = [float("nan")] * len(self._arrival)

    def run(self, readers: int) -> NDArray[np.float64]:
        """(n,): hours each study waited until a reader opened it."""
        self._clock.process(self._receive())
        for _ in range(readers):
            self._clock.process(self._read())
        self._clock.run()
        return np.array(self._opened) - np.array(self._arrival)

    def _receive(self) -> Steps:
        """Put every study into its line when it comes."""
        for study, arrival in enumerate(self._arrival):
            if arrival > self._clock.now:
                yield self._clock.timeout(arrival - self._clock.now)
            self._lines[self._urgency[study]].append(study)
            if self._idle:
                self._idle.pop().succeed()

    def _read(self) -> Steps:
        """Read one study after the other; wait while there is none."""
        while True:
            if not any(self._lines):
                study_came = self._clock.event()
                self._idle.append(study_came)
                yield study_came
                continue
            study = self._take_next()
            self._opened[study] = self._clock.now
            yield self._clock.timeout(self._reading[study])

    def _take_next(self) -> int:
        """Take the study that the policy puts first."""
        heads = [line[0] for line in self._lines if line]
        # studies are numbered in the order they came: the smallest number is the oldest
        oldest = min(heads)
        overdue = self._clock.now - self._arrival[oldest] >= self._cap
        by_age = self._policy is Policy.FIFO or (self._policy is Policy.CAPPED and overdue)
        study = oldest if by_age else heads[-1]  # the last line is the most urgent
        return self._lines[self._urgency[study]].popleft()
