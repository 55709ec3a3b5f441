"""A film made small enough to look at, and the inputs that the networks take from it.

The order is that of `models.network.preprocess`: squash with an anti-aliased filter, then equalise.
A film far larger than an input is halved first, by means of two by two pixels, which a processor
does ten times as fast as the filter; `tests/models/inference/test_assessor.py` holds what that may
change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.rules.crop_box import WHOLE, CropBox
from models.rules.pixel_checks import pixel_kind

TONE_BINS = 1 << 16  # as `models.network.preprocess`
_UNIT_VARIANCE = np.float32(3**0.5)
_ENOUGH = 4  # pixels of the picture for each of an input, at least
_HALVED = (np.uint8, np.uint16, np.int16, np.float32)  # types that OpenCV takes the mean of
cv2.setNumThreads(1)  # films are read beside each other, not each by all processors

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ModelInput:
    """A film reduced to what the networks' inputs are taken from.

    Attributes
    ----------
    values : numpy.ndarray
        (rows', columns'), float32; any linear scale, larger is brighter.
    shape : tuple of int
        Rows and columns of the film.
    kind : str
        What `pixel_kind` says about it; "" when nothing is wrong.
    blank : bool
        Every pixel has the same value.
    """

    values: Values
    shape: tuple[int, int]
    kind: str
    blank: bool

    @classmethod
    def of(
        cls,
        values: NDArray[Any],
        *,
        size: int,
        reverse: bool = False,
        shape: tuple[int, int] | None = None,
        pixel_aspect: float = 1.0,
    ) -> ModelInput:
        """Condense a film.

        Parameters
        ----------
        values : numpy.ndarray
            (rows, columns), any linear scale. Finite.
        size : int
            Side of the largest input that will be taken.
        reverse : bool
            Larger is darker (MONOCHROME1).
        shape : tuple of int, optional
            Rows and columns of the film, where `values` are a reduced decoding of it.
        pixel_aspect : float
            Height of a pixel of the film over its width. Only the checks on its shape ask for it:
            every input is the whole film, or a part of it in fractions of its sides, squashed to
            a square, so pixels of any shape come to the same.
        """
        low, high = float(values.min()), float(values.max())
        small = halve(values, enough=_ENOUGH * size)
        if small.dtype != np.float32:
            small = small.astype(np.float32)
        return cls(
            values=-small if reverse else small,
            shape=shape or values.shape,
            kind=pixel_kind(values, shape=shape, pixel_aspect=pixel_aspect, span=(low, high)),
            blank=low == high,
        )

    def input(self, size: int, box: CropBox = WHOLE) -> Values:
        """One network's input: (1, size, size), equalised."""
        return equalise(self.part(size, box))[None]

    def part(self, size: int, box: CropBox = WHOLE) -> Values:
        """A part of the film, squashed to (size, size)."""
        if box == WHOLE:
            return squash(halve(self.values, enough=_ENOUGH * size), size)
        across, down = box.pixels(self.shape)[::-1], self.values.shape
        edges = []
        for span, length, whole in zip(across, down[::-1], self.shape[::-1], strict=True):
            scale = length / whole
            edges.append((span.start * scale, span.stop * scale))
        (left, right), (top, bottom) = edges
        return squash(self.values, size, (left, top, right, bottom))


def halve(values: NDArray[Any], *, enough: int) -> NDArray[Any]:
    """Halve a picture as long as its shorter side keeps `enough` pixels.

    Returns
    -------
    numpy.ndarray
        The same type where OpenCV takes means of it, else float32.
    """
    while min(values.shape) >= 2 * enough:
        if values.dtype not in _HALVED:
            values = values.astype(np.float32)
        rows, columns = values.shape[0] // 2, values.shape[1] // 2
        even = values[: 2 * rows, : 2 * columns]
        values = cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA)
    return values


def squash(
    values: Values, size: int, box: tuple[float, float, float, float] | None = None
) -> Values:
    """Anti-aliased bilinear resampling to a square, as torch's `interpolate` (it is Pillow's).

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns), float32.
    size : int
        Side of the square.
    box : tuple of float, optional
        Left, top, right and bottom in pixels; all of it without.
    """
    if box is None and values.shape == (size, size):
        return values
    if box is not None:  # cut, as in training: the filter must not see what lies beyond
        left, top, right, bottom = box
        first_row, first_column = math.floor(top), math.floor(left)
        values = values[first_row : math.ceil(bottom), first_column : math.ceil(right)]
        box = (left - first_column, top - first_row, right - first_column, bottom - first_row)
    picture = Image.fromarray(values).resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.asarray(picture)


def equalise(values: Values) -> Values:
    """Each value's mid-rank, scaled to unit variance; `network.preprocess.equalise` without torch.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns), float32.
    """
    low, high = values.min(), values.max()
    span = high - low
    if not span > np.float32(1e-6) * max(abs(low), abs(high)):
        span = np.float32(np.inf)
    bins = np.rint((values - low) / span * np.float32(TONE_BINS - 1)).astype(np.int64)
    counts = np.bincount(bins.ravel(), minlength=TONE_BINS).astype(np.float32)
    mid_rank = (counts.cumsum(dtype=np.float32) - counts / 2) / np.float32(values.size)
    return ((mid_rank[bins] * 2 - 1) * _UNIT_VARIANCE).astype(np.float32)
