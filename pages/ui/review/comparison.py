"""How the prior is laid over the image: by the lungs the network found, or why that cannot be."""

from __future__ import annotations

from collections.abc import Sequence

from imaging.entities import Assessment
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import network_answer, session
from pages.ui.i18n import _
from pages.ui.review.hanging_protocol import Hung, Prior
from pages.ui.viewer import Comparison
from pages.ui.viewer.scene import WHOLE, Edges


def compare(
    record: StudyRecord,
    priors: Sequence[Prior],
    hung: Sequence[Hung],
    *,
    hidden: bool,
) -> Comparison | None:
    """What the viewer needs to change between the first image that hangs and its prior.

    The boxes around the lungs (`Assessment.view`) are a network's, so none leaves while its answer
    is `hidden` from a blind reader, where AI is off, and where the reader is told no findings.

    Returns
    -------
    Comparison or None
        None for a patient without a prior. Without boxes it says why, and what to do instead.
    """
    if not priors:
        return None
    beside = next(((at, film) for at, film in enumerate(hung) if film.prior), None)
    if beside is None:
        return Comparison(reason=_("Show the prior first: choose 'With prior' above the image."))
    at, film = beside
    key, side_by_side = str(at), _("Compare the two side by side.")
    prior = next(one for one in priors if film.instance in one.record.instances)
    why = _secrecy(record, prior, hidden=hidden)
    if not why:
        here, there = (_box(one.assessment) for one in (hung[0], film))
        if here and there:
            answers = (hung[0].assessment, film.assessment)
            models = dict.fromkeys(
                network_answer.model_line(one.model) for one in answers if one and one.model
            )
            aligned = _("Aligned by the lungs the AI found, at one scale, not turned. {model}")
            return Comparison(key, (here, there), aligned.format(model="; ".join(models)))
        why = (
            _("The AI located no lungs in the prior, so nothing aligns the two.")
            if here
            else _("The AI located no lungs in this image, so nothing aligns the two.")
        )
    return Comparison(key, reason=f"{why} {side_by_side}")


def _secrecy(record: StudyRecord, prior: Prior, *, hidden: bool) -> str:
    """Why the boxes may not be used, whether or not there are any; empty where they may."""
    if prior.doubt:
        return _("The prior may be another patient's, so it is not laid over.")
    if hidden:
        return _("The AI's result would align the two, and opens after your own answer.")
    if record.ai_off is not None or prior.record.ai_off is not None:
        return _("AI is off, and nothing else aligns the two.")
    if not session.may(Right.FINDINGS):
        return _("What the AI found is not shown to you, and nothing else aligns the two.")
    return ""


def _box(assessment: Assessment | None) -> Edges | None:
    """The box around the lungs; None where no network looked for them, or none were found."""
    view = assessment.view if assessment else None
    return None if view == WHOLE else view
