"""The worklist's own table, the site's settings, readers' views; studies found by index.

The rows follow from the other tables: opening the store makes those that are missing
(`imaging.store.worklist_rows.fill_worklist`), in this code's words rather than a copy of them here.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables and the indexes."""
    bounds = sa.CheckConstraint("standing BETWEEN -6 AND 0", name="ck_worklist_standing")
    op.create_table("worklist", *_place(), *_answer(), *_shown(), *_keys(), bounds)
    order = ["received_at", "study_instance_uid"]
    op.create_index("ix_worklist_reading", "worklist", ["read", "standing", *order])
    op.create_index("ix_worklist_waiting", "worklist", ["read", *order])
    for name, column in (
        ("patient", "patient_key"),
        ("date", "date_key"),
        ("modality", "modality"),
    ):
        op.create_index(f"ix_worklist_{name}", "worklist", [column, *order])
    op.create_table(
        "site",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON(), nullable=False),
    )
    op.create_table(
        "views",
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.name"), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("query", sa.JSON(), nullable=False),
    )


def _place() -> list[sa.Column[object]]:
    return [
        sa.Column(
            "study_instance_uid",
            sa.String(64),
            sa.ForeignKey("studies.study_instance_uid"),
            primary_key=True,
        ),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("read", sa.Boolean(), nullable=False),
        sa.Column("standing", sa.Integer(), nullable=False),
        *map(_text, ("search", "search_all", "signals")),
    ]


def _answer() -> list[sa.Column[object]]:
    return [
        sa.Column("status", sa.String(16), nullable=True),
        _text("message"),
        sa.Column("answer", sa.String(16), nullable=True),
        sa.Column("finding_code", sa.Text(), nullable=True),
        _text("finding_label"),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("operating_point", sa.Float(), nullable=True),
        sa.Column("exploratory", sa.Boolean(), nullable=False),
        _text("model_name"),
        _text("model_version"),
        sa.Column("weights_sha256", sa.String(64), nullable=False),
    ]


def _shown() -> list[sa.Column[object]]:
    return [
        *map(_text, ("patient_name", "patient_id", "birth_date", "sex")),
        sa.Column("age_years", sa.Float(), nullable=True),
        *map(_text, ("modality", "accession_number", "study_date", "study_description")),
        _text("file_name"),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(16), nullable=True),
        _text("reader"),
    ]


def _keys() -> list[sa.Column[object]]:
    return [
        _text("patient_key"),
        sa.Column("date_key", sa.String(8), nullable=False),
    ]


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)
