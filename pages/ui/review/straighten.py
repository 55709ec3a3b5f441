"""Crop and straighten: the film in a photograph is cut out by the reader, and asked about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image as PilImage

from imaging.decoding import DistantImage
from imaging.entities import RESEARCH_USE, Assessment, Corners, Derivation, Instance, Status
from imaging.errors import AssistantError
from imaging.intake.straightened import SIGNED, is_photograph, use_picture
from imaging.photograph.find import find_film
from imaging.photograph.straighten import Cut, is_usable, straighten, whole
from imaging.rendering import png_bytes
from imaging.review.records import Stage
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import labels, poll, resources, session
from pages.ui.corners.component import render_corners
from pages.ui.data_uri import data_uri, render_picture
from pages.ui.deeds import deed, fragment
from pages.ui.i18n import _, sentence
from pages.ui.messages import in_words

_KEY = "straighten"
_SIDE = 1100  # pixels of the photograph on the screen


@dataclass(slots=True, eq=False)
class _Draft:
    """What the reader has made of one photograph so far.

    ``shape`` is the photograph's, ``small`` the same made smaller for the screen, ``picture`` its
    data address. ``generation`` counts how often the corners were set by other means than dragging.
    """

    sop_instance_uid: str
    shape: tuple[int, ...]
    small: NDArray[Any]
    picture: str
    corners: Corners
    found: bool
    quarter_turns: int = 0
    mirrored: bool = False
    generation: int = 0

    @property
    def cut(self) -> Cut:
        return Cut(self.corners, self.quarter_turns, self.mirrored)


def origin(derivation: Derivation) -> str:
    """Who made a film out of a photograph, and when, as a sentence."""
    words = _("From a photograph, cropped and straightened by {reader}, {time}.")
    if derivation.mirrored:
        words = _("From a photograph, cropped, straightened and MIRRORED by {reader}, {time}.")
    return words.format(reader=derivation.reader, time=labels.moment(derivation.created_at))


def is_open(instance: Instance) -> bool:
    """True while the reader works at this photograph."""
    return st.session_state.get(f"{_KEY}-open") == instance.identity.sop_instance_uid


def render_way_on(record: StudyRecord, instance: Instance, answer: Assessment | None) -> None:
    """Draw, above a photograph that was refused, the way on: a refusal is no dead end."""
    if answer is None or answer.status is not Status.REFUSED or not is_photograph(instance):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        _render_button(record, instance)
        st.caption(
            _(
                "Is this a photograph of a film, or is it rotated? Lightbox cuts the film "
                "out, makes it grey and upright, and runs the AI again."
            ),
            width="stretch",
        )


def render_offer(record: StudyRecord, instance: Instance, answer: Assessment | None) -> None:
    """Draw, below a film, who made it out of a photograph; else what a reader may make of it."""
    _watch_for_answer(record)
    if instance.derivation is not None:
        if not instance.derivation.is_region:
            st.caption(origin(instance.derivation))
    elif is_photograph(instance) and (answer is None or answer.status is not Status.REFUSED):
        _render_button(record, instance)


def _render_button(record: StudyRecord, instance: Instance) -> None:
    signed = record.review is not None and record.review.stage is Stage.FINAL
    st.button(
        _("Crop and straighten"),
        icon=":material/crop_rotate:",
        key=f"{_KEY}-{record.study_instance_uid}",
        on_click=_open,
        args=(instance.identity.sop_instance_uid,),
        disabled=signed,
        help=sentence(SIGNED) if signed else None,
    )


@deed(Right.FACTS)
def _open(sop_instance_uid: str) -> None:
    st.session_state[f"{_KEY}-open"] = sop_instance_uid


@deed(Right.FACTS)
def _close() -> None:
    st.session_state.pop(f"{_KEY}-open", None)


def render_tool(image: DistantImage) -> None:
    """Draw the photograph with its corners, the film they make, and what may be done with it."""
    with in_words():
        draft = _draft(image)
        st.markdown(f"**{_('Crop and straighten')}**")
        if draft.found:
            st.caption(
                _(
                    "The film was looked for. Drag its four corners where they belong, or choose "
                    "one and move it with the arrow keys (Shift: faster)."
                )
            )
        else:
            st.warning(
                _(
                    "No film was found in this picture. Drag the four corners onto those of the "
                    "film, or choose one and move it with the arrow keys (Shift: faster)."
                )
            )
        photograph, film = st.columns([3, 2], gap="medium")
        with photograph:
            draft.corners = render_corners(
                draft.picture,
                draft.corners,
                draft.shape,
                key=f"{_KEY}-corners-{draft.sop_instance_uid}",
                generation=draft.generation,
            )
            with st.container(horizontal=True):
                st.button(_("Find the film"), on_click=_find, args=(draft,))
                st.button(_("Whole picture"), on_click=_take_whole, args=(draft,))
        with film:
            _render_film(draft, image)


def _render_film(draft: _Draft, image: DistantImage) -> None:
    """The film as it would be, how it stands, and the way on."""
    usable = is_usable(draft.corners, draft.shape)
    if usable:
        render_picture(png_bytes(_preview(draft)), caption=_(RESEARCH_USE))
    else:
        st.warning(
            _("These corners make no film: put each at its own corner, none across another.")
        )
    with st.container(horizontal=True):
        turn_left, turn_right = _("Rotate left"), _("Rotate right")
        st.button(turn_left, icon=":material/rotate_left:", on_click=_turn, args=(draft, -1))
        st.button(turn_right, icon=":material/rotate_right:", on_click=_turn, args=(draft, 1))
    key = f"{_KEY}-mirror-{draft.sop_instance_uid}"
    session.settle(key, draft.mirrored)
    st.checkbox(
        _("Mirror: swap left and right"),
        key=key,
        help=_("Only for a film that was photographed from behind. Lightbox never does it itself."),
        on_change=_mirror,
        args=(draft, key),
    )
    if draft.mirrored:
        st.warning(
            _(
                "Left and right are swapped. The image, the report and every export will say "
                "that you mirrored it."
            )
        )
    st.caption(
        _(
            "The photograph stays as it is. The answer is marked \u201cfrom a photograph\u201d: "
            "no stated accuracy and no length in millimetres holds for it."
        )
    )
    with st.container(horizontal=True):
        st.button(
            _("Use this picture"),
            type="primary",
            disabled=not usable,
            on_click=_use,
            args=(draft, image),
        )
        st.button(_("Cancel"), on_click=_close)


def _draft(image: DistantImage) -> _Draft:
    """What was done so far; at first, the corners that were found."""
    uid = image.instance.identity.sop_instance_uid
    draft: _Draft | None = st.session_state.get(f"{_KEY}-draft")
    if draft is None or draft.sop_instance_uid != uid:
        seen = image.photograph(_SIDE)
        picture = data_uri(_jpeg(seen.small), "jpeg")
        draft = _Draft(uid, seen.shape, seen.small, picture, seen.corners, seen.found)
        st.session_state[f"{_KEY}-draft"] = draft
    return draft


def _jpeg(values: NDArray[Any]) -> bytes:
    """A picture for the screen alone."""
    buffer = BytesIO()
    PilImage.fromarray(_to_bytes(values)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _preview(draft: _Draft) -> NDArray[np.uint8]:
    """The film of the small picture."""
    across, down = (draft.small.shape[at] / draft.shape[at] for at in (1, 0))
    one, two, three, four = ((column * across, row * down) for column, row in draft.corners)
    cut = replace(draft.cut, corners=(one, two, three, four))
    return _to_bytes(straighten(draft.small, cut))


def _to_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values of 8 or 16 bits as a screen has them."""
    return (values >> 8 if values.dtype == np.uint16 else values).astype(np.uint8)


def _set_corners(draft: _Draft, corners: Corners) -> None:
    draft.corners = corners
    draft.generation += 1


@deed(Right.FACTS)
def _find(draft: _Draft) -> None:
    """Look for the film again, on the picture of the screen."""
    found = find_film(draft.small)
    across, down = (draft.shape[at] / draft.small.shape[at] for at in (1, 0))
    one, two, three, four = ((column * across, row * down) for column, row in found.corners)
    draft.found = found.found
    _set_corners(draft, (one, two, three, four))


@deed(Right.FACTS)
def _take_whole(draft: _Draft) -> None:
    _set_corners(draft, whole(draft.shape))


@deed(Right.FACTS)
def _turn(draft: _Draft, quarters: int) -> None:
    draft.quarter_turns = (draft.quarter_turns + quarters) % 4


@deed(Right.FACTS)
def _mirror(draft: _Draft, key: str) -> None:
    draft.mirrored = bool(st.session_state[key])


@deed(Right.FACTS)
def _use(draft: _Draft, image: DistantImage) -> None:
    """Queue the film before all others, and show it as soon as it is answered."""
    try:
        queued = use_picture(resources.repository(), image, draft.cut, reader=session.account())
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
        return
    resources.worker().wake()
    identity = queued.film.identity
    session.choose_image(identity.study_instance_uid, identity.sop_instance_uid)
    st.session_state.pop(f"{_KEY}-draft", None)
    _close()


def _watch_for_answer(record: StudyRecord) -> None:
    """Draw the page anew once a film that this reader has cut out is answered."""
    mine = session.account().name
    made = [film.derivation for film in record.waiting if film.derivation is not None]
    if any(derivation.account == mine for derivation in made):
        _watch(record.study_instance_uid, len(record.waiting))


@fragment(Right.FILMS)
def _watch(study_instance_uid: str, count: int) -> None:
    if resources.repository().pending.films_waiting(study_instance_uid) != count:
        poll.redraw()
    poll.beat("straightened")
