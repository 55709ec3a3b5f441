"""A crew of shards on this computer: processes that read and judge files, one to a processor.

A file that kills its process, hangs or devours memory is one row with its reason; the others of
its chunk are read again by the next process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import IO, Protocol

from imaging import apart, errors
from imaging.errors import AssistantError, CheckpointError, PixelDataError
from imaging.jobs import Result, Task
from imaging.settings import ROOT, Settings
from models.assess import failed
from models.inference.shard import Known, receive, send

CHUNK = 8  # files: what batching gains is gained by then
log = logging.getLogger(__name__)
FAULT = "An internal fault stopped this file; please report it."
_UNLOADED = "The networks could not be loaded on this computer."
_LOOK = 0.1  # seconds
START = 300.0  # seconds a process may take to load its networks on a busy computer


class Judges(Protocol):
    """Whoever works off chunks: a `Mate` of this computer, or a `models.cluster.Cluster`."""

    reduced: bool

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        """Work off a chunk; every file has a result."""

    def start(self) -> None:
        """Load the networks meanwhile."""

    def ready(self) -> None:
        """Wait until they are loaded; raises `CheckpointError` when they cannot be."""

    def close(self) -> None:
        """End it."""


class _FaultError(Exception):
    """The shard itself failed, not a file."""


class Watch:
    """Kills a process that is silent for too long; one thread for all that it says.

    Attributes
    ----------
    bit : bool
        It killed the process it watched last.
    """

    def __init__(self) -> None:
        self.bit = False
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = 0.0
        self._thread: threading.Thread | None = None

    def over(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        """Watch a process, which has so many seconds from now on."""
        with self._lock:
            self._process, self._deadline, self.bit = process, time.monotonic() + seconds, False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()

    def rest(self) -> None:
        """Watch nobody."""
        with self._lock:
            self._process = None

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK)
            with self._lock:
                if self._process is not None and time.monotonic() > self._deadline:
                    self._process.kill()
                    self._process, self.bit = None, True


class Mate:
    """One shard in its process, used by one thread.

    Parameters
    ----------
    settings : Settings
    reduced : bool
        See `Shard`.
    seconds : float
        For one file; then the process is killed.
    memory : int
        Bytes of address space it may have, where the system can limit that.
    humble : bool
        It takes what of the processors nobody else wants: where readers are at the same server.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        reduced: bool = True,
        humble: bool = False,
        seconds: float = apart.SECONDS,
        memory: int = apart.MEMORY,
    ) -> None:
        self._settings, self.reduced, self._humble = settings, reduced, humble
        self._seconds, self._memory = seconds, memory
        self._process: subprocess.Popen[bytes] | None = None
        self._fresh = False
        self._starting = threading.Lock()
        self._watch = Watch()

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        """Work off a chunk; every file has a result, whatever it did to its process.

        Raises
        ------
        CheckpointError
            If no process can load its networks.
        """
        waiting, results = list(tasks), []
        while waiting:
            at: list[int] = []
            try:
                results += self._asked(waiting, known, at)
                return results
            except _FaultError as exc:
                if len(waiting) > 1:  # each alone, so that only the guilty one has no answer
                    for task in waiting:
                        results += self.run([task], known)
                    return results
                log.error("%s in a queued file of %s", exc, waiting[0].job_id)
                outcome = failed(waiting[0].file_name, PixelDataError(FAULT))
                return [*results, Result(waiting[0], waiting[0].sha256, outcome, fault=True)]
            except (OSError, EOFError, pickle.UnpicklingError) as exc:
                if self._fresh:  # it never came to a file
                    self.close()
                    raise CheckpointError(_UNLOADED) from exc
                guilty = at[-1] if at else 0
                words = apart.SLOW if self._watch.bit else apart.DIED
                self.close()
                task = waiting.pop(guilty)
                outcome = failed(task.file_name, PixelDataError(words))
                results.append(Result(task, task.sha256, outcome, fault=True))
        return results

    def start(self) -> None:
        """Start the process, which then loads its networks while others are busy elsewhere."""
        with self._starting:
            self._start()

    def _start(self) -> None:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "models.inference.shard",
                    pickle.dumps(replace(self._settings, database="")).hex(),  # others see this
                    "reduced" if self.reduced else "whole",
                    str(self._memory),
                    *(["humble"] if self._humble else []),
                ],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what decoders say may quote the file
                env=_environment(),
            )
            self._fresh = True

    def ready(self) -> None:
        """Start the process and wait until it has loaded its networks.

        Raises
        ------
        CheckpointError
            If it cannot load them, or did not in time.
        """
        try:
            self._loaded()
        except (OSError, EOFError) as exc:
            self.close()
            raise CheckpointError(_UNLOADED) from exc
        self._watch.rest()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        self._fresh = False
        self._watch.rest()
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError):
                process.communicate()

    def _loaded(self) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]:
        """The process with its networks loaded, and its pipes."""
        self.start()
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError
        if self._fresh:
            self._watch.over(process, START)
            self._insist_on_ready(receive(process.stdout))
            self._fresh = False
        return process, process.stdin, process.stdout

    def _asked(self, tasks: Sequence[Task], known: Known, at: list[int]) -> list[Result]:
        """What the process says; `at` gets the place in the chunk of each file it opens."""
        process, to, back = self._loaded()
        self._watch.over(process, self._seconds)
        send(to, tasks)
        while True:
            kind, *rest = receive(back)
            self._watch.over(process, self._seconds)
            if kind == "done":
                self._watch.rest()
                found: list[Result] = rest[0]
                return found
            if kind == "fault":
                self._watch.rest()
                raise _FaultError(rest[0])
            if kind == "known":
                send(to, told(known, rest[0]))
            else:
                at.append(rest[0])

    def _insist_on_ready(self, message: tuple[str, ...]) -> None:
        if message[0] == "unfit":
            self.close()
            error = getattr(errors, message[1], CheckpointError)
            raise error(message[2])


def _environment() -> dict[str, str]:
    """A shard's own: one thread, and memory that is kept from film to film.

    glibc gives a film's memory back and asks for it anew, which costs 2,000 page faults a film;
    other systems do not know the names.
    """
    kept = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20)}
    return {**kept, **os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def told(known: Known, sha256s: Sequence[str]) -> Collection[str]:
    """Those that were answered before; none where the store cannot say."""
    try:
        return frozenset(known(sha256s))
    except AssistantError:
        return frozenset()
