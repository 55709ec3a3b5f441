"""Finding the files of jobs: folders are walked, watched ones again and again, archives unpacked.

Only folders below the allowed roots (`LIGHTBOX_ROOTS`) are looked into, wherever links lead.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from imaging.errors import AssistantError, InputError, SettingsError, StoreError
from imaging.intake.archives import is_archive
from imaging.intake.unpack_process import PackedMember, members_apart
from imaging.jobs import JobKind, JobProgress, JobState
from imaging.locations import (
    Mark,
    find_files,
    find_marks,
    is_address,
    is_chain,
    mark_text,
    read_path,
)
from imaging.settings import Settings
from imaging.store import Repository
from imaging.text import MAX_NAME, clean

log = logging.getLogger(__name__)
EVERY = 2.0  # seconds between two looks into a watched folder
SETTLED = 2.0  # seconds a file must not have changed to count as complete
_BATCH = 500
_FIRST = 50  # the first rows are wanted soon
_TRIES = 5  # looks before a job whose files cannot be found ends: a network may be away a moment
_LONG_SILENT = timedelta(minutes=10)  # nobody needs so long to queue the next stored films
_FORGOTTEN = timedelta(days=1)  # of the part of a file: its browser is closed or asleep
_GONE = timedelta(minutes=3)  # no browser needs so long for a piece of a file
_HEAD = 1024
_NO_MARK: Mark = (0, 0)
_FINEST = 1000  # nanoseconds; SMB tells no finer, and two servers may see a folder two ways
_NOT_ALLOWED = (
    "This folder is not one that Lightbox may read. Ask whoever runs it to add it to "
    "LIGHTBOX_ROOTS."
)
_CLOSED = "This folder cannot be opened; check that it is there and that Lightbox may read it."
_REPLACED = (
    "This folder was replaced by a link after it was added. Put the folder back, or add the "
    "folder the link leads to."
)
_FAULT = (
    "The files of this folder could not all be found. Add it again; if that does not help, "
    "ask whoever runs Lightbox to look into its log."
)


def allowed_folder(location: str, settings: Settings) -> str:
    """The folder as it will be stored, if Lightbox may read it.

    Parameters
    ----------
    location : str
        A path, or an address such as ``s3://bucket/films``.

    Raises
    ------
    SettingsError
        If it lies below none of the allowed roots, or is no folder.
    """
    location = location.strip()
    if is_address(location):
        roots = [r.rstrip("/") for r in settings.roots if is_address(r)]
        if (
            not is_chain(location)
            and ".." not in location.split("/")
            and any(
                location.rstrip("/") == root or location.startswith(f"{root}/") for root in roots
            )
        ):
            return location.rstrip("/")
        raise SettingsError(_NOT_ALLOWED)
    try:
        folder = Path(location).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as exc:
        raise SettingsError(_NOT_ALLOWED) from exc
    roots = [r for r in settings.roots if not is_address(r)]
    if not folder.is_dir() or not any(_is_below(folder, Path(root)) for root in roots):
        raise SettingsError(_NOT_ALLOWED)
    return str(folder)


def _is_below(folder: Path, root: Path) -> bool:
    try:
        return folder.is_relative_to(root.expanduser().resolve(strict=True))
    except (OSError, RuntimeError):  # the latter: links that go in circles, nobody's home
        return False


@dataclass
class _Watch:
    """Memory of a watched place: marks of its files."""

    marks: dict[str, Mark] = field(default_factory=dict)  # at the last look
    added: dict[str, Mark] = field(default_factory=dict)


class FolderScanner:
    """Thread that finds the files of open jobs.

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
        self._watched: dict[str, _Watch] = {}
        self._failed: dict[str, int] = {}  # looks in vain
        self._thread = threading.Thread(target=self._run, name="lightbox-folder-scan", daemon=True)

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
                self._scan_jobs()
            except AssistantError as exc:
                log.error("files of jobs cannot be found: %s", exc)
                time.sleep(EVERY)
            except Exception as exc:  # a fault of ours; only its type, a message may hold a name
                log.error("%s while files of jobs were looked for", type(exc).__name__)
                time.sleep(EVERY)

    def _scan_jobs(self) -> None:
        """Look once for each job; the trouble of one is not that of those behind it."""
        troubles = []
        self._repository.jobs.end_interrupted(datetime.now(UTC) - _LONG_SILENT)
        self._repository.drops.end_silent(datetime.now(UTC) - _GONE)
        self._repository.originals.forget_parts(datetime.now(UTC) - _FORGOTTEN)
        self._repository.clock_marks.mark()
        jobs = self._repository.jobs.listings()
        for by_job in (self._watched, self._failed):
            for job_id in by_job.keys() - {job.job_id for job in jobs}:
                del by_job[job_id]
        for job in jobs:
            try:
                self.attempt(job)
            except StoreError as exc:
                troubles.append(exc)
        if troubles:
            raise troubles[0]

    def attempt(self, job: JobProgress, tries: int = _TRIES) -> str:
        """Look, and after so many looks in vain write the reason among the job's outcomes.

        A folder's job ends with it; a watched place is looked into again all the same.

        Returns
        -------
        str
            Why its files could not be found this time; "" if they were.

        Raises
        ------
        StoreError
            If the records cannot be read or written, which is no fault of the job.
        """
        try:
            self.look(job)
        except StoreError:
            raise
        except AssistantError as exc:
            reason = str(exc)
        except Exception as exc:  # as in `_run`
            reason = _FAULT
            if job.job_id not in self._failed:
                log.error("%s in the listing of job %s", type(exc).__name__, job.job_id)
        else:
            self._failed.pop(job.job_id, None)
            return ""
        failed = self._failed.get(job.job_id, 0) + 1
        if failed == tries:
            self._give_up(job, reason)
        self._failed[job.job_id] = failed  # afterwards: giving up may have to be tried again
        return reason

    def _give_up(self, job: JobProgress, reason: str) -> None:
        log.error("files of job %s cannot be found: %s", job.job_id, reason)
        refused = [(_display_name(job.source), reason)]
        self._repository.jobs.add_files(job.job_id, [], refused=refused)
        if job.kind is not JobKind.WATCH:
            self._repository.jobs.end_listing(job.job_id)
        self._announce()

    def look(self, job: JobProgress) -> None:
        """Add what a job's folder holds; a watched one stays open."""
        watch = self._watched.setdefault(job.job_id, _Watch()) if _is_watched(job) else None
        files = _find_complete(job.source, watch) if watch else _find_unmarked(job.source)
        size = _FIRST
        while not self._stopped:
            part = list(islice(files, size))
            if not part:
                break
            size = _BATCH
            if self._repository.jobs.progress(job.job_id).state is not JobState.LISTING:
                return  # paused or cancelled meanwhile
            if self._add(job.job_id, dict(part)):
                self._announce()
            if watch:
                watch.added.update(part)
        if not watch and not self._stopped:
            self._repository.jobs.end_listing(job.job_id)

    def _add(self, job_id: str, files: Mapping[str, Mark]) -> int:
        """Add files; those in archives are kept here, one by one."""
        plain, kept, refused = [], [], []
        for location in files:
            archived = _list_members(location)
            if archived is None:
                plain.append((_display_name(location), location))
                continue
            for name, read in archived:
                try:
                    kept.append((name, self._repository.originals.keep_parts(read())))
                except InputError as exc:
                    refused.append((name, str(exc)))
        marks = {place: mark_text(files[place]) for _, place in plain if files[place] != _NO_MARK}
        return self._repository.jobs.add_files(
            job_id, plain, marks=marks, kept=kept, refused=refused
        )


def _is_watched(job: JobProgress) -> bool:
    return job.kind is JobKind.WATCH


def _find_complete(source: str, watch: _Watch) -> Iterator[tuple[str, Mark]]:
    """Files of a watched place that have stopped growing since the last look, once each.

    Another file under an old name counts as one more.
    """
    now: dict[str, Mark] = {}
    for location, mark, settled in _find_marked(source):
        now[location] = mark
        if mark[0] and settled and watch.marks.get(location) == mark != watch.added.get(location):
            yield location, mark
    watch.marks = now
    watch.added = {place: mark for place, mark in watch.added.items() if place in now}


def _find_marked(source: str) -> Iterator[tuple[str, Mark, bool]]:
    """Files of a watched place, their marks, and whether they were left alone for a while."""
    if is_address(source):
        yield from ((location, mark, True) for location, mark in find_marks(source))
        return
    for location in _list_files(source):
        try:
            status = Path(location).stat()
        except OSError:
            continue
        age = time.time() - status.st_mtime  # below 0 where the writer's clock is ahead
        settled = not 0 <= age < SETTLED
        yield location, (status.st_size, status.st_mtime_ns // _FINEST), settled


def _find_unmarked(source: str) -> Iterator[tuple[str, Mark]]:
    return ((location, _NO_MARK) for location in _list_files(source))


def _list_files(source: str) -> Iterator[str]:
    """Every file below a folder, in the order of names; hidden ones and links out are left out.

    Raises
    ------
    SettingsError
        If the folder or address cannot be listed.
    """
    if is_address(source):
        yield from find_files(source)
        return
    try:
        root = Path(source).resolve(strict=True)
        if root != Path(source):
            raise SettingsError(_REPLACED)
        os.scandir(root).close()
    except (OSError, RuntimeError, ValueError) as exc:
        raise SettingsError(_CLOSED) from exc
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if not name.startswith(".") and _is_wanted(file, root):
                yield _without_links(file)


def _without_links(file: Path) -> str:
    """The place of a file by a path that holds no link: one that comes later is noticed."""
    try:
        return str(file.resolve(strict=True)) if file.is_symlink() else str(file)
    except (OSError, RuntimeError):  # reported by who reads the file
        return str(file)


def _is_wanted(file: Path, root: Path) -> bool:
    """No link out or in circles, and nothing that never ends, such as a pipe."""
    try:
        if file.is_symlink() and not _is_below(file.resolve(), root):
            return False
        return stat.S_ISREG(file.stat().st_mode)
    except RuntimeError:
        return False
    except OSError as exc:  # any other trouble is reported by who reads the file
        return exc.errno != errno.ELOOP


def _list_members(location: str) -> Iterator[PackedMember] | None:
    """The members to keep of a file because its place cannot be pointed to; None where it can."""
    if is_address(location):
        return None
    path = Path(location)
    if _is_archive(path):
        return members_apart(path, _display_name(location))
    try:
        location.encode()
    except UnicodeEncodeError:  # no name that could be stored
        return iter([(_display_name(location), lambda: iter([read_path(path)]))])
    return None


def _display_name(location: str) -> str:
    """A file's name as it may be shown, whatever its letters were written in."""
    name = os.fsencode(Path(location).name).decode(errors="replace")
    return clean(name, MAX_NAME) or "?"


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return is_archive(stream.read(_HEAD))
    except OSError:
        return False
