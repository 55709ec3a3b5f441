"""What browsers announced they would send, so that no file is lost in silence; repeated bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the table and the column; uploads from before announced nothing."""
    op.create_table(
        "drop_files",
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("loss", sa.String(16), server_default="", nullable=False),
        sa.Column("heard_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"]),
        sa.PrimaryKeyConstraint("job_id", "number"),
    )
    op.create_index("ix_drop_files_state", "drop_files", ["state", "job_id"])
    duplicate = sa.Column("duplicate", sa.String(8), server_default="", nullable=False)
    op.add_column("job_files", duplicate)
