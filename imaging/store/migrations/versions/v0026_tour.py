"""Whether a reader has closed the tour of the first sign-in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add a column; whoever has an account already knows the way."""
    op.add_column(
        "accounts",
        sa.Column("tour_closed", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute(sa.text("UPDATE accounts SET tour_closed = true"))
