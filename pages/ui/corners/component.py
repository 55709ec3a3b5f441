"""The component, and the check of what it reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from imaging.entities import Corners
from pages.ui.i18n import _

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "lightbox_corners",
    html="<div class='photograph'></div>",
    css=(_FOLDER / "corners.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "corners.js").read_text(encoding="utf-8"),
)


def render_corners(
    picture: str, corners: Corners, shape: tuple[int, ...], *, key: str, generation: int
) -> Corners:
    """Draw a photograph with four corners to move.

    Parameters
    ----------
    picture : str
        The photograph as a data address; may be smaller than it is.
    corners : tuple of four (float, float)
        (column, row) in pixels, where this generation of them begins.
    shape : tuple of int
        (rows, columns, ...) of the photograph.
    key : str
        Names it among the page's widgets.
    generation : int
        A higher one makes the browser take `corners` in the place of its own.

    Returns
    -------
    tuple of four (float, float)
        As the reader left them, inside the picture; `corners` until they were moved.
    """
    rows, columns = shape[:2]
    state = _component(
        key=key,
        data={
            "picture": picture,
            "corners": [[column / columns, row / rows] for column, row in corners],
            "generation": generation,
            "words": {
                "picture": _("The photograph, with the corners of the film in it"),
                "corners": [
                    _("Upper left corner"),
                    _("Upper right corner"),
                    _("Lower right corner"),
                    _("Lower left corner"),
                ],
            },
        },
        on_corners_change=lambda: None,
    )
    return _read_report(state.get("corners"), shape, generation) or corners


def _read_report(report: Any, shape: tuple[int, ...], generation: int) -> Corners | None:
    """Corners that the browser reported, in pixels; None for a report that does not hold."""
    if not isinstance(report, Mapping) or report.get("generation") != generation:
        return None
    pairs = report.get("corners")
    if not isinstance(pairs, list) or len(pairs) != 4:
        return None
    rows, columns = shape[:2]
    points = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_share, pair)):
            return None
        points.append((float(pair[0]) * columns, float(pair[1]) * rows))
    upper_left, upper_right, lower_right, lower_left = points
    return upper_left, upper_right, lower_right, lower_left


def _is_share(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= 1
