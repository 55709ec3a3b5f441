"""Burned-in text on a study's films: looked for when asked, shown, and ticked by the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from imaging.dicom.deidentify.burned_in_text import Box, Search, search
from imaging.entities import RESEARCH_USE, Instance
from imaging.rendering import numbered_boxes, png_bytes
from pages.ui import session
from pages.ui.data_uri import data_uri
from pages.ui.i18n import _, ngettext
from pages.ui.review.film_wall import load


@dataclass(frozen=True, slots=True)
class Ticked:
    """What the reader wants blackened, by the hash of each file; `asked` once it was looked for."""

    asked: bool = False
    boxes: tuple[tuple[str, tuple[Box, ...]], ...] = ()

    def of(self, sha256: str) -> tuple[Box, ...]:
        """The boxes of one file."""
        return dict(self.boxes).get(sha256, ())


def render_search(study_instance_uid: str, films: Sequence[Instance]) -> Ticked:
    """Draw the button and what it found; every find is ticked until the reader unticks it."""
    uid = study_instance_uid
    found: dict[str, Search] = st.session_state.setdefault(f"burned-in-{uid}", {})
    if st.button(_("Look for burned-in text"), key=f"look-for-text-{uid}"):
        _look(films, found)
    if any(one.identity.sha256 not in found for one in films):
        return Ticked()
    boxes = {one.identity.sha256: _render_found(one, found[one.identity.sha256]) for one in films}
    _say(found, films)
    return Ticked(True, tuple((name, one) for name, one in boxes.items() if one))


def _look(films: Sequence[Instance], found: dict[str, Search]) -> None:
    """Search every film that was not searched yet; a stop in between loses none."""
    bar = st.progress(0.0, text=_("Looking for text ..."))
    for at, one in enumerate(films):
        bar.progress(at / len(films), text=_("Looking for text ..."))
        if one.identity.sha256 not in found:
            found[one.identity.sha256] = search(load(one))
    bar.empty()


def _render_found(film: Instance, found: Search) -> tuple[Box, ...]:
    """The film with its numbered boxes, the table, and the ticks."""
    if not found.boxes:
        return ()
    sha256 = film.identity.sha256
    address = session.picture(
        ("burned-in", sha256, found.boxes),
        lambda: data_uri(png_bytes(numbered_boxes(load(film).display_values(0), found.boxes))),
    )
    label = _("The film, with numbered rectangles around what was found")
    st.html(f'<img src="{address}" alt="{escape(label)}" style="max-width: 100%">')
    st.caption(_(RESEARCH_USE))
    names = (_("Number"), _("Top"), _("Left"), _("Bottom"), _("Right"))
    rows = [
        dict(zip(names, (at, *box), strict=True)) for at, box in enumerate(found.boxes, start=1)
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
    return tuple(found.boxes[number - 1] for number in chosen)


def _say(found: dict[str, Search], films: Sequence[Instance]) -> None:
    """How much was looked at, and that the search is no proof."""
    searches = [found[one.identity.sha256] for one in films]
    count = sum(len(one.boxes) for one in searches)
    said = ngettext("{count} place was found.", "{count} places were found.", count)
    if not count:
        said = _("No text was found.")
    st.caption(f"{said.format(count=count)} {_('The search may miss some: look yourself.')}")
    looked, whole = (sum(getattr(one, name) for one in searches) for name in _FRAMES)
    if looked < whole:
        said = _("{looked} of {whole} frames were looked at; what is blackened is so in all.")
        st.caption(said.format(looked=looked, whole=whole))


_FRAMES = ("frames", "total_frames")
