"""Bring a database to the tables this version knows (Alembic)."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from imaging.errors import StoreError
from imaging.store.audit import record_found
from imaging.store.database import Database

FIRST = "0001"  # the tables of Lightbox 0.3, which had no Alembic
SCRIPTS = Path(__file__).parent
_OTHER_VERSION = (
    "The records were written by another version of Lightbox. Start that version, or a newer one."
)

logging.getLogger("alembic").setLevel(logging.WARNING)


def migrate(database: Database, to: str = "head") -> None:
    """Create or upgrade the tables; all of it happens or nothing, one process at a time.

    Raises
    ------
    StoreError
        If the records belong to a version this one does not know.
    """
    scripts = ScriptDirectory(str(SCRIPTS))
    with database.reading() as session:
        if _read_revision(session.connection()) == scripts.get_current_head():
            return
    with database.changing_tables() as connection:
        revisions = {script.revision for script in scripts.walk_revisions()}
        revision = _read_revision(connection)
        if revision is not None and revision not in revisions:
            raise StoreError(_OTHER_VERSION)
        if revision is None and inspect(connection).has_table("schema"):
            if connection.scalar(text("SELECT version FROM schema")) not in (1, None):
                raise StoreError(_OTHER_VERSION)
            command.stamp(alembic_config(connection), FIRST)
        sealed = _keeps_seals(connection)
        command.upgrade(alembic_config(connection), to)
        if to == "head" and not sealed:
            with Session(connection) as session:
                record_found(session)
                session.commit()


def _keeps_seals(connection: Connection) -> bool:
    found = inspect(connection)
    return found.has_table("audit") and any(
        column["name"] == "seals" for column in found.get_columns("audit")
    )


def _read_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings for our scripts over that connection."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
