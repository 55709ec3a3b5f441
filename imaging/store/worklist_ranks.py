"""Standings, which decide the worklist's rows, read from the tables for many studies at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Integer, cast, func, select, tuple_
from sqlalchemy.orm import Session

from imaging.documents import Document
from imaging.entities import Assessment, Instance, Patient
from imaging.review.records import Stage
from imaging.store.base import load_typed
from imaging.store.identities import load_patients, load_typed_patients
from imaging.store.pending_studies import load_first_announced
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    AssessmentTable,
    DocumentTable,
    InstanceTable,
    ReviewTable,
    StudyTable,
    TypedFactsTable,
)
from imaging.typed_facts import with_typed
from imaging.worklist.order import Standing


def load_standings(session: Session, uids: Sequence[str]) -> list[Standing]:
    """Load what decides the rows of some studies; those without a file are left out."""
    firsts, counts = _load_first_films(session, uids)
    queued, waiting = load_first_announced(session, uids)
    first: dict[str, Instance | Document] = {**queued, **firsts}
    first.update(_load_first_documents(session, [uid for uid in uids if uid not in first]))
    latest, earlier = _load_answers(session, uids)
    reviews, patients = _load_reviews(session, uids), load_patients(session, uids)
    typed: defaultdict[str, list[Patient]] = defaultdict(list)
    for uid, patient in load_typed_patients(session, uids):
        typed[uid].append(patient)
    studies = select(StudyTable.study_instance_uid, StudyTable.received_at)
    studies = studies.where(StudyTable.study_instance_uid.in_(uids))
    return [
        Standing(
            uid,
            received_at,
            first[uid],
            counts.get(uid, 0),
            tuple(latest[uid]),
            tuple(earlier[uid]),
            *reviews[uid],
            waiting=waiting[uid],
            patients=patients.get(uid, ()),
            typed=tuple(typed[uid]),
        )
        for uid, received_at in session.execute(studies)
        if uid in first
    ]


def _load_first_films(
    session: Session, uids: Sequence[str]
) -> tuple[dict[str, Instance], dict[str, int]]:
    """Each study's first film, and how many it has: headers of a long series stay unread."""
    study = InstanceTable.study_instance_uid
    head = (
        select(study, func.min(InstanceTable.position), func.count())
        .where(study.in_(uids))
        .group_by(study)
    )
    heads = session.execute(head).all()
    counts = {uid: count for uid, _, count in heads}
    first = select(study, InstanceTable.sop_instance_uid, InstanceTable.header).where(
        tuple_(study, InstanceTable.position).in_([(uid, at) for uid, at, _ in heads])
    )
    rows = session.execute(first).all()
    typed = load_typed(session, [sop for _, sop, _ in rows])
    films = {
        uid: with_typed(json_codec.instance_from_json(header), typed.get(sop))
        for uid, sop, header in rows
    }
    return films, counts


def _load_first_documents(session: Session, uids: Sequence[str]) -> dict[str, Document]:
    query = (
        select(DocumentTable.study_instance_uid, DocumentTable.header)
        .where(DocumentTable.study_instance_uid.in_(uids))
        .order_by(DocumentTable.position.desc())  # the first comes last and stays
    )
    return {uid: json_codec.document_from_json(header) for uid, header in session.execute(query)}


def _load_answers(
    session: Session, uids: Sequence[str]
) -> tuple[dict[str, list[Assessment]], dict[str, list[Assessment]]]:
    """Per study, the newest answer about each film in the order of the films, and the others."""
    query = (
        select(
            InstanceTable.study_instance_uid,
            InstanceTable.sop_instance_uid,
            AssessmentTable.content,
            AssessmentTable.created_at,
        )
        .join(AssessmentTable, AssessmentTable.sop_instance_uid == InstanceTable.sop_instance_uid)
        .where(InstanceTable.study_instance_uid.in_(uids))
        .order_by(InstanceTable.position, AssessmentTable.id)
    )
    newest: defaultdict[str, dict[str, Assessment]] = defaultdict(dict)
    earlier: defaultdict[str, list[Assessment]] = defaultdict(list)
    versions = _load_versions(session, uids)
    for uid, film, content, created_at in session.execute(query):
        assessment = json_codec.assessment_from_json(content, created_at)
        if assessment.typed_version != versions.get(film, 0):
            earlier[uid].append(assessment)  # given without what is typed of the film by now
            continue
        if film in newest[uid]:
            earlier[uid].append(newest[uid][film])
        newest[uid][film] = assessment
    latest = {uid: list(films.values()) for uid, films in newest.items()}
    return defaultdict(list, latest), earlier


def _load_versions(session: Session, uids: Sequence[str]) -> dict[str, int]:
    """The newest version of what was typed of each film of some studies, where anything was."""
    sop = TypedFactsTable.sop_instance_uid
    query = (
        select(sop, func.max(TypedFactsTable.version))
        .where(TypedFactsTable.study_instance_uid.in_(uids))
        .group_by(sop)
    )
    return dict(session.execute(query).all())


def _load_reviews(
    session: Session, uids: Sequence[str]
) -> dict[str, tuple[Stage | None, str, bool]]:
    """Stage and reader of each study's newest version, and whether somebody signed off."""
    study, version = ReviewTable.study_instance_uid, ReviewTable.version
    signed = func.max(cast(ReviewTable.stage == Stage.FINAL.value, Integer))
    head = select(study, func.max(version), signed).where(study.in_(uids)).group_by(study)
    signed_off = {(uid, newest): bool(final) for uid, newest, final in session.execute(head)}
    query = select(study, version, ReviewTable.stage, ReviewTable.content["reader"].as_string())
    query = query.where(tuple_(study, version).in_(list(signed_off)))
    by_study: dict[str, tuple[Stage | None, str, bool]] = dict.fromkeys(uids, (None, "", False))
    for uid, newest, stage, reader in session.execute(query):
        by_study[uid] = Stage(stage), reader or "", signed_off[uid, newest]
    return by_study
