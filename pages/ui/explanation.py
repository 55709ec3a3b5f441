"""Why the network said it: the switch, the choices and the legend of an overlay."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from html import escape

import streamlit as st

from imaging.dicom import Image
from imaging.display import colour_table
from models.attribution import METHODS, Attribution
from pages.ui import resources, state
from pages.ui.i18n import _


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader wants explained, and how it is drawn. Fractions lie in 0 to 1."""

    model: str
    method: str
    target: str
    opacity: float
    threshold: float
    beside: bool

    @property
    def key(self) -> tuple[Hashable, ...]:
        """Everything that changes the drawn overlay."""
        return self.method, self.target, self.opacity, self.threshold


def render_switch(sop_instance_uid: str) -> bool:
    """A button (key E) that shows and hides the explanation; hidden when a film opens."""
    shown = state.overlay_shown(sop_instance_uid)
    st.button(
        _("Hide explanation") if shown else _("Show explanation"),
        on_click=state.flip_overlay,
        args=(sop_instance_uid,),
        shortcut="E",
        type="primary" if shown else "secondary",
        key="switch-overlay",
    )
    return shown


def render_choice(sop_instance_uid: str, model: str) -> Choice:
    """The overlay's controls, in one row. The explained finding stands in the address line.

    `model` names the network that gave the answer.
    """
    targets = resources.explainers().of(model).targets
    wanted = st.query_params.get("finding", "")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        target = st.selectbox(
            _("Explain"),
            targets,
            index=targets.index(wanted) if wanted in targets else 0,
            format_func=partial(target_label, model),
            key=f"target-{sop_instance_uid}",
            width=230,
        )
        method = st.selectbox(
            _("Method"),
            list(METHODS),
            format_func=lambda name: _(METHODS[name].label),
            key=f"method-{sop_instance_uid}",
            help="\n".join(f"- **{_(m.label)}**: {_(m.meaning)}" for m in METHODS.values()),
            width=210,
        )
        opacity = st.slider(_("Opacity"), 0, 100, 60, 5, format="%d%%", key="opacity", width=130)
        threshold = st.slider(
            _("Hide below"), 0, 95, 20, 5, format="%d%%", key="threshold", width=130
        )
        beside = st.toggle(_("Side by side"), key="beside")
    st.query_params["finding"] = target
    return Choice(model, method, target, opacity / 100, threshold / 100, beside)


def explain(image: Image, choice: Choice) -> Attribution:
    """The network's explanation, kept for this session once made."""
    explainer = resources.explainers().of(choice.model)
    sha256 = image.instance.identity.sha256
    key = (sha256, explainer.card.weights_sha256, choice.method, choice.target)
    return state.attribution(
        key,
        lambda: explainer.attribute(image.luminance_values(0), choice.target, choice.method),
    )


def target_label(model: str, target: str) -> str:
    """A finding's label or a class's name."""
    for spec in resources.card(model).findings:
        if spec.code == target:
            label = _(spec.label)
            return _("{finding} (exploratory)").format(finding=label) if spec.exploratory else label
    return _(target)


def caption(choice: Choice) -> str:
    """What a picture with an overlay is."""
    return _("AI explanation of {finding}: {method} - not for diagnosis").format(
        finding=target_label(choice.model, choice.target), method=_(METHODS[choice.method].label)
    )


def legend(choice: Choice, *, framed: bool) -> str:
    """Colour bar with the meaning of its ends, of the method and of the frame (HTML)."""
    stops = ",".join(f"rgb{tuple(colour)}" for colour in colour_table(signed=True)[::15].tolist())
    method = METHODS[choice.method]
    target = target_label(choice.model, choice.target)
    meaning = _(method.meaning)
    if framed:
        meaning += " " + _("Frame: the part of the film the network looks at.")
    return (
        f'<div class="lb-legend"><b>{escape(_(method.label))}</b>'
        f"<span>{escape(_('speaks against'))}</span>"
        f'<i style="background:linear-gradient(90deg,{stops})"></i>'
        f"<span>{escape(_('speaks for'))} {escape(target)}</span>"
        f'<span class="lb-small">{escape(meaning)}</span></div>'
    )
