"""What a list tells about the work: measured where there is enough, else None."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from imaging.worklist.order import RAISED, READ, ROUTINE, UNSURE
from imaging.worklist.simulation import Waiting
from imaging.worklist.workload import (
    Listed,
    arrival_rate,
    kind_of_urgency,
    reading_minutes,
    workload,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def item(priority: int, hours: float, *, raised: bool | None = None) -> Listed:
    """A study of that priority that came so many hours ago; READ is read."""
    return Listed(priority, priority == READ, hours_ago(hours), raised)


def test_the_last_day_gives_the_rate() -> None:
    day = [hours_ago(h) for h in range(24)]
    assert arrival_rate([*day, *(hours_ago(100) for _ in range(500))], NOW) == 1.0


def test_a_young_list_is_measured_from_its_first_study() -> None:
    assert arrival_rate([hours_ago(h / 10) for h in range(81)], NOW) == pytest.approx(81 / 8)


@pytest.mark.parametrize("count, span", [(19, 10.0), (50, 3.0), (0, 0.0)])
def test_too_few_or_too_young_is_no_rate(count: int, span: float) -> None:
    assert arrival_rate([hours_ago(span * i / max(count, 1)) for i in range(count)], NOW) is None


def test_signatures_of_one_reader_give_the_reading_time() -> None:
    a = [("a", NOW + timedelta(minutes=4 * i)) for i in range(15)]
    b = [("b", NOW + timedelta(minutes=6 * i)) for i in range(15)]
    mean, spread = reading_minutes([*b, *a])
    assert mean == pytest.approx(5) and spread == pytest.approx((28 / 27) ** 0.5)


def test_pauses_are_no_reading_time() -> None:
    before = [("a", NOW + timedelta(minutes=4 * i)) for i in range(12)]
    after = [("a", at + timedelta(hours=3)) for _, at in before]
    assert reading_minutes([*before, *after])[0] == pytest.approx(4)


def test_few_signatures_give_no_reading_time() -> None:
    assert reading_minutes([("a", NOW), ("a", NOW + timedelta(minutes=4))]) == (None, None)


@pytest.mark.parametrize(
    ("priority", "kind"), [(-1, ROUTINE), (0, ROUTINE), (1, UNSURE), (2, RAISED), (5, UNSURE)]
)
def test_a_priority_without_its_level_is_an_urgency(priority: int, kind: int) -> None:
    assert kind_of_urgency(priority) == kind


def test_only_unread_studies_wait() -> None:
    found = workload([item(RAISED, 2), item(ROUTINE, 5), item(READ, 9)], now=NOW)
    assert found.waiting == (Waiting(RAISED, 2.0), Waiting(ROUTINE, 5.0))
    assert found.counts() == (1, 0, 1)
    assert found.arrivals_per_hour is found.minutes is found.raised_share is None


def test_read_studies_count_for_the_share_raised() -> None:
    raised = [item(READ, 30, raised=True)] * 5
    calm = [item(ROUTINE, 30, raised=False)] * 15
    unanswered = [item(ROUTINE, 30)] * 40
    assert workload([*raised, *calm, *unanswered], now=NOW).raised_share == 0.25
    assert workload([*raised, *calm[:-1], *unanswered], now=NOW).raised_share is None


def test_a_clock_that_went_back_makes_no_negative_wait() -> None:
    assert workload([item(ROUTINE, -1)], now=NOW).waiting == (Waiting(ROUTINE, 0.0),)
