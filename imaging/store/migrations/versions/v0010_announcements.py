"""Films that wait for the network are announced by their headers: their studies are seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "announcements",
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("header", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "position"),
        sa.ForeignKeyConstraint(
            ["job_id", "position"],
            ["job_files.job_id", "job_files.position"],
            name="fk_announcements_file",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["study_instance_uid"], ["studies.study_instance_uid"]),
    )
    for column in ("study_instance_uid", "sop_instance_uid"):
        op.create_index(f"ix_announcements_{column}", "announcements", [column])
