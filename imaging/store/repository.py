"""The repository: the one door to records and originals, spoken in entities."""

from __future__ import annotations

from pathlib import Path

from imaging.errors import StoreError
from imaging.review import AuditEntry, Deed
from imaging.store import audit
from imaging.store.accounts import Accounts
from imaging.store.audit import AuditVerdict
from imaging.store.cases import Cases
from imaging.store.database import Database, open_database
from imaging.store.jobs import Jobs
from imaging.store.migrate import migrate
from imaging.store.objects import ObjectFolder
from imaging.store.outcomes import Outcomes
from imaging.store.readings import Readings
from imaging.store.rows import fill_worklist
from imaging.store.site import Site
from imaging.store.studies import Studies
from imaging.store.waiting import Waiting
from imaging.store.worklist import Worklists


class Repository(Studies, Worklists, Readings, Cases, Site, Jobs, Outcomes, Waiting):
    """Records in SQLite or PostgreSQL, and originals in a folder.

    Attributes
    ----------
    accounts : Accounts
        The readers, and who is signed in.
    """

    def __init__(self, database: Database, objects: ObjectFolder) -> None:
        super().__init__(database, objects)
        self.accounts = Accounts(database)

    @classmethod
    def open(cls, home: Path, database: str = "") -> Repository:
        """Open the store, creating or upgrading folder and tables as needed.

        Parameters
        ----------
        home : Path
            Folder of the originals, and of the SQLite file when `database` is empty.
        database : str
            Address of another database, ``postgresql://user:password@host/name``.

        Raises
        ------
        SettingsError
            If `database` is no address of a database we know.
        StoreError
            If folder or database cannot be created or written, or hold records of a version
            of Lightbox that this one does not know.
        """
        found = open_database(home, database)
        try:
            home.mkdir(parents=True, exist_ok=True)
            migrate(found)
            fill_worklist(found)
        except OSError as exc:
            raise StoreError(found.trouble) from exc
        except StoreError:
            found.close()
            raise
        return cls(found, ObjectFolder(home / "objects"))

    @property
    def shared(self) -> bool:
        """Whether other computers, with folders of originals of their own, may use its records."""
        return self._database.engine.dialect.name != "sqlite"

    def close(self) -> None:
        """Give the database back."""
        self._database.close()

    def record(
        self, deed: Deed, *, account: str, study_instance_uid: str = "", detail: str = ""
    ) -> None:
        """Add a line to the audit trail for what changes no record: a view, an export.

        Parameters
        ----------
        deed : Deed
            What was done.
        account : str
            Who did it.
        study_instance_uid : str
            To which study.
        detail : str
            Formats, versions; never patient data, nor anything a reader typed.
        """
        with self._database.writing() as session:
            audit.append(
                session,
                deed,
                account=account,
                study_instance_uid=study_instance_uid,
                detail=detail,
            )

    def audit(self, study_instance_uid: str = "") -> tuple[AuditEntry, ...]:
        """The audit trail in order, or the lines of one study."""
        with self._database.reading() as session:
            return audit.entries(session, study_instance_uid)

    def verify_audit(self, expected_head: str = "") -> AuditVerdict:
        """Check the audit trail.

        Parameters
        ----------
        expected_head : str
            The head of an earlier check, kept elsewhere; without it a trail whose end was cut
            off passes.
        """
        with self._database.reading() as session:
            return audit.verify(session, expected_head)
