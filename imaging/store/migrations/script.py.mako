"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Do it; nothing undoes it (see docs/adr/0009-store.md)."""
    ${upgrades if upgrades else "pass"}
