"""How many bytes of decoded pixels the server may hold, over all sessions together.

Every array that a decoder sends is counted until nobody holds it. What a session keeps only so as
not to ask again lies in a `Kept`, which is emptied when others need the room, the longest unused
first. Who still finds it full waits, and is told so.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from imaging.errors import DecodersBusyError

T = TypeVar("T")
MOST = 768 * 2**20  # bytes; the largest film as float32 fits (2^27 samples)
PATIENCE = 60.0  # seconds that somebody waits for room, or for a decoder
_TOLD = 1.0  # seconds after which they are told
_LOOK = 0.5  # seconds between two looks
_FRESH = 15.0  # seconds that what is kept stays after it was used: a browser is collecting it
_BUSY = (
    "Other large images are being opened, and the memory for images is full. Try again in a moment."
)
_TOO_LARGE = (
    "This picture is larger than the memory that images may take here. Export it smaller, or "
    "in parts."
)
_on_wait: ContextVar[Callable[[], object] | None] = ContextVar("on_wait", default=None)


@contextmanager
def telling(on_wait: Callable[[], object]) -> Iterator[None]:
    """Have somebody told, once, when what is asked for in here has to wait for others."""
    token = _on_wait.set(on_wait)
    try:
        yield
    finally:
        _on_wait.reset(token)


def wait_for(condition: threading.Condition, ready: Callable[[], bool], *, patience: float) -> None:
    """Wait, under its lock, until a condition holds; whoever waits long is told.

    Raises
    ------
    DecodersBusyError
        If it does not hold in time.
    """
    ends = time.monotonic() + patience
    if condition.wait_for(ready, min(_TOLD, patience)):
        return
    tell = _on_wait.get()
    if tell is not None:
        tell()
    while not condition.wait_for(ready, _LOOK):
        if time.monotonic() >= ends:
            raise DecodersBusyError(_BUSY)


class Kept(Generic[T]):
    """Something that can be made again, kept while there is room for it."""

    def __init__(self, budget: Budget, make: Callable[[], T]) -> None:
        self._budget, self._make = budget, make
        self._value: T | None = None
        self._lock = threading.Lock()

    def get(self) -> T:
        """What is kept, made when it is missing."""
        with self._lock:
            value = self._value
            if value is None:
                value = self._make()
                self._value = value
        self._budget.use(self)
        return value

    def empty(self) -> None:
        """Let go of it."""
        self._value = None


class Budget:
    """Counts the bytes of arrays, and makes room.

    Parameters
    ----------
    most : int
        Bytes.
    patience : float
        Seconds that somebody waits for room.
    fresh : float
        Seconds for which nothing is emptied after it was used.
    """

    def __init__(
        self, most: int = MOST, *, patience: float = PATIENCE, fresh: float = _FRESH
    ) -> None:
        self._most, self._patience, self._fresh = most, patience, fresh
        self._changed = threading.Condition()  # of an RLock: an array may die under it
        self._held = 0
        self._kept: OrderedDict[int, tuple[weakref.ref[Kept[Any]], float]] = OrderedDict()

    @property
    def held(self) -> int:
        """Bytes that are counted now."""
        return self._held

    def array(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """An array to be filled, counted until nobody holds it.

        Raises
        ------
        DecodersBusyError
            If there was no room for it in time, or never can be.
        """
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if size > self._most:
            raise DecodersBusyError(_TOO_LARGE)
        with self._changed:
            wait_for(self._changed, lambda: self._has_room(size), patience=self._patience)
            self._held += size
        try:
            array = np.empty(shape, dtype)
        except MemoryError:
            self._forget(size)
            raise
        weakref.finalize(array, self._forget, size).atexit = False
        return array

    def use(self, kept: Kept[Any]) -> None:
        """Note that it was used just now."""
        with self._changed:
            self._kept[id(kept)] = weakref.ref(kept), time.monotonic()
            self._kept.move_to_end(id(kept))

    def _has_room(self, size: int) -> bool:
        """True when so many bytes fit; empties what is kept until they do."""
        while self._held + size > self._most and self._kept:
            oldest = next(iter(self._kept))
            reference, used = self._kept[oldest]
            kept = reference()
            if kept is not None and time.monotonic() < used + self._fresh:
                break
            del self._kept[oldest]
            if kept is not None:
                kept.empty()
        return self._held + size <= self._most

    def _forget(self, size: int) -> None:
        with self._changed:
            self._held -= size
            self._changed.notify_all()
