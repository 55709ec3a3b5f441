"""Which studies are priors of a later one, and more columns to sort the list by.

The worklist's rows are emptied, and made anew when the store is opened
(`imaging.store.worklist_rows.fill_worklist`): what raises a study changed, too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add columns and the indexes that read them."""
    op.execute(sa.text("DELETE FROM worklist"))
    for column in (
        sa.Column("signed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("prior_of", sa.String(64), nullable=False, server_default=""),
        sa.Column("time_key", sa.Text(), nullable=False, server_default=""),
        sa.Column("body_part", sa.Text(), nullable=False, server_default=""),
        sa.Column("view_position", sa.Text(), nullable=False, server_default=""),
        sa.Column("age_key", sa.Float(), nullable=False, server_default="-1"),
        sa.Column("stage_key", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("worklist", column)
    op.create_index("ix_worklist_prior_of", "worklist", ["prior_of"])
    for name in ("age_key", "stage_key"):
        columns = [name, "received_at", "study_instance_uid"]
        op.create_index(f"ix_worklist_{name.removesuffix('_key')}", "worklist", columns)
