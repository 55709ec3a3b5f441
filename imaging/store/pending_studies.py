"""Films that wait for the network, announced by their headers: their studies are listed already.

An announcement lives as long as its file waits. The outcome takes it along; so does whoever
cancels the job. A study of which nothing else is known goes with its last one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import delete, or_, select, tuple_, update
from sqlalchemy.orm import Session

from imaging.entities import Instance, Status
from imaging.jobs import Result
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    AnnouncementTable,
    DecisionTable,
    DocumentTable,
    FirstReadTable,
    InstanceTable,
    ReviewTable,
    SeparationTable,
    StudyTable,
    TruthTable,
    WorklistTable,
)

_AT_ONCE = 400  # studies of one query
_HOLDS = (  # what a study exists for
    *(InstanceTable, DocumentTable, AnnouncementTable),
    *(ReviewTable, FirstReadTable, TruthTable),
)
_ORDER = AnnouncementTable.job_id, AnnouncementTable.position
_IS = tuple_(*_ORDER)


def load_first_announced(
    session: Session, uids: Sequence[str]
) -> tuple[dict[str, Instance], Counter[str]]:
    """Of studies with films that wait: the first of those films, and how many there are."""
    study = AnnouncementTable.study_instance_uid
    keys = select(study, AnnouncementTable.job_id, AnnouncementTable.position)
    firsts, counts = dict[str, tuple[str, int]](), Counter[str]()
    for uid, job_id, position in session.execute(keys.where(study.in_(uids)).order_by(*_ORDER)):
        firsts.setdefault(uid, (job_id, position))
        counts[uid] += 1
    if not firsts:
        return {}, counts
    headers = select(study, AnnouncementTable.header).where(_IS.in_(list(firsts.values())))
    films = {uid: json_codec.instance_from_json(header) for uid, header in session.execute(headers)}
    return films, counts


def load_announced(session: Session, uid: str) -> tuple[Instance, ...]:
    """Films of a study that wait, in the order they were queued."""
    query = select(AnnouncementTable.header).where(AnnouncementTable.study_instance_uid == uid)
    headers = session.scalars(query.order_by(*_ORDER))
    return tuple(json_codec.instance_from_json(header) for header in headers)


def take_announcements(
    session: Session, results: Sequence[Result]
) -> tuple[list[Result], set[str]]:
    """Take the announcements of files that have their outcome.

    What was announced must not vanish: where nothing could be read any more, the outcome is given
    to the film that the header described.

    Returns
    -------
    list of Result
        As `results`, those without a film with the one that was announced.
    set of str
        Studies whose announcements were taken.
    """
    keys = [(r.task.job_id, r.task.position) for r in results]
    films = [r.outcome.instance for r in results if r.outcome and r.outcome.instance]
    sops = [film.identity.sop_instance_uid for film in films]
    answered = or_(_IS.in_(keys), AnnouncementTable.sop_instance_uid.in_(sops))
    rows = {
        (row.job_id, row.position): row
        for row in session.scalars(select(AnnouncementTable).where(answered))
    }
    if not rows:
        return list(results), set()
    session.execute(
        delete(AnnouncementTable).where(answered).execution_options(synchronize_session=False)
    )
    completed = [
        _complete_from_header(result, rows.get(key))
        for key, result in zip(keys, results, strict=True)
    ]
    return completed, {row.study_instance_uid for row in rows.values()}


def _complete_from_header(result: Result, row: AnnouncementTable | None) -> Result:
    outcome = result.outcome
    if row is None or outcome is None or outcome.instance or outcome.document:
        return result
    if outcome.assessment.status is not Status.ERROR:
        return result
    film = json_codec.instance_from_json(row.header)
    film = replace(film, identity=replace(film.identity, sha256=result.sha256))
    assessment = replace(outcome.assessment, sop_instance_uid=row.sop_instance_uid)
    return replace(result, outcome=replace(outcome, instance=film, assessment=assessment))


def forget_job(session: Session, job_id: str) -> set[str]:
    """Forget what was announced of a job; returns the studies."""
    of_job = AnnouncementTable.job_id == job_id
    study = AnnouncementTable.study_instance_uid
    uids = set(session.scalars(select(study).where(of_job).distinct()))
    session.execute(delete(AnnouncementTable).where(of_job))
    return uids


def forget_empty(session: Session, uids: Iterable[str]) -> set[str]:
    """Forget studies of which nothing is known any more; returns the others."""
    candidates, others = sorted(uids), set[str]()
    for start in range(0, len(candidates), _AT_ONCE):
        part = candidates[start : start + _AT_ONCE]
        in_use: set[str] = set()
        for table in _HOLDS:
            study = table.study_instance_uid
            in_use.update(session.scalars(select(study).where(study.in_(part)).distinct()))
        unused = [uid for uid in part if uid not in in_use]
        unfold_priors(session, unused)
        for empty in (WorklistTable, DecisionTable, SeparationTable, StudyTable):
            session.execute(delete(empty).where(empty.study_instance_uid.in_(unused)))
        others |= in_use
    return others


def unfold_priors(session: Session, uids: Sequence[str]) -> None:
    """List again what is folded below studies that go: nothing may vanish with them."""
    below = update(WorklistTable).where(WorklistTable.prior_of.in_(uids))
    session.execute(below.values(prior_of="", read=WorklistTable.signed))
