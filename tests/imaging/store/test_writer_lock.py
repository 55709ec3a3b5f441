"""Who writes next: a reader before a batch, one at a time."""

from __future__ import annotations

import threading
import time

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
