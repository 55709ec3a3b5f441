"""How fast a job goes is asked every second: its newest outcomes are found by an index."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_job_files_finished", "job_files", ["job_id", "finished_at"])
