"""Roles of accounts; who has one already may do all that could be done until now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
EVERY = "administrator,auditor,reader,signer"


def upgrade() -> None:
    """Add a column."""
    op.add_column("accounts", sa.Column("roles", sa.Text(), nullable=False, server_default=EVERY))
