"""Measurements of a drawing: length, angle, area, ratio, and the values of the pixels inside.

Pure functions over points and arrays. Points are (column, row) as in
`imaging.review.records.Annotation`; a pixel counts as inside a shape when its centre does. The
browser shows the same numbers while a reader draws (pages/ui/viewer/frontend/src/measure.ts); the
record takes them from here.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imaging.entities import LengthPlane
from imaging.review.records import Annotation, Measure, Points, Shape

Spacing = tuple[float, float]
_PIXELS = "{pixels}"
_AREA_PIXELS = "{pixels}2"
_NO_UNIT = "1"
METRIC = ("mm", "mm2")  # units that hold in some plane
_POINTS = {
    Shape.POINT: 1, Shape.LENGTH: 2, Shape.ANGLE: 3, Shape.RECTANGLE: 2, Shape.ELLIPSE: 4,
    Shape.RATIO: 4,
}  # fmt: skip
FEWEST_OF_REGION = 3


def is_complete(shape: Shape, points: Points) -> bool:
    """True when a shape has the number of points it needs."""
    if shape is Shape.REGION:
        return len(points) >= FEWEST_OF_REGION
    return len(points) == _POINTS[shape]


def measure(
    annotation: Annotation,
    values: NDArray[np.floating],
    *,
    spacing: Spacing | None = None,
    pixel_aspect: float = 1.0,
    unit: str = _NO_UNIT,
    plane: LengthPlane = LengthPlane.BODY,
    magnification: float | None = None,
) -> tuple[Measure, ...]:
    """Take the measurements of an annotation.

    Parameters
    ----------
    annotation : Annotation
        Complete, see `is_complete`.
    values : numpy.ndarray
        (rows, columns), float, modality values of the annotation's frame; (rows, columns, 3) for
        colour, of which no statistics are taken.
    spacing : tuple[float, float], optional
        Row and column spacing in mm. Without it lengths are in pixels: a guess would be worse.
    pixel_aspect : float
        Height of a pixel over its width, for angles where there is no spacing.
    unit : str
        UCUM unit of the values.
    plane : LengthPlane
        Where lengths by that spacing hold.
    magnification : float, optional
        The factor the spacing was divided by.

    Returns
    -------
    tuple[Measure, ...]
        In the order they are shown. A shape that covers no pixel centre has no statistics.
    """
    found = _measure(annotation, values, spacing, pixel_aspect, unit)
    if spacing is None:
        return found
    return tuple(
        replace(one, plane=plane, magnification=magnification) if one.unit in METRIC else one
        for one in found
    )


def _measure(
    annotation: Annotation,
    values: NDArray[np.floating],
    spacing: Spacing | None,
    pixel_aspect: float,
    unit: str,
) -> tuple[Measure, ...]:
    """The measurements, not yet said where they hold."""
    shape, points = annotation.shape, annotation.points
    step = spacing or (1.0, 1.0)
    long, wide = ("mm", "mm2") if spacing else (_PIXELS, _AREA_PIXELS)
    if shape is Shape.POINT:
        return _value(points, values, unit)
    if shape is Shape.LENGTH:
        return (Measure("length", length(points, step), long),)
    if shape is Shape.ANGLE:
        return (Measure("angle", angle(points, spacing or (pixel_aspect, 1.0)), "deg"),)
    if shape is Shape.RATIO:
        heart, thorax = length(points[:2], step), length(points[2:], step)
        ratio = (Measure("ratio", heart / thorax, _NO_UNIT),) if thorax else ()
        return (*ratio, Measure("length", heart, long), Measure("length", thorax, long))
    covered = Measure("area", area(shape, points) * step[0] * step[1], wide)
    if values.ndim != 2:
        return (covered,)
    return (covered, *_statistics(values[inside(shape, points, values.shape)], unit))


def length(points: Points, spacing: Spacing) -> float:
    """Distance of the first two points, in the unit of the (row, column) spacing."""
    (x0, y0), (x1, y1) = points[:2]
    return math.hypot((x1 - x0) * spacing[1], (y1 - y0) * spacing[0])


def angle(points: Points, spacing: Spacing) -> float:
    """Angle at the second of three points, 0 to 180 degrees."""
    (x0, y0), (x1, y1), (x2, y2) = points
    a = ((x0 - x1) * spacing[1], (y0 - y1) * spacing[0])
    b = ((x2 - x1) * spacing[1], (y2 - y1) * spacing[0])
    return abs(math.degrees(math.atan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1])))


def area(shape: Shape, points: Points) -> float:
    """Area of a rectangle, ellipse or region in square pixels."""
    at = np.array(points)
    if shape is Shape.RECTANGLE:
        return float(np.prod(np.abs(at[1] - at[0])))
    if shape is Shape.ELLIPSE:
        major, minor = (at[1] - at[0]) / 2, (at[3] - at[2]) / 2
        return float(np.pi * abs(major[0] * minor[1] - major[1] * minor[0]))
    x, y = at.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def inside(shape: Shape, points: Points, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which pixels lie inside a rectangle, ellipse or region.

    Returns
    -------
    numpy.ndarray
        (rows, columns), bool; ``size`` starts with rows and columns.
    """
    at: NDArray[np.float64] = np.array(points, dtype=np.float64)
    rows: NDArray[np.float64] = np.arange(size[0], dtype=np.float64)[:, None] + 0.5
    columns: NDArray[np.float64] = np.arange(size[1], dtype=np.float64)[None] + 0.5
    if shape is Shape.RECTANGLE:
        (left, top), (right, bottom) = at.min(axis=0), at.max(axis=0)
        return (columns >= left) & (columns <= right) & (rows >= top) & (rows <= bottom)
    if shape is Shape.ELLIPSE:
        return _inside_ellipse(at, rows, columns)
    return _inside_region(at, rows, columns)


def _inside_ellipse(
    at: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Pixels within the ends of two axes."""
    center, major, minor = at[:2].mean(axis=0), (at[1] - at[0]) / 2, (at[3] - at[2]) / 2
    size = major[0] * minor[1] - major[1] * minor[0]
    if not size:
        return np.zeros((rows.size, columns.size), bool)
    x, y = columns - center[0], rows - center[1]
    along = (x * minor[1] - y * minor[0]) / size
    across = (y * major[0] - x * major[1]) / size
    mask: NDArray[np.bool_] = along**2 + across**2 <= 1
    return mask


def _inside_region(
    at: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Pixels within a closed polygon, by the even-odd rule."""
    mask = np.zeros((rows.size, columns.size), bool)
    for (x0, y0), (x1, y1) in zip(at, np.roll(at, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crossed = ((y0 > rows) != (y1 > rows)).ravel()
        edge = x0 + (rows[crossed] - y0) / (y1 - y0) * (x1 - x0)
        mask[crossed] ^= columns < edge
    return mask


def _value(points: Points, values: NDArray[np.floating], unit: str) -> tuple[Measure, ...]:
    """The value of one pixel; none for colour and outside the picture."""
    column, row = (math.floor(coordinate) for coordinate in points[0])
    within = 0 <= row < values.shape[0] and 0 <= column < values.shape[1]
    if values.ndim != 2 or not within:
        return ()
    return (Measure("value", float(values[row, column]), unit),)


def _statistics(values: NDArray[np.floating], unit: str) -> tuple[Measure, ...]:
    """Mean, deviation (of the population), minimum and maximum."""
    if not values.size:
        return ()
    wide = values.astype(np.float64)
    return (
        Measure("mean", float(wide.mean()), unit),
        Measure("deviation", float(wide.std()), unit),
        Measure("minimum", float(wide.min()), unit),
        Measure("maximum", float(wide.max()), unit),
    )
