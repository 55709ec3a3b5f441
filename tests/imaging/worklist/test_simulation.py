"""Simulated waits: against queueing theory, the worklist's own order, and the cap's promise."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from imaging.worklist import waiting_times
from imaging.worklist.order import RAISED, ROUTINE, UNSURE
from imaging.worklist.simulation import (
    LEVELS,
    Policy,
    Run,
    Scenario,
    Waiting,
    limit_repetitions,
    simulate,
)
from imaging.worklist.waiting_times import Comparison, Estimate, Group, compare, ratio

LONG = Scenario(arrivals_per_hour=9, minutes=4, minutes_spread=4, hours=600, repetitions=10)
BUSY = Scenario(
    arrivals_per_hour=14,
    minutes=4,
    minutes_spread=2,
    hours=48,
    prevalence=0.3,
    sensitivity=0.9,
    specificity=0.9,
    unsure_present=0.05,
    unsure_absent=0.05,
    cap_hours=1.0,
    repetitions=20,
)


def close(found: Estimate, wanted: float) -> bool:
    """Within four standard errors, which are themselves small."""
    return abs(found.value - wanted) < 4 * found.error < 0.2 * wanted


def mean_of(runs: list[Run], level: int | None = None) -> Estimate:
    """Mean wait over runs, of one urgency or of all."""
    inside = [np.full(len(r.wait), True) if level is None else r.urgency == level for r in runs]
    return ratio(
        np.array([r.wait[i].sum() for r, i in zip(runs, inside, strict=True)]),
        np.array([float(i.sum()) for i in inside]),
    )


def play(scenario: Scenario, policy: Policy) -> list[Run]:
    return [simulate(scenario, policy, number) for number in range(scenario.repetitions)]


def test_first_in_first_out_waits_as_long_as_theory_says() -> None:
    busy, rate = 0.6, 15.0  # M/M/1: rho / (mu - lambda)
    assert close(mean_of(play(LONG, Policy.FIFO)), busy / (rate - 9))


def test_readings_of_one_length_halve_the_wait() -> None:
    fixed = replace(LONG, minutes_spread=0)  # M/D/1: half of M/M/1 (Pollaczek-Khinchine)
    assert close(mean_of(play(fixed, Policy.FIFO)), 0.6 / (15 - 9) / 2)


def test_two_readers_wait_as_erlang_says() -> None:
    two = replace(LONG, arrivals_per_hour=18, readers=2)  # M/M/2 with rho = 0.6
    all_busy = 1.2**2 / 2 / (1 - 0.6)
    waits = all_busy / (1 + 1.2 + all_busy)  # Erlang C
    assert close(mean_of(play(two, Policy.FIFO)), waits / (2 * 15 - 18))


def test_urgency_waits_as_long_as_cobham_says() -> None:
    # non-preemptive priority, two classes (Cobham 1954): W0 / ((1 - s before)(1 - s with it))
    runs = play(replace(LONG, prevalence=1 / 3), Policy.URGENCY)
    rest = 9 * (4 / 60) ** 2  # lambda E[S^2] / 2 of exponential readings
    assert close(mean_of(runs, RAISED), rest / (1 - 0.2))
    assert close(mean_of(runs, ROUTINE), rest / ((1 - 0.2) * (1 - 0.6)))


def test_a_standing_list_is_read_in_the_order_of_the_worklist() -> None:
    standing = [(ROUTINE, 5.0), (RAISED, 0.5), (UNSURE, 2.0), (RAISED, 3.0), (ROUTINE, 9.0)]
    scenario = Scenario(
        arrivals_per_hour=0, cap_hours=100, waiting=tuple(Waiting(u, h) for u, h in standing)
    )
    run = simulate(scenario, Policy.URGENCY, 0)
    read = np.argsort(run.arrival + run.wait)
    shown = [(int(run.urgency[i]), -float(run.arrival[i])) for i in read]
    assert shown == sorted(standing, key=lambda study: (-study[0], -study[1]))


def test_over_the_cap_age_alone_counts() -> None:
    standing = [(ROUTINE, 5.0), (RAISED, 0.5), (UNSURE, 2.0), (RAISED, 3.0), (ROUTINE, 9.0)]
    scenario = Scenario(
        arrivals_per_hour=0,
        minutes=0.1,
        minutes_spread=0,
        cap_hours=2.5,
        waiting=tuple(Waiting(u, h) for u, h in standing),
    )
    run = simulate(scenario, Policy.CAPPED, 0)
    read = np.argsort(run.arrival + run.wait)
    assert [-run.arrival[i] for i in read] == [9.0, 5.0, 3.0, 0.5, 2.0]


def test_policies_are_compared_on_the_same_films() -> None:
    first, *others = (simulate(BUSY, policy, 3) for policy in Policy)
    for other in others:
        assert np.array_equal(first.arrival, other.arrival)
        assert np.array_equal(first.urgency, other.urgency)
    assert not np.array_equal(first.wait, others[0].wait)


def test_a_seed_repeats_and_another_does_not() -> None:
    first, again = (simulate(BUSY, Policy.CAPPED, 0).wait for _ in range(2))
    assert np.array_equal(first, again)
    assert len(simulate(replace(BUSY, seed=1), Policy.CAPPED, 0).wait) != len(first)


def overtaken(run: Run, cap: float) -> int:
    """How often a study was opened that was not the oldest, while an older one was overdue."""
    opened = run.arrival + run.wait
    return sum(
        bool(np.any((opened > at) & (run.arrival < came) & (at - run.arrival >= cap)))
        for at, came in zip(opened, run.arrival, strict=True)
    )


def test_nothing_overtakes_a_study_over_the_cap() -> None:
    run = simulate(BUSY, Policy.CAPPED, 0)
    assert (run.wait > BUSY.cap_hours).any()  # else there is nothing to see
    assert overtaken(run, BUSY.cap_hours) == 0
    assert overtaken(simulate(BUSY, Policy.URGENCY, 0), BUSY.cap_hours) > 0


@pytest.fixture(scope="module")
def busy() -> Comparison:
    return compare(BUSY)


def test_the_cap_shortens_the_worst_wait(busy: Comparison) -> None:
    capped, free = (
        busy.waits[policy][Group.ALL].worst for policy in (Policy.CAPPED, Policy.URGENCY)
    )
    assert capped.high < free.low


@pytest.mark.parametrize("policy", Policy)
def test_nothing_starves(policy: Policy) -> None:
    overloaded = replace(BUSY, arrivals_per_hour=20)
    run = simulate(overloaded, policy, 0)
    assert overloaded.load > 1
    assert np.isfinite(run.wait).all() and (run.wait >= 0).all()


def test_positives_gain_and_missed_ones_pay() -> None:
    sure = replace(BUSY, unsure_present=0, unsure_absent=0)
    waits = compare(sure).waits[Policy.URGENCY]
    assert waits[Group.FLAGGED].longer.high < 0 < waits[Group.MISSED].longer.low
    assert waits[Group.POSITIVE].longer.high < 0 < waits[Group.NEGATIVE].longer.low


def test_order_moves_waiting_about_and_saves_none(busy: Comparison) -> None:
    longer = busy.waits[Policy.URGENCY][Group.ALL].longer
    assert abs(longer.value) < 4 * longer.error  # work-conserving, blind to the reading time
    assert busy.waits[Policy.FIFO][Group.MISSED].longer == Estimate(0.0, 0.0)


def test_a_mean_over_groups_is_that_of_all(busy: Comparison) -> None:
    runs = play(BUSY, Policy.CAPPED)
    wait, urgency = (np.concatenate([getattr(r, n) for r in runs]) for n in ("wait", "urgency"))
    present = BUSY.present[urgency]
    whole = busy.waits[Policy.CAPPED]
    mixed = (
        whole[Group.POSITIVE].mean.value * present.sum()
        + whole[Group.NEGATIVE].mean.value * (1 - present).sum()
    ) / len(wait)
    assert mixed == pytest.approx(wait.mean())
    assert whole[Group.ALL].percentile95.value == pytest.approx(
        np.quantile(wait, 0.95, method="inverted_cdf")
    )
    assert whole[Group.ALL].late.value == pytest.approx((wait >= BUSY.cap_hours).mean())
    assert whole[Group.ALL].worst.value == pytest.approx(np.mean([r.wait.max() for r in runs]))


def test_weights_agree_with_films_whose_truth_is_drawn(busy: Comparison) -> None:
    runs, chance = play(BUSY, Policy.URGENCY) * 10, np.random.default_rng(5)
    missed = [
        r.wait[(chance.random(len(r.wait)) < BUSY.present[r.urgency]) & (r.urgency < RAISED)]
        for r in runs
    ]
    weighed = busy.waits[Policy.URGENCY][Group.MISSED]
    drawn_mean = np.concatenate(missed).mean()
    drawn_worst = np.mean([waits.max() for waits in missed if len(waits)])
    assert drawn_mean == pytest.approx(weighed.mean.value, rel=0.05)
    assert drawn_worst == pytest.approx(weighed.worst.value, rel=0.05)


def test_chances_follow_bayes() -> None:
    scenario = Scenario(prevalence=0.2, sensitivity=0.9, specificity=0.8)
    routine, unsure, raised = scenario.present
    assert raised == pytest.approx(0.18 / (0.18 + 0.16))
    assert routine == pytest.approx(0.02 / (0.02 + 0.64))
    assert unsure == 0.2  # an answer never given says nothing


def test_the_expected_worst_is_that_over_all_draws() -> None:
    wait, weight = np.array([3.0, 1.0, 7.0, 2.0]), np.array([0.5, 0.9, 0.1, 0.0])
    above = anybody = 0.0
    for inside in product([False, True], repeat=4):
        chance = float(np.prod(np.where(inside, weight, 1 - weight)))
        if any(inside):
            above += chance * wait[list(inside)].max()
            anybody += chance
    assert waiting_times._expected_worst(wait, weight) == pytest.approx((above, anybody))


def test_the_error_of_a_ratio_of_equal_sizes_is_the_usual_one() -> None:
    values = np.array([1.0, 2.0, 4.0, 9.0])
    found = ratio(10 * values, np.full(4, 10.0))
    assert found.value == 4.0
    assert found.error == pytest.approx(values.std(ddof=1) / 2)


def test_a_group_that_cannot_be_has_no_wait() -> None:
    found = compare(Scenario(prevalence=0.0, hours=2, repetitions=3))
    waits = found.waits[Policy.FIFO][Group.POSITIVE]
    assert all(np.isnan(e.value) for e in (waits.mean, waits.percentile95, waits.worst))


def test_an_empty_day_is_no_error() -> None:
    found = compare(Scenario(arrivals_per_hour=0, repetitions=2))
    assert np.isnan(found.waits[Policy.CAPPED][Group.ALL].mean.value)


def test_progress_ends_at_one() -> None:
    told: list[float] = []
    compare(Scenario(hours=1, repetitions=4), on_progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_a_long_list_is_played_less_often() -> None:
    long = Scenario(waiting=(Waiting(ROUTINE, 1.0),) * 2000)
    assert limit_repetitions(Scenario()).repetitions == Scenario().repetitions
    assert limit_repetitions(long).repetitions < Scenario().repetitions


def test_shares_of_answers_add_up() -> None:
    assert BUSY.shares.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert len(LEVELS) == BUSY.shares.shape[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"prevalence": 1.2},
        {"sensitivity": 0.9, "unsure_present": 0.2},
        {"minutes": 0.0},
        {"cap_hours": 0.0},
        {"arrivals_per_hour": -1.0},
        {"readers": 0},
        {"repetitions": 1},
        {"waiting": (Waiting(7, 1.0),)},
    ],
)
def test_a_ward_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Scenario(**wrong)
