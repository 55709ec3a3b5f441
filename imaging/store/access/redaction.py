"""Studies as they are shown to who may see films and not what was found on them.

A technologist judges a film, and must not learn from this program what the network, a reader or a
received report found: not by a score, not by a map, not by the place in a list. What is left out
here is in no page's hands, so no page can show it.
"""

from __future__ import annotations

from dataclasses import replace

from imaging.entities import Answer, Assessment
from imaging.review.records import Review
from imaging.review.rights import Right
from imaging.store.access.sessions import may
from imaging.study import StudyRecord, WorklistItem
from imaging.worklist.order import ROUTINE, without_hint
from imaging.worklist.query import Replied, Sort, WorklistQuery


def as_allowed(record: StudyRecord) -> StudyRecord:
    """A study as the account that asks may see it; whole where nobody in particular asks.

    What stays of an answer is its outcome, its reasons and the network's name; of a review who
    saved or signed it, and when; of a document whose it is.
    """
    if may(Right.FINDINGS):
        return record
    return replace(
        record,
        assessments=tuple(_outcome(one) if one else None for one in record.assessments),
        reviews=tuple(map(_signature, record.reviews)),
        documents=tuple(replace(one, title="", author="") for one in record.documents),
    )


def item_as_allowed(item: WorklistItem) -> WorklistItem:
    """As `as_allowed`, a row of the worklist: without answer, score and urgency."""
    if may(Right.FINDINGS):
        return item
    answer = _unless_found(item.answer)
    message = without_hint(item.message)
    return replace(item, finding=None, answer=answer, model=None, priority=ROUTINE, message=message)


def query_as_allowed(query: WorklistQuery) -> WorklistQuery:
    """A list that tells nothing by what is in it, nor by its order: the newest first.

    The order of reading puts first what the network raised.
    """
    if may(Right.FINDINGS):
        return query
    by_place = query.sort is Sort.READING
    return replace(
        query,
        blind=True,
        urgency=None,
        answer=query.answer if query.answer is Replied.NOT else None,
        sort=Sort.RECEIVED if by_place else query.sort,
        descending=True if by_place else query.descending,
    )


def _outcome(assessment: Assessment) -> Assessment:
    return Assessment(
        sop_instance_uid=assessment.sop_instance_uid,
        status=assessment.status,
        model=assessment.model,
        messages=assessment.messages,
        created_at=assessment.created_at,
        answer=_unless_found(assessment.answer),
        typed_version=assessment.typed_version,
    )


def _unless_found(answer: Answer | None) -> Answer | None:
    """That a picture is unsuitable is a word on the film; any other answer is a finding."""
    return answer if answer is Answer.UNSUITABLE else None


def _signature(review: Review) -> Review:
    return Review(
        study_instance_uid=review.study_instance_uid,
        version=review.version,
        stage=review.stage,
        account=review.account,
        reader=review.reader,
        created_at=review.created_at,
        restores=review.restores,
    )
