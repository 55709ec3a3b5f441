"""Seals: what lines of the audit trail tell of, their signatures, and how far they were sent.

Lines from before have none. What stands in the tables then is told of by `imaging.store.migrations.
migrate`, as found, not as sealed by who made it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add two columns and a table; the triggers that guard the trail stay."""
    op.add_column("audit", sa.Column("seals", sa.Text(), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("seal", sa.String(128), nullable=False, server_default=""))
    op.create_table(
        "audit_relays",
        sa.Column("collector", sa.String(255), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=False),
    )
