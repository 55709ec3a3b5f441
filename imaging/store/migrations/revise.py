"""Draft the next revision, after a change of `tables.py`.

``python -m imaging.store.migrations.revise "why"``, for a developer. Writes a draft of the next
revision below ``migrations/versions``; read it before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

from imaging.store.database import open_database
from imaging.store.migrations.migrate import alembic_config, migrate


def revise(message: str) -> None:
    """Write the next revision from the difference between tables and migrations."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Path(folder))
        migrate(database)
        with database.changing_tables() as connection:
            command.revision(alembic_config(connection), message, autogenerate=True)
        database.close()


if __name__ == "__main__":
    revise(sys.argv[1])
