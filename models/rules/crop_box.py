"""The part of a film a network looks at: the box around a region map. Arrays only, no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SURE = 0.5  # a pixel belongs to the region from this probability on
_TAIL = 0.01  # share of the region's rows' (columns') mass left outside at each end
_LEAST = 0.02  # of the picture: a smaller region is none


@dataclass(frozen=True, slots=True)
class CropBox:
    """A rectangle of a picture, in fractions of its sides: 0 <= top < bottom <= 1."""

    top: float = 0.0
    left: float = 0.0
    bottom: float = 1.0
    right: float = 1.0

    def grow(self, share: float) -> CropBox:
        """Wider by `share` of its own sides at every edge, as far as the picture goes."""
        down, across = (self.bottom - self.top) * share, (self.right - self.left) * share
        return CropBox(
            max(0.0, self.top - down),
            max(0.0, self.left - across),
            min(1.0, self.bottom + down),
            min(1.0, self.right + across),
        )

    def within(self, outer: CropBox) -> CropBox:
        """The same rectangle in fractions of `outer`'s sides."""
        rows, columns = outer.bottom - outer.top, outer.right - outer.left
        return CropBox(
            (self.top - outer.top) / rows,
            (self.left - outer.left) / columns,
            (self.bottom - outer.top) / rows,
            (self.right - outer.left) / columns,
        )

    def pixels(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of a picture of that shape, at least one of each."""
        (rows, columns), spans = shape, []
        for low, high, length in (
            (self.top, self.bottom, rows),
            (self.left, self.right, columns),
        ):
            first = min(length - 1, round(low * length))
            spans.append(slice(first, max(first + 1, round(high * length))))
        return spans[0], spans[1]

    def overlap(self, other: CropBox) -> float:
        """Intersection over union, in [0, 1]."""
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        across = min(self.right, other.right) - max(self.left, other.left)
        shared = max(0.0, down) * max(0.0, across)
        return shared / (self.area + other.area - shared)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Top, left, bottom, right."""
        return self.top, self.left, self.bottom, self.right

    @property
    def area(self) -> float:
        """Share of the picture."""
        return (self.bottom - self.top) * (self.right - self.left)


WHOLE = CropBox()


@dataclass(frozen=True, slots=True)
class FramingSettings:
    """The ``[framing]`` table of a task file; it holds only where the task has a localiser.

    ``margin`` is added around the region's box, ``context`` around that while training, so that
    turned and shifted views show what is really there; both of the box's own sides.
    """

    margin: float = 0.06
    context: float = 0.15


def box_of(region: NDArray[np.floating]) -> CropBox | None:
    """The box around a region map (rows, columns) in [0, 1]; None if it is (nearly) empty.

    Its edges leave one per cent of the region's mass outside each: a stray pixel moves nothing.
    """
    inside = np.where(region > _SURE, region, 0.0).astype(np.float64)
    if inside.mean() < _LEAST:
        return None
    (top, bottom), (left, right) = (_span(inside.sum(axis)) for axis in (1, 0))
    return CropBox(top, left, bottom, right)


def _span(mass: NDArray[np.float64]) -> tuple[float, float]:
    """Where the mass starts and ends, in fractions, interpolated between pixels."""
    cumulative = np.concatenate([[0.0], mass.cumsum() / mass.sum()])
    edges = np.linspace(0, 1, len(cumulative))
    low, high = np.interp([_TAIL, 1 - _TAIL], cumulative, edges)
    return float(low), float(high)
