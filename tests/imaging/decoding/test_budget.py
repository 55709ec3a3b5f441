"""The bytes of pixels that are held: counted, made room for, and waited for."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.decoding.budget import Budget, Kept, telling
from imaging.errors import DecodersBusyError

BYTE = np.dtype(np.uint8)


def kept(budget: Budget, size: int, made: list[int]) -> Kept[NDArray[np.uint8]]:
    def make() -> NDArray[np.uint8]:
        made.append(size)
        return budget.array(BYTE, (size,))

    return Kept(budget, make)


def test_what_is_kept_goes_the_longest_unused_first() -> None:
    budget = Budget(100, patience=0.1, fresh=0)
    made: list[int] = []
    one, two = kept(budget, 40, made), kept(budget, 40, made)
    assert one.get().size == two.get().size == 40
    one.get()  # used last
    three = kept(budget, 50, made)
    assert three.get().size == 50 and budget.held == 90
    one.get()
    assert made == [40, 40, 50]
    two.get()
    assert made == [40, 40, 50, 40] and budget.held <= 100


def test_what_was_used_just_now_stays_and_who_wants_the_room_waits_and_is_told() -> None:
    budget = Budget(100, patience=5, fresh=2)
    made: list[int] = []
    one = kept(budget, 80, made)
    one.get()
    told: list[int] = []
    began = time.monotonic()
    with telling(lambda: told.append(1)):
        assert budget.array(BYTE, (50,)).size == 50
    assert 1 < time.monotonic() - began < 5 and told == [1]


def test_what_somebody_holds_is_not_taken_from_them() -> None:
    budget = Budget(100, patience=0.1, fresh=0)
    made: list[int] = []
    held = kept(budget, 80, made).get()
    with pytest.raises(DecodersBusyError):
        budget.array(BYTE, (50,))
    del held
    assert budget.array(BYTE, (50,)).size == 50


def test_room_that_is_given_back_goes_to_who_waits() -> None:
    budget = Budget(100, patience=10)
    held = [budget.array(BYTE, (80,))]
    got: list[int] = []
    thread = threading.Thread(target=lambda: got.append(budget.array(BYTE, (50,)).size))
    thread.start()
    time.sleep(0.1)
    assert not got
    held.clear()
    thread.join(5)
    assert got == [50] and budget.held == 0


def test_two_who_want_the_same_have_it_made_once() -> None:
    budget = Budget(100)
    made: list[int] = []
    shared = kept(budget, 10, made)
    threads = [threading.Thread(target=shared.get) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [10]
