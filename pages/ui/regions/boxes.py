"""The component that draws boxes on a film, and the check of what it reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from imaging.entities import Box
from pages.ui.i18n import _

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "lightbox_regions",
    html="<div class='regions'></div>",
    css=(_FOLDER / "boxes.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "boxes.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The boxes of a film in its pixels, and which of them the reader has touched."""

    boxes: tuple[Box, ...]
    placed: tuple[bool, ...]


def render_boxes(
    picture: str,
    drawn: Drawn,
    shape: tuple[int, int],
    labels: Sequence[tuple[str, str]],
    *,
    key: str,
    generation: int,
) -> Drawn:
    """Draw a film with boxes to move.

    Parameters
    ----------
    picture : str
        The film as a data address; may be smaller than it is.
    drawn : Drawn
        Where this generation of boxes begins.
    shape : tuple of int
        (rows, columns) of the film.
    labels : sequence of (str, str)
        Of each box: what stands in it, and its name.
    key : str
        Names it among the page's widgets.
    generation : int
        A higher one makes the browser take `drawn` in the place of its own.

    Returns
    -------
    Drawn
        As the reader left them, inside the film; `drawn` until they were touched.
    """
    rows, columns = shape
    state = _component(
        key=key,
        data={
            "picture": picture,
            "boxes": [
                [left / columns, top / rows, right / columns, bottom / rows]
                for left, top, right, bottom in drawn.boxes
            ],
            "placed": list(drawn.placed),
            "labels": [{"short": short, "name": name} for short, name in labels],
            "generation": generation,
            "words": {
                "picture": _("The image, with the regions to ask about in it"),
                "corners": [
                    _("Upper left corner"),
                    _("Upper right corner"),
                    _("Lower right corner"),
                    _("Lower left corner"),
                ],
            },
        },
        on_boxes_change=lambda: None,
    )
    return _read_report(state.get("boxes"), shape, generation, len(drawn.boxes)) or drawn


def _read_report(report: Any, shape: tuple[int, int], generation: int, count: int) -> Drawn | None:
    """Boxes that the browser reported, in whole pixels; None for a report that does not hold."""
    if not isinstance(report, Mapping) or report.get("generation") != generation:
        return None
    boxes, placed = report.get("boxes"), report.get("placed")
    if not isinstance(boxes, list) or not isinstance(placed, list):
        return None
    if len(boxes) != count or len(placed) != count:
        return None
    read = [_read_box(box, shape) for box in boxes]
    found = tuple(box for box in read if box is not None)
    if len(found) != count:
        return None
    return Drawn(found, tuple(touched is True for touched in placed))


def _read_box(box: Any, shape: tuple[int, int]) -> Box | None:
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_share, box)):
        return None
    rows, columns = shape
    left, right = (round(share * columns) for share in (box[0], box[2]))
    top, bottom = (round(share * rows) for share in (box[1], box[3]))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _is_share(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= 1
