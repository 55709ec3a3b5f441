"""Folders for a while, and the sweeping of what killed processes left behind.

What is left holds patients' bytes like everything else. A running process holds a lock on what it
uses (`imaging.host.locks`), and nothing locked is swept, whatever its age.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imaging.host.locks import is_locked, lock
from imaging.host.writing import PARTIAL

RESULTS, BACKUP = "results-", "backing-up-"  # in the data folder
IN_MEMORY = "lightbox-results-"  # where files are in memory
FILMS = "lightbox-films-"  # in the system's folder for temporary files
ROWS = "lightbox-rows-"  # beside a table that is being written, wherever that is
_MOUNTS = Path("/proc/self/mounts")
OLD = 3600.0  # seconds: what is younger may be about to be locked, or where no locks are, in use


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """An empty folder that only we may enter, gone afterwards; in use until then.

    Parameters
    ----------
    prefix : str
        How its name begins, one that `sweep` knows.
    parent : Path, optional
        Where; by default the system's folder for temporary files.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    handle = None
    with suppress(OSError):  # Windows opens no folder
        handle = os.open(folder, os.O_RDONLY)
        lock(handle)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


@contextmanager
def results_folder(home: Path, *, room: int, private: bool) -> Iterator[Path]:
    """As `temporary_folder`, for results on their way to a browser: in memory where that can be.

    Parameters
    ----------
    home : Path
        The data folder; they lie in it, in clear, where the system has no files in memory (Windows,
        macOS: docs/encryption.md).
    room : int
        Bytes; where less is free in memory, the data folder is taken,
    private : bool
        unless nothing plain may come to its disk: then there is no more room than that.
    """
    memory = memory_folder()
    if memory is not None and (private or shutil.disk_usage(memory).free >= room):
        with temporary_folder(IN_MEMORY, memory) as folder:
            yield folder
    else:
        with temporary_folder(RESULTS, home) as folder:
            yield folder


def memory_folder() -> Path | None:
    """Folder whose files are in memory and on no disk (tmpfs, shm_overview(7)), where there is one.

    Swap space is a disk: who encrypts a data folder encrypts that, too, or has none.
    """
    with suppress(OSError):
        for line in _MOUNTS.read_text().splitlines():
            _, place, kind, *_ = line.split()
            if (place, kind) == ("/dev/shm", "tmpfs") and os.access(place, os.W_OK | os.X_OK):
                return Path(place)
    return None


def sweep(home: Path, *, older_than: float = OLD) -> int:
    """Delete what killed processes left in the data folder, in memory, and in the system's folder.

    Files that were being written aside among the originals, folders of results, backups and films
    for a while. Never what is locked, belongs to another user, or is a link.

    Parameters
    ----------
    home : Path
        The data folder.
    older_than : float
        Seconds since it was last changed.

    Returns
    -------
    int
        How many files and folders went.
    """
    left = [
        *home.glob(f"objects/??/{PARTIAL}*"),
        *home.glob(f"{PARTIAL}*"),
        *home.glob(f"{RESULTS}*/"),
        *home.glob(f"{BACKUP}*/"),
        *Path(tempfile.gettempdir()).glob(f"{FILMS}*/"),
    ]
    if memory := memory_folder():
        left += memory.glob(f"{IN_MEMORY}*/")
    return sum(_sweep_one(path, time.time() - older_than) for path in left)


def sweep_partial(folder: Path, prefix: str = PARTIAL, *, older_than: float = OLD) -> int:
    """As `sweep`, of files that were being written aside in one folder."""
    return sum(_sweep_one(p, time.time() - older_than) for p in folder.glob(f"{prefix}*"))


def sweep_rows(folder: Path, *, older_than: float = OLD) -> int:
    """As `sweep`, of rows that were on their way into a table in a folder, perhaps not ours."""
    return sum(_sweep_one(p, time.time() - older_than) for p in folder.glob(f"{ROWS}*/"))


def _sweep_one(path: Path, before: float) -> bool:
    try:
        status = path.lstat()
        if path.is_symlink() or status.st_mtime > before or not _is_ours(status) or is_locked(path):
            return False
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError:  # another process of ours was faster
        return False
    return True


def _is_ours(status: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or status.st_uid == os.getuid()
