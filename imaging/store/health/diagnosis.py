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

DAMAGED = (
    "The database is damaged. What of it is whole can be read, nothing is written: restore the "
    "newest backup (`python cli.py restore`), or ask whoever runs Lightbox to."
)
READ_ONLY = (
    "The data folder can be read, but not written: its disk, or the rights to it, forbid that. "
    "Nothing can be saved until it can be written and Lightbox is started again."
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


def find_damage(database: Path) -> str:
    """What is wrong with a SQLite file, a sentence; empty where nothing is, or it is not there.

    SQLite's ``quick_check``: every page and row is looked at, indices are not compared. One that
    cannot be opened is left to who opens it.
    """
    if not database.is_file():
        return ""
    try:
        with closing(connect_for_reading(database)) as records:
            whole = records.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error as exc:
        return DAMAGED if str(diagnose(exc, otherwise="")) == DAMAGED else ""
    return "" if whole else DAMAGED


def connect_for_reading(database: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that cannot write; to a file that nobody changes where told so."""
    options = "mode=ro&immutable=1" if immutable else "mode=ro"
    address = f"{database.resolve().as_uri()}?{options}"
    return sqlite3.connect(address, uri=True, timeout=5, check_same_thread=False)


def can_be_read(database: Path, *, immutable: bool = False) -> bool:
    """Whether a SQLite file opens, and shows its tables, without being written to."""
    try:
        with closing(connect_for_reading(database, immutable=immutable)) as records:
            records.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        return False
    return True
