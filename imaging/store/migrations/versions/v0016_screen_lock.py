"""Until when a sign-in counts as active: then its screen locks.

Who is signed in while this is done signs in once more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Empty the table of sign-ins and add a column."""
    op.drop_index("ix_sessions_account", "sessions")
    op.drop_table("sessions")
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.name"), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("active_until", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])
