"""Originals of a data folder, encrypted where they lay plain, or plain again.

File by file: the new one is whole and durable before the old one goes, so whoever kills this loses
nothing, and the next run goes on. Meanwhile both kinds are read (`imaging.store.object_store`), as
long as a mark beside the originals says so. What was deleted may still be found in free blocks of
the disk: encrypting does not wipe it.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imaging.host import temporary, writing
from imaging.host.encrypted_file import decrypt, read_chunks
from imaging.host.encrypted_file import encrypt as encrypt_chunks
from imaging.store.encryption.keys import Keys
from imaging.store.health.diagnosis import diagnose
from imaging.store.object_store import (
    CONVERTING,
    ENCRYPTED,
    encrypted_path,
    file_key,
    plain_path,
    stored_sha256,
)

_PLAIN = re.compile(r"[0-9a-f]{64}")
_UNWRITABLE = (
    "The originals cannot be converted: check that the disk is not full and that the data folder "
    "is yours. Nothing is lost; run the same command again."
)
Progress = Callable[[int], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of the originals.

    Attributes
    ----------
    count : int
        How many were converted, this time.
    left : int
        How many could not be, since they cannot be decrypted: altered on the disk before. They
        stay as they are; their films need to be uploaded again.
    """

    count: int
    left: int


def convert_objects(
    root: Path, keys: Keys, *, encrypt: bool, progress: Progress = lambda _: None
) -> Converted:
    """Encrypt the originals of a data folder, or decrypt them; goes on where it was killed.

    Nobody else may use the folder meanwhile. What killed processes left half-written goes, and
    uploads that had not arrived whole: their browsers begin anew.

    Parameters
    ----------
    root : Path
        Folder of the originals, in the data folder.
    keys : Keys
        The same in both directions.
    encrypt : bool
        What they shall be; False: plain.
    progress : callable, optional
        Gets how many were converted so far.

    Raises
    ------
    StoreError
        If a file cannot be read or written; the folder can be read as before.
    """
    convert = _encrypt if encrypt else _decrypt
    count = left = 0
    try:
        _begin(root.parent / CONVERTING)
        _clear(root.parent)
        for path in list(_files(root, encrypted=not encrypt)):
            if convert(root, path, keys):
                path.unlink()
                count += 1
                progress(count)
            else:
                left += 1
        _remove_empty(root)
        (root.parent / CONVERTING).unlink()
        writing.sync_folder(root.parent)
    except OSError as exc:
        raise diagnose(exc, otherwise=_UNWRITABLE) from exc
    if left:
        log.warning("%d originals cannot be decrypted: upload their films again", left)
    return Converted(count, left)


def _begin(mark: Path) -> None:
    """Have originals of both kinds read from now on."""
    mark.touch(mode=0o600)
    writing.sync(mark)


def _files(root: Path, *, encrypted: bool) -> Iterator[Path]:
    """Originals of one kind, in the order of their names."""
    for path in sorted(root.glob("??/*")):
        plain = _PLAIN.fullmatch(path.name.removesuffix(ENCRYPTED))
        if plain and (path.suffix == ENCRYPTED) is encrypted and not path.is_symlink():
            yield path


def _encrypt(root: Path, path: Path, keys: Keys) -> bool:
    """Write a plain file encrypted, whatever it holds: one that was altered stays recognisable."""
    target = encrypted_path(root, path.name, keys)
    if stored_sha256(target, keys) != path.name:  # else made good, or we were killed
        writing.make_folder(target.parent)
        key = file_key(keys, target.name)
        with path.open("rb") as plain, writing.replacing(target) as stream:
            stream.writelines(encrypt_chunks(read_chunks(plain), key, target.name))
    return True


def _decrypt(root: Path, path: Path, keys: Keys) -> bool:
    """Write an encrypted file plain, under the hash of what it holds; False if it holds nothing."""
    sha256 = stored_sha256(path, keys)
    if not sha256:
        return False
    target = plain_path(root, sha256)
    if _plain_sha256(target) != sha256:
        writing.make_folder(target.parent)
        with path.open("rb") as stored, writing.replacing(target) as stream:
            stream.writelines(decrypt(stored, file_key(keys, path.name), path.name))
    return True


def _plain_sha256(path: Path) -> str:
    with suppress(FileNotFoundError), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
    return ""


def _clear(home: Path) -> None:
    """Delete what is half-done: it is of the kind that the originals were."""
    temporary.sweep(home, older_than=0.0)
    for part in home.glob("incoming/*"):
        part.unlink()


def _remove_empty(root: Path) -> None:
    """Remove folders that nothing is in: their names begin hashes."""
    for folder in root.glob("??/"):
        with suppress(OSError):
            folder.rmdir()
