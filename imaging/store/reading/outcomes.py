"""Signed studies with the answers about them: what local figures are counted from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from imaging.entities import Assessment
from imaging.review.records import Review, Stage, Truth
from imaging.review.rights import Right
from imaging.review.signed import SignedStudy
from imaging.store.base import Records
from imaging.store.reading.events import events_of
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    AssessmentTable,
    InstanceTable,
    ReviewTable,
    TruthTable,
    WorklistTable,
)

_AT_ONCE = 400  # studies of one query


class Outcomes(Records):
    """Signed studies, for counting; reached as `Repository.outcomes`."""

    def answered_since(self, since: datetime) -> tuple[SignedStudy, ...]:
        """Those about which a network answered from a moment on."""
        answered = (
            select(InstanceTable.study_instance_uid)
            .join(
                AssessmentTable, AssessmentTable.sop_instance_uid == InstanceTable.sop_instance_uid
            )
            .where(AssessmentTable.created_at >= since)
        )
        with self._database.reading(Right.FINDINGS) as session:
            return _load(session, answered)

    def with_known_truth(self) -> tuple[SignedStudy, ...]:
        """Those whose outcome is known from outside the reading."""
        with self._database.reading(Right.STATISTICS) as session:
            return _load(session, select(TruthTable.study_instance_uid))


def _load(session: Session, among: Select[str]) -> tuple[SignedStudy, ...]:
    study = ReviewTable.study_instance_uid
    final = ReviewTable.stage == Stage.FINAL.value
    uids = list(session.scalars(select(study).where(final, study.in_(among)).distinct()))
    parts = (uids[at : at + _AT_ONCE] for at in range(0, len(uids), _AT_ONCE))
    return tuple(one for part in parts for one in _load_part(session, part))


def _load_part(session: Session, uids: Sequence[str]) -> Iterable[SignedStudy]:
    patients, events = _patients(session, uids), events_of(session, uids)
    reviews, answers = _reviews(session, uids), _answers(session, uids)
    truths = defaultdict(list)
    for row in session.scalars(select(TruthTable).where(TruthTable.study_instance_uid.in_(uids))):
        truth = Truth(row.study_instance_uid, row.code, row.present, row.source)
        truths[row.study_instance_uid].append(truth)
    for uid in uids:
        yield SignedStudy(
            uid,
            patients.get(uid, uid),
            tuple(reviews[uid]),
            tuple(answers[uid]),
            tuple(e for e in events if e.study_instance_uid == uid),
            tuple(truths[uid]),
        )


def _patients(session: Session, uids: Sequence[str]) -> dict[str, str]:
    """What is the same for one patient's studies: the number, else name and birth date.

    A study that tells neither is a patient of its own.
    """
    row = WorklistTable
    columns = (row.study_instance_uid, row.id_key, row.name_key, row.birth_key)
    query = select(*columns).where(row.study_instance_uid.in_(uids))
    return {
        uid: number or (f"{name} {born}" if name and born else uid)
        for uid, number, name, born in session.execute(query)
    }


def _reviews(session: Session, uids: Sequence[str]) -> defaultdict[str, list[Review]]:
    query = select(ReviewTable).where(ReviewTable.study_instance_uid.in_(uids))
    by_study: defaultdict[str, list[Review]] = defaultdict(list)
    for row in session.scalars(query.order_by(ReviewTable.version)):
        review = json_codec.review_from_json(row.content, row.created_at)
        by_study[row.study_instance_uid].append(review)
    return by_study


def _answers(session: Session, uids: Sequence[str]) -> defaultdict[str, list[Assessment]]:
    query = (
        select(
            InstanceTable.study_instance_uid, AssessmentTable.content, AssessmentTable.created_at
        )
        .join(AssessmentTable, AssessmentTable.sop_instance_uid == InstanceTable.sop_instance_uid)
        .where(InstanceTable.study_instance_uid.in_(uids))
        .order_by(AssessmentTable.id)
    )
    by_study: defaultdict[str, list[Assessment]] = defaultdict(list)
    for uid, content, created_at in session.execute(query):
        by_study[uid].append(json_codec.assessment_from_json(content, created_at))
    return by_study
