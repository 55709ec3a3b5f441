"""Locks by which processes tell what is in use; they end with the process, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def lock(handle: int, *, shared: bool = False) -> bool:
    """Lock an open file or folder until it is closed; False where another process has it.

    Where the system or the file system knows no locks (Windows, some network shares), it is True
    and nothing is locked: there only age tells what is in use.

    Parameters
    ----------
    handle : int
    shared : bool
        Beside others who share it; False where somebody has it alone.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock of a file or folder; False for one that is gone."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not lock(handle)
    finally:
        os.close(handle)
