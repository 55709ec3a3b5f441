"""The worst mistakes: a table of the films called most confidently wrong, and where allowed them.

The films are open (their licence stands in the card) but no part of Lightbox: they are drawn only
where the research data are installed, at thumbnail size, and are kept nowhere.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from imaging.decoding import read_image
from imaging.errors import AssistantError
from models.model_card.figure import format_figure
from models.model_card.figures import FilmAnswer, ModelFacts
from pages.ui import labels, resources
from pages.ui.data_uri import data_uri
from pages.ui.i18n import _
from pages.ui.model import summary as facts_words

_COUNT, _SIDE = 12, 224  # films; pixels of the longer side


def render_worst(facts: ModelFacts) -> None:
    """Draw the films on the wrong side of the operating point, the most confident first."""
    if not facts.films:
        facts_words.render_not_measured()
        return
    worst = facts.worst_films(_COUNT)
    if not worst:
        st.caption(_("No image is on the wrong side of the threshold."))
        return
    st.table([_row(facts, film) for film in worst], hide_index=True, alt=_("Worst mistakes"))
    data = resources.settings().data
    if data is None:
        st.caption(_("The pictures are shown only where the research data are installed."))
        return
    images = data / facts.card.training["data"]["images"]
    st.html(_grid([_picture(facts, images, film) for film in worst]))


def _row(facts: ModelFacts, film: FilmAnswer) -> dict[str, str]:
    label = _(facts.card.findings[0].label)
    return {
        _("File"): film.file,
        _("Truth"): _(film.label),
        _("Probability of {finding}").format(finding=label): format_figure(film.probability),
        _("Answer"): _state_answer(film.answer, facts.card.findings[0].label),
        _("Its parts differ by"): ""
        if film.disagreement is None
        else format_figure(film.disagreement),
    }


def _state_answer(answer: str, label: str) -> str:
    """Put a stored answer into words."""
    return {
        "present": labels.presence(label, True),
        "absent": labels.presence(label, False),
        "unsure": _("unsure"),
    }.get(answer, labels.NOTHING)


def _picture(facts: ModelFacts, images: Path, film: FilmAnswer) -> str:
    """A film with its truth and probability below (HTML); a sentence where it cannot be read."""
    caption = f"{film.file} \u00b7 {_(film.label)} \u00b7 {format_figure(film.probability)}"
    try:
        # the bare name: a table of figures must not be able to point anywhere else
        content = (images / Path(film.file).name).read_bytes()
        png = read_image(content, file_name=film.file).small_picture(_SIDE)
        shown = f'<img src="{data_uri(png)}" alt="{escape(caption)}">'
    except (AssistantError, OSError):
        shown = f"<div>{escape(_('This image is not installed here.'))}</div>"
    return f'<div>{shown}<div class="lb-small">{escape(caption)}</div></div>'


def _grid(pictures: list[str]) -> str:
    return f'<div class="lb-gallery">{"".join(pictures)}</div>'
