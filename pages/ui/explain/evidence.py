"""Below the film: what speaks for believing the network's reason, or against it."""

from __future__ import annotations

import streamlit as st

from imaging.decoding import DistantImage
from imaging.entities import Assessment
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui.deeds import only
from pages.ui.explain import eraser, measures, receipt, robustness, similar
from pages.ui.explain.overlay import Choice
from pages.ui.i18n import _


@only(Right.FINDINGS)
def render_evidence(
    record: StudyRecord, image: DistantImage, answer: Assessment, choice: Choice | None
) -> None:
    """Draw one part of the evidence, by the reader's choice.

    Parameters
    ----------
    record : StudyRecord
        With the newest marks.
    image : DistantImage
        The film on the wall.
    answer : Assessment
        The network's answer to it; it has findings.
    choice : Choice or None
        What is explained on the wall.
    """
    parts = {
        "receipt": _("Map quality tests"),
        "eraser": _("Eraser"),
        "dial": _("Robustness"),
        "similar": _("Similar cases"),
        "concepts": _("Measures"),
    }
    chosen = st.segmented_control(
        _("Check the explanation"),
        list(parts),
        format_func=parts.__getitem__,
        key="evidence",
    )
    if chosen == "receipt" and choice is not None:
        receipt.render_receipt(image, choice)
    elif chosen == "eraser":
        eraser.render_eraser(record, image, answer)
    elif chosen == "dial":
        robustness.render_robustness(image, answer)
    elif chosen == "similar":
        similar.render_similar(image, answer)
    elif chosen == "concepts":
        measures.render_concepts(image, answer)
