"""The reading room: richer reviews, first reads, truths, accounts and the audit trail."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

STUDIES = sa.table("studies", sa.column("study_instance_uid"), sa.column("patient_id"))
INSTANCES = sa.table(
    "instances",
    sa.column("study_instance_uid"),
    sa.column("position"),
    sa.column("header", sa.JSON()),
)
REVIEWS = sa.table(
    "reviews",
    sa.column("study_instance_uid"),
    sa.column("version"),
    sa.column("stage"),
    sa.column("content", sa.JSON()),
)

SQLITE_APPEND_ONLY = (
    "CREATE TRIGGER audit_update BEFORE UPDATE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
    "CREATE TRIGGER audit_delete BEFORE DELETE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
    # INSERT OR REPLACE removes the old line without asking the delete trigger
    "CREATE TRIGGER audit_replace BEFORE INSERT ON audit "
    "WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number) "
    "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
)
POSTGRESQL_APPEND_ONLY = (
    "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$",
    "CREATE TRIGGER audit_change BEFORE UPDATE OR DELETE ON audit "
    "FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
    "CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
)


def upgrade() -> None:
    """Add the tables, put old reviews into the new shape, let older versions refuse the result."""
    _create_reading()
    _create_accounts()
    _create_audit()
    op.add_column("jobs", sa.Column("account", sa.String(64), server_default="", nullable=False))
    op.add_column("studies", sa.Column("patient_id", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_studies_patient_id", "studies", ["patient_id"])
    op.add_column(
        "reviews", sa.Column("stage", sa.String(16), server_default="draft", nullable=False)
    )
    _fill_patient_ids(op.get_bind())
    _convert_reviews(op.get_bind())
    op.execute("UPDATE schema SET version = 2")


def _create_reading() -> None:
    op.create_table(
        "first_reads",
        _study(),
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("committed_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "truths",
        _study(),
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
    )


def _study() -> sa.Column[str]:
    return sa.Column(
        "study_instance_uid",
        sa.String(64),
        sa.ForeignKey("studies.study_instance_uid"),
        primary_key=True,
    )


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("bindings", sa.JSON(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(64), sa.ForeignKey("accounts.name"), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("deed", sa.String(32), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_study_instance_uid", "audit", ["study_instance_uid"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_APPEND_ONLY if sqlite else POSTGRESQL_APPEND_ONLY:
        op.execute(statement)


def _fill_patient_ids(connection: sa.Connection) -> None:
    query = sa.select(INSTANCES.c.study_instance_uid, INSTANCES.c.header)
    seen: dict[str, str] = {}
    for study, header in connection.execute(query.order_by(INSTANCES.c.position)):
        seen[study] = seen.get(study) or header["patient"]["patient_id"]
    for study, patient_id in seen.items():
        chosen = STUDIES.c.study_instance_uid == study
        connection.execute(STUDIES.update().where(chosen).values(patient_id=patient_id))


def _convert_reviews(connection: sa.Connection) -> None:
    for row in connection.execute(sa.select(REVIEWS)).all():
        content = _reading_room(row.content)
        connection.execute(
            REVIEWS.update()
            .where(
                REVIEWS.c.study_instance_uid == row.study_instance_uid,
                REVIEWS.c.version == row.version,
            )
            .values(content=content, stage=content["stage"])
        )


def _reading_room(old: dict[str, Any]) -> dict[str, Any]:
    """One call on one finding becomes a list of one; there were no accounts and no marks."""
    finding = {
        "code": old["finding_code"],
        "present": old["finding_present"],
        "call": old["call"],
        "note": "",
        "replaces": "",
        "regions": [],
    }
    return {
        "study_instance_uid": old["study_instance_uid"],
        "version": old["version"],
        "stage": "final" if old["signed"] else "draft",
        "account": "",
        "reader": old["reader"],
        "findings": [finding],
        "annotations": [],
        "presentations": [],
        "note": old["note"],
        "restores": None,
    }
