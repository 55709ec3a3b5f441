"""The reference cases of the installed models, loaded once, and work on a film beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from imaging.decoding import DistantImage
from imaging.entities import Assessment
from models.checkpoint.card import ModelCard
from models.explain.base.subject import Subject
from models.explain.cases.reference import Reference
from models.explain.cases.reference_file import load_reference
from models.explain.methods.explainer import Explainer
from models.network.checkpoint import CARD, installed_checkpoints
from pages.ui import background, poll, resources
from pages.ui.i18n import _

T = TypeVar("T")


def explainer_and_reference(model: str) -> tuple[Explainer, Reference | None]:
    """The explainer of a model, and its reference cases (None: it came without).

    Raises
    ------
    CheckpointError
        If the reference cases are damaged or belong to other weights.
    """
    explainer = resources.explainers().of(model)
    return explainer, _load(explainer.card.weights_sha256)


@st.cache_resource(show_spinner=False)
def _load(weights_sha256: str) -> Reference | None:
    """Shared by all sessions: the training films are open, and none of them is a patient here."""
    for folder in installed_checkpoints(resources.settings().weights):
        card = ModelCard.read(folder / CARD)
        if card.weights_sha256 == weights_sha256:
            return load_reference(folder, card)
    return None


def work_out(
    slot: str,
    label: str,
    image: DistantImage,
    explainer: Explainer,
    answer: Assessment,
    work: Callable[[Subject], T],
) -> T | None:
    """The result of a piece of work on a film, or None while a bar or a button stands there.

    Parameters
    ----------
    slot, label : str
        Place on the page, and the words beside the bar while it is worked out.
    image : DistantImage
    explainer : Explainer
    answer : Assessment
        The network's answer to the film: the part it looked at is worked on.
    work : callable
        Runs beside the page: nothing of Streamlit's in it.

    Raises
    ------
    AssistantError
        Whatever the work raises.
    """
    key = (image.instance.identity.sha256, explainer.card.weights_sha256, answer.view)

    def begin(report: background.OnProgress) -> T:
        report(0.1)
        subject = explainer.look(image.luminance_values(0), answer)
        report(0.5)
        return work(subject)

    task = background.start(slot, key, begin)
    if task.done and not task.stopped:
        return task.result
    if not task.stopped:
        background.render_wait(slot, label)
    elif st.button(_("Stopped. Work it out again"), key=f"again-{slot}"):
        background.forget(slot)
        poll.redraw()
    return None
