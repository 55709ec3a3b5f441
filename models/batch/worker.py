"""The background worker: works off the jobs in the store with a pool of processes.

The queue lives in the database, so a browser reload loses sight of nothing, and a server that was
killed goes on where it stopped: what it had claimed is given back when it starts.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Callable, Sequence

from imaging.intake.folder_scan import FolderScanner
from imaging.intake.header_scan import HeaderScanner
from imaging.settings import Settings
from imaging.store import Repository
from models.batch.coordinator import Coordinator
from models.batch.process_pool import FileProcessor, WorkerProcess

_own_names: set[str] = set()  # names given in this process


def worker_name() -> str:
    """A name for this process: who holds a claim, and whether it can still be alive."""
    name = f"{socket.gethostname()[:32]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    _own_names.add(name)
    return name


class Worker:
    """Coordinator at the store, header scanner ahead of it, and the processes that do the work.

    Parameters
    ----------
    repository : Repository
    settings : Settings
        By which the processes load their networks.
    processes : int
        One for each processor, without a number.
    reduced : bool
        See `models.batch.file_worker.FileWorker`.
    processors : sequence of FileProcessor
        Who does the work, one for each thread, instead of processes of this computer.
    yield_to_interactive : callable, optional
        See `models.batch.coordinator.Coordinator`.
    """

    def __init__(
        self,
        repository: Repository,
        settings: Settings,
        *,
        processes: int = 0,
        reduced: bool = True,
        processors: Sequence[FileProcessor] = (),
        yield_to_interactive: Callable[[], None] | None = None,
    ) -> None:
        self._repository = repository
        count = processes or os.cpu_count() or 1
        self._processors: Sequence[FileProcessor] = processors or [
            WorkerProcess(settings, reduced=reduced, low_priority=True) for _ in range(count)
        ]
        self._coordinator = Coordinator(
            repository,
            settings,
            self._processors,
            worker_name(),
            yield_to_interactive=yield_to_interactive,
        )
        self._folder_scanner = FolderScanner(repository, self._coordinator.wake)
        self._scanner = HeaderScanner(repository, yield_to_interactive=yield_to_interactive)
        self._thread = threading.Thread(
            target=self._coordinator.run, name="lightbox-coordinator", daemon=True
        )

    def start(self) -> None:
        """Begin working; what workers that died here had claimed or left is cleared up first."""
        release_dead_claims(self._repository)
        self._repository.originals.sweep()
        self._folder_scanner.start()
        self._scanner.start()
        self._thread.start()

    def wake(self) -> None:
        """Say that files were queued; the processes load their networks meanwhile."""
        for processor in self._processors:
            processor.start()
        self._coordinator.wake()
        self._folder_scanner.wake()

    def stop(self) -> None:
        """Stop after the chunks in hand."""
        self._folder_scanner.stop()
        self._coordinator.stop()
        self._scanner.stop()
        if self._thread.is_alive():
            self._thread.join()
        for processor in self._processors:
            processor.close()


def drain(
    repository: Repository,
    settings: Settings,
    *,
    jobs: Sequence[str] = (),
    processes: int = 1,
    reduced: bool = True,
    on_results: Callable[[int], None] | None = None,
    processors: Sequence[FileProcessor] = (),
) -> int:
    """Work off every waiting file and return how many; for terminals and tests.

    `processors` do the work, one for each thread, and stay open; without them so many processes.
    """
    own = [] if processors else [WorkerProcess(settings, reduced=reduced) for _ in range(processes)]
    coordinator = Coordinator(
        repository, settings, processors or own, worker_name(), jobs=jobs, on_results=on_results
    )
    try:
        return coordinator.drain()
    finally:
        for processor in own:
            processor.close()


def release_dead_claims(repository: Repository) -> None:
    """Give back what workers of this computer had claimed whose process is gone."""
    this_host = socket.gethostname()[:32]
    dead = []
    for name in repository.claims.claimants():
        host, _, rest = name.partition(":")
        pid = rest.partition(":")[0]
        if host == this_host and pid.isdigit() and name not in _own_names and not _lives(int(pid)):
            dead.append(name)
    if dead:
        repository.claims.release_claims(dead)


def _lives(pid: int) -> bool:
    if os.name == "nt":  # there a signal to ask with would end it; its claims lapse by themselves
        return True
    if pid == os.getpid():  # a container's first process bears the number of its forerunner
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives, and is somebody else's
        return True
    return True
