"""The eraser: take a part out of the film, or keep only that, and hear the network again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from imaging.decoding import DistantImage
from imaging.entities import RESEARCH_USE, Assessment, Finding, ModelIdentity
from imaging.review import drafting
from imaging.review.records import Annotation, Shape, Stage, Trial
from imaging.review.rights import Right
from imaging.study import StudyRecord
from models.batch.priority import interactive
from models.explain.base.lung_measures import find_lungs
from models.explain.base.lung_zones import zone_masks
from models.explain.base.subject import Subject
from models.explain.methods.explainer import Explainer
from models.explain.probes.erase import (
    AREAS,
    Fill,
    NamedStep,
    Outcome,
    Step,
    ask_again,
    drawn_mask,
    fills_of,
)
from models.inference.answers import Prediction
from pages.ui import autosave, labels, network_answer, resources, session
from pages.ui.deeds import deed
from pages.ui.explain import brush
from pages.ui.i18n import _

Mask = NDArray[np.float32]


def render_eraser(record: StudyRecord, image: DistantImage, answer: Assessment) -> None:
    """Draw the controls, the steps so far, and the network's answer before and after.

    Parameters
    ----------
    record : StudyRecord
        With the newest marks.
    image : DistantImage
        The film on the wall; its first frame is what the network read.
    answer : Assessment
        The network's answer to it.
    """
    explainer = resources.explainers().of(answer.model.name if answer.model else "")
    subject = session.subject(image.instance.identity.sha256, explainer, image, answer)
    uid = image.instance.identity.sop_instance_uid
    left, middle, right = st.columns([4, 4, 3], gap="medium")
    with left:
        fill = _render_controls(record, uid, subject, fills_of(explainer))
        keep = st.toggle(_("Keep only what is painted"), key=f"keep-painted-{uid}")
    steps = session.eraser_steps(uid)
    sha256 = image.instance.identity.sha256
    whole = _outcome(sha256, explainer, subject, [])
    remaining = _outcome(sha256, explainer, subject, [named.step for named in steps])
    with middle:
        _render_answers(record, uid, explainer.card.identity, whole.prediction, remaining)
    with right:
        brush.render_brush(
            brush.outline_masks(remaining.picture, subject, [named.step.mask for named in steps]),
            subject,
            key=uid,
            on_stroke=partial(_add, uid, _("Brush stroke"), fill=fill, keep=keep),
        )
        shown = _("What the AI is shown; paint on it. {research_use}.")
        st.caption(shown.format(research_use=RESEARCH_USE))


def _outcome(sha256: str, explainer: Explainer, subject: Subject, steps: Sequence[Step]) -> Outcome:
    """The answer to what is left, asked only when these steps are new."""
    weights = explainer.card.weights_sha256
    with interactive():
        make = partial(ask_again, explainer, subject, steps)
        return session.outcome(sha256, weights, subject.view, steps, make)


def _render_controls(
    record: StudyRecord, uid: str, subject: Subject, fills: Sequence[Fill]
) -> Fill:
    """The fill, drawn regions and zones; returns the fill."""
    fill = st.segmented_control(
        _("Fill with"),
        fills,
        default=fills[0],
        required=True,
        format_func=lambda kind: _fills()[kind],
        key=f"fill-{uid}",
    )
    fill = fill or fills[0]
    drawings = _drawings(record, uid)
    if drawings:
        name = st.selectbox(
            _("Region drawn on the image"),
            list(drawings),
            index=len(drawings) - 1,
            key=f"drawing-{uid}",
        )
        mark = drawings[name]
        mask = drawn_mask(mark.shape, mark.points, subject)
        if mask is None:
            st.caption(_("The AI does not look at this part of the image."))
        _render_buttons(uid, name, mask, fill)
    else:
        st.caption(
            _(
                "Draw a rectangle, an ellipse or a region on the image above, press a zone "
                "of the lungs, or paint on the small picture."
            )
        )
    _render_zones(uid, subject, fill)
    return fill


def _render_buttons(uid: str, name: str, mask: Mask | None, fill: Fill) -> None:
    erase, keep = st.columns(2)
    for column, label, kept in ((erase, _("Erase"), False), (keep, _("Keep only this"), True)):
        column.button(
            label,
            key=f"{'keep' if kept else 'erase'}-{uid}",
            width="stretch",
            disabled=mask is None,
            on_click=_add,
            args=(uid, name, mask, fill, kept),
        )


def _render_zones(uid: str, subject: Subject, fill: Fill) -> None:
    """The six zones as they lie on the film: the patient's right on the left."""
    lungs = find_lungs(subject.region, subject)
    if lungs is None:
        st.caption(_("The lungs were not clearly found, so there are no zones to press."))
        return
    masks = zone_masks(lungs)
    st.caption(_("Zones of the lungs: press to erase"))
    for part in ("upper", "middle", "lower"):
        for column, side in zip(st.columns(2), ("right", "left"), strict=True):
            name = zone_name(f"{side}_{part}")
            column.button(
                name,
                key=f"zone-{uid}-{side}-{part}",
                width="stretch",
                on_click=_add,
                args=(uid, name, masks[f"{side}_{part}"], fill, False),
            )


def _render_answers(
    record: StudyRecord, uid: str, model: ModelIdentity, before: Prediction, remaining: Outcome
) -> None:
    """The answer to the whole film, and to what is left of it where that says anything."""
    after = remaining.prediction
    steps = session.eraser_steps(uid)
    finding = before.findings[0]
    label = _(finding.label)
    words = labels.answer(finding, before.answer)
    st.markdown(f"{_('The whole image')}: **{labels.percent(finding.probability)}** \u2013 {words}")
    if steps and not remaining.informative:
        st.markdown(f"{_('What is left')}: **{_('not informative')}**")
        st.caption(not_informative(before))
    elif steps:
        now = after.findings[0]
        st.markdown(
            f"{_('What is left')}: **{labels.percent(now.probability)}** \u2013 "
            f"{labels.answer(now, after.answer)}"
        )
        st.caption(
            _("{verdict} Evidence for it (log-odds): {before} \u2192 {after}").format(
                verdict=verdict(before, after),
                before=f"{_log_odds(finding):+.1f}",
                after=f"{_log_odds(now):+.1f}",
            )
        )
    if steps:
        lines = [f"{at}. {named.name}" for at, named in enumerate(steps, start=1)]
        st.caption("  \n".join(lines))
    st.caption(
        _("{finding}: threshold {point}. {model}.").format(
            finding=label,
            point=labels.percent(finding.operating_point),
            model=network_answer.model_line(model),
        )
    )
    if steps:
        _render_undo(record, uid, model, before, remaining)


def _render_undo(
    record: StudyRecord, uid: str, model: ModelIdentity, before: Prediction, remaining: Outcome
) -> None:
    row = st.container(horizontal=True, gap="small")
    row.button(_("Undo step"), key=f"undo-{uid}", on_click=_undo_step, args=(uid,))
    row.button(_("Start again"), key=f"again-{uid}", on_click=_forget_steps, args=(uid,))
    final = record.review is not None and record.review.stage is Stage.FINAL
    row.button(
        _("Keep in the record"),
        key=f"record-{uid}",
        disabled=final or not remaining.informative,
        help=_("Signed off: make an amendment first.") if final else None,
        on_click=_keep,
        args=(record.study_instance_uid, uid, model, before, remaining.prediction),
    )
    kept = [t for t in record.review.trials if t.sop_instance_uid == uid] if record.review else []
    if kept:
        st.caption(_("In the record") + ": " + "; ".join(trial_line(trial) for trial in kept))


def trial_line(trial: Trial) -> str:
    """Describe a trial and its result in one line."""
    return _("{asked}: {before} \u2192 {after}").format(
        asked=", ".join(trial.regions),
        before=labels.percent(trial.before),
        after=labels.percent(trial.after),
    )


def zone_name(zone: str) -> str:
    """A zone of the lungs in words."""
    return {
        "right_upper": _("Right upper"),
        "right_middle": _("Right middle"),
        "right_lower": _("Right lower"),
        "left_upper": _("Left upper"),
        "left_middle": _("Left middle"),
        "left_lower": _("Left lower"),
    }[zone]


def not_informative(before: Prediction) -> str:
    """Say why an answer to what is left of this film says nothing."""
    if before.findings[0].positive:
        return _(
            "With both lungs filled in this way the AI still suspects the finding: on this "
            "image the filling itself looks like disease."
        )
    return _("On this image the filling itself looks like disease.")


def verdict(before: Prediction, after: Prediction) -> str:
    """Say whether the answer hung on what was taken out."""
    whole, left = before.findings[0], after.findings[0]
    if whole.positive and not left.positive:
        return _("The answer depended on what was erased.")
    if left.positive and not whole.positive:
        return _("What was erased had spoken against the finding.")
    if after.answer is not before.answer:  # such as from "unsure" to "present"
        return _("The answer changes without it.")
    return _("The answer stays without it.")


def _log_odds(finding: Finding) -> float:
    """Log-odds show what a saturated percentage hides; finite."""
    p = min(max(finding.probability, 1e-9), 1 - 1e-9)
    return math.log(p / (1 - p))


@deed(Right.FINDINGS)
def _add(uid: str, name: str, mask: Mask, fill: Fill, keep: bool) -> None:
    template = _("Only {region}") if keep else _("Without {region}")
    what = f"{template.format(region=labels.within(name))} ({_fills()[fill].lower()})"
    session.add_eraser_step(uid, NamedStep(what, Step(mask, fill, keep)))


@deed(Right.DRAFT)
def _keep(
    study: str, uid: str, model: ModelIdentity, before: Prediction, after: Prediction
) -> None:
    steps: Sequence[NamedStep] = session.eraser_steps(uid)
    trial = Trial(
        sop_instance_uid=uid,
        regions=tuple(named.name for named in steps),
        fill=steps[-1].step.fill.value,
        kept=steps[-1].step.keep,
        code=before.findings[0].code,
        before=before.findings[0].probability,
        after=after.findings[0].probability,
        answer_before=before.answer,
        answer_after=after.answer,
        model=model,
        at=datetime.now(UTC),
    )
    autosave.change(study, lambda review: drafting.try_out(review, trial))


def _drawings(record: StudyRecord, uid: str) -> dict[str, Annotation]:
    """The areas drawn on this film's first frame, by a name for each."""
    if record.review is None:
        return {}
    marks = [
        a
        for a in record.review.annotations
        if a.sop_instance_uid == uid and a.shape in AREAS and a.frame == 0
    ]
    shapes = {
        Shape.RECTANGLE: _("Rectangle"),
        Shape.ELLIPSE: _("Ellipse"),
        Shape.REGION: _("Region"),
    }
    named = {}
    for at, mark in enumerate(marks, start=1):
        label = labels.concept(mark.finding) if mark.finding else mark.label
        named[f"{shapes[mark.shape]} {at}" + (f": {label}" if label else "")] = mark
    return named


def _fills() -> dict[Fill, str]:
    return {
        Fill.LUNG: _("Normal lung"),
        Fill.BLUR: _("Blur"),
        Fill.INPAINT: _("Inpaint"),
        Fill.MEAN: _("Mean grey"),
    }


@deed(Right.FINDINGS)
def _undo_step(sop_instance_uid: str) -> None:
    session.undo_eraser_step(sop_instance_uid)


@deed(Right.FINDINGS)
def _forget_steps(sop_instance_uid: str) -> None:
    session.forget_eraser_steps(sop_instance_uid)
