"""The clock that never runs backwards, and what relies on it in the store."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imaging.errors import AccessError
from imaging.host import clock
from imaging.host.clock import Clock
from imaging.review.records import AuditEvent
from imaging.store import Repository, audit
from imaging.store.access import account_rows
from imaging.store.access.admission import ATTEMPTS, LOCKED_FOR
from imaging.store.access.sessions import SESSION_LIFE

NAME, PASSWORD = "dra", "correct horse battery"
SetBack = Callable[..., None]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> SetBack:
    """Let time pass, and set the clock on the wall: ``pass_time(hours=1, wall=-24)``."""
    wall, elapsed = timedelta(), 0.0
    start, real = datetime(2026, 11, 29, 8, tzinfo=UTC), clock._elapsed()

    class Wall(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return start + wall

    def passes(*, hours: float = 0, wall_hours: float | None = None) -> None:
        nonlocal wall, elapsed
        elapsed += hours * 3600
        wall += timedelta(hours=hours if wall_hours is None else wall_hours)

    for module in (clock, account_rows, audit):
        if hasattr(module, "datetime"):
            monkeypatch.setattr(module, "datetime", Wall)
    monkeypatch.setattr(clock, "_elapsed", lambda: real + elapsed)
    return passes


def test_it_goes_on_while_the_wall_goes_back(pass_time: SetBack) -> None:
    one = Clock()
    before = one.now()
    pass_time(hours=1, wall_hours=-24)
    assert one.now() - before == timedelta(hours=1)
    pass_time(hours=0, wall_hours=48)
    assert one.now() - before == timedelta(hours=24)


def test_it_reaches_what_is_known_to_be_past(pass_time: SetBack) -> None:
    one = Clock()
    later = one.now() + timedelta(hours=5)
    assert one.reach(later) == timedelta(hours=5)
    pass_time(hours=1)
    assert one.now() == later + timedelta(hours=1)
    assert one.reach(later - timedelta(hours=9)) == timedelta()


def test_a_clock_set_back_lets_nobody_in_for_longer(
    pass_time: SetBack, repository: Repository
) -> None:
    repository.accounts.create(NAME, "Dr A", PASSWORD)
    _, token = repository.accounts.sign_in(NAME, PASSWORD)
    pass_time(hours=1, wall_hours=-24)
    assert repository.accounts.find_sign_in(token)
    pass_time(hours=SESSION_LIFE.total_seconds() / 3600)
    assert repository.accounts.find_sign_in(token) is None


def test_nor_over_a_start_of_the_server(
    pass_time: SetBack, tmp_path: Path, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    repository.accounts.create(NAME, "Dr A", PASSWORD)
    _, token = repository.accounts.sign_in(NAME, PASSWORD)
    pass_time(hours=11)
    repository.clock_marks.mark()  # a server does, every few minutes
    assert repository.audit.verify().intact  # nobody decided that
    repository.close()
    pass_time(hours=0, wall_hours=-24)
    again = Repository.open(tmp_path / "home")
    assert "clock is 86400 s behind" in caplog.text
    assert again.accounts.find_sign_in(token)
    pass_time(hours=1.1)
    assert again.accounts.find_sign_in(token) is None
    again.close()


def test_a_lock_out_ends_rightly(
    pass_time: SetBack, tmp_path: Path, repository: Repository
) -> None:
    repository.accounts.create(NAME, "Dr A", PASSWORD)
    for _ in range(ATTEMPTS):
        with pytest.raises(AccessError):
            repository.accounts.sign_in(NAME, "wrong")
    repository.close()
    pass_time(hours=0, wall_hours=-24)
    again = Repository.open(tmp_path / "home")
    with pytest.raises(AccessError):
        again.accounts.sign_in(NAME, PASSWORD)
    pass_time(hours=LOCKED_FOR.total_seconds() / 3600 + 0.01)
    assert again.accounts.sign_in(NAME, PASSWORD)
    again.close()


def test_a_line_of_an_earlier_moment_has_a_remark_before_it(
    pass_time: SetBack, repository: Repository
) -> None:
    repository.audit.record(AuditEvent.VIEW, account="a")
    pass_time(hours=0, wall_hours=-24)
    repository.audit.record(AuditEvent.EXPORT, account="a")
    repository.audit.record(AuditEvent.VIEW, account="a")
    pass_time(hours=0, wall_hours=-0.001)  # two servers differ by as much
    repository.audit.record(AuditEvent.VIEW, account="a")
    lines = repository.audit.entries()
    deeds = [line.deed for line in lines]
    assert deeds == [AuditEvent.VIEW, AuditEvent.CLOCK, AuditEvent.EXPORT] + [AuditEvent.VIEW] * 2
    assert lines[1].detail == "set back by 86400 s"
    for earlier, later in itertools.pairwise(lines):
        assert earlier.at <= later.at or later.deed is AuditEvent.CLOCK
    assert repository.audit.verify().intact
