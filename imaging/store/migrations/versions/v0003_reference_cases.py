"""The site's own reference cases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "cases",
        sa.Column(
            "sop_instance_uid",
            sa.String(64),
            sa.ForeignKey("instances.sop_instance_uid"),
            primary_key=True,
        ),
        sa.Column("weights_sha256", sa.String(64), primary_key=True),
        sa.Column(
            "study_instance_uid",
            sa.String(64),
            sa.ForeignKey("studies.study_instance_uid"),
            nullable=False,
        ),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_cases_study_instance_uid", "cases", ["study_instance_uid"])
