"""Who writes next: a reader before a batch, one at a time."""

from __future__ import annotations

import sqlite3
import threading
import time

import pytest

from imaging.store import database
from imaging.store.database import WriterLock

SECONDS = 30.0


def test_a_reader_goes_before_a_batch_that_came_first() -> None:
    lock, order = WriterLock(), list[str]()

    def take(name: str, *, background: bool) -> None:
        with lock.turn(background=background):
            order.append(name)

    with lock.turn():
        threads = [threading.Thread(target=take, args=("batch",), kwargs={"background": True})]
        threads[0].start()
        time.sleep(0.05)
        threads += [
            threading.Thread(target=take, args=(f"reader {i}",), kwargs={"background": False})
            for i in range(3)
        ]
        for thread in threads[1:]:
            thread.start()
        while lock._waiting < 3:
            time.sleep(0.01)
    for thread in threads:
        thread.join(SECONDS)
    assert order[-1] == "batch" and len(order) == 4


def test_a_turn_that_failed_is_given_on() -> None:
    lock = WriterLock()
    try:
        with lock.turn():
            raise ValueError
    except ValueError:
        pass
    done = threading.Event()

    def take() -> None:
        with lock.turn(background=True):
            done.set()

    threading.Thread(target=take).start()
    assert done.wait(SECONDS)


def test_a_new_store_can_be_opened_while_another_is_opening_it() -> None:
    """SQLite refuses to change the journal at once while somebody else does: it is asked again."""
    cursor = Stubborn(["database is locked", "database is locked"])
    database._write_ahead(cursor)  # type: ignore[arg-type]
    assert cursor.asked == ["PRAGMA journal_mode=WAL"] * 3


def test_a_store_that_cannot_be_written_is_no_reason_to_wait() -> None:
    cursor = Stubborn(["attempt to write a readonly database"])
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database._write_ahead(cursor)  # type: ignore[arg-type]
    assert len(cursor.asked) == 1


class Stubborn:
    """A cursor that gives these errors, one after the other, before it obeys."""

    def __init__(self, errors: list[str]) -> None:
        self.errors, self.asked = errors, list[str]()

    def execute(self, statement: str) -> None:
        self.asked.append(statement)
        if self.errors:
            raise sqlite3.OperationalError(self.errors.pop(0))
