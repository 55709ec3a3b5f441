"""Since when a queued file waits: what a study's waiting time and place in the list count from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; empty for files that were queued before, their job's beginning counts."""
    op.add_column("job_files", sa.Column("added_at", sa.DateTime(), nullable=True))
