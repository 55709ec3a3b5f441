"""Heartbeat of a worker that holds claims, so that nobody waits long for a dead one's.

See `imaging.store.claims`: three heartbeats missed, and what it had claimed is anybody's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from imaging.errors import AssistantError
from imaging.store import Repository

log = logging.getLogger(__name__)
INTERVAL = 10.0  # seconds; a third of `imaging.store.claims.STALLED`


class Heartbeat:
    """Writes a worker's heartbeat from a thread of its own, however long its work takes.

    A context: it beats within, as long as the process runs. One that was suspended for longer
    than others wait, or cut off from the database, loses its claims, and its outcomes of files
    that somebody else has claimed by then are dropped.

    Parameters
    ----------
    repository : Repository
    worker : str
        The name under which files are claimed.
    holds_claims : callable
        Whether the worker may hold claims: one that rests writes nothing.
    """

    def __init__(
        self, repository: Repository, worker: str, holds_claims: Callable[[], bool]
    ) -> None:
        self._repository, self._worker, self._holds_claims = repository, worker, holds_claims
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lightbox-heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        """Begin; the first heartbeat is due in a while, for a claim is one itself."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and wait for a heartbeat that is being written."""
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(INTERVAL):
            if not self._holds_claims():
                continue
            try:
                self._repository.claims.record_heartbeat(self._worker)
            except AssistantError as exc:
                log.warning("a heartbeat was not written: %s", exc)
            except Exception as exc:  # a fault of ours; the next one may be written
                log.error("%s with a heartbeat", type(exc).__name__)
