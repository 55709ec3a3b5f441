"""Burned-in text on a study's films: looked for when asked, shown, and ticked by the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from imaging.dicom.deidentify.burned_in_text import Box, Search
from imaging.entities import RESEARCH_USE, Instance
from imaging.rendering import numbered_boxes, png_bytes
from pages.ui import session
from pages.ui.data_uri import data_uri
from pages.ui.i18n import _, ngettext
from pages.ui.review.film_wall import load


@dataclass(frozen=True, slots=True)
class Ticked:
    """The boxes to blacken, by the hash of each file; `searched` once text was looked for."""

    searched: bool = False
    boxes: tuple[tuple[str, tuple[Box, ...]], ...] = ()

    def of(self, sha256: str) -> tuple[Box, ...]:
        """The boxes of one file."""
        return dict(self.boxes).get(sha256, ())


def render_search(study_instance_uid: str, films: Sequence[Instance]) -> Ticked:
    """Draw the button and its results; every box is ticked until the reader unticks it."""
    uid = study_instance_uid
    searches: dict[str, Search] = st.session_state.setdefault(f"burned-in-{uid}", {})
    if st.button(_("Look for burned-in text"), key=f"look-for-text-{uid}"):
        _search_films(films, searches)
    if any(film.identity.sha256 not in searches for film in films):
        return Ticked()
    ticks = {
        film.identity.sha256: _render_boxes(film, searches[film.identity.sha256]) for film in films
    }
    _render_summary([searches[film.identity.sha256] for film in films])
    return Ticked(True, tuple((sha256, boxes) for sha256, boxes in ticks.items() if boxes))


def _search_films(films: Sequence[Instance], searches: dict[str, Search]) -> None:
    """Search every film that was not searched yet; a stop in between loses none."""
    bar = st.progress(0.0, text=_("Looking for text ..."))
    for at, film in enumerate(films):
        bar.progress(at / len(films), text=_("Looking for text ..."))
        if film.identity.sha256 not in searches:
            searches[film.identity.sha256] = load(film).search_text()
    bar.empty()


def _render_boxes(film: Instance, result: Search) -> tuple[Box, ...]:
    """The film with its numbered boxes, the table, and the ticks."""
    if not result.boxes:
        return ()
    sha256 = film.identity.sha256
    address = session.picture(
        ("burned-in", sha256, result.boxes),
        lambda: data_uri(png_bytes(numbered_boxes(load(film).display_values(0), result.boxes))),
    )
    label = _("The image, with numbered rectangles around what was found")
    st.html(f'<img src="{address}" alt="{escape(label)}" style="max-width: 100%">')
    st.caption(_(RESEARCH_USE))
    names = (_("Number"), _("Top"), _("Left"), _("Bottom"), _("Right"))
    rows = [
        dict(zip(names, (at, *box), strict=True)) for at, box in enumerate(result.boxes, start=1)
    ]
    st.dataframe(rows, hide_index=True, height="content")
    numbers = range(1, len(rows) + 1)
    chosen = st.pills(
        _("Blacken"),
        numbers,
        selection_mode="multi",
        default=numbers,
        format_func=str,
        key=f"burned-in-ticks-{sha256}",
    )
    return tuple(result.boxes[number - 1] for number in chosen)


def _render_summary(searches: Sequence[Search]) -> None:
    """How much was looked at, and that the search is no proof."""
    count = sum(len(result.boxes) for result in searches)
    summary = ngettext("{count} area was found.", "{count} areas were found.", count)
    if not count:
        summary = _("No text was found.")
    st.caption(f"{summary.format(count=count)} {_('The search may miss some: look yourself.')}")
    looked, whole = (sum(getattr(result, name) for result in searches) for name in _FRAMES)
    if looked < whole:
        words = _("{looked} of {whole} frames were looked at; what is blackened is so in all.")
        st.caption(words.format(looked=looked, whole=whole))


_FRAMES = ("frames", "total_frames")
