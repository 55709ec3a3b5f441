"""Studies as they are shown to who may see films and not what was found on them.

A technologist judges a film, and must not learn from this program what the network, a reader or a
received report found: not by a score, not by a map, not by the place in a list. Where AI is off
nobody is told a network's answer, and whoever may know them what people found. What is left out
here is in no page's hands, so no page can show it.
"""

from __future__ import annotations

from dataclasses import replace

from imaging.entities import Answer, Assessment, Status
from imaging.review.events import AiScope
from imaging.review.records import Review
from imaging.review.rights import Right
from imaging.store.access.sessions import may
from imaging.study import StudyRecord, WorklistItem
from imaging.worklist.order import ROUTINE, without_signals
from imaging.worklist.query import Replied, Sort, WorklistQuery


def as_allowed(record: StudyRecord, off: AiScope | None = None) -> StudyRecord:
    """A study as the account that asks may see it; whole where nobody in particular asks.

    To who may not know findings, of an answer its outcome, its reasons and the network's name stay;
    of a review who saved or signed it, and when; of a document whose it is. While AI is `off` there
    is no answer at all.
    """
    if off is not None:
        record = replace(record, assessments=(None,) * len(record.instances), ai_off=off)
    if may(Right.FINDINGS):
        return record
    return replace(
        record,
        assessments=tuple(_outcome(one) if one else None for one in record.assessments),
        reviews=tuple(map(_signature, record.reviews)),
        documents=tuple(replace(one, title="", author="") for one in record.documents),
    )


def item_as_allowed(item: WorklistItem, off: AiScope | None = None) -> WorklistItem:
    """As `as_allowed`, a row of the worklist: without answer, score and urgency."""
    if off is not None:
        item = without_answer(item)
    if may(Right.FINDINGS):
        return item
    answer = _unless_found(item.answer)
    return replace(
        item,
        finding=None,
        answer=answer,
        model=None,
        message=_quality(item),
        priority=ROUTINE,
    )


def without_answer(item: WorklistItem) -> WorklistItem:
    """A row that tells nothing of what a network said, nor of what it did to the study's place."""
    answered = item.status in (Status.OK, Status.WARNED, Status.REFUSED)
    return replace(
        item,
        finding=None,
        answer=None,
        model=None,
        message=without_signals("" if answered else item.message),
        priority=item.priority if item.read else ROUTINE,
        ai_off=True,
    )


def _quality(item: WorklistItem) -> str:
    """What a row says about the film: of one that was answered, nothing of the answer's doubts."""
    return "" if item.status in (Status.OK, Status.WARNED) else without_signals(item.message)


def query_as_allowed(query: WorklistQuery, off: AiScope | None = None) -> WorklistQuery:
    """A list that tells nothing by what is in it, nor by its order.

    The order of reading puts first what the network raised: without it studies are read as they
    came. To who may not know findings the newest come first.
    """
    told = may(Right.FINDINGS)
    if told and off is None:
        return query
    by_place = query.sort is Sort.READING and not told
    return replace(
        query,
        blind=True,
        urgency=None,
        answer=query.answer if query.answer is Replied.NOT and not off else None,
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
        choice=assessment.choice,
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
