"""Whose a study is: readers' decisions, separated patients, and keys that find priors.

The worklist's rows follow from the other tables: the table is emptied, and opening the store fills
it again. The number of a study's first file, which found priors before, is no proof of a person.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add tables and columns; the patient's number leaves the table of studies."""
    op.create_table(
        "identity_decisions",
        sa.Column("study_instance_uid", sa.String(64), primary_key=True),
        sa.Column("patient", sa.JSON(), nullable=False),
        sa.Column("accepted", sa.JSON(), nullable=False),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "separations",
        sa.Column("study_instance_uid", sa.String(64), primary_key=True),
        sa.Column("separated_uid", sa.String(64), primary_key=True),
        sa.Column("patients", sa.JSON(), nullable=False),
    )
    op.execute("DELETE FROM worklist")
    with op.batch_alter_table("worklist") as worklist:
        worklist.add_column(sa.Column("held", sa.Boolean(), nullable=False))
        worklist.add_column(sa.Column("id_key", sa.Text(), nullable=False))
        worklist.add_column(sa.Column("name_key", sa.Text(), nullable=False))
        worklist.add_column(sa.Column("birth_key", sa.String(8), nullable=False))
    for column in ("id_key", "name_key", "birth_key"):
        op.create_index(f"ix_worklist_{column}", "worklist", [column])
    op.drop_index("ix_studies_patient_id", table_name="studies")
    op.drop_column("studies", "patient_id")
