"""Finding the files of jobs: folders are walked, watched ones again and again, archives unpacked.

Only folders below the allowed roots (`LIGHTBOX_ROOTS`) are looked into, wherever links lead.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from imaging.archives import is_archive, members
from imaging.errors import AssistantError, InputError, SettingsError
from imaging.jobs import JobKind, JobProgress, JobState
from imaging.places import find_files, is_address
from imaging.plain_text import MAX_NAME, clean
from imaging.settings import Settings
from imaging.store import Repository

log = logging.getLogger(__name__)
EVERY = 2.0  # seconds between two looks into a watched folder
SETTLED = 2.0  # seconds a file must not have changed to count as complete
_BATCH = 500
_FIRST = 50  # the first rows are wanted soon
_HEAD = 1024
_NOT_ALLOWED = (
    "This folder is not one that Lightbox may read. Ask whoever runs it to add it to "
    "LIGHTBOX_ROOTS."
)


def allowed_folder(wanted: str, settings: Settings) -> str:
    """The folder as it will be stored, if Lightbox may read it.

    Parameters
    ----------
    wanted : str
        A path, or an address such as ``s3://bucket/films``.

    Raises
    ------
    SettingsError
        If it lies below none of the allowed roots, or is no folder.
    """
    wanted = wanted.strip()
    if is_address(wanted):
        roots = [r.rstrip("/") for r in settings.roots if is_address(r)]
        if ".." not in wanted.split("/") and any(
            wanted.rstrip("/") == root or wanted.startswith(f"{root}/") for root in roots
        ):
            return wanted.rstrip("/")
        raise SettingsError(_NOT_ALLOWED)
    try:
        folder = Path(wanted).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as exc:
        raise SettingsError(_NOT_ALLOWED) from exc
    roots = [r for r in settings.roots if not is_address(r)]
    if not folder.is_dir() or not any(_below(folder, Path(root)) for root in roots):
        raise SettingsError(_NOT_ALLOWED)
    return str(folder)


def _below(folder: Path, root: Path) -> bool:
    try:
        return folder.is_relative_to(root.expanduser().resolve(strict=True))
    except OSError:
        return False


class Lister:
    """One thread that finds the files of open jobs.

    Parameters
    ----------
    repository : Repository
    announce : callable
        Called when files were added.
    """

    def __init__(self, repository: Repository, announce: Callable[[], None]) -> None:
        self._repository, self._announce = repository, announce
        self._wake = threading.Event()
        self._wake.set()
        self._stopped = False
        self._seen: dict[str, dict[str, tuple[int, int]]] = {}  # job -> location -> size, mtime
        self._thread = threading.Thread(target=self._run, name="lightbox-lister", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that a job was opened."""
        self._wake.set()

    def stop(self) -> None:
        """Stop at the next file."""
        self._stopped = True
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(EVERY)
            self._wake.clear()
            try:
                for job in self._repository.listings():
                    self.look(job)
            except AssistantError as exc:
                log.error("files of a job cannot be found: %s", exc)
                time.sleep(EVERY)

    def look(self, job: JobProgress) -> None:
        """Add what a job's folder holds; a watched one stays open."""
        watched = job.kind is JobKind.WATCH
        files = _found(job.source)
        if watched:
            files = self._complete(job.job_id, files)
        size = _FIRST
        while not self._stopped:
            part = list(islice(files, size))
            if not part:
                break
            size = _BATCH
            if self._repository.job_progress(job.job_id).state is not JobState.LISTING:
                return  # paused or cancelled meanwhile
            if self._add(job.job_id, part):
                self._announce()
        if not watched and not self._stopped:
            self._repository.end_listing(job.job_id)

    def _add(self, job_id: str, files: list[str]) -> int:
        """Add files; those in archives are kept here, one by one."""
        plain, kept, refused = [], [], []
        for location in files:
            if is_address(location) or not _is_archive(Path(location)):
                plain.append((clean(Path(location).name, MAX_NAME), location))
                continue
            for name, read in members(Path(location), Path(location).name):
                try:
                    kept.append((name, self._repository.keep(read())))
                except InputError as exc:
                    refused.append((name, str(exc)))
        return self._repository.add_files(job_id, plain, kept=kept, refused=refused)

    def _complete(self, job_id: str, files: Iterator[str]) -> Iterator[str]:
        """Of a watched folder's files those that have stopped growing since the last look."""
        before = self._seen.get(job_id, {})
        now: dict[str, tuple[int, int]] = {}
        for location in files:
            try:
                found = Path(location).stat()
            except OSError:
                continue
            now[location] = (found.st_size, found.st_mtime_ns)
            settled = time.time() - found.st_mtime >= SETTLED
            if found.st_size and settled and before.get(location) == now[location]:
                yield location
        self._seen[job_id] = now


def _found(source: str) -> Iterator[str]:
    """Every file below a folder, in the order of names; hidden ones and links out are left out."""
    if is_address(source):
        yield from find_files(source)
        return
    root = Path(source).resolve()
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if name.startswith("."):
                continue
            if file.is_symlink() and not _below(file.resolve(), root):
                continue
            yield str(file)


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return is_archive(stream.read(_HEAD))
    except OSError:
        return False
