"""How the file on the wall became the picture on screen, step by step, and what is odd about it."""

from __future__ import annotations

from html import escape

import streamlit as st

from imaging import fidelity
from imaging.decoding import DistantImage
from imaging.entities import Assessment
from imaging.fidelity import Fidelity
from models.inference.scope_report import with_networks
from pages.ui import resources, session
from pages.ui.i18n import _, ngettext, sentence
from pages.ui.messages import in_words

_KEY = "this-file"


def render_file(image: DistantImage, answer: Assessment | None) -> None:
    """Draw the fidelity report of one picture, folded; worked out when it is opened.

    Parameters
    ----------
    image : DistantImage
        The picture on the wall; its first frame is judged.
    answer : Assessment or None
        Names the network whose population the age is compared with.
    """
    with st.expander(_("This file"), key=_KEY, on_change="rerun") as folded:
        if not folded.open:
            return
        with in_words():
            digest = image.instance.identity.sha256
            report = session.fidelity(digest, image.inspect)
            card = resources.installed_card(answer.model if answer else None)
            _render(with_networks(report, image.instance, [card] if card else []))


def _render(report: Fidelity) -> None:
    """Cautions first, then encoding and steps as a numbered list."""
    count = len(report.cautions)
    head = ngettext("{count} caution", "{count} cautions", count).format(count=count)
    cautions = "".join(
        f'<div class="lb-reason">\u26a0 {escape(sentence(caution.words))}</div>'
        for caution in report.cautions
    )
    about = "".join(
        f'<div class="lb-small">{escape(sentence(line))}</div>'
        for line in (fidelity.encoding(report), fidelity.size(report))
    )
    steps = "".join(f"<li>{escape(sentence(step.words))}</li>" for step in report.steps)
    title = escape(_("From stored values to the screen"))
    st.html(
        f'<div class="lb-history"><b>{escape(head)}</b>{cautions}{about}'
        f"<b>{title}</b><ol>{steps}</ol></div>"
    )
