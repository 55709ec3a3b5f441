"""What readers type of films without a header, and small pictures of films for lists.

The worklist's rows tell which names were typed: they are emptied, and made anew when the store is
opened (`imaging.store.worklist_rows.fill_worklist`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add two tables and a column."""
    op.create_table(
        "typed_facts",
        sa.Column(
            "sop_instance_uid",
            sa.String(64),
            sa.ForeignKey("instances.sop_instance_uid"),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column(
            "study_instance_uid",
            sa.String(64),
            sa.ForeignKey("studies.study_instance_uid"),
            nullable=False,
        ),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("typed_at", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_typed_facts_study_instance_uid", "typed_facts", ["study_instance_uid"])
    op.create_table(
        "thumbnails",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.execute(sa.text("DELETE FROM worklist"))
    op.add_column(
        "worklist", sa.Column("typed", sa.Boolean(), nullable=False, server_default=sa.false())
    )
