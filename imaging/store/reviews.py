"""Reviews in their versions, blind first reads, and what the studies turned out to show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging.errors import ConflictError, HeldStudyError
from imaging.patients import HELD
from imaging.review.records import AuditEvent, FirstRead, Review, Stage, Truth
from imaging.review.rights import Right
from imaging.review.signatures import TWO_DOCTORS, find_written
from imaging.store import audit
from imaging.store.access.sessions import insist_on_self
from imaging.store.base import Records
from imaging.store.identities import is_held
from imaging.store.reading.switches import ai_off
from imaging.store.schema import json_codec
from imaging.store.schema.tables import FirstReadTable, ReviewTable, TruthTable
from imaging.store.seals.row_seals import seal_rows
from imaging.store.site_settings import asks_two_doctors
from imaging.store.worklist_rows import refresh_worklist


class Reviews(Records):
    """The readers' decisions."""

    def add(self, review: Review) -> Review:
        """Append the next version of a reader's work.

        Parameters
        ----------
        review : Review
            Its ``version`` is the version it was made on top of (0 for the first).

        Returns
        -------
        Review
            As stored, with its own version and time.

        Raises
        ------
        ConflictError
            If somebody saved another version meanwhile, the study is not stored, or the site asks
            two doctors to sign and no other one signed it as preliminary.
        HeldStudyError
            If it is signed while the study's files name two patients.
        ValueError
            If it is signed by nobody.
        """
        if review.signed and not (review.account and review.reader):
            raise ValueError("a signature needs an account and a name")
        with self._database.writing(Right.SIGN if review.signed else Right.DRAFT) as session:
            insist_on_self(session, review.account)
            newest = session.scalar(
                select(func.max(ReviewTable.version)).where(
                    ReviewTable.study_instance_uid == review.study_instance_uid
                )
            )
            if (newest or 0) != review.version:
                raise ConflictError("Somebody else saved a decision first; reload and compare.")
            if review.signed and is_held(session, review.study_instance_uid):
                raise HeldStudyError(HELD)
            if review.stage is Stage.FINAL and asks_two_doctors(session):
                _insist_on_two_doctors(session, review)
            stored = replace(
                review,
                version=review.version + 1,
                created_at=datetime.now(UTC),
                ai_off=ai_off(session, review.study_instance_uid) is not None,
            )
            row = ReviewTable(
                study_instance_uid=stored.study_instance_uid,
                version=stored.version,
                stage=stored.stage.value,
                content=json_codec.review_to_json(stored),
                created_at=stored.created_at,
            )
            session.add(row)
            audit.append(
                session,
                AuditEvent.SIGN if stored.signed else AuditEvent.CHANGE,
                account=stored.account,
                study_instance_uid=stored.study_instance_uid,
                detail=_describe(stored),
                seals=seal_rows(row),
            )
            refresh_worklist(session, [stored.study_instance_uid])
        return stored

    def finals(self) -> tuple[Review, ...]:
        """Every version signed off, of all studies, oldest first."""
        query = (
            select(ReviewTable)
            .where(ReviewTable.stage == Stage.FINAL.value)
            .order_by(ReviewTable.created_at, ReviewTable.version)
        )
        with self._database.reading(Right.FINDINGS) as session:
            return tuple(
                json_codec.review_from_json(row.content, row.created_at)
                for row in session.scalars(query)
            )

    def add_first_read(self, first_read: FirstRead) -> None:
        """Commit a blind first read, for good.

        Raises
        ------
        ConflictError
            If this account has committed one for this study already, or it is not stored.
        """
        key = (first_read.study_instance_uid, first_read.account)
        with self._database.writing(Right.DRAFT) as session:
            insist_on_self(session, first_read.account)
            if session.get(FirstReadTable, key) is not None:
                raise ConflictError(
                    "Your first read of this study is already saved. Reload the page to see it."
                )
            row = FirstReadTable(
                study_instance_uid=first_read.study_instance_uid,
                account=first_read.account,
                content=json_codec.first_read_to_json(first_read),
                committed_at=first_read.committed_at,
            )
            session.add(row)
            audit.append(
                session,
                AuditEvent.FIRST_READ,
                account=first_read.account,
                study_instance_uid=first_read.study_instance_uid,
                seals=seal_rows(row),
            )

    def first_read(self, study_instance_uid: str, account: str) -> FirstRead | None:
        """The first read this account committed for this study, if any."""
        with self._database.reading(Right.FINDINGS) as session:
            row = session.get(FirstReadTable, (study_instance_uid, account))
            return json_codec.first_read_from_json(row.content, row.committed_at) if row else None

    def first_read_studies(self, account: str, among: Collection[str]) -> frozenset[str]:
        """Those of some studies for which this account committed a first read."""
        query = select(FirstReadTable.study_instance_uid).where(
            FirstReadTable.account == account, FirstReadTable.study_instance_uid.in_(among)
        )
        with self._database.reading(Right.FINDINGS) as session:
            return frozenset(session.scalars(query))

    def first_reads(self, study_instance_uid: str = "") -> tuple[FirstRead, ...]:
        """All first reads, oldest first; or those of one study."""
        query = select(FirstReadTable).order_by(
            FirstReadTable.committed_at, FirstReadTable.study_instance_uid, FirstReadTable.account
        )
        if study_instance_uid:
            query = query.where(FirstReadTable.study_instance_uid == study_instance_uid)
        with self._database.reading(Right.FINDINGS) as session:
            return tuple(
                json_codec.first_read_from_json(row.content, row.committed_at)
                for row in session.scalars(query)
            )

    def set_truth(self, truth: Truth, *, account: str = "") -> None:
        """Write down what a study turned out to show; a later word on the same finding counts."""
        with self._database.writing(Right.DRAFT) as session:
            row = session.merge(
                TruthTable(
                    study_instance_uid=truth.study_instance_uid,
                    code=truth.code,
                    present=truth.present,
                    source=truth.source,
                )
            )
            audit.append(
                session,
                AuditEvent.CHANGE,
                account=account,
                study_instance_uid=truth.study_instance_uid,
                detail="truth",
                seals=seal_rows(row),
            )

    def truths(self) -> dict[str, tuple[Truth, ...]]:
        """The known truths about the studies, by Study Instance UID."""
        by_study: defaultdict[str, list[Truth]] = defaultdict(list)
        query = select(TruthTable).order_by(TruthTable.study_instance_uid, TruthTable.code)
        with self._database.reading(Right.FINDINGS) as session:
            for row in session.scalars(query):
                truth = Truth(row.study_instance_uid, row.code, row.present, row.source)
                by_study[row.study_instance_uid].append(truth)
        return {study: tuple(truths) for study, truths in by_study.items()}


def _describe(review: Review) -> str:
    """Describe a version for the audit trail."""
    restored = f", restores {review.restores}" if review.restores is not None else ""
    return f"version {review.version} {review.stage.value}{restored}"


def _insist_on_two_doctors(session: Session, review: Review) -> None:
    """Refuse a final signature before which no other doctor signed as preliminary."""
    query = select(ReviewTable).where(
        ReviewTable.study_instance_uid == review.study_instance_uid,
        ReviewTable.stage != Stage.DRAFT.value,
    )
    rows = session.scalars(query)
    versions = [json_codec.review_from_json(row.content, row.created_at) for row in rows]
    if find_written(versions, review.account) is None:
        raise ConflictError(TWO_DOCTORS)
