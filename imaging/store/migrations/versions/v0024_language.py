"""The language that a reader chose; empty for the browser's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add a column."""
    chosen = sa.Column("language", sa.String(16), nullable=False, server_default="")
    op.add_column("accounts", chosen)
