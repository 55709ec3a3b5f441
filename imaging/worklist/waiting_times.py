"""Statistics of simulated waits: mean, 95th percentile and worst, per group, policy by policy.

No study of a run is drawn to show the finding or not. What a policy does to a study hangs on its
urgency alone, so each study counts for a group as much as its urgency makes that likely (Bayes,
`Scenario.present`). The expectation is the same as with drawn films; the few missed films of a day,
which would make most of the noise, are averaged over all they could have been.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from imaging.worklist.order import RAISED
from imaging.worklist.simulation import LEVELS, Policy, Run, Scenario, simulate

Array = NDArray[np.float64]
OnProgress = Callable[[float], None]

_SECTIONS = 10  # parts of the repetitions that a percentile's standard error is taken from
_NORMAL = 1.96


class Group(StrEnum):
    """Groups of studies whose waits are counted separately."""

    ALL = "all"
    POSITIVE = "positive"  # shows the finding
    FLAGGED = "flagged"  # shows it, and the network raised it (true positive)
    MISSED = "missed"  # shows it, and the network did not (false negative)
    NEGATIVE = "negative"  # does not show it


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure (hours, if not said otherwise), its standard error; NaN where nothing counts."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """Lower bound of the 95 % interval."""
        return self.value - _NORMAL * self.error

    @property
    def high(self) -> float:
        """Upper bound of the 95 % interval."""
        return self.value + _NORMAL * self.error


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits of one group under one policy, in hours.

    Attributes
    ----------
    mean, percentile95 : Estimate
        Over the studies of the group.
    worst : Estimate
        The longest wait in one repetition that has a study of the group, on average over these.
    longer : Estimate
        How much longer the mean is than first in, first out on the same films; below 0: shorter.
    late : Estimate
        Share of the studies that waited as long as the cap or longer, in [0, 1].
    """

    mean: Estimate
    percentile95: Estimate
    worst: Estimate
    longer: Estimate
    late: Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every policy on the same films."""

    scenario: Scenario
    waits: Mapping[Policy, Mapping[Group, Waits]]


def compare(scenario: Scenario, *, on_progress: OnProgress = lambda _share: None) -> Comparison:
    """Play a scenario under every policy.

    Parameters
    ----------
    scenario : Scenario
    on_progress : callable
        Called with the share that is done, in [0, 1], after every repetition.
    """
    runs: dict[Policy, list[Run]] = {policy: [] for policy in Policy}
    for number in range(scenario.repetitions):
        for policy in Policy:
            runs[policy].append(simulate(scenario, policy, number))
        on_progress((number + 1) / scenario.repetitions)
    weights = group_weights(scenario)
    return Comparison(
        scenario=scenario,
        waits={
            policy: {
                group: _estimate_waits(
                    runs[policy], runs[Policy.FIFO], weights[group], scenario.cap_hours
                )
                for group in Group
            }
            for policy in Policy
        },
    )


def group_weights(scenario: Scenario) -> Mapping[Group, Array]:
    """(3,) per group: how much a study of each urgency counts for it, in [0, 1]."""
    present = scenario.present
    raised = np.array([level == RAISED for level in LEVELS])
    return {
        Group.ALL: np.ones(len(LEVELS)),
        Group.POSITIVE: present,
        Group.FLAGGED: present * raised,
        Group.MISSED: present * ~raised,
        Group.NEGATIVE: 1 - present,
    }


def _estimate_waits(runs: Sequence[Run], fifo: Sequence[Run], weights: Array, cap: float) -> Waits:
    study_weights = [weights[run.urgency] for run in runs]
    sizes = np.array([w.sum() for w in study_weights])
    sums = np.array([w @ run.wait for w, run in zip(study_weights, runs, strict=True)])
    before = np.array([w @ run.wait for w, run in zip(study_weights, fifo, strict=True)])
    late = np.array([w @ (run.wait >= cap) for w, run in zip(study_weights, runs, strict=True)])
    worst, any_at_all = np.array(
        [_expected_worst(run.wait, w) for run, w in zip(runs, study_weights, strict=True)]
    ).T
    return Waits(
        mean=ratio(sums, sizes),
        percentile95=_percentile([run.wait for run in runs], study_weights, 0.95),
        worst=ratio(worst, any_at_all),
        longer=ratio(sums - before, sizes),
        late=ratio(late, sizes),
    )


def ratio(above: Array, below: Array) -> Estimate:
    """Sum over sum of (repetitions,) values, with the standard error of a ratio estimate.

    Notes
    -----
    Cochran, Sampling Techniques (1977), 6.3: a mean over all studies of all repetitions, where
    repetitions, not studies, are independent.
    """
    total, n = below.sum(), len(below)
    if total < 1e-9:
        return Estimate(float("nan"), float("nan"))
    value = above.sum() / total
    residual = above - value * below
    return Estimate(float(value), float(np.sqrt(n / (n - 1) * (residual @ residual)) / total))


def _expected_worst(wait: Array, weight: Array) -> tuple[float, float]:
    """Longest wait of a group whose members are drawn by `weight`, times the chance of having any.

    Both from the exact sum over which member is the one that waits longest.
    """
    order = np.argsort(-wait)
    inside = weight[order]
    nobody_longer = np.concatenate([[1.0], np.cumprod(1 - inside)])
    return float((wait[order] * inside) @ nobody_longer[:-1]), float(1 - nobody_longer[-1])


def _percentile(waits: Sequence[Array], weights: Sequence[Array], share: float) -> Estimate:
    """Percentile of all repetitions together, its error from those of parts of them (sectioning).

    Notes
    -----
    Asmussen & Glynn, Stochastic Simulation (2007), III.5.
    """
    value = _quantile(np.concatenate(waits), np.concatenate(weights), share)
    count = min(_SECTIONS, len(waits))
    parts = np.array(
        [
            _quantile(np.concatenate(waits[i::count]), np.concatenate(weights[i::count]), share)
            for i in range(count)
        ]
    )
    parts = parts[~np.isnan(parts)]
    if len(parts) < 2:
        return Estimate(value, float("nan"))
    spread = np.sqrt(np.sum((parts - value) ** 2) / (len(parts) - 1))
    return Estimate(value, float(spread / np.sqrt(len(parts))))


def _quantile(values: Array, weights: Array, share: float) -> float:
    """Smallest value that at least `share` of the weight does not exceed; NaN without weight."""
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    if not len(summed) or summed[-1] < 1e-9:
        return float("nan")
    at = np.searchsorted(summed, share * summed[-1])
    return float(values[order][min(at, len(values) - 1)])
