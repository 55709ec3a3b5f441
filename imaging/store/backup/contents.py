"""What goes into a backup: one moment of the records, and every file of the data folder.

The database is copied by SQLite's own online backup: one moment, whatever is written meanwhile.
Originals are in the folder before a record names them, so those that were there after that moment
are all it names; a hard link holds each until it is copied, though its study be deleted meanwhile.
Everything else in the folder goes along (keys above all), but for what is half-done: uploads that
have not arrived whole, and files for a while.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from imaging.errors import StoreError
from imaging.host.temporary import BACKUP, RESULTS
from imaging.host.writing import PARTIAL
from imaging.store.access.secret_box import NAME
from imaging.store.encryption.finding import default_key_file
from imaging.store.encryption.keys import Keys
from imaging.store.encryption.sqlite_file import ERRORS, connect
from imaging.store.object_store import encrypted_path, plain_path
from imaging.store.schema.tables import DocumentTable, InstanceTable, JobFileTable

DATABASE, OBJECTS = "lightbox.db", "objects"
BESIDE = "beside/seal/"  # before the names of the keys in a backup
KEY_FILE = BESIDE + "encryption.key"
_HALF_DONE = (PARTIAL, RESULTS, BACKUP)
_TRIES = 3  # of a moment at which nothing was being deleted
_DAMAGED = (
    "The database is damaged, so it is not backed up: keep the backups there are, and restore the "
    "newest one that is whole."
)
_UNREADABLE = (
    "The database cannot be read, so nothing was backed up. Keep the backups there "
    "are, and check the disk."
)
_NAMED = (
    f"SELECT sha256 FROM {InstanceTable.__tablename__} WHERE location = ''"
    f" UNION SELECT sha256 FROM {DocumentTable.__tablename__}"
    f" UNION SELECT sha256 FROM {JobFileTable.__tablename__}"
    " WHERE status IS NULL AND location = '' AND sha256 != ''"
)
_ELSEWHERE = (
    f"SELECT DISTINCT sha256, location FROM {InstanceTable.__tablename__} WHERE location != ''"
)


@dataclass(frozen=True, slots=True)
class Contents:
    """Files to back up, by their names in the data folder.

    Attributes
    ----------
    files : dict
        Name in the data folder -> where its bytes are to be read.
    elsewhere : dict
        SHA-256 -> place of a film that was left where it lies, and is not in `files`.
    missing : tuple of str
        SHA-256 of originals that the records name and nobody has any more.
    named : dict
        Name in `files` of every original that the records name -> its SHA-256.
    """

    files: dict[str, Path]
    elsewhere: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    named: dict[str, str] = field(default_factory=dict)


def gather(
    home: Path,
    staging: Path,
    keys: Keys | None = None,
    *,
    leave_out: Path | None = None,
    key_file: Path | None = None,
) -> Contents:
    """Fix one moment of a data folder.

    An encrypted one goes into the backup as it is, with its key file, where one opens it: who
    opens the backup opens what it holds. A passphrase, and a system's key ring, stay where they
    are.

    Parameters
    ----------
    home : Path
    staging : Path
        An empty folder of the same disk, which must last as long as the files are read.
    keys : Keys, optional
        Of an encrypted data folder.
    leave_out : Path, optional
        A folder that may lie below `home` and is no part of it: that of the backups.
    key_file : Path, optional
        That of the data folder where it does not lie beside it.

    Raises
    ------
    StoreError
        If the database cannot be read or is damaged.
    """
    key = keys.database if keys else None
    for attempt in range(_TRIES):
        database = staging / f"{attempt}.db"
        _copy_database(home / DATABASE, database, key)
        sha256s, elsewhere = _read_names(database, key)
        named = {object_name(sha256, keys): sha256 for sha256 in sha256s}
        objects = _hold(home / OBJECTS, staging / str(attempt))
        missing = {named[name] for name in named.keys() - objects.keys()}
        if not missing & (sha256s - _read_names(home / DATABASE, key)[0]):
            break  # else a study was deleted between the two: another moment
    files = {DATABASE: database, **dict(sorted(objects.items()))}
    files |= {path.relative_to(home).as_posix(): path for path in _others(home, leave_out)}
    beside = seal_folder(home)
    for name, path in (
        *((BESIDE + name, beside / name) for name in ("key.json", NAME)),
        (KEY_FILE, key_file or default_key_file(home)),
    ):
        if path.is_file() and (keys is not None or name != KEY_FILE):
            files[name] = path
    rest = {s: place for s, place in elsewhere.items() if object_name(s, keys) not in objects}
    return Contents(files, rest, tuple(sorted(missing)), named)


def object_name(sha256: str, keys: Keys | None) -> str:
    """The name of an original in the data folder, and in a backup of it."""
    root = Path(OBJECTS)
    path = plain_path(root, sha256) if keys is None else encrypted_path(root, sha256, keys)
    return path.as_posix()


def seal_folder(home: Path) -> Path:
    """Folder beside a data folder, of the key that seals its audit trail and the head seen last.

    The key goes along, since nothing it sealed can be checked without, and so does that of the
    second factors. The head does not: it may be of a later moment than the backup's.
    """
    home = home.absolute()
    return home.with_name(f"{home.name}-seal")


def _copy_database(source: Path, target: Path, key: bytes | None) -> None:
    try:
        with (
            closing(connect(source, key, mode="ro")) as live,
            closing(connect(target, key)) as copy,
        ):
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself
            if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise StoreError(_DAMAGED)
        target.chmod(0o600)
    except ERRORS as exc:
        damaged = exc.sqlite_errorcode in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        raise StoreError(_DAMAGED if damaged else _UNREADABLE) from exc
    except OSError as exc:
        raise StoreError(_UNREADABLE) from exc


def _read_names(database: Path, key: bytes | None) -> tuple[set[str], dict[str, str]]:
    """SHA-256 of the originals that lie in the folder, and places of those left elsewhere."""
    try:
        with closing(connect(database, key, mode="ro")) as records:
            named = {row[0] for row in records.execute(_NAMED)}
            return named, dict(records.execute(_ELSEWHERE).fetchall())
    except ERRORS as exc:
        raise StoreError(_UNREADABLE) from exc


def _hold(objects: Path, links: Path) -> dict[str, Path]:
    """Originals by their names in a backup, each held by a hard link where the disk knows such."""
    links.mkdir(mode=0o700)
    held = {}
    for path in objects.glob("??/*"):
        if path.name.startswith(PARTIAL) or path.is_symlink() or not path.is_file():
            continue
        link = links / path.name
        try:
            os.link(path, link)
        except FileNotFoundError:
            continue  # deleted this moment
        except OSError:
            link = path
        held[f"{OBJECTS}/{path.parent.name}/{path.name}"] = link
    return held


def _others(home: Path, leave_out: Path | None) -> Iterator[Path]:
    """Files of the data folder that are neither database nor originals."""
    for top in sorted(home.iterdir()):
        half_done = top.name.startswith((DATABASE, *_HALF_DONE)) or top.name == "incoming"
        if half_done or top.name == OBJECTS or top.is_symlink():
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            own = leave_out is not None and path.resolve().is_relative_to(leave_out.resolve())
            if path.is_file() and not path.is_symlink() and not own:
                yield path
