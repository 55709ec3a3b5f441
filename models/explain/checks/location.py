"""Where the positive evidence of a map lies: in the lungs, at the border, on written markers.

Each share stands beside that of a map which is the same everywhere, for a large area holds much of
any map. A pointing game in shares (Zhang et al., IJCV 2018, arXiv 1608.00507).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.explain.base.lung_measures import find_lungs
from models.explain.base.subject import Subject

BORDER = 1 / 16  # of the side, at each edge: outside the lungs' box when a localiser framed it
_STANDS_OUT = 0.4  # of the film's tones: a marker is that much brighter than what is around it
_WHITE = 0.85  # of the film's tones: a marker is lead or ink
_MARKER = 17 / 128  # of the side: strokes of a letter, and most letters, are narrower
_RIBS = 5 / 128  # of the side: the chest wall around the lungs, whose rib ends look like ink
_AROUND = 2 / 128  # of the side: a map's grain
_LEAST = 0.001  # of the view: less is a speck of dust
_MOST = 0.1  # of the view: more is no marker

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Share:
    """Share of the positive evidence in an area, and that area's share of the view; in [0, 1]."""

    map: float
    uniform: float


@dataclass(frozen=True, slots=True)
class Place:
    """Shares of a map's positive evidence; None where an area was not surely found.

    Attributes
    ----------
    lungs : Share or None
        None without a localiser, or where both lungs are not surely seen (`find_lungs`).
    border : Share
    markers : Share or None
        None where nothing looks like a written marker, and where `lungs` is.
    """

    lungs: Share | None
    border: Share
    markers: Share | None


def place(
    inner: NDArray[np.floating], subject: Subject, region: NDArray[np.float32] | None
) -> Place | None:
    """Measure where a map's positive evidence lies.

    Parameters
    ----------
    inner : numpy.ndarray
        (size, size), signed: `Attribution.inner`.
    subject : Subject
        The film the map is of.
    region : numpy.ndarray or None
        (rows, columns) in [0, 1]: probability of lung over the whole film.

    Returns
    -------
    Place or None
        None for a map without positive evidence.
    """
    positive = np.clip(inner, 0, None).astype(np.float64)
    if positive.sum() <= 0:
        return None
    lungs = find_lungs(region, subject)
    lung_area = None if lungs is None else lungs.both
    marks = None if lung_area is None else markers(subject.squashed, lung_area)
    return Place(
        lungs=None if lung_area is None else share(positive, lung_area),
        border=share(positive, border(len(inner))),
        markers=None if marks is None else share(positive, marks),
    )


def share(positive: NDArray[np.float64], area: Mask) -> Share:
    """Of evidence that is nowhere negative."""
    return Share(float(positive[area].sum() / positive.sum()), float(area.mean()))


def border(size: int) -> Mask:
    """A frame along the edges of the view: (size, size)."""
    width = max(1, round(BORDER * size))
    frame = np.ones((size, size), np.bool_)
    frame[width:-width, width:-width] = False
    return frame


def markers(squashed: NDArray[np.float32], lungs: Mask) -> Mask | None:
    """Small, very bright marks outside the lungs, such as a side marker or a burnt-in letter.

    What is left of the film when everything wider than a pen stroke is taken from it (white
    top-hat: Serra, Image Analysis and Mathematical Morphology, 1982), and stands out by a good
    part of the film's tones.

    Parameters
    ----------
    squashed : numpy.ndarray
        (size, size), float32: `Subject.squashed`.
    lungs : numpy.ndarray
        (size, size), bool; nothing in there is a marker.

    Returns
    -------
    numpy.ndarray or None
        (size, size), bool, with a little of what is around; None where there is none.
    """
    size = len(squashed)
    low, high = np.percentile(squashed, [1, 99.9])
    tones = torch.from_numpy(
        np.clip((squashed - low) / max(float(high - low), 1e-6), 0, 1).astype(np.float32)
    )[None, None]
    width = 2 * round(_MARKER * size / 2) + 1
    opened = _window_maximum(-_window_maximum(-tones, width), width)
    chest = _grow(torch.from_numpy(lungs)[None, None], _RIBS * size)
    bright = (tones - opened > _STANDS_OUT) & (tones > _WHITE) & ~chest
    if not _LEAST <= float(bright.float().mean()) <= _MOST:
        return None
    marks: Mask = _grow(bright, _AROUND * size)[0, 0].numpy()
    return marks & ~lungs


def _grow(mask: Tensor, pixels: float) -> Tensor:
    return _window_maximum(mask.float(), 2 * max(1, round(pixels)) + 1) > 0


def _window_maximum(values: Tensor, width: int) -> Tensor:
    """Maximum over a square window of odd width."""
    return F.max_pool2d(values, width, stride=1, padding=width // 2)
