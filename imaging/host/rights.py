"""Who may read what Lightbox writes: its user, and nobody else of this computer.

Files and folders are made for their owner alone (a umask of 077), an existing data folder is mended
to that, and no process leaves a core dump, which would hold the pixels it was decoding.
"""

from __future__ import annotations

import ctypes
import logging
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)
_OTHERS = 0o077
_PR_SET_DUMPABLE = 4  # prctl(2)


def restrict_process() -> None:
    """Make what this process writes its owner's alone, and let it leave no core dump.

    Called first in the server, the terminal, and every process that decodes; what they start
    inherits both. RLIMIT_CORE of 0 is what core(5) names and systemd-coredump heeds; other
    programs that core dumps are piped to do not, so on Linux the process is not dumpable either.
    """
    os.umask(_OTHERS)
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a system without a C library of that kind
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def restrict_folder(home: Path) -> None:
    """Let nobody but its owner into the data folder, nor read the files in it.

    One that others could enter is mended throughout; one they could not, at its top. Where that is
    not possible (another owner, a file system without rights) it goes to the log: the folder is
    usable, but not private.

    Parameters
    ----------
    home : Path
        The data folder; it exists.
    """
    if os.name == "nt":  # rights there come from the profile's folder
        return
    try:
        was_open = bool(home.stat().st_mode & _OTHERS)
        _take_away(home)  # first: from now on nobody comes to what lies below
        for at in home.rglob("*") if was_open else home.glob("*"):
            if not at.is_symlink():
                _take_away(at)
    except OSError as exc:
        log.warning("other users of this computer may read the data folder: %s", exc.strerror)


def _take_away(path: Path) -> None:
    """Take the rights of group and others away."""
    with suppress(FileNotFoundError):  # a file of a moment
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & _OTHERS:
            path.chmod(mode & ~_OTHERS)
