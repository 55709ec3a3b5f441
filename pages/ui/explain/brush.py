"""The brush: what the networks are shown, to be painted over by hand.

Not on the film above, for a stroke is no mark to be measured and kept, and finer than what the
networks are shown it cannot be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image as Picture

from imaging.rendering import png_bytes
from imaging.review.records import Points
from imaging.review.rights import Right
from models.explain.base.subject import Subject
from models.explain.probes.erase import stroke_mask
from pages.ui.data_uri import data_uri
from pages.ui.deeds import deed
from pages.ui.i18n import _

_USUAL, _WIDEST = 0.08, 0.4  # width of the stroke, of the shorter side of what is looked at
_HEIGHT = 260  # pixels of the picture of what the network sees
_MOST = 5000  # points of one stroke; a browser sends fewer
_MARK = (127, 178, 229)  # on the grey of the film in either theme: strokes, and what was changed

_PAINT = """
export default function ({ data, parentElement, setTriggerValue }) {
  const picture = parentElement.querySelector("img");
  const canvas = parentElement.querySelector("canvas");
  const context = canvas.getContext("2d");
  let points = [];
  const clear = () => {
    canvas.width = picture.clientWidth;
    canvas.height = picture.clientHeight;
  };
  const share = (at, from, size) => Math.min(1, Math.max(0, (at - from) / size));
  const take = (event) => {
    const box = picture.getBoundingClientRect();
    const x = share(event.clientX, box.left, box.width);
    points.push([x, share(event.clientY, box.top, box.height)]);
    context.lineWidth = data.width * canvas.width;
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = data.colour;
    context.beginPath();
    const [first, ...others] = points.map(([x, y]) => [x * canvas.width, y * canvas.height]);
    context.moveTo(...first);
    for (const point of others.length ? others : [first]) context.lineTo(...point);
    context.stroke();
  };
  picture.onload = clear;
  picture.src = data.picture;
  picture.alt = data.label;
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    clear();
    points = [];
    take(event);
  };
  canvas.onpointermove = (event) => { if (points.length) take(event); };
  canvas.onpointercancel = () => { points = []; clear(); };
  canvas.onpointerup = () => {
    if (points.length) setTriggerValue("stroke", points);
    points = [];
  };
}
"""
_CSS = """
.pad { position: relative; display: inline-block; line-height: 0; max-width: 100%; }
img { max-width: 100%; }
canvas { position: absolute; inset: 0; cursor: crosshair; touch-action: none; opacity: .7; }
"""
_brush = st.components.v2.component(
    "lightbox_brush", html="<div class='pad'><img><canvas></canvas></div>", css=_CSS, js=_PAINT
)

Mask = NDArray[np.float32]


def render_brush(
    picture: bytes, subject: Subject, *, key: str, on_stroke: Callable[[Mask], None]
) -> None:
    """Draw the picture and the width of the brush.

    Parameters
    ----------
    picture : bytes
        The networks' input, as a PNG in the proportions of the viewed part of the film.
    subject : Subject
        The film.
    key : str
        Unique per film.
    on_stroke : callable
        Gets every stroke as a mask over the networks' input, before the page is drawn again.
    """
    rows, columns = subject.view.pixels(subject.shape)
    wide, tall = columns.stop - columns.start, rows.stop - rows.start
    side = min(wide, tall)
    width = st.slider(
        _("Brush: width in image pixels"),
        1,
        max(2, round(_WIDEST * side)),
        max(1, round(_USUAL * side)),
        key=f"width-{key}",
    )
    pad = f"brush-{key}"
    _brush(
        key=pad,
        data={
            "picture": data_uri(picture),
            "width": width / wide,
            "colour": f"#{bytes(_MARK).hex()}",
            "label": _("What the AI is shown"),
        },
        on_stroke_change=partial(_take_stroke, pad, subject, width, on_stroke),
    )


def outline_masks(grey: NDArray[np.uint8], subject: Subject, masks: Sequence[Mask]) -> bytes:
    """The networks' input in the film's own proportions, what was changed outlined: a PNG."""
    canvas = np.repeat(grey[..., None], 3, axis=2)
    for mask in masks:
        inside = mask > 0.5
        core = inside.copy()
        core[1:-1, 1:-1] = (
            inside[1:-1, 1:-1] & inside[:-2, 1:-1] & inside[2:, 1:-1]
            & inside[1:-1, :-2] & inside[1:-1, 2:]
        )  # fmt: skip
        canvas[inside & ~core] = _MARK
    rows, columns = subject.view.pixels(subject.shape)
    aspect = (columns.stop - columns.start) / (rows.stop - rows.start)
    size = (max(1, round(_HEIGHT * aspect)), _HEIGHT)
    return png_bytes(Picture.fromarray(canvas).resize(size, Picture.Resampling.BILINEAR))


def film_points(drawn: Any, subject: Subject) -> Points:
    """Points of the film from what a browser sent: shares of the sides of the viewed part.

    Returns
    -------
    Points
        (column, row) pairs in pixels of the film; none when it is no stroke.
    """
    if not isinstance(drawn, list) or not 0 < len(drawn) <= _MOST:
        return ()
    rows, columns = subject.view.pixels(subject.shape)
    points = []
    for pair in drawn:
        if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_share, pair))):
            return ()
        across, down = pair
        column = columns.start + across * (columns.stop - columns.start)
        points.append((column, rows.start + down * (rows.stop - rows.start)))
    return tuple(points)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 1


@deed(Right.FINDINGS)
def _take_stroke(
    pad: str, subject: Subject, width: float, on_stroke: Callable[[Mask], None]
) -> None:
    points = film_points(st.session_state[pad].stroke, subject)
    mask = stroke_mask(points, width, subject) if points else None
    if mask is not None:
        on_stroke(mask)
