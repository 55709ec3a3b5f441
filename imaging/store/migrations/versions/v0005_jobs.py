"""Jobs are paused and claimed, files may stay where they are, answers are found by bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns, indices and the table of results."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("kind", sa.String(16), nullable=False, server_default="upload"))
        jobs.add_column(sa.Column("state", sa.String(16), nullable=False, server_default="running"))
        jobs.add_column(sa.Column("source", sa.Text(), nullable=False, server_default=""))
        jobs.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("job_files") as files:
        files.add_column(sa.Column("location", sa.Text(), nullable=False, server_default=""))
        files.add_column(sa.Column("claimed_by", sa.String(64), nullable=False, server_default=""))
        files.add_column(sa.Column("claimed_at", sa.DateTime(), nullable=True))
        files.add_column(sa.Column("finished_at", sa.DateTime(), nullable=True))
    with op.batch_alter_table("instances") as instances:
        instances.add_column(sa.Column("location", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "results",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
    )
    op.create_index("ix_results_study_instance_uid", "results", ["study_instance_uid"])
    op.create_index("ix_instances_sha256", "instances", ["sha256"])
    op.create_index("ix_instances_study_instance_uid", "instances", ["study_instance_uid"])
    op.create_index("ix_documents_sha256", "documents", ["sha256"])
    op.create_index("ix_assessments_sop_instance_uid", "assessments", ["sop_instance_uid"])
    op.create_index("ix_job_files_sha256", "job_files", ["sha256"])
    op.create_index(
        "ix_job_files_open", "job_files", ["job_id", "status", "claimed_by", "position"]
    )
    op.create_index("ix_job_files_place", "job_files", ["job_id", "location"])
