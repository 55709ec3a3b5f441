"""Where the film lies in a photograph of one: its four corners, or that none was found.

Quadrilaterals are proposed by outlines at several levels of brightness and by edges, judged by how
much of their sides runs along an edge, and the best is fitted to that edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.entities import Corners
from imaging.photograph.straighten import SMALLEST, is_usable, shrink, to_grey, whole

_COARSE, _FINE = 420, 1100  # pixels of the longer side, to propose and to fit
_LEVELS = 14  # of brightness
_LEAST = 0.1  # of the picture's area
_MOST = 0.97
_SAMPLES = 72  # points along a side
_INSET = 0.06  # of a side at each end that is not looked at: corners are often cut or held
_EDGE = 9.0  # grey levels of 255 over two pixels that count as an edge
_NEAR = 5  # pixels of the small picture within which an edge is looked for
_STRAIGHT = 1.5  # pixels an edge may stray from its line
_ENOUGH = 0.5  # of a side, on the worst of the four
_ENOUGH_IN_ALL = 0.72
_DEPTH = 0.03  # of the light box's side: nearer to it a film's corners are the box's own
_NEST = 0.93  # a film within a light box is chosen if its sides are that good, beside the box's

Points = NDArray[np.float64]  # (4, 2): column, row


@dataclass(frozen=True, slots=True)
class Found:
    """Corners in pixels of the picture, as `Cut.corners`; those of all of it when not ``found``."""

    corners: Corners
    found: bool


def find_film(values: NDArray[Any]) -> Found:
    """Look for a film in a photograph.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns) or (rows, columns, 3), uint8 or uint16; larger is brighter.

    Returns
    -------
    Found
        Upper left, upper right, lower right and lower left corner, clockwise, as the film lies in
        the picture: whether it lies on its side is for a reader to see. The whole picture, and
        ``found`` False, where nothing with four straight edges stands out.
    """
    if min(values.shape[:2]) < SMALLEST:
        return Found(whole(values.shape), False)
    fine = _to_levels(to_grey(shrink(values, _FINE)))
    coarse = shrink(fine, _COARSE)
    best = _choose(_smooth(coarse))
    if best is None:
        return Found(whole(values.shape), False)
    scale = _ratio(fine.shape, coarse.shape)
    fitted = _fit(_smooth(fine), best * scale, max(4, round(4 * scale.max())))
    points = np.clip(fitted, 0, fine.shape[::-1]) * _ratio(values.shape, fine.shape)
    corners = _to_corners(_in_order(points))
    found = is_usable(corners, values.shape)
    return Found(corners if found else whole(values.shape), found)


def _ratio(shape: tuple[int, ...], other: tuple[int, ...]) -> Points:
    """How many columns and rows of one picture there are to one of the other."""
    return np.array([shape[1] / other[1], shape[0] / other[0]])


def _to_corners(points: Points) -> Corners:
    """Four points as plain numbers."""
    one, two, three, four = ((float(column), float(row)) for column, row in points)
    return one, two, three, four


def _to_levels(grey: NDArray[Any]) -> NDArray[np.float32]:
    """Brightness from 0 to 255 between the 0.5th and the 99.5th percentile."""
    low, high = np.percentile(grey, (0.5, 99.5))
    return np.clip((grey - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.float32)


def _smooth(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the noise off."""
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.2), np.float32)


def _choose(grey: NDArray[np.float32]) -> Points | None:
    """The best of all proposed, on the small picture; None when none is good enough."""
    judged = []
    for proposed in _propose(grey):
        points = _fit(grey, proposed, _NEAR)
        if (support := _support(grey, points)) > 0:
            judged.append((support, cv2.contourArea(points.astype(np.float32)), points))
    if not judged:
        return None
    best, area, chosen = max(judged, key=lambda one: one[0] * one[1] ** 0.25)
    for support, smaller, points in sorted(judged, key=lambda one: -one[1]):
        if smaller < 0.8 * area and support >= _NEST * best and _is_inside(points, chosen):
            return points
    return chosen


def _is_inside(points: Points, other: Points) -> bool:
    """True where all corners lie well within: what shares a side is a part of the same film."""
    outline = other.astype(np.float32)
    depth = _DEPTH * float(np.sqrt(cv2.contourArea(outline)))
    return all(cv2.pointPolygonTest(outline, (float(x), float(y)), True) > depth for x, y in points)


def _propose(grey: NDArray[np.float32]) -> Iterator[Points]:
    """Quadrilaterals around whatever stands out, by brightness and by edges."""
    bytes_ = grey.astype(np.uint8)
    for level in np.unique(np.percentile(bytes_, np.linspace(4, 96, _LEVELS)).astype(int)):
        yield from _outlines(np.where(bytes_ > level, 255, 0).astype(np.uint8))
        yield from _outlines(np.where(bytes_ > level, 0, 255).astype(np.uint8))
    for low in (12, 30, 60):
        edges = cv2.Canny(bytes_, low, 2.5 * low)
        yield from _outlines(np.asarray(cv2.dilate(edges, np.ones((3, 3), np.uint8)), np.uint8))


def _outlines(mask: NDArray[np.uint8]) -> Iterator[Points]:
    """Quadrilaterals around the large parts of a mask, the parts' own ragged sides smoothed."""
    kernel = np.ones((5, 5), np.uint8)
    for method in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE):
        smooth = cv2.morphologyEx(mask, method, kernel)
        found, _ = cv2.findContours(smooth, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        for contour in found:
            hull = np.asarray(cv2.convexHull(contour), np.int32)
            share = cv2.contourArea(hull) / mask.size
            if _LEAST <= share <= _MOST and (points := _four_corners(hull)) is not None:
                yield points


def _four_corners(hull: NDArray[np.int32]) -> Points | None:
    """A convex outline as four corners; None where it has more or fewer, however coarsely seen."""
    around = cv2.arcLength(hull, True)
    for coarseness in (0.01, 0.02, 0.03, 0.045, 0.06, 0.08):
        corners = cv2.approxPolyDP(hull, coarseness * around, True)
        if len(corners) < 4:
            return None
        if len(corners) == 4:
            # an outline runs through the middles of its pixels
            return _in_order(corners.reshape(4, 2).astype(np.float64) + 0.5)
    return None


def _in_order(points: Points) -> Points:
    """Clockwise from the upper left."""
    middle = points.mean(axis=0)
    around = np.argsort(np.arctan2(points[:, 1] - middle[1], points[:, 0] - middle[0]))
    ordered = points[around]  # begins left of the middle, above it, and goes clockwise
    return np.roll(ordered, -int(np.argmin(ordered.sum(axis=1))), axis=0)


def _support(grey: NDArray[np.float32], points: Points) -> float:
    """How far the sides run along a straight, sharp edge, in [0, 1]; 0 for what is no film.

    An edge is the film's, where its inside is all along the side the brighter one, or the darker.
    A side that lies on the border of the picture has no outside and supports nothing.
    """
    if not is_usable(_to_corners(points), grey.shape):
        return 0.0
    sides = [_trace(grey, points, at, _NEAR)[2] for at in range(4)]
    mean = float(np.mean(sides))
    return mean if min(sides) >= _ENOUGH and mean >= _ENOUGH_IN_ALL else 0.0


def _side(points: Points, at: int) -> tuple[Points, Points]:
    """Points along a side, (samples, 2), and the unit vector that points out of the film."""
    start, end = points[at], points[(at + 1) % 4]
    share = np.linspace(_INSET, 1 - _INSET, _SAMPLES)[:, None]
    direction = (end - start) / max(np.hypot(*(end - start)), 1e-9)
    return start + share * (end - start), np.array([direction[1], -direction[0]])


def _sample(grey: NDArray[np.float32], points: Points) -> NDArray[np.float64]:
    """Brightness at places, bilinear; what lies outside is as the border."""
    at = (points - 0.5).astype(np.float32)
    values = cv2.remap(
        grey, at[:, :1], at[:, 1:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(values, np.float64).ravel()


def _fit(grey: NDArray[np.float32], points: Points, reach: int) -> Points:
    """Each side moved and turned onto its edge; the corners are where the sides then meet."""
    lines = [_trace(grey, points, at, reach) for at in range(4)]
    corners = [_meet(lines[at - 1][:2], lines[at][:2]) for at in range(4)]
    if any(corner is None for corner in corners):
        return points
    fitted = np.array(corners)
    return points if np.hypot(*(fitted - points).T).max() > 4 * reach else fitted


def _trace(
    grey: NDArray[np.float32], points: Points, at: int, reach: int
) -> tuple[Points, Points, float]:
    """The edge beside a side: a point on it, its direction, and the share of the side it holds.

    The steepest change across the side is looked for at each sample, within `reach` pixels; a
    line is laid through those places, and counted are those that lie on it and are steep enough.
    """
    rows, columns = grey.shape
    along, normal = _side(points, at)
    offsets = np.arange(-reach, reach + 0.5, 0.5)
    places = along[:, None, :] + offsets[None, :, None] * normal
    profiles = _sample(grey, places.reshape(-1, 2)).reshape(len(along), len(offsets))
    slope = profiles[:, 4:] - profiles[:, :-4]  # over two pixels
    if np.median(_strongest(slope)) < 0:
        slope = -slope
    steepest = slope.argmax(axis=1)
    edge = along + offsets[steepest + 2][:, None] * normal
    inside = (edge >= 1).all(axis=1) & (edge[:, 0] < columns - 1) & (edge[:, 1] < rows - 1)
    strong = inside & (slope[np.arange(len(along)), steepest] > _EDGE)
    if strong.sum() < _SAMPLES * _ENOUGH / 2:
        return along[0], along[-1] - along[0], 0.0
    line = _line(edge[strong])
    for _ in range(3):  # what lies off the line pulls no more
        off = np.abs((edge - line[0]) @ np.array([-line[1][1], line[1][0]]))
        near = strong & (off < _STRAIGHT)
        if near.sum() < 8:
            break
        line = _line(edge[near])
    off = np.abs((edge - line[0]) @ np.array([-line[1][1], line[1][0]]))
    return *line, float((strong & (off < _STRAIGHT)).mean())


def _strongest(slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest change of each profile, with its sign."""
    at = np.abs(slope).argmax(axis=1)
    return slope[np.arange(len(slope)), at]


def _line(places: Points) -> tuple[Points, Points]:
    """A point on the line through some places, and its direction."""
    fitted = cv2.fitLine(places.astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01)
    x, y, column, row = (float(value) for value in fitted.ravel())
    return np.array([column, row]), np.array([x, y])


def _meet(one: tuple[Points, Points], other: tuple[Points, Points]) -> Points | None:
    """Where two lines meet; None for parallel ones."""
    (start, along), (beginning, across) = one, other
    matrix = np.column_stack([along, -across])
    if abs(np.linalg.det(matrix)) < 1e-6:
        return None
    share = np.linalg.solve(matrix, beginning - start)[0]
    return np.asarray(start + share * along, np.float64)
