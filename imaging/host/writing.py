"""Files that are whole or not there, and still are after a power cut.

A file is written aside, made durable, given its name, and its folder made durable (POSIX.1-2017,
``fsync`` and ``rename``: the name is safe only once the folder is). What is written aside is
locked meanwhile, so that whoever sweeps (`imaging.host.temporary`) leaves it alone.
"""

from __future__ import annotations

import os
import secrets
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


def write_first(target: Path, content: bytes) -> bool:
    """Write a file of 0600 where there is none; who reads it meanwhile finds none, or all of it.

    Returns
    -------
    bool
        False where somebody else was first, whose file stays.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    aside = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        _name(aside, target)
        sync_folder(target.parent)
    except FileExistsError:
        return False
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()
    return True


def _name(aside: Path, target: Path) -> None:
    """Give a file its name unless somebody has it; `FileExistsError` then."""
    try:
        target.hardlink_to(aside)
    except FileExistsError:
        raise
    except OSError as exc:  # a file system without hard links
        if target.exists():
            raise FileExistsError from exc
        aside.replace(target)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can (Windows cannot)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
