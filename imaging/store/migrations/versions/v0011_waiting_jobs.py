"""Jobs with files that wait are found by an index, however many jobs there were over the years."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the index, of the files that wait alone."""
    waits = sa.text("status IS NULL")
    op.create_index(
        "ix_job_files_waiting",
        "job_files",
        ["job_id"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
