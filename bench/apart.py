"""A reader in a process of its own: what it makes of a file, also when the file kills it."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import peers

_PATIENCE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of reading a file: decoded or not, in what time, or the message instead."""

    decoded: bool
    seconds: float
    words: str = ""
    crashed: bool = False
    nbytes: int = 0  # of the decoded pixels


class ReaderProcess:
    """A reader of `peers`, in a process that is started again when it dies."""

    def __init__(self, name: str, scratch: Path) -> None:
        self._name = name
        self._file = scratch / f"{name}.npy"
        self._pool = self._start()

    def read(self, path: Path) -> Outcome:
        """Have a file read; `pixels` gives what came of it."""
        try:
            return self._pool.submit(_read, self._name, path, self._file).result(_PATIENCE)
        except (BrokenProcessPool, TimeoutError) as exc:
            self.close()
            self._pool = self._start()
            return Outcome(False, _PATIENCE, type(exc).__name__, crashed=True)

    def pixels(self) -> NDArray[Any]:
        """Of the file read last."""
        pixels: NDArray[Any] = np.load(self._file)
        return pixels

    def close(self) -> None:
        """Let the process go."""
        for process in self._pool._processes.values():
            process.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    def _start() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def _read(name: str, path: Path, file: Path) -> Outcome:
    """In the other process."""
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    try:
        pixels = getattr(peers, name)(path)
    except Exception as exc:  # whatever a peer raises is its refusal
        return Outcome(False, time.perf_counter() - started, str(exc))
    seconds = time.perf_counter() - started
    np.save(file, pixels)
    return Outcome(True, seconds, nbytes=pixels.nbytes)
