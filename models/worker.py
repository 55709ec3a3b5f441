"""The background worker: takes queued files from the store, one at a time, until it is empty.

The queue lives in the database, so a browser reload loses sight of nothing and a server restart
goes on where it stopped.
"""

from __future__ import annotations

import logging
import threading

from imaging import apart
from imaging.apart import Reader
from imaging.errors import AssistantError
from imaging.store import Repository
from models.assess import Read, assess_and_store
from models.panel import Panel

log = logging.getLogger(__name__)


class Worker:
    """One daemon thread; `wake` after queueing. Never touches a page."""

    def __init__(self, repository: Repository, panel: Panel) -> None:
        self._repository, self._panel = repository, panel
        self._wake = threading.Event()
        self._wake.set()  # files may wait from before a restart
        self._reader = Reader()
        self._thread = threading.Thread(target=self._run, name="lightbox-worker", daemon=True)

    def start(self) -> None:
        """Begin working."""
        self._thread.start()

    def wake(self) -> None:
        """Say that files were queued."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            try:
                drain(self._repository, self._panel, read=self._reader.read)
            except AssistantError as exc:
                log.error("the queue stands still: %s", exc)


def drain(repository: Repository, panel: Panel, *, read: Read = apart.read) -> int:
    """Work off every waiting file; returns how many. One bad file never stops the rest."""
    count = 0
    while (waiting := repository.next_file()) is not None:
        job_id, file, content = waiting
        try:
            outcome = assess_and_store(
                content,
                file.file_name,
                panel=panel,
                repository=repository,
                account=repository.job(job_id).account,
                read=read,
            )
            repository.finish_file(job_id, file.position, outcome)
        except Exception as exc:
            # A fault of ours, not of the file: go on. Only its type is logged, because a
            # message or traceback could carry a patient's name.
            log.error("%s in queued file %s of %s", type(exc).__name__, file.position, job_id)
            repository.give_up_file(
                job_id, file.position, "An internal fault stopped this file; please report it."
            )
        count += 1
    return count
