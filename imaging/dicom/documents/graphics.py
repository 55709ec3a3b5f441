"""Graphics of a presentation state as marks of ours (PS3.3 C.10.5), where shapes are the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydicom.dataset import Dataset

from imaging.dicom.header.elements import numbers, text
from imaging.review.records import Annotation, Points, Presentation, Shape

_LABEL, _MOST_POINTS = 64, 4000

Drawing = tuple[Shape, Points]


def shapes(parts: Sequence[Dataset], size: tuple[int, int]) -> list[Drawing | None]:
    """The shapes of one annotation.

    Parameters
    ----------
    parts : sequence of Dataset
        Items of GraphicObjectSequence.
    size : tuple of int
        Columns and rows of the film.

    Returns
    -------
    list
        A shape with its points, or None for a graphic that cannot be drawn: one in screen
        coordinates, an open line of many points, a bent curve. Two lines of one annotation are a
        cardiothoracic ratio, as our own export writes it.
    """
    if len(parts) == 2:
        ends = [_read_points(part, size) for part in parts]
        if all(points is not None and len(points) == 2 for points in ends):
            return [(Shape.RATIO, (ends[0] or ()) + (ends[1] or ()))]
    return [_read_shape(part, size) for part in parts]


def mark(drawing: Drawing, label: str, shown: Presentation, number: int) -> Annotation:
    """A shape as a mark on the film a presentation is about; `number` names it."""
    shape, points = drawing
    word = " ".join(label.split())[:_LABEL]
    return Annotation(
        uid=f"presentation-{number}",
        sop_instance_uid=shown.sop_instance_uid,
        shape=shape,
        points=points,
        frame=shown.frame,
        label="" if word == shape.value else word,
    )


def _read_shape(part: Dataset, size: tuple[int, int]) -> Drawing | None:
    points, kind = _read_points(part, size), text(part, "GraphicType").upper()
    if points is None:
        return None
    if kind == "POINT" and len(points) == 1:
        return Shape.POINT, points
    if kind == "ELLIPSE" and len(points) == 4:
        return Shape.ELLIPSE, points
    if kind == "CIRCLE" and len(points) == 2:
        return Shape.ELLIPSE, _circle(*points)
    if kind != "POLYLINE":
        return None
    if len(points) >= 4 and points[0] == points[-1]:
        return _classify_closed(points[:-1])
    return {2: (Shape.LENGTH, points), 3: (Shape.ANGLE, points)}.get(len(points))


def _classify_closed(points: Points) -> Drawing:
    """A rectangle where the sides are those of the film, else a region."""
    columns, rows = ({point[axis] for point in points} for axis in (0, 1))
    upright = len(points) == 4 and len(set(points)) == 4 and len(columns) == len(rows) == 2
    if upright and all(
        sum(a != b for a, b in zip(p, q, strict=True)) == 1 for p, q in _sides(points)
    ):
        return Shape.RECTANGLE, (points[0], points[2])
    return Shape.REGION, points


def _sides(points: Points) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return list(zip(points, points[1:] + points[:1], strict=True))


def _circle(center: tuple[float, float], rim: tuple[float, float]) -> Points:
    """Four ends of the axes of a circle given by its centre and a point on it."""
    (x, y), radius = center, math.dist(center, rim)
    return (x - radius, y), (x + radius, y), (x, y - radius), (x, y + radius)


def _read_points(part: Dataset, size: tuple[int, int]) -> Points | None:
    """(column, row) pairs on the film, or None when they are not in its pixels."""
    data = numbers(part, "GraphicData")
    if text(part, "GraphicAnnotationUnits").upper() != "PIXEL" or len(data) % 2 or not data:
        return None
    if len(data) > 2 * _MOST_POINTS or not all(math.isfinite(coordinate) for coordinate in data):
        return None
    points = tuple(zip(data[::2], data[1::2], strict=True))
    columns, rows = size
    if not all(-1 <= x <= columns + 1 and -1 <= y <= rows + 1 for x, y in points):
        return None
    return tuple((min(max(x, 0.0), columns), min(max(y, 0.0), rows)) for x, y in points)
