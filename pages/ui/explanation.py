"""Why the network said it: what to explain, by which method, and the overlay made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import streamlit as st

from imaging.dicom import Image
from models.explain.explainer import Attribution
from models.explain.methods import METHODS
from models.localiser import WHOLE
from pages.ui import findings, resources, state
from pages.ui.i18n import _
from pages.ui.viewer import Overlay


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader wants explained: by which model, method, and for which target."""

    model: str
    method: str
    target: str


def render_choice(sop_instance_uid: str, model: str, *, two: bool) -> tuple[Choice, Choice]:
    """Target and method in one row; the explained finding stands in the address line.

    Parameters
    ----------
    sop_instance_uid : str
        The film.
    model : str
        Name of the network that gave the answer.
    two : bool
        True when a second method is hung beside the first.

    Returns
    -------
    tuple[Choice, Choice]
        For the first and the second picture of the film; the same unless `two`.
    """
    targets = resources.explainers().of(model).targets
    wanted = st.query_params.get("finding", "")
    target = st.selectbox(
        _("Explain"),
        targets,
        index=targets.index(wanted) if wanted in targets else 0,
        format_func=partial(target_label, model),
        key=f"target-{sop_instance_uid}",
        label_visibility="collapsed",
        width=190,
    )
    st.query_params["finding"] = target
    first = Choice(model, _method("first", 0), target)
    return first, replace(first, method=_method("second", 1)) if two else first


def _method(place: str, index: int) -> str:
    return st.selectbox(
        _("Method"),
        list(METHODS),
        index=index,
        format_func=lambda name: _(METHODS[name].label),
        key=f"method-{place}",
        help="\n".join(f"- **{_(m.label)}**: {_(m.meaning)}" for m in METHODS.values()),
        label_visibility="collapsed",
        width=190,
    )


def overlay(image: Image, choice: Choice) -> Overlay:
    """The explanation as the viewer draws it: over the film, never into it."""
    found = explain(image, choice)
    method = METHODS[choice.method]
    return Overlay(
        values=found.values,
        limit=float(np.abs(found.values).max()) or 1.0,
        signed=True,
        method=_(method.label),
        target=target_label(choice.model, choice.target),
        meaning=f"{_('speaks against')} | {_('speaks for')}",
        source=_source(found),
        seen=found.view.edges,
    )


def _source(found: Attribution) -> str:
    """Who was asked, and what the line around a part of the film means."""
    line = findings.model_line(found.model)
    if found.view == WHOLE:
        return line
    return f"{line}. {_('Frame: the part of the film the network looks at.')}"


def explain(image: Image, choice: Choice) -> Attribution:
    """The network's explanation, kept for this session once made."""
    explainer = resources.explainers().of(choice.model)
    sha256 = image.instance.identity.sha256
    key = (sha256, explainer.card.weights_sha256, choice.method, choice.target)
    return state.attribution(
        key,
        lambda: explainer.attribute(
            explainer.look(image.luminance_values(0)), choice.target, choice.method
        ),
    )


def target_label(model: str, target: str) -> str:
    """A finding's label or a class's name."""
    for spec in resources.card(model).findings:
        if spec.code == target:
            label = _(spec.label)
            return _("{finding} (exploratory)").format(finding=label) if spec.exploratory else label
    return _(target)
