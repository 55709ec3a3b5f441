"""A SQLite file encrypted or decrypted: a copy is made, compared, and put in its place."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlcipher3.dbapi2 as sqlcipher

from imaging.errors import StoreBusyError, StoreError
from imaging.host.writing import sync_folder
from imaging.store.encryption.sqlite_file import ERRORS, key_literal, unlock
from imaging.store.health.diagnosis import BUSY, DAMAGED, diagnose

HALF = ".converting"  # how the name of a copy ends that is not whole
_DIFFERS = "The copy of the database is not what the database is. Nothing was changed; try again."
_UNREADABLE = "The database cannot be read or copied; check its disk. Nothing was changed."


def settle_database(file: Path, key: bytes | None) -> None:
    """Bring a database's log into its file, which only who has it alone can.

    Parameters
    ----------
    file : Path
    key : bytes, optional
        32 bytes; None for a plain file.

    Raises
    ------
    StoreBusyError
        If somebody has it open.
    StoreError
        If it is damaged or cannot be read.
    """
    try:
        with closing(_open(file, key)) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise StoreError(DAMAGED)
            if connection.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",):
                raise StoreBusyError(BUSY)
    except ERRORS as exc:
        raise diagnose(exc, otherwise=_UNREADABLE) from exc


def convert_database(file: Path, key: bytes | None, new_key: bytes | None) -> None:
    """Put a file with another key in the place of one, by a single renaming.

    Parameters
    ----------
    file : Path
        The database; nobody else may have it open.
    key, new_key : bytes, optional
        32 bytes, of what is there and of what shall be; None for a plain file.

    Raises
    ------
    StoreBusyError
        If somebody has it open.
    StoreError
        If it is damaged, cannot be read or copied, or the copy differs; then nothing is changed.
    """
    half = file.with_name(f"{file.name}{HALF}")
    try:
        half.unlink(missing_ok=True)
        settle_database(file, key)
        _copy(file, key, half, new_key)
        if _digest(half, new_key) != _digest(file, key):
            raise StoreError(_DIFFERS)
        half.chmod(0o600)
        with half.open("rb+") as stream:
            os.fsync(stream.fileno())
        half.replace(file)
        sync_folder(file.parent)
    except (*ERRORS, OSError) as exc:
        raise diagnose(exc, otherwise=_UNREADABLE) from exc
    finally:
        half.unlink(missing_ok=True)


def _copy(file: Path, key: bytes | None, half: Path, new_key: bytes | None) -> None:
    with closing(_open(file, key)) as connection:
        connection.execute("ATTACH DATABASE ? AS copy KEY ?", (str(half), key_literal(new_key)))
        connection.execute("PRAGMA copy.journal_mode = DELETE")
        connection.execute("SELECT sqlcipher_export('copy')").fetchall()
        for pragma in ("user_version", "application_id"):
            (value,) = connection.execute(f"PRAGMA {pragma}").fetchone()
            connection.execute(f"PRAGMA copy.{pragma} = {int(value)}")
        connection.execute("DETACH DATABASE copy")


def _digest(file: Path, key: bytes | None) -> str:
    """SHA-256 of everything in a database: its tables, indices and triggers, and every row."""
    whole = hashlib.sha256()
    with closing(_open(file, key)) as connection:
        if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise StoreError(DAMAGED)
        query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
        things = connection.execute(query).fetchall()
        whole.update(repr(things).encode())
        for name in (name for kind, name, *_ in things if kind == "table"):
            quoted = name.replace('"', '""')
            for row in connection.execute(f'SELECT rowid, * FROM "{quoted}" ORDER BY rowid'):
                whole.update(repr(row).encode())
    return whole.hexdigest()


def _open(file: Path, key: bytes | None) -> sqlite3.Connection:
    """By SQLCipher, which alone reads both kinds and copies one into the other."""
    connection: sqlite3.Connection = sqlcipher.connect(
        f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None
    )
    unlock(connection, key)
    return connection
