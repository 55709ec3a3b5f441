"""Ask about this region: the reader draws the box of a joint on a film, and says which side it is.

Two boxes stand for the two sides of a pair: one press asks about both. Left and right come from the
header or from the reader, never from the pixels; where boxes begin is a place to start from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import streamlit as st

from imaging.decoding import DistantImage
from imaging.derivation import box_corners
from imaging.entities import RESEARCH_USE, Assessment, Box, Derivation, DerivationKind, Instance
from imaging.errors import AssistantError
from imaging.intake.region import SIGNED, Region, ask_about, is_inside
from imaging.regions import (
    LEFT,
    RIGHT,
    can_be_marked,
    is_paired,
    other_side,
    shows_both,
    side_at_left,
    stated_side,
    why_not,
)
from imaging.review.records import Stage
from imaging.review.rights import Right
from imaging.study import StudyRecord
from models.inference.anatomy import reads_part
from models.inference.region_scope import check_region
from models.inference.scope import check_scope, stated_parts
from pages.ui import labels, resources, session
from pages.ui.data_uri import data_uri
from pages.ui.deeds import deed
from pages.ui.escape import plain
from pages.ui.i18n import _, ngettext, sentence
from pages.ui.messages import in_words
from pages.ui.regions.boxes import Drawn, render_boxes

_KEY = "region"
_SIDE = 1100  # pixels of the film on the screen
_START_MM = 120.0  # of a joint's box, where the film has a spacing
_TWO_MM = 250.0  # a film of a paired part that is as wide shows two of them
_NONE = "-"  # the reader's word that a part is not paired
_REASON = "Ask about this region"  # what a refusal says that a region would mend


@dataclass(slots=True, eq=False)
class _Draft:
    """What the reader has drawn on one film so far.

    ``sides`` are those of the boxes, "R", "L" or `_NONE`; "" where nobody has said it.
    ``generation`` counts how often the boxes were set by other means than the reader's hand.
    """

    film: Instance
    picture: str
    trouble: str
    drawn: Drawn
    sides: tuple[str, ...]
    generation: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        return self.film.geometry.rows, self.film.geometry.columns


def is_open(instance: Instance) -> bool:
    """True while the reader draws on this film."""
    return st.session_state.get(f"{_KEY}-open") == instance.identity.sop_instance_uid


def render_way_on(record: StudyRecord, instance: Instance, answer: Assessment | None) -> None:
    """Draw, above a film that shows more than one joint, the way on: a refusal is no dead end."""
    if not _asks(answer) or not can_be_marked(instance):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        _render_button(record, instance, primary=True)
        st.caption(
            _(
                "Draw a box around the joint, or around both, and say which side it is: the AI "
                "answers about each."
            ),
            width="stretch",
        )


def render_offer(record: StudyRecord, instance: Instance, answer: Assessment | None) -> None:
    """Draw, below a film, what a reader may ask; of a region, who marked it on which film."""
    if instance.derivation is not None and instance.derivation.is_region:
        st.caption(plain(labels.region_origin(record, instance.derivation)))
    elif can_be_marked(instance) and not _asks(answer) and _is_worth_asking(instance, answer):
        _render_button(record, instance)


def _is_worth_asking(instance: Instance, answer: Assessment | None) -> bool:
    """Whether an installed model reads regions of what is shown, or nobody knows what is shown."""
    readers = [card for card in resources.panel().cards if card.scope.region_mm]
    scopes = [card.scope for card in readers]
    parts = stated_parts(instance.acquisition)
    if not parts:
        if answer is None or answer.model is None or not answer.findings:
            return bool(scopes)
        return answer.model.name in [card.name for card in readers]
    return any(reads_part(part, scope.body_parts) for part in parts for scope in scopes)


def _asks(answer: Assessment | None) -> bool:
    """True for a refusal that a region of the film would mend."""
    return answer is not None and any(_REASON in message for message in answer.messages)


def _render_button(record: StudyRecord, instance: Instance, *, primary: bool = False) -> None:
    signed = record.review is not None and record.review.stage is Stage.FINAL
    st.button(
        _("Ask about this region"),
        icon=":material/select:",
        key=f"{_KEY}-{record.study_instance_uid}",
        type="primary" if primary else "secondary",
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
    st.session_state.pop(f"{_KEY}-draft", None)


def render_tool(image: DistantImage) -> None:
    """Draw the film with its boxes, their sides, and what may be done with them."""
    with in_words():
        draft = _draft(image)
        st.markdown(f"**{_('Ask about this region')}**")
        if draft.trouble:
            st.warning(sentence(draft.trouble))
            st.button(_("Cancel"), on_click=_close)
            return
        film, choices = st.columns([3, 2], gap="medium")
        with film:
            draft.drawn = render_boxes(
                draft.picture,
                draft.drawn,
                draft.shape,
                [_label(draft, at) for at in range(len(draft.sides))],
                key=f"{_KEY}-boxes-{draft.film.identity.sop_instance_uid}",
                generation=draft.generation,
            )
            st.caption(
                _(
                    "Drag a box onto its joint and its corners to size, or draw it anew. By "
                    "keyboard: Tab, arrow keys (Shift: faster), + and - for the size."
                )
            )
        with choices:
            _render_choices(draft, image)


def _render_choices(draft: _Draft, image: DistantImage) -> None:
    key = f"{_KEY}-count-{draft.film.identity.sop_instance_uid}"
    session.settle(key, len(draft.sides))
    st.segmented_control(
        _("Regions"),
        [1, 2],
        required=True,
        format_func={1: _("One region"), 2: _("Both sides")}.__getitem__,
        key=key,
        on_change=_count,
        args=(draft, key),
    )
    if len(draft.sides) == 2:
        _render_side(draft, _("Side of the patient at the left of the image"), (RIGHT, LEFT))
    else:
        paired = is_paired(draft.film.acquisition)
        _render_side(draft, _("Side"), (RIGHT, LEFT) if paired else (RIGHT, LEFT, _NONE))
    for at in range(len(draft.sides)):
        st.markdown(f"{_label(draft, at)[1]}: {_size(draft, at)}")
    for words in _foresee(draft):
        st.warning(sentence(words))
    missing = _missing(draft)
    if missing:
        st.info(missing)
    st.caption(
        _(
            "The image stays as it is. Each region becomes an image of its own in this study, "
            "with its side and your name."
        )
    )
    with st.container(horizontal=True):
        st.button(
            ngettext("Ask the AI about it", "Ask the AI about both", len(draft.sides)),
            type="primary",
            disabled=bool(missing),
            on_click=_ask,
            args=(draft, image),
        )
        st.button(_("Cancel"), on_click=_close)
    st.caption(_(RESEARCH_USE))


def _render_side(draft: _Draft, title: str, sides: tuple[str, ...]) -> None:
    names = {RIGHT: _("Right"), LEFT: _("Left"), _NONE: _("Not a paired part")}
    key = f"{_KEY}-side-{len(draft.sides)}-{draft.film.identity.sop_instance_uid}"
    session.settle(key, draft.sides[0] or None)
    st.segmented_control(
        title, sides, format_func=names.__getitem__, key=key, on_change=_say, args=(draft, key)
    )


def _label(draft: _Draft, at: int) -> tuple[str, str]:
    """What stands in a box, and its name: "R", "Right"."""
    names = {RIGHT: _("Right"), LEFT: _("Left"), _NONE: _("Region")}
    side = draft.sides[at]
    unknown = _("Region {number}").format(number=at + 1) if len(draft.sides) > 1 else _("Region")
    return side if side in (RIGHT, LEFT) else "?" if not side else "", names.get(side, unknown)


def _size(draft: _Draft, at: int) -> str:
    left, top, right, bottom = draft.drawn.boxes[at]
    spacing = draft.film.geometry.pixel_spacing
    if spacing is None:
        return f"{right - left} \u00d7 {bottom - top}"
    wide, tall = (right - left) * spacing[1] / 10, (bottom - top) * spacing[0] / 10
    return _("{width} x {height} cm").format(width=f"{wide:.1f}", height=f"{tall:.1f}")


def _missing(draft: _Draft) -> str:
    """What the reader has to do before the AI can be asked; "" once all is said."""
    if not all(draft.drawn.placed):
        return ngettext(
            "The box is only a start: put it around the joint.",
            "The boxes are only a start: put each around its joint.",
            len(draft.sides),
        )
    if not all(draft.sides):
        return _("Say which side of the patient it is.")
    if not all(is_inside(box, draft.film) for box in draft.drawn.boxes):
        return _("A box is too small: draw it larger.")
    return ""


def _foresee(draft: _Draft) -> list[str]:
    """What a network that reads such a part will say of the size of each box, each once."""
    said: dict[str, None] = {}
    for box, side in zip(draft.drawn.boxes, draft.sides, strict=True):
        part = _part(draft.film, box, side)
        for card in resources.panel().cards:
            scope = card.scope
            verdict = check_scope(part, scope)
            if not verdict.refusals or verdict.asks_region:
                said.update(dict.fromkeys(filter(None, check_region(part, scope))))
    return list(said)


def _part(film: Instance, box: Box, side: str) -> Instance:
    """What the header of a region will say, as far as a network checks it."""
    left, top, right, bottom = box
    geometry = replace(film.geometry, rows=bottom - top, columns=right - left)
    laterality = side if side in (RIGHT, LEFT) else film.acquisition.laterality
    identity = film.identity
    made = Derivation(
        identity.study_instance_uid,
        identity.sop_instance_uid,
        identity.sha256,
        box_corners(box),
        0,
        False,
        "",
        "",
        datetime.now(UTC),
        DerivationKind.REGION,
        laterality if laterality in (RIGHT, LEFT) else "",
    )
    taken = replace(film.acquisition, laterality=laterality)
    return replace(film, geometry=geometry, acquisition=taken, derivation=made)


def _draft(image: DistantImage) -> _Draft:
    """What was done so far; at first, boxes to start from."""
    uid = image.instance.identity.sop_instance_uid
    draft: _Draft | None = st.session_state.get(f"{_KEY}-draft")
    if draft is None or draft.film.identity.sop_instance_uid != uid:
        film = image.instance
        trouble = why_not(film, image.refusals)
        picture = "" if trouble else data_uri(image.small_picture(_SIDE))
        draft = _Draft(film, picture, trouble, Drawn((), ()), ())
        _begin(draft, 2 if _is_of_both(film) else 1)
        st.session_state[f"{_KEY}-draft"] = draft
    return draft


def _is_of_both(film: Instance) -> bool:
    """True where the header says so, or a film of a paired part is as wide as two of them."""
    taken, spacing = film.acquisition, film.geometry.pixel_spacing
    if shows_both(taken):
        return True
    if spacing is None or taken.laterality in (RIGHT, LEFT) or not is_paired(taken):
        return False
    return film.geometry.columns * spacing[1] >= _TWO_MM


def _begin(draft: _Draft, count: int) -> None:
    """Set the boxes that the reader starts from, and the sides that the header tells."""
    film = draft.film
    boxes = tuple(_start(film, at, count) for at in range(count))
    draft.drawn = Drawn(boxes, (False,) * count)
    draft.generation += 1
    if count == 1:
        draft.sides = (stated_side(film, boxes[0]),)
    else:
        first = side_at_left(film.acquisition)
        draft.sides = (first, other_side(first))


def _start(film: Instance, at: int, count: int) -> Box:
    """An upright square in the middle of its half of the film, or of the film."""
    rows, columns = film.geometry.rows, film.geometry.columns
    down, across = film.geometry.pixel_spacing or (1.0, 1.0)
    half = columns / count
    side = 0.8 * min(half * across, rows * down)
    if film.geometry.pixel_spacing is not None:
        side = min(side, _START_MM)
    wide, tall = side / across, side / down
    middle = half * (at + 0.5)
    left, top = round(middle - wide / 2), round((rows - tall) / 2)
    return left, top, left + max(1, int(wide)), top + max(1, int(tall))


@deed(Right.FACTS)
def _count(draft: _Draft, key: str) -> None:
    _begin(draft, int(st.session_state[key]))


@deed(Right.FACTS)
def _say(draft: _Draft, key: str) -> None:
    side = str(st.session_state[key] or "")
    draft.sides = (side,) if len(draft.sides) == 1 else (side, other_side(side))


@deed(Right.FACTS)
def _ask(draft: _Draft, image: DistantImage) -> None:
    """Queue the regions before all others, and show the first as soon as it is answered."""
    regions = [
        Region(box, "" if side == _NONE else side)
        for box, side in zip(draft.drawn.boxes, draft.sides, strict=True)
    ]
    try:
        queued = ask_about(resources.repository(), image, regions, reader=session.account())
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
        return
    resources.worker().wake()
    identity = queued[0].film.identity
    session.choose_image(identity.study_instance_uid, identity.sop_instance_uid)
    _close()
