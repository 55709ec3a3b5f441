"""Header scan: studies whose films wait for the network are on the worklist by their headers.

One thread reads the first bytes of files that nobody has claimed yet, in another process: a header
may be as hostile as pixels. What it cannot read is left to its turn. It begins at the end of a
pile, which waits longest, and leaves what was queued a moment ago to the workers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from imaging.entities import Instance
from imaging.errors import AssistantError, PixelDataError
from imaging.intake.decode_process import DecodeProcess
from imaging.jobs import NOWHERE, Span, Task
from imaging.locations import is_linked
from imaging.store import Repository

log = logging.getLogger(__name__)
EVERY = 2.0  # seconds between two looks for files that wait
PATIENCE = timedelta(seconds=5)  # a file younger than this is left to the workers
_REST = 3  # times as long as it was at work, while readers are at the same server
_NOTICED = 0.01  # seconds: who yielded for so long met a reader
_TROUBLE = 30.0  # seconds to wait after the store failed
_AT_ONCE = 50  # files of one transaction
_AHEAD = 100  # files of one query
_SECONDS = 30.0  # for the headers of so many


class HeaderScanner:
    """Thread that puts what waits on the worklist.

    Parameters
    ----------
    repository : Repository
    yield_to_interactive : callable, optional
        Called before each look; returns when the work may go on, after a moment at most.
    """

    def __init__(
        self, repository: Repository, *, yield_to_interactive: Callable[[], None] | None = None
    ) -> None:
        self._repository = repository
        self._yield_to_interactive = yield_to_interactive or (lambda: None)
        self._scanned: dict[str, Span] = {}  # of jobs, the positions it looked at
        self._stopped = threading.Event()
        self._decoder = DecodeProcess(seconds=_SECONDS, low_priority=True)
        self._thread = threading.Thread(target=self._run, name="lightbox-header-scan", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the files in hand."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._decoder.close()

    def _run(self) -> None:
        pause = EVERY
        while not self._stopped.wait(pause):
            try:
                self.look()
                pause = EVERY
            except AssistantError as exc:
                log.error("waiting studies cannot be told: %s", exc)
                pause = _TROUBLE
            except Exception as exc:  # a fault of ours; only its type, a message may hold a name
                log.error("%s while waiting studies were looked at", type(exc).__name__)
                pause = _TROUBLE

    def look(self) -> int:
        """Announce what waits by now; returns how many films were.

        Raises
        ------
        StoreError
            If the records cannot be read or written.
        """
        count, until = 0, datetime.now(UTC) - PATIENCE
        while not self._stopped.is_set():
            pending = self._repository.pending
            tasks = pending.not_yet_scanned(self._scanned, until=until, limit=_AHEAD)
            if not tasks:
                self._decoder.close()  # memory for nothing, until something waits again
                break
            for start in range(0, len(tasks), _AT_ONCE):
                began = time.monotonic()
                self._yield_to_interactive()
                reader_active = time.monotonic() - began > _NOTICED
                count += self._announce(tasks[start : start + _AT_ONCE])
                self._stopped.wait(_REST * (time.monotonic() - began) if reader_active else 0.0)
        return count

    def _announce(self, tasks: Sequence[Task]) -> int:
        """Announce some files; returns how many films were. What lies behind a link now waits."""
        if self._stopped.is_set():
            return 0
        there = [task for task in tasks if not (task.location and is_linked(task.location))]
        films = self._describe([(*self._place(task), task.file_name) for task in there])
        looks = [
            (task, replace(film, identity=replace(film.identity, sha256=task.sha256)))
            for task, film in zip(there, films, strict=True)
            if film is not None  # nothing is known before its turn
        ]
        count = self._repository.pending.add_pending(looks) if looks else 0
        low, high = self._scanned.get(tasks[0].job_id, NOWHERE)
        positions = [task.position for task in tasks]
        self._scanned[tasks[0].job_id] = min(low, *positions), max(high, *positions)
        return count

    def _place(self, task: Task) -> tuple[str, bytes]:
        if task.location:
            return task.location, b""
        return self._repository.originals.place_of(task.sha256)

    def _describe(self, files: Sequence[tuple[str, bytes, str]]) -> list[Instance | None]:
        """Read headers; where one killed the process, each is asked for alone."""
        try:
            return self._decoder.describe(files)
        except PixelDataError:
            if len(files) == 1:
                return [None]
            return [film for file in files for film in self._describe([file])]
