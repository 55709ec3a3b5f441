"""Why the network answered so: what to explain, by which method, and the overlay made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import streamlit as st

from imaging.decoding import DistantImage
from imaging.entities import Assessment
from models.batch.priority import interactive
from models.explain.base.targets import AGAINST
from models.explain.checks.whereabouts import find_evidence
from models.explain.methods.explainer import Attribution, Explainer
from models.explain.methods.registry import METHODS
from models.rules.crop_box import WHOLE
from pages.ui import background, labels, network_answer, resources, session
from pages.ui.i18n import _
from pages.ui.viewer import Overlay

SPREAD = "spread"  # beside the methods: where the ensemble's members differ about the default's map
PLACES = ("first", "second")


@dataclass(frozen=True, slots=True)
class Choice:
    """The explanation a reader wants: by which model, method, and for which target."""

    model: str
    method: str
    target: str
    answer: Assessment | None = None  # whose part of the film is explained

    @property
    def view(self) -> tuple[float, float, float, float] | None:
        """The part of the film the answer is about, where its record says so."""
        return self.answer.view if self.answer else None


def render_choice(sop_instance_uid: str, answer: Assessment, *, two: bool) -> tuple[Choice, Choice]:
    """Target and method in one row; the explained finding stands in the address line.

    Parameters
    ----------
    sop_instance_uid : str
        The film.
    answer : Assessment
        What is explained, by the network that gave it.
    two : bool
        True when a second method is hung beside the first.

    Returns
    -------
    tuple[Choice, Choice]
        For the first and the second picture of the film; the same unless `two`.
    """
    model = answer.model.name if answer.model else ""
    explainer = resources.explainers().of(model)
    targets = [*explainer.targets, *pairs(explainer.card.classes)]
    wanted = st.query_params.get("finding", "")
    with st.popover(_("Map"), icon=":material/layers:", help=_("What the map explains, and how.")):
        target = st.selectbox(
            _("Explain"),
            targets,
            index=targets.index(wanted) if wanted in targets else 0,
            format_func=lambda option: _("Explain: {target}").format(
                target=target_label(model, option)
            ),
            key=f"target-{sop_instance_uid}",
        )
        first = Choice(model, _choose_method(PLACES[0], 0, explainer), target, answer)
        other = _choose_method(PLACES[1], 1, explainer) if two else first.method
    if target != targets[0] or wanted:  # each change is a press of the browser's Back
        st.query_params["finding"] = target
    return first, replace(first, method=other)


def _choose_method(place: str, index: int, explainer: Explainer) -> str:
    lines = [f"- **{_(m.label)}**: {_(m.meaning)}" for m in explainer.methods.values()]
    options = [*explainer.methods, *([SPREAD] if explainer.card.members > 1 else [])]
    return st.selectbox(
        _("Method"),
        options,
        index=index,
        format_func=lambda name: _("Method: {method}").format(method=method_label(name)),
        key=f"method-{place}",
        help="\n".join(lines),
    )


def overlay(image: DistantImage, choice: Choice, place: str) -> Overlay | None:
    """The explanation as the viewer draws it: over the film, never into it.

    Parameters
    ----------
    image : DistantImage
        The film; its first frame is explained.
    choice : Choice
        What is asked.
    place : str
        Of the picture among those on the wall; a slow method works in the background for it.

    Returns
    -------
    Overlay or None
        None while a slow method is at work, or after the reader stopped it.
    """
    attribution = explain(image, choice, place)
    if attribution is None:
        return None
    spread = choice.method == SPREAD
    explainer = resources.explainers().of(choice.model)
    sha256 = image.instance.identity.sha256
    where = find_evidence(attribution, session.subject(sha256, explainer, image, choice.answer))
    values = attribution.spread if spread else attribution.values
    return Overlay(
        values=values,
        limit=float(np.abs(values).max()) or 1.0,
        signed=not spread,
        method=method_label(choice.method),
        target=target_label(choice.model, choice.target),
        meaning=_("the models agree | they differ") if spread else _("against | for"),
        source=_describe_source(attribution),
        seen=attribution.view.edges,
        outline=where.outline if where and not spread else (),
    )


def render_wait(choices: tuple[Choice, Choice]) -> None:
    """Draw how far the slow methods have come, with a way to stop each and to begin again."""
    for place, choice in zip(PLACES, choices, strict=True):
        slot = _slot(place)
        label = _("{method}: computing \u2026").format(method=method_label(choice.method))
        background.render_wait(slot, label)
        if background.was_stopped(slot):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(_("{method} was stopped.").format(method=method_label(choice.method)))
                st.button(
                    _("Try again"),
                    key=f"again-{slot}",
                    on_click=background.begin_anew,
                    args=(slot,),
                )


def _describe_source(attribution: Attribution) -> str:
    """Name the network, and say what the line around a part of the film means."""
    line = network_answer.model_line(attribution.model)
    if attribution.view == WHOLE:
        return line
    return f"{line}. {_('Frame: the part of the image the AI looks at.')}"


def explain(image: DistantImage, choice: Choice, place: str = PLACES[0]) -> Attribution | None:
    """The network's explanation, kept for this session once made; None while it is not ready."""
    explainer = resources.explainers().of(choice.model)
    sha256 = image.instance.identity.sha256
    method = explainer.default if choice.method == SPREAD else choice.method
    key = (sha256, explainer.card.weights_sha256, method, choice.target, choice.view)
    subject = session.subject(sha256, explainer, image, choice.answer)
    slot = _slot(place)
    if not METHODS[method].slow:
        background.forget(slot)
        with interactive():
            return session.attribution(
                key, lambda: explainer.attribute(subject, choice.target, method)
            )
    kept = session.known_attribution(key)
    if kept is not None:
        background.forget(slot)
        return kept

    def work(report: background.OnProgress) -> Attribution:
        return explainer.attribute(subject, choice.target, method, on_progress=report)

    attribution = background.start(slot, key, work).result
    return None if attribution is None else session.attribution(key, lambda: attribution)


def _slot(place: str) -> str:
    return f"map-{place}"


def method_label(method: str) -> str:
    """A method's name on screen."""
    return _("Where the models differ") if method == SPREAD else _(METHODS[method].label)


def pairs(classes: Sequence[str]) -> list[str]:
    """Every two classes, to be weighed against each other."""
    return [f"{first}{AGAINST}{second}" for first, second in combinations(classes, 2)]


def target_label(model: str, target: str) -> str:
    """A finding's label or a class's name; of a difference, both."""
    first, _bar, other = target.partition(AGAINST)
    if other:
        return _("{first} rather than {other}").format(
            first=target_label(model, first), other=labels.within(target_label(model, other))
        )
    card = resources.card(model)
    for spec in card.findings:
        if spec.code == target:
            label = _(spec.label)
            return (
                _("{finding} (exploratory)").format(finding=label) if card.explores(spec) else label
            )
    return _(target)
