"""The robustness dial: how the answer moves as the film is taken a little worse."""

from __future__ import annotations

from functools import partial

import altair as alt
import numpy as np
import streamlit as st

from imaging.decoding import DistantImage
from imaging.entities import RESEARCH_USE, Answer, Assessment, Finding
from imaging.rendering import thumbnail
from models.explain.methods.explainer import Explainer
from models.explain.probes.robustness import CHANGES, LEVELS, SIDE, Curve, curve, disturb, neutral
from pages.ui import background, labels, network_answer, resources, session
from pages.ui.data_uri import render_picture
from pages.ui.i18n import _
from pages.ui.theme import colour

_SLOT, _SIZE, _HEIGHT = "dial", 220, 230


def render_robustness(image: DistantImage, answer: Assessment) -> None:
    """Draw one slider, its curve, the changed film and where the answer flips.

    The curve is worked out in the background; the page does not wait for it.
    """
    explainer = resources.explainers().of(answer.model.name if answer.model else "")
    uid = image.instance.identity.sop_instance_uid
    kind = st.segmented_control(  # as wide as the film: what does not fit is cut off
        _("Distort"),
        list(LEVELS),
        default="rotation",
        required=True,
        format_func=_label,
        key=f"dial-kind-{uid}",
    )
    kind = kind or "rotation"
    choose, right = st.columns([3, 2], gap="medium")
    with choose:
        level = st.select_slider(
            f"{_label(kind)}, {_(CHANGES[kind].unit)}",
            LEVELS[kind],
            value=neutral(kind),
            format_func=lambda value: f"{value:g}",
            key=f"dial-{kind}-{uid}",
        )
        curve = _find_curve(image, explainer, kind)
        if curve is None:
            background.render_wait(_SLOT, _("Running the AI at every level ..."))
        else:
            _render_curve(curve, level, explainer)
    with right:
        _render_film(image, kind, level)
        if curve is not None and curve.points:
            point = next(p for p in curve.points if p.level == level)
            lead = explainer.card.findings[0]
            finding = Finding(lead.code, lead.label, point.probability, lead.operating_point)
            st.markdown(
                f"**{labels.percent(point.probability)}** \u2013 "
                f"{labels.answer(finding, point.answer)}"
            )
            _render_difference(curve, answer)
        st.caption(network_answer.model_line(explainer.card.identity))


def _render_difference(curve: Curve, answer: Assessment) -> None:
    """Why the unchanged copy may get another figure than the film itself."""
    whole = answer.findings[0].probability if answer.findings else curve.original.probability
    if labels.percent(whole) != labels.percent(curve.original.probability):
        template = _(
            "Asked about a copy of at most {side} pixels; unchanged, it gives {copy}, the "
            "image itself {film}."
        )
        copy, film = labels.percent(curve.original.probability), labels.percent(whole)
        st.caption(template.format(side=SIDE, copy=copy, film=film))


def sentence(curve: Curve) -> str:
    """Where the answer flips, or how far it holds."""
    unit = _(CHANGES[curve.kind].unit)
    if not curve.flips:
        low, high = curve.holds
        return _("This answer holds from {low} to {high} ({unit}).").format(
            low=f"{low:g}", high=f"{high:g}", unit=unit
        )
    return " ".join(
        _("At {level} ({unit}) it becomes: {answer}.").format(
            level=_format_level(p.level, curve), unit=unit, answer=_answer_word(p.answer)
        )
        for p in curve.flips
    )


def _find_curve(image: DistantImage, explainer: Explainer, kind: str) -> Curve | None:
    """Find the curve in the background; None until then."""
    key = (image.instance.identity.sha256, explainer.card.weights_sha256, kind)
    kept = session.curve(key)
    if kept is not None:
        return kept
    film = image.luminance_values(0)
    work = partial(_work, explainer, film, kind)
    task = background.start(_SLOT, key, work)
    if task.stopped:
        return Curve(kind, neutral(kind), ())
    if task.done and task.result is not None:
        session.keep_curve(key, task.result)
        return task.result
    return None


def _work(
    explainer: Explainer, film: np.ndarray, kind: str, report: background.OnProgress
) -> Curve:
    return curve(explainer.classifier, film, kind, on_progress=report)


def _render_curve(curve: Curve, level: float, explainer: Explainer) -> None:
    if not curve.points:
        st.caption(_("Stopped."))
        return
    st.markdown(f"**{sentence(curve)}**")
    rows = [
        {"level": p.level, "probability": p.probability, "answer": _answer_word(p.answer)}
        for p in curve.points
    ]
    base = alt.Chart(alt.Data(values=rows), height=_HEIGHT)
    scale = alt.Scale(domain=[0, 1])
    line = base.mark_line(point=True, color=colour("blueColor")).encode(
        x=alt.X("level:Q", title=_(CHANGES[curve.kind].unit)),
        y=alt.Y("probability:Q", scale=scale, title=_("Probability")),
        tooltip=[
            alt.Tooltip("level:Q", title=_("Level")),
            alt.Tooltip("probability:Q", title=_("Probability"), format=".2f"),
            alt.Tooltip("answer:N", title=_("Answer")),
        ],
    )
    point = (
        alt.Chart(alt.Data(values=[{"p": explainer.card.findings[0].operating_point}]))
        .mark_rule(strokeDash=[4, 4], color=colour("orangeColor"))
        .encode(y=alt.Y("p:Q", scale=scale))
    )
    position = (
        alt.Chart(alt.Data(values=[{"l": level}]))
        .mark_rule(color=colour("grayTextColor"))
        .encode(x="l:Q")
    )
    st.altair_chart(line + point + position, width="stretch")
    st.caption(
        _(
            "Dashed: the threshold. Every changed image is framed anew, as if it had been "
            "taken like that."
        )
    )
    if curve.kind in ("contrast", "gamma"):
        st.caption(
            _(
                "Exposure and contrast are evened out before the models look, so only what "
                "saturates or is lost in steps can move the answer."
            )
        )


def _render_film(image: DistantImage, kind: str, level: float) -> None:
    """The changed film, small; the one on the wall stays as it is."""
    film = disturb(image.luminance_values(0), kind, level)
    low, high = float(film.min()), float(film.max())
    grey = ((film - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
    render_picture(thumbnail(grey, size=_SIZE), width=_SIZE, caption=_(RESEARCH_USE))


def _label(kind: str) -> str:
    short = {
        "shift_right": _("Shift left-right"),
        "shift_down": _("Shift up-down"),
        "rotation": _("Rotate"),
    }
    return short.get(kind) or _(CHANGES[kind].label)


def _answer_word(answer: Answer) -> str:
    return {
        Answer.PRESENT: _("suspected"),
        Answer.ABSENT: _("not seen"),
        Answer.UNSURE: _("unsure"),
        Answer.UNSUITABLE: _("not suitable"),
    }[answer]


def _format_level(level: float, curve: Curve) -> str:
    return f"{level:+g}" if curve.neutral == 0 and curve.points[0].level < 0 else f"{level:g}"
