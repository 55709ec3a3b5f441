"""Background work: a result in the end, stopped at the next report, errors kept for the asker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from models.batch.priority import Priority, interactive
from pages.ui import background
from pages.ui.background import BackgroundTask, OnProgress


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def finish(task: BackgroundTask[int]) -> None:
    wait([task._future])


def test_a_result_is_there_once_the_work_is_done(pool: ThreadPoolExecutor) -> None:
    begin = threading.Event()

    def work(report: OnProgress) -> int:
        report(0.5)
        begin.wait()
        return 7

    task = BackgroundTask("key", work, pool)
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

    task = BackgroundTask("key", work, pool)
    started.wait()
    task.stop()
    go_on.set()
    finish(task)
    assert task.result is None and task.stopped and not reached


def test_work_that_has_not_begun_never_does(pool: ThreadPoolExecutor) -> None:
    go_on = threading.Event()
    first = BackgroundTask("one", lambda _report: go_on.wait(), pool)
    ran: list[int] = []
    second = BackgroundTask("two", lambda _report: ran.append(1), pool)
    second.stop()
    go_on.set()
    wait([first._future])
    pool.shutdown()
    assert second.result is None and not ran


def test_an_error_reaches_who_asks(pool: ThreadPoolExecutor) -> None:
    def work(_report: OnProgress) -> int:
        raise ValueError("no")

    task = BackgroundTask("key", work, pool)
    wait([task._future])
    with pytest.raises(ValueError, match="no"):
        _ = task.result


def test_what_nobody_asked_for_rests_while_somebody_waits(pool: ThreadPoolExecutor) -> None:
    passed: list[float] = []

    def work(report: OnProgress) -> int:
        for share in (0.2, 0.4):
            report(share)
            passed.append(share)
        return 7

    with interactive():
        task = BackgroundTask("key", work, pool, low_priority=True)
        waiting = not wait([task._future], timeout=0.2).done and not passed
    finish(task)
    assert waiting and passed == [0.2, 0.4] and task.result == 7


def test_what_a_reader_asked_for_goes_in_front(pool: ThreadPoolExecutor) -> None:
    began, go_on = threading.Event(), threading.Event()

    def work(_report: OnProgress) -> None:
        began.set()
        go_on.wait()

    task = BackgroundTask("key", work, pool)
    began.wait()
    with ThreadPoolExecutor(1) as low_priority_pool:
        proof = BackgroundTask(
            "other", lambda report: report(0.5), low_priority_pool, low_priority=True
        )
        waiting = not wait([proof._future], timeout=0.2).done
        go_on.set()
        wait([task._future, proof._future])
    assert waiting


def test_a_busy_ward_does_not_starve_a_proof() -> None:
    priority = Priority()
    with priority.interactive(), ThreadPoolExecutor(1) as other:
        went = other.submit(priority.yield_to_interactive, longest=0.01)
        assert went.result(timeout=30) is None  # while somebody is still in front


def test_what_nobody_looks_at_any_more_is_not_begun(pool: ThreadPoolExecutor) -> None:
    """A tab that was closed wants no proof."""
    done: list[int] = []
    task = BackgroundTask(
        "key", lambda _: done.append(1), pool, low_priority=True, wanted=lambda: False
    )
    wait([task._future])
    assert task.result is None and task.stopped and not done


def test_a_reader_who_is_back_finds_nothing_stopped(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was lost for a moment is no wish to stop."""
    left = BackgroundTask("key", lambda _: 1, pool, low_priority=True, wanted=lambda: False)
    wait([left._future])
    stopped = BackgroundTask("key", lambda _: 1, pool, low_priority=True)
    stopped.stop()
    monkeypatch.setattr(background, "_tasks", lambda: {"left": left, "stopped": stopped})
    assert background.current("left", "key") is None
    assert background.current("stopped", "key") is stopped


def test_another_page_ends_what_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    slots: dict[str, BackgroundTask[object]] = {}
    monkeypatch.setattr(background, "_tasks", lambda: slots)
    with ThreadPoolExecutor(2) as pool:
        slots["proof"] = BackgroundTask("a", lambda _: go_on.wait(), pool, low_priority=True)
        slots["map"] = BackgroundTask("b", lambda _: go_on.wait(), pool)
        proof = slots["proof"]
        background.stop_low_priority()
        go_on.set()
    assert proof.stopped and set(slots) == {"map"}
