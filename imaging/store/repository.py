"""The repository: the only way to records and originals, spoken in entities."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from imaging.errors import StoreBusyError, StoreError
from imaging.host.rights import restrict_folder
from imaging.host.writing import make_folder
from imaging.store.access.accounts import Accounts
from imaging.store.access.sign_ins import IDLE
from imaging.store.audit import AuditTrail, begin_sealing
from imaging.store.claims import Claims
from imaging.store.clock_marks import ClockMarks, latest_moment
from imaging.store.database import Database, open_database, open_for_reading
from imaging.store.drops import Drops
from imaging.store.encryption.finding import find_keys
from imaging.store.encryption.keys import Keys
from imaging.store.encryption.use import FolderUse
from imaging.store.health.diagnosis import diagnose, find_damage, find_obstacle
from imaging.store.jobs import Jobs
from imaging.store.migrations.migrate import migrate
from imaging.store.object_store import ObjectFolder
from imaging.store.originals import Originals
from imaging.store.pending_files import PendingFiles
from imaging.store.reading.events import ReadingEvents
from imaging.store.reading.outcomes import Outcomes
from imaging.store.reference_cases import ReferenceCases
from imaging.store.reviews import Reviews
from imaging.store.seals.seal_key import default_key, load_key
from imaging.store.site_settings import SiteSettings
from imaging.store.studies import Studies
from imaging.store.typed_facts import TypedFactsRecords
from imaging.store.worklist_pages import WorklistPages
from imaging.store.worklist_rows import fill_worklist

log = logging.getLogger(__name__)
_SET_BACK = timedelta(minutes=1)  # less is what computers' clocks differ by


class Repository:
    """Records in SQLite or PostgreSQL, and originals in a folder: the parts of one store.

    Attributes
    ----------
    accounts : Accounts
        The readers, and who is signed in.
    audit : AuditTrail
        Who did what, line by line.
    cases : ReferenceCases
        The site's own reference cases.
    claims : Claims
        Files that workers took, and what became of them.
    clock_marks : ClockMarks
        The latest moment, kept for the next start.
    drops : Drops
        What browsers said they would send, and what of that arrived.
    jobs : Jobs
        Batches of files, how far they have come, and what a reader may do with them.
    originals : Originals
        The files as they came, byte by byte.
    outcomes : Outcomes
        Signed studies beside the answers about them, for counting.
    pending : PendingFiles
        Files whose headers are known before their turn.
    reading : ReadingEvents
        What happened while studies were read, and whether AI may be heard.
    reviews : Reviews
        The readers' decisions: reviews, blind first reads, and what turned out to be true.
    site : SiteSettings
        The site's order of reading, and the lists its readers keep.
    studies : Studies
        What a study holds, its priors, and how it is deleted.
    typed_facts : TypedFactsRecords
        What readers typed of films without a header.
    worklist : WorklistPages
        What is to be read, and in which order.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectFolder,
        idle: timedelta = IDLE,
        factor_demanded: bool = False,
    ) -> None:
        self._database, self._objects = database, objects
        self._use: FolderUse | None = None
        self.accounts = Accounts(database, idle, factor_demanded=factor_demanded)
        self.audit = AuditTrail(database)
        self.cases = ReferenceCases(database, objects)
        self.claims = Claims(database, objects)
        self.clock_marks = ClockMarks(database)
        self.drops = Drops(database, objects)
        self.jobs = Jobs(database, objects)
        self.originals = Originals(database, objects)
        self.outcomes = Outcomes(database, objects)
        self.pending = PendingFiles(database, objects)
        self.reading = ReadingEvents(database, objects)
        self.reviews = Reviews(database, objects)
        self.site = SiteSettings(database, objects)
        self.studies = Studies(database, objects)
        self.typed_facts = TypedFactsRecords(database, objects)
        self.worklist = WorklistPages(database, objects)

    @classmethod
    def open(
        cls,
        home: Path,
        database: str = "",
        *,
        seal_key: Path | None = None,
        idle: timedelta = IDLE,
        factor_demanded: bool = False,
        keys: Keys | None = None,
    ) -> Repository:
        """Open the store, creating or upgrading folder and tables as needed.

        Parameters
        ----------
        home : Path
            Folder of the originals, and of the SQLite file when `database` is empty.
        database : str
            Address of another database, ``postgresql://user:password@host/name``.
        seal_key : Path, optional
            File of the key that seals the audit trail, made when missing; by default in a folder
            of its own beside `home`. Where it cannot be made, nothing is sealed and `verify` says
            so.
        idle : timedelta
            How long a sign-in stays open while its reader does nothing.
        factor_demanded : bool
            Whether who signs in with a password needs a second factor.
        keys : Keys, optional
            Those of an encrypted data folder, from whoever asks for them (`imaging.store.opening`);
            else they are found by the key file in its own place, or the key ring.

        Raises
        ------
        SettingsError
            If `database` is no address of a database we know.
        StoreError
            If the folder is encrypted and its key is not found, or folder or database cannot be
            created or read, or hold records of a version of Lightbox that this one does not know.
            What can be read and not written, or is damaged, opens for reading: `read_only` says
            why.
        """
        use = FolderUse(home)
        keys = keys or find_keys(home)
        file, key = home / "lightbox.db", keys.database if keys else None
        damage = "" if database else find_damage(file, key)
        if damage:
            return cls._open_for_reading(home, damage, seal_key, idle, factor_demanded, keys, use)
        records = open_database(home, database, key)
        try:
            make_folder(home)
            use = use if use.held else FolderUse(home)
            restrict_folder(home)
            migrate(records)
            fill_worklist(records)
            _look_at_clock(records)
            restrict_folder(home)  # the database is new, and made by whatever umask there is
            begin_sealing(records, seal_key or default_key(home))
        except OSError as exc:
            records.close()
            raise diagnose(exc, otherwise=records.trouble) from exc
        except StoreError as exc:
            records.close()
            if database or isinstance(exc, StoreBusyError) or not file.is_file():
                raise
            reason = find_obstacle(home) or str(exc)
            return cls._open_for_reading(home, reason, seal_key, idle, factor_demanded, keys, use)
        store = cls(records, ObjectFolder(home / "objects", keys), idle, factor_demanded)
        store._use = use
        return store

    @classmethod
    def _open_for_reading(
        cls,
        home: Path,
        reason: str,
        seal_key: Path | None,
        idle: timedelta,
        factor_demanded: bool,
        keys: Keys | None,
        use: FolderUse,
    ) -> Repository:
        """Open what can be read though it cannot, or must not, be written.

        The trail is checked with the key that there is; none is made.

        Raises
        ------
        StoreError
            With the reason, if nothing can be read, or the tables are of another version.
        """
        records = open_for_reading(home / "lightbox.db", reason, keys.database if keys else None)
        try:
            migrate(records)  # refuses tables that it would have to change
            log.error("the records are open for reading only: %s", reason)
            with suppress(StoreError):  # `verify` says that there is none
                records.seal_key = load_key(seal_key or default_key(home))
        except StoreError:
            records.close()
            raise
        store = cls(records, ObjectFolder(home / "objects", keys), idle, factor_demanded)
        store._use = use
        return store

    @property
    def read_only(self) -> str:
        """Why nothing can be written, a sentence; empty where everything can."""
        return self._database.read_only

    @property
    def shared(self) -> bool:
        """Whether other computers, with folders of originals of their own, may use its records."""
        return self._database.shared

    @property
    def keys(self) -> Keys | None:
        """Those of an encrypted data folder; None of a plain one."""
        return self._objects.keys

    def close(self) -> None:
        """Give the database back."""
        self._database.close()
        if self._use is not None:
            self._use.close()


def _look_at_clock(database: Database) -> None:
    """Let time go on from where the records are, and tell the log of a clock that is behind."""
    with database.reading() as session:
        latest = latest_moment(session)
    behind = database.clock.reach(latest) if latest else timedelta()
    if behind > _SET_BACK:
        log.warning(
            "this computer's clock is %d s behind the records; set it", behind.total_seconds()
        )
