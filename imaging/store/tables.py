"""The tables (SQLAlchemy). Times are UTC; JSON columns hold the entities' plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Integer, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SCHEMA_VERSION = 1


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware datetime; SQLite drops the zone, so it is put back on reading."""

    impl = DateTime
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Mark the stored value as UTC."""
        return value.replace(tzinfo=UTC) if value is not None else None

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC without a zone."""
        return value.astimezone(UTC).replace(tzinfo=None) if value is not None else None


class Base(DeclarativeBase):
    """Declarative base."""


class SchemaTable(Base):
    """One row: which version of these tables the file holds."""

    __tablename__ = "schema"
    version: Mapped[int] = mapped_column(Integer, primary_key=True)


class StudyTable(Base):
    """A study, by its UID."""

    __tablename__ = "studies"
    study_instance_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    instances: Mapped[list[InstanceTable]] = relationship(order_by="InstanceTable.position")
    reviews: Mapped[list[ReviewTable]] = relationship(order_by="ReviewTable.version")


class InstanceTable(Base):
    """An instance and its header as JSON; its bytes lie in the object folder under `sha256`."""

    __tablename__ = "instances"
    sop_instance_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_instance_uid"))
    position: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    header: Mapped[dict[str, Any]] = mapped_column(JSON)
    assessments: Mapped[list[AssessmentTable]] = relationship(order_by="AssessmentTable.id")


class AssessmentTable(Base):
    """One answer of one network about one instance; appended, the newest counts."""

    __tablename__ = "assessments"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    sop_instance_uid: Mapped[str] = mapped_column(ForeignKey("instances.sop_instance_uid"))
    status: Mapped[str] = mapped_column(String(16))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReviewTable(Base):
    """One version of a reader's decision; the key makes a second writer of a version fail."""

    __tablename__ = "reviews"
    study_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("studies.study_instance_uid"), primary_key=True
    )
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JobTable(Base):
    """Files handed in together."""

    __tablename__ = "jobs"
    job_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    files: Mapped[list[JobFileTable]] = relationship(order_by="JobFileTable.position")


class JobFileTable(Base):
    """One file of a job; `status` is null while it waits."""

    __tablename__ = "job_files"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.job_id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    file_name: Mapped[str] = mapped_column(Text)
    status: Mapped[str | None] = mapped_column(String(16), nullable=True, index=True)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    study_instance_uid: Mapped[str] = mapped_column(String(64), default="")
    sop_instance_uid: Mapped[str] = mapped_column(String(64), default="")
