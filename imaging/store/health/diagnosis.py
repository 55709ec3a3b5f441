"""A database's failure as one of our errors: damaged, only readable, full, held, or out of reach.

By SQLite's result codes (sqlite.org/rescode.html) and PostgreSQL's SQLSTATE (its manual, appendix
A), never by the words of a message.
"""

from __future__ import annotations

import errno
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from imaging.errors import StoreBusyError, StoreError, StoreReadOnlyError
from imaging.store.encryption.sqlite_file import ERRORS, connect, is_plain

DAMAGED = (
    "The database is damaged. What of it is whole can be read, nothing is written: restore the "
    "newest backup (`python cli.py restore`), or ask whoever runs Lightbox to."
)
DAMAGED_OR_ENCRYPTED = (
    "The database cannot be read: it is damaged, or encrypted while encryption.json is missing "
    "from the data folder. Put that file back, or restore the newest backup (`python cli.py "
    "restore`), or ask whoever runs Lightbox to."
)
NOT_ENCRYPTED = (
    "The database is not encrypted though the data folder is: somebody put another one there. Run "
    "`python cli.py encrypt` to encrypt it too, or restore the newest backup."
)
READ_ONLY = (
    "The data folder can be read, but not written, so nothing can be saved. Check its disk "
    "and the rights to it, then start Lightbox again."
)
FULL = "The disk of the data folder is full, so nothing can be saved. Make room, then try again."
UNREACHABLE = (
    "The disk of the data folder does not answer as it should. Check that it is connected, and "
    "whole."
)
BUSY = (
    "Another program is using the records at this moment, so they could not be written. Try again "
    "in a while."
)
_PATIENCE = 5.0  # seconds to wait for who holds it
_BY_CODE: dict[int, StoreError] = {
    sqlite3.SQLITE_CORRUPT: StoreReadOnlyError(DAMAGED),
    sqlite3.SQLITE_NOTADB: StoreReadOnlyError(DAMAGED),
    sqlite3.SQLITE_READONLY: StoreReadOnlyError(READ_ONLY),
    sqlite3.SQLITE_PERM: StoreReadOnlyError(READ_ONLY),
    sqlite3.SQLITE_FULL: StoreError(FULL),
    sqlite3.SQLITE_IOERR: StoreError(UNREACHABLE),
    sqlite3.SQLITE_BUSY: StoreBusyError(BUSY),
    sqlite3.SQLITE_LOCKED: StoreBusyError(BUSY),
}
_BY_STATE: dict[str, StoreError] = {
    "55P03": StoreBusyError(BUSY),  # lock_not_available
    "25006": StoreReadOnlyError(READ_ONLY),  # read_only_sql_transaction
    "53100": StoreError(FULL),  # disk_full
}
_BY_ERRNO: dict[int, StoreError] = {
    errno.EROFS: StoreReadOnlyError(READ_ONLY),
    errno.EACCES: StoreReadOnlyError(READ_ONLY),
    errno.EPERM: StoreReadOnlyError(READ_ONLY),
    errno.ENOSPC: StoreError(FULL),
    errno.EIO: StoreError(UNREACHABLE),
}


def diagnose(error: BaseException, *, otherwise: str) -> StoreError:
    """What a failure of database or disk means.

    Parameters
    ----------
    error : BaseException
        An `OSError`, or what a driver raised, perhaps wrapped (``orig``).
    otherwise : str
        The sentence where it is nothing of what is known here.
    """
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    known = (
        _BY_CODE.get(code & 0xFF) if isinstance(code, int) else None  # the rest says which kind
    )
    known = known or _BY_STATE.get(str(getattr(cause, "sqlstate", "")))
    if known is None and isinstance(cause, OSError):
        known = _BY_ERRNO.get(cause.errno or 0)
    return type(known)(str(known)) if known else StoreError(otherwise)


def find_obstacle(folder: Path) -> str:
    """Why no file can be written in a folder, a sentence; empty where one can.

    SQLite only says that it cannot open its file where it may not write beside it.
    """
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as stream:
            stream.write(bytes(2**16))
    except OSError as exc:
        return str(diagnose(exc, otherwise=""))
    return ""


def find_damage(database: Path, key: bytes | None = None) -> str:
    """What is wrong with a SQLite file, a sentence; empty where nothing is, or it is not there.

    SQLite's ``quick_check``: every page and row is looked at, indices are not compared. One that
    cannot be opened is left to who opens it. Of an encrypted one (its key is 32 bytes) every page
    that it reads is authenticated, too.
    """
    if not database.is_file():
        return ""
    try:
        with closing(connect_for_reading(database, key)) as records:
            whole = records.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except ERRORS as exc:
        if str(diagnose(exc, otherwise="")) != DAMAGED:
            return ""
        return _name_damage(database, key)
    return "" if whole else DAMAGED


def _name_damage(database: Path, key: bytes | None) -> str:
    """What a file is that SQLite cannot read with the key it was given, or without one."""
    if key is not None and is_plain(database):
        return NOT_ENCRYPTED
    if key is None and not is_plain(database):
        return DAMAGED_OR_ENCRYPTED
    return DAMAGED


def connect_for_reading(
    database: Path, key: bytes | None = None, *, immutable: bool = False
) -> sqlite3.Connection:
    """A connection that cannot write; to a file that nobody changes where told so."""
    return connect(database.resolve(), key, mode="ro", immutable=immutable, patience=_PATIENCE)


def can_be_read(database: Path, key: bytes | None = None, *, immutable: bool = False) -> bool:
    """Whether a SQLite file opens, and shows its tables, without being written to."""
    try:
        with closing(connect_for_reading(database, key, immutable=immutable)) as records:
            records.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except ERRORS:
        return False
    return True
