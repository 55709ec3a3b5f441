"""The line above the film: whether the map on it can be believed, as soon as that is known.

A fragment of its own: it draws itself while the map is tested, and nothing else. A map is on the
film only once it was found reliable, by a style the viewer inherits: nobody sees colours that turn
out wrong a moment later.
"""

from __future__ import annotations

import streamlit as st

from imaging.decoding import DistantImage
from imaging.errors import AssistantError
from imaging.review.rights import Right
from models.explain.checks.receipt import Receipt
from models.explain.checks.verdict import NOT_RELIABLE, WEAK, WELL_SUPPORTED
from models.explain.checks.whereabouts import patient_place
from pages.ui import labels, poll
from pages.ui.deeds import fragment
from pages.ui.explain import receipt_tasks
from pages.ui.explain.overlay import SPREAD, Choice, method_label
from pages.ui.explain.receipt_tasks import Proof
from pages.ui.i18n import _, sentence
from pages.ui.messages import in_words

ICONS = {
    WELL_SUPPORTED: (":material/check_circle:", "green"),
    WEAK: (":material/help:", "orange"),
    NOT_RELIABLE: (":material/cancel:", "red"),
}


def render_lines(image: DistantImage, hung: dict[int, tuple[str, Choice]]) -> None:
    """Draw a line for every map on the wall; their tests go on beside the page.

    Parameters
    ----------
    image : DistantImage
        The film whose first frame is explained.
    hung : dict of int to (str, Choice)
        Number of the pane -> place of its map (one of `overlay.PLACES`), and what it shows.
    """
    receipt_tasks.drop(beside={place for place, _choice in hung.values()})
    for pane, (place, choice) in hung.items():
        if choice.method == SPREAD:  # where the networks differ is no reason to be tested
            _show_map(pane)
        else:
            _render_line(image, choice, place, pane, named=len(hung) > 1)


def verdict_label(name: str) -> str:
    """A verdict in the reader's language."""
    return {
        WELL_SUPPORTED: _("Well supported"),
        WEAK: _("Weak"),
        NOT_RELIABLE: _("Not reliable for this image"),
    }[name]


@fragment(Right.FINDINGS)
def _render_line(
    image: DistantImage, choice: Choice, place: str, pane: int, *, named: bool
) -> None:
    """Draw what is known of one map now; again in a moment while it is being tested."""
    name = method_label(choice.method) if named else _("Map")
    with in_words(), st.container(horizontal=True, vertical_alignment="center", gap="small"):
        try:
            proof = receipt_tasks.proof(image, choice, place)
        except AssistantError as exc:
            _say(name, _("not checked"), ":material/error:", "gray", sentence(str(exc)))
            return
        if proof.receipt is not None:
            _render_verdict(name, proof.receipt, pane, image)
        else:
            _render_wait(name, proof, pane)


def place_words(place: str) -> str:
    """A place of `models.explain.checks.whereabouts.Whereabouts` as a sentence; patient's side."""
    return {
        "right_upper": _("Evidence mainly in the right upper zone."),
        "right_middle": _("Evidence mainly in the right middle zone."),
        "right_lower": _("Evidence mainly in the right lower zone."),
        "left_upper": _("Evidence mainly in the left upper zone."),
        "left_middle": _("Evidence mainly in the left middle zone."),
        "left_lower": _("Evidence mainly in the left lower zone."),
        "right": _("Evidence mainly in the right lung."),
        "left": _("Evidence mainly in the left lung."),
        "both": _("Evidence in both lungs."),
    }[place]


def _render_verdict(name: str, receipt: Receipt, pane: int, image: DistantImage) -> None:
    verdict = receipt.verdict
    icon, tint = ICONS[verdict.name]
    because = " ".join(sentence(reason) for reason in verdict.reasons)
    if verdict.reliable and receipt.where is not None:
        orientation = image.instance.acquisition.patient_orientation
        place = patient_place(receipt.where.place, orientation)
        because = f"{place_words(place)} {because}" if place else because
    elif not verdict.reliable:
        because = f"{because} {_('The answer stands without a map.')}"
    _say(name, labels.within(verdict_label(verdict.name)), icon, tint, because)
    if verdict.reliable:
        _show_map(pane)


def _show_map(pane: int) -> None:
    """Let the viewer draw the map of a pane; without, it draws none."""
    st.html(f"<style>:root {{ --lb-map-{pane}: 1; }}</style>")


def _render_wait(name: str, proof: Proof, pane: int) -> None:
    if proof.stopped:
        _say(name, _("not checked"), ":material/block:", "gray", _("Stopped."))
    elif proof.awaits_map:
        _say(name, _("waiting"), ":material/hourglass_empty:", "gray")
    else:
        done = labels.percent(min(max(proof.progress or 0.0, 0.01), 0.99))
        text = _("being checked, {percent}").format(percent=done)
        _say(name, text, ":material/hourglass_top:", "gray")
        poll.beat(f"line-{pane}")


def _say(name: str, text: str, icon: str, tint: str, because: str = "") -> None:
    st.badge(labels.pair(name, text), icon=icon, color=tint)  # type: ignore[arg-type]
    if because:
        st.caption(because, width="stretch")
