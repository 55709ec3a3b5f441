"""Accounts that cannot sign in any more, and stay under what their readers signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add a column."""
    op.add_column(
        "accounts", sa.Column("disabled", sa.Boolean(), nullable=False, server_default=sa.false())
    )
