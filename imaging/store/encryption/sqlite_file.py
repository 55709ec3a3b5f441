"""A SQLite file, plain or encrypted page by page (SQLCipher 4: AES-256-CBC and HMAC-SHA512).

The key is given raw, so nothing is derived from a passphrase at every connection, and with its
salt: two connections that make a file at once would else each choose a salt of their own. Both
kinds are driven alike; their errors are classes of two modules (`ERRORS`) with the same codes.
"""

from __future__ import annotations

import hmac
import sqlite3
from pathlib import Path
from types import ModuleType

import sqlcipher3.dbapi2 as sqlcipher

ERRORS = (sqlite3.Error, sqlcipher.Error)  # their `sqlite_errorcode` tells which
PATIENCE = 30.0  # seconds to wait for another writer
_MAGIC = b"SQLite format 3\x00"  # sqlite.org/fileformat.html, 1.2


def driver(key: bytes | None) -> ModuleType:
    """The DB-API module that reads it."""
    return sqlite3 if key is None else sqlcipher


def connect(
    path: Path,
    key: bytes | None = None,
    *,
    mode: str = "rwc",
    immutable: bool = False,
    patience: float = PATIENCE,
) -> sqlite3.Connection:
    """Connect to a SQLite file; transactions begin and end only where they are told to.

    Parameters
    ----------
    path : Path
    key : bytes, optional
        32 bytes; None for a plain file. A wrong key is an error of the first statement that reads.
    mode : str
        "ro", "rw" or "rwc", as in SQLite's addresses.
    immutable : bool
        Nobody changes it: take no locks.
    patience : float
        Seconds to wait for who holds it.

    Returns
    -------
    sqlite3.Connection
        With a key one of `sqlcipher3.dbapi2`, which is used the same way.
    """
    address = f"{path.absolute().as_uri()}?mode={mode}" + ("&immutable=1" if immutable else "")
    connection: sqlite3.Connection = driver(key).connect(
        address, uri=True, timeout=patience, isolation_level=None, check_same_thread=False
    )
    if key is not None:
        unlock(connection, key)
    return connection


def unlock(connection: sqlite3.Connection, key: bytes | None) -> None:
    """Give a new connection of SQLCipher the key (32 bytes) of its file; None for a plain file."""
    connection.execute("PRAGMA cipher_log_level = NONE")  # a damaged file is told by its error
    if key is not None:
        connection.execute(f'PRAGMA key = "{key_literal(key)}"')
    connection.execute("PRAGMA temp_store = MEMORY")  # what is sorted touches no disk in clear


def key_literal(key: bytes | None) -> str:
    """A raw key (32 bytes) and its salt, as SQLCipher takes them; empty for a plain file."""
    return "" if key is None else f"x'{key.hex()}{_salt(key).hex()}'"


def _salt(key: bytes) -> bytes:
    """The 16 bytes at the beginning of a file, of which the key of its checksums is derived."""
    return hmac.digest(key, b"lightbox database salt", "sha256")[:16]


def is_plain(path: Path) -> bool:
    """Whether a file is a SQLite file that anybody can read; False for one that is not there."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False
