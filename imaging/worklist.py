"""The order of reading: what puts a study where it stands in the worklist.

Safety rule (docs/adr, 21 CFR 892.2080 practice): the network may raise a study's priority, never
lower it below routine and never remove it. Unanswered studies stay, with their reason.
"""

from __future__ import annotations

from imaging.documents import NOT_AN_IMAGE
from imaging.entities import Answer, Assessment, Status, StudyRecord, WorklistItem

ROUTINE, UNSURE, RAISED = 0, 1, 2
READ = -1  # set by a reader's signature alone


def priority(record: StudyRecord) -> int:
    """Priority of a study: its most urgent image, READ once signed.

    A positive leading finding raises it most; an image the network is unsure about raises it too.
    """
    if record.final is not None:
        return READ
    return max((_urgency(a) for a in record.assessments if a is not None), default=ROUTINE)


def _urgency(assessment: Assessment) -> int:
    if assessment.primary is not None and assessment.primary.positive:
        return RAISED
    return UNSURE if assessment.answer is Answer.UNSURE else ROUTINE


def leading_assessment(record: StudyRecord) -> Assessment | None:
    """Choose the assessment that speaks for the study.

    The one with the highest leading probability, else the first that carries a reason, else None.
    """
    answered = [a for a in record.assessments if a is not None and a.primary is not None]
    if answered:
        return max(answered, key=lambda a: a.primary.probability if a.primary else 0.0)
    return next((a for a in record.assessments if a is not None), None)


def worklist_item(record: StudyRecord) -> WorklistItem:
    """The worklist row of a study."""
    lead = leading_assessment(record)
    first = record.files[0]
    alone = not record.instances  # documents without a film
    return WorklistItem(
        study_instance_uid=record.study_instance_uid,
        priority=priority(record),
        status=lead.status if lead else Status.DOCUMENT if alone else None,
        message=" ".join(lead.messages) if lead else NOT_AN_IMAGE if alone else "",
        finding=lead.primary if lead and lead.status in (Status.OK, Status.WARNED) else None,
        answer=lead.answer if lead else None,
        model=lead.model if lead else None,
        patient=first.patient,
        acquisition=first.acquisition,
        source=first.source,
        file_name=first.file_name,
        instances=len(record.instances),
        received_at=record.received_at,
        review=record.review,
        read=record.final is not None,
    )
