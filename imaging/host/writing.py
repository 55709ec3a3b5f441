"""Files that are whole or not there, and still are after a power cut.

A file is written aside, made durable, given its name, and its folder made durable (POSIX.1-2017,
``fsync`` and ``rename``: the name is safe only once the folder is). What is written aside is
locked meanwhile, so that whoever sweeps (`imaging.host.temporary`) leaves it alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from imaging.host.locks import lock

PARTIAL = "tmp"  # how the name of a file begins that is being written aside


@contextmanager
def replacing(target: Path, *, prefix: str = PARTIAL) -> Iterator[IO[bytes]]:
    """Yield a stream whose bytes stand under a name once the block ends, all of them.

    A block that fails leaves what was there before, and nothing beside it.

    Parameters
    ----------
    target : Path
        In a folder that exists; a file there is replaced. Only its owner may read it.
    prefix : str
        How its name begins until then.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=prefix, delete=False) as stream:
        aside = Path(stream.name)
        lock(stream.fileno())
        try:
            yield stream.file
            stream.flush()
            os.fsync(stream.fileno())
            aside.replace(target)
        except BaseException:
            with suppress(OSError):
                aside.unlink()
            raise
    sync_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder of our own, durably, where there is none; the ones above it too.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    missing = [at for at in (folder, *folder.parents) if not at.exists()]
    for at in reversed(missing):
        at.mkdir(mode=0o700, exist_ok=True)
        sync_folder(at.parent)


def move(source: Path, target: Path) -> None:
    """Give a file of the same disk another name, durably; only its owner may read it.

    Raises
    ------
    OSError
        If it is gone, or cannot be moved.
    """
    sync(source)
    source.chmod(0o600)
    source.replace(target)
    sync_folder(target.parent)


def sync(path: Path) -> None:
    """Make a file that is there durable, and its name.

    Raises
    ------
    OSError
        If it is gone, or cannot be written.
    """
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can (Windows cannot)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
