"""The assessments that checks and predictions come to, in one place for every engine. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from imaging.entities import Answer, Assessment, Instance, ModelIdentity, Status
from models.inference.answers import Answers, Prediction

BLANK = "The picture is blank: every pixel has the same value. Ask for it to be sent again."
LOST = (
    "The part of the body that this model reads could not be found in this image. Read it "
    "without the AI."
)
NO_FIGURES = (
    "The model was asked although the picture may be outside its population: none of its figures "
    "holds for this answer."
)
FROM_PHOTOGRAPH = (
    "From a photograph: the model's sensitivity, calibration and promises do not hold for it. Ask "
    "for the original film before you rely on the answer."
)


def promises_nothing(said: Sequence[str] | str) -> bool:
    """True for the messages of an answer, or those of its row, whose figures hold for nobody."""
    return NO_FIGURES in said or FROM_PHOTOGRAPH in said


def make_refusal(instance: Instance, model: ModelIdentity, reasons: tuple[str, ...]) -> Assessment:
    """No model answers: "unsuitable", with the reasons. `model` is the one that speaks."""
    return Assessment(
        sop_instance_uid=instance.identity.sop_instance_uid,
        status=Status.REFUSED,
        model=model,
        messages=reasons,
        answer=Answer.UNSUITABLE,
        created_at=datetime.now(UTC),
    )


def make_answer(
    instance: Instance, prediction: Prediction, answers: Answers, warnings: tuple[str, ...]
) -> Assessment:
    """A model's answer, with its reasons to be careful."""
    card = answers.card
    assessment = Assessment(
        sop_instance_uid=instance.identity.sop_instance_uid,
        status=Status.WARNED if warnings else Status.OK,
        model=card.identity,
        findings=prediction.findings,
        messages=warnings,
        created_at=datetime.now(UTC),
        answer=prediction.answer,
        conformal_set=prediction.conformal_set,
        probabilities=tuple(zip(card.classes, map(float, prediction.probabilities), strict=True)),
        grades=card.grades,
        error_rate=answers.rule.error_rate,
        disagreement=prediction.disagreement if card.answers > 1 else None,
    )
    lead = assessment.primary
    if lead is None:  # all are exploratory: nothing is answered, and nothing raised
        return replace(assessment, answer=None, conformal_set=(), error_rate=None)
    if lead.answer is None:
        return assessment
    return replace(assessment, answer=lead.answer, conformal_set=lead.conformal_set)


def without_promises(assessment: Assessment, because: str = NO_FIGURES) -> Assessment:
    """An answer to a film unlike those the model was tested on: warned, and nothing is promised.

    A conformal set keeps its error rate among exchangeable films alone (Vovk 2005), so there is
    none.
    """
    return replace(
        assessment,
        status=Status.WARNED,
        messages=(because, *assessment.messages),
        grades="",
        conformal_set=(),
        error_rate=None,
    )
