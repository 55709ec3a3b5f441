"""The connection: SQLite or PostgreSQL, one transaction at a time, database errors made ours."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from types import ModuleType

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from imaging.errors import (
    ConflictError,
    SettingsError,
    StoreBusyError,
    StoreError,
    StoreReadOnlyError,
)
from imaging.host.clock import Clock
from imaging.host.temporary import FILMS, temporary_folder
from imaging.review.rights import Right
from imaging.store.access.sessions import insist_on, insist_on_sign_in
from imaging.store.encryption.sqlite_file import ERRORS, PATIENCE, connect, driver
from imaging.store.health import diagnosis
from imaging.store.seals.seal_key import HEAD, SEAL_KEY, SealKey

FOLDER_TROUBLE = (
    "The data folder cannot be opened or written. Check that the disk is connected, not full, "
    "and that LIGHTBOX_HOME names a folder you may write to."
)
_SERVER_TROUBLE = (
    "The database cannot be reached or written. Check that its server is running and that "
    "LIGHTBOX_DATABASE names a database you may write to."
)
_BAD_URL = (
    "LIGHTBOX_DATABASE must be a database address such as postgresql://user@host/lightbox; "
    "leave it empty to keep the records in the data folder."
)
_DRIVERS = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_SQLITE = make_url("sqlite://")
Connect = Callable[[], sqlite3.Connection]
_patience = ContextVar("patience", default=PATIENCE)
_LOCK = 0x4C696768  # "Ligh": names our advisory lock among those of other programs


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Wait no longer for other writers within: somebody sits before a screen.

    What cannot be written by then raises `StoreBusyError`.
    """
    token = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(token)


class WriterLock:
    """Settles who may write next, among the threads of this process.

    The database knows one writer too, but whoever waits for it looks again now and then, up to a
    tenth of a second apart, and may be late every time.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False
        self._waiting = 0  # of those in front

    @contextmanager
    def turn(self, *, background: bool = False) -> Iterator[None]:
        """Take a turn; with `background`, after everybody else.

        Raises
        ------
        StoreBusyError
            If none comes in time (`waiting_at_most`).
        """
        hurry = _patience.get()
        with self._changed:
            self._waiting += not background
            try:
                if not self._changed.wait_for(
                    lambda: not self._taken and not (background and self._waiting),
                    hurry if hurry < PATIENCE else None,
                ):
                    raise StoreBusyError(diagnosis.BUSY)
                self._taken = True
            finally:
                self._waiting -= not background
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()


class Database:
    """An engine and its two kinds of transaction.

    Writers go one at a time, between processes too: SQLite by BEGIN IMMEDIATE, PostgreSQL by an
    advisory lock that lasts as long as the transaction. So whatever a writer reads stays true
    until it commits, which versions of a review and the chain of the audit trail rely on. Who
    relies on some rows alone, and locks them, need not be among them (`writing(alone=False)`).
    """

    def __init__(
        self,
        url: URL,
        *,
        connect: Connect | None = None,
        read_only: str = "",
        module: ModuleType | None = None,
    ) -> None:
        self.trouble, self.read_only = _SERVER_TROUBLE, read_only
        self._cleanup = ExitStack()
        self.clock = Clock()
        self.seal_key: SealKey | None = None  # seals the audit trail's head in every transaction
        self._lock = WriterLock()
        if url.get_backend_name() == "sqlite":
            self.trouble = FOLDER_TROUBLE
            if connect is None:
                self.engine: Engine = create_engine(url, connect_args={"timeout": PATIENCE})
                event.listen(self.engine, "connect", _configure_sqlite)
            else:
                self.engine = create_engine(
                    "sqlite://", creator=connect, poolclass=QueuePool, module=module
                )
                configure = _configure_reader if read_only else _configure_sqlite
                event.listen(self.engine, "connect", configure)
        else:
            self.engine = create_engine(url, pool_pre_ping=True)
        event.listen(self.engine, "begin", _begin)
        self._writing_engine = self.engine.execution_options(lightbox_writes=True)
        self._readers = sessionmaker(self.engine, expire_on_commit=False)
        self._writers = sessionmaker(self._writing_engine, expire_on_commit=False)

    @property
    def shared(self) -> bool:
        """Whether other computers may write here too."""
        return self.engine.dialect.name != "sqlite"

    @contextmanager
    def reading(self, *rights: Right) -> Iterator[Session]:
        """A transaction that only reads; waits for nobody.

        Parameters
        ----------
        *rights : Right
            One of them the account must hold for which it is read; with none, anybody may.

        Raises
        ------
        RightMissingError
            If it does not hold one.
        StoreError
            If the database fails.
        """
        insist_on(*rights)
        with self._errors(), self._readers.begin() as session:
            yield session

    @contextmanager
    def reading_one_moment(self) -> Iterator[Session]:
        """As `reading`; all that is read is as it stood at one moment, however long it takes."""
        with self.reading() as session:
            if self.shared:  # SQLite's transactions are so by themselves
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def writing(
        self, *rights: Right, background: bool = False, alone: bool = True
    ) -> Iterator[Session]:
        """A transaction that writes, alone unless told otherwise.

        Parameters
        ----------
        *rights : Right
            One of them the account must hold for which it is written; with none, whoever is signed
            in may. `tests/imaging/store/access/test_rights.py` lists where none is named, and why.
        background : bool
            It waits until nobody else in this process wants to write: a batch, not a reader.
        alone : bool
            False: beside all other writers where the database can, which SQLite cannot. Whoever
            calls locks the rows that must not change meanwhile, and waits for no row while it
            holds one that a writer may wait for.

        Raises
        ------
        ConflictError
            If a key is there already.
        RightMissingError
            If the account holds none of the rights at this moment.
        SignInEndedError
            If it is for a reader (`on_behalf_of`) who is not signed in any more.
        StoreError
            If the database fails.
        """
        if self.read_only:
            raise StoreReadOnlyError(self.read_only)
        if not alone and self.engine.dialect.name != "sqlite":
            with self._errors(), self._readers.begin() as session:
                insist_on_sign_in(session, self.clock.now(), rights)
                yield session
            return
        with (
            self._lock.turn(background=background),
            self._errors(),
        ):
            with self._writers.begin() as session:
                session.info[SEAL_KEY] = self.seal_key
                insist_on_sign_in(session, self.clock.now(), rights)
                yield session
            if self.seal_key is not None and HEAD in session.info:
                self.seal_key.note(session.info[HEAD])

    @contextmanager
    def changing_tables(self) -> Iterator[Connection]:
        """A writing transaction without entities, for migrations."""
        if self.read_only:
            raise StoreReadOnlyError(self.read_only)
        with self._errors(), self._writing_engine.begin() as connection:
            yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as exc:
            raise ConflictError("Somebody else saved this first; reload and try again.") from exc
        except (SQLAlchemyError, OSError) as exc:
            raise diagnosis.diagnose(exc, otherwise=self.trouble) from exc

    def close_with(self, cleanup: ExitStack) -> None:
        """Let go of something else when this is closed, or the process ends."""
        self._cleanup.enter_context(cleanup)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()
        self._cleanup.close()


def open_database(home: Path, database: str = "", key: bytes | None = None) -> Database:
    """Connect to the database of that address, or to the SQLite file below `home`.

    Parameters
    ----------
    home : Path
    database : str
    key : bytes, optional
        32 bytes, of an encrypted SQLite file. A database elsewhere is its server's to encrypt.

    Raises
    ------
    SettingsError
        If the address is none, or of a database other than SQLite and PostgreSQL.
    """
    if key is not None and not database:
        file = home / "lightbox.db"
        return Database(_SQLITE, connect=partial(connect, file, key), module=driver(key))
    try:
        url = make_url(database or f"sqlite:///{home / 'lightbox.db'}")
        return Database(url.set(drivername=_DRIVERS[url.drivername]))
    except (ArgumentError, KeyError) as exc:
        raise SettingsError(_BAD_URL) from exc


def open_for_reading(database: Path, reason: str, key: bytes | None = None) -> Database:
    """Connect to a SQLite file that cannot be written, or must not; `reason` says why, a sentence.

    With the key (32 bytes) of an encrypted one.

    Raises
    ------
    StoreError
        With that sentence, if it cannot even be read.
    """
    log = database.with_name(f"{database.name}-wal")
    with ExitStack() as cleanup:
        fixed = not diagnosis.can_be_read(database, key)  # its folder takes no lock
        try:
            if fixed and log.exists() and log.stat().st_size:
                # what was saved last lies there, and is read only where it may be locked
                copies = cleanup.enter_context(temporary_folder(FILMS))
                for path in (database, log):
                    shutil.copyfile(path, copies / path.name)
                database, fixed = copies / database.name, False
        except OSError as exc:
            raise StoreError(reason) from exc
        if not diagnosis.can_be_read(database, key, immutable=fixed):
            raise StoreError(reason)
        reader = partial(diagnosis.connect_for_reading, database, key, immutable=fixed)
        opened = Database(_SQLITE, connect=reader, read_only=reason, module=driver(key))
        opened.close_with(cleanup.pop_all())
    return opened


def _configure_reader(connection: object, _record: object) -> None:
    """As `_configure_sqlite`, of a connection that cannot write."""
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor: sqlite3.Cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA case_sensitive_like=ON")
    cursor.close()


def _configure_sqlite(connection: object, _record: object) -> None:
    """Write-ahead log: readers do not wait for the worker. Foreign keys are enforced."""
    connection.isolation_level = None  # type: ignore[attr-defined] # `_begin` begins, not the driver
    cursor: sqlite3.Cursor = connection.cursor()  # type: ignore[attr-defined]
    _write_ahead(cursor)
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA case_sensitive_like=ON")  # as PostgreSQL has it; searched text is folded
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn the write-ahead log on: the change of a new database's first use.

    SQLite does not wait for a lock here, whatever the busy timeout: two that open a new store at
    once would else see one of them fail.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except ERRORS as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin(connection: Connection) -> None:
    """Begin a transaction; a writing one takes the lock before it reads anything."""
    writes = connection.get_execution_options().get("lightbox_writes", False)
    if connection.dialect.name == "sqlite":
        if writes:
            driver = connection.connection.cursor()  # no statement of ours: it asks for nothing
            driver.execute(f"PRAGMA busy_timeout={_patience.get() * 1000:.0f}")
            driver.close()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    elif writes:
        if _patience.get() < PATIENCE:
            limit = f"{_patience.get() * 1000:.0f}ms"
            connection.exec_driver_sql(f"SELECT set_config('lock_timeout', '{limit}', true)")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
