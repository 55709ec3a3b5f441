"""Encrypt a data folder that is there, or decrypt it: nothing is lost, whoever is killed when.

`encryption.json` says first what is going on, and until it says that it is done nobody but a
conversion opens the folder. Originals go one by one, the database last, by one renaming. What was
done is known by its form, so a conversion that was killed is taken up again, or turned round.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from imaging.errors import NotFoundError, StoreError
from imaging.store.encryption.convert_objects import Converted, Progress, convert_objects
from imaging.store.encryption.keys import Keys
from imaging.store.encryption.protection import (
    Protection,
    State,
    forget_protection,
    save_protection,
)
from imaging.store.encryption.sqlite_file import is_plain
from imaging.store.encryption.use import FolderUse
from imaging.store.opening.convert_database import convert_database, settle_database

_DATABASE, _OBJECTS = "lightbox.db", "objects"
_SPARE = 2**26  # bytes that stay free
_FULL = (
    "The disk of the data folder has too little room: the conversion needs as much as the "
    "database and the largest image once more. Make room, then try again."
)
_NOTHING = "There is no data folder yet. Start Lightbox: a new one is encrypted from the first."


def encrypt_folder(
    home: Path, protection: Protection, data_key: bytes, progress: Progress
) -> Converted:
    """Encrypt what is plain of a data folder: records and originals.

    Parameters
    ----------
    home : Path
        Nobody else may use it meanwhile.
    protection : Protection
        By what it shall be opened; that which is there where it is encrypted in part.
    data_key : bytes
        32 bytes, which `protection` wraps.
    progress : callable
        Gets how many originals were converted so far.

    Returns
    -------
    Converted
        What became of the originals.

    Raises
    ------
    StoreBusyError
        If somebody uses it.
    StoreError
        If it is damaged, cannot be written, or there is no room; the same call goes on with it.
    """
    keys = Keys.of(data_key)
    with closing(_take(home, keys)):
        save_protection(home, replace(protection, state=State.ENCRYPTING))
        converted = convert_objects(home / _OBJECTS, keys, encrypt=True, progress=progress)
        if is_plain(home / _DATABASE):
            convert_database(home / _DATABASE, None, keys.database)
        save_protection(home, replace(protection, state=State.ENCRYPTED))
    return converted


def decrypt_folder(
    home: Path, protection: Protection, data_key: bytes, progress: Progress
) -> Converted:
    """Decrypt a data folder, as `encrypt_folder` the other way; its protectors open nothing then.

    Originals that were altered on the disk cannot be decrypted and stay as they are.

    Raises
    ------
    StoreError
        As `encrypt_folder`.
    """
    keys = Keys.of(data_key)
    with closing(_take(home, keys)):
        save_protection(home, replace(protection, state=State.DECRYPTING))
        converted = convert_objects(home / _OBJECTS, keys, encrypt=False, progress=progress)
        if (home / _DATABASE).is_file() and not is_plain(home / _DATABASE):
            convert_database(home / _DATABASE, keys.database, None)
        forget_protection(home)
    return converted


def _take(home: Path, keys: Keys) -> FolderUse:
    """Have a data folder alone, its database whole and room to convert it."""
    if not home.is_dir():
        raise NotFoundError(_NOTHING)
    use, file = FolderUse(home, alone=True), home / _DATABASE
    try:
        if file.is_file():
            settle_database(file, None if is_plain(file) else keys.database)
        biggest = max((p.stat().st_size for p in home.glob("objects/??/*")), default=0)
        needed = biggest + (file.stat().st_size if file.is_file() else 0) + _SPARE
        if shutil.disk_usage(home).free < needed:
            raise StoreError(_FULL)
    except BaseException:
        use.close()
        raise
    return use
