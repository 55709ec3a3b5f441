"""What a watched file was when it was queued: another file under its name is told apart by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; empty for files queued before, which take the mark of the next look."""
    op.add_column("job_files", sa.Column("mark", sa.Text(), server_default="", nullable=False))
