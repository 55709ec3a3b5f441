"""Background work: a result in the end, stopped at the next report, errors kept for the asker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from pages.ui.background import OnProgress, Task


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def finish(task: Task[int]) -> None:
    wait([task._future])


def test_a_result_is_there_once_the_work_is_done(pool: ThreadPoolExecutor) -> None:
    begin = threading.Event()

    def work(report: OnProgress) -> int:
        report(0.5)
        begin.wait()
        return 7

    task = Task("key", work, pool)
    assert task.result is None and not task.done
    begin.set()
    finish(task)
    assert (task.result, task.progress, task.stopped) == (7, 1.0, False)


def test_unwanted_work_ends_at_its_next_report(pool: ThreadPoolExecutor) -> None:
    started, go_on = threading.Event(), threading.Event()
    reached: list[str] = []

    def work(report: OnProgress) -> int:
        started.set()
        go_on.wait()
        report(0.9)
        reached.append("after the report")
        return 7

    task = Task("key", work, pool)
    started.wait()
    task.stop()
    go_on.set()
    finish(task)
    assert task.result is None and task.stopped and not reached


def test_work_that_has_not_begun_never_does(pool: ThreadPoolExecutor) -> None:
    go_on = threading.Event()
    first = Task("one", lambda _report: go_on.wait(), pool)
    ran: list[int] = []
    second = Task("two", lambda _report: ran.append(1), pool)
    second.stop()
    go_on.set()
    wait([first._future])
    pool.shutdown()
    assert second.result is None and not ran


def test_an_error_reaches_who_asks(pool: ThreadPoolExecutor) -> None:
    def work(_report: OnProgress) -> int:
        raise ValueError("no")

    task = Task("key", work, pool)
    wait([task._future])
    with pytest.raises(ValueError, match="no"):
        _ = task.result
