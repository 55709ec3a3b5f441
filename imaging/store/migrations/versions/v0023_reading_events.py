"""Events of reading, and whether AI is off for an account, and for a study in its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0020"


def upgrade() -> None:
    """Add a table and two columns."""
    op.create_table(
        "reading_events",
        sa.Column(
            "study_instance_uid",
            sa.String(64),
            sa.ForeignKey("studies.study_instance_uid"),
            primary_key=True,
        ),
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("at", sa.DateTime(), primary_key=True),
        sa.Column("content", sa.JSON(), nullable=False),
    )
    for table in ("accounts", "worklist"):
        op.add_column(
            table, sa.Column("ai_off", sa.Boolean(), nullable=False, server_default=sa.false())
        )
