"""Second factors, accounts of a sign-in provider, and what their sign-ins keep of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add two tables and three columns."""
    op.create_table(
        "provider_accounts",
        sa.Column("issuer", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.name"), nullable=False),
        sa.UniqueConstraint("account"),
    )
    op.create_table(
        "second_factors",
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.name"), primary_key=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("recovery", sa.JSON(), nullable=False),
    )
    text = sa.Column("provider_session", sa.Text(), nullable=False, server_default="")
    op.add_column("sessions", text)
    op.add_column("sessions", sa.Column("id_token", sa.LargeBinary(), nullable=True))
    op.add_column("sessions", sa.Column("confirmed_until", sa.DateTime(), nullable=True))
