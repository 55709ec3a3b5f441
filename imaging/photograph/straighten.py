"""A quadrilateral of a photograph as a straight, grey film."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.entities import Corners

SMALLEST = 32.0  # pixels of the shortest side that is worth cutting out
_LARGEST = 4096  # pixels of a film's longer side
_MOST_BENT = math.radians(150)  # a wider angle folds the film into a sliver


@dataclass(frozen=True, slots=True)
class Cut:
    """What of a photograph is the film, and how it stands.

    Attributes
    ----------
    corners : tuple of four (float, float)
        (column, row) of upper left, upper right, lower right and lower left corner, in pixels; the
        upper left corner of the first pixel is (0, 0).
    quarter_turns : int
        Clockwise, 0 to 3, after straightening.
    mirrored : bool
        Swap left and right, after the turn. Never set but by a reader.
    """

    corners: Corners
    quarter_turns: int = 0
    mirrored: bool = False


def whole(shape: tuple[int, ...]) -> Corners:
    """The corners of the picture itself, of (rows, columns, ...)."""
    rows, columns = map(float, shape[:2])
    return (0.0, 0.0), (columns, 0.0), (columns, rows), (0.0, rows)


def is_usable(corners: Corners, shape: tuple[int, ...]) -> bool:
    """True for the corners of a film: inside the picture, in order, convex and no sliver.

    Parameters
    ----------
    corners : tuple of four (float, float)
        As `Cut.corners`.
    shape : tuple of int
        (rows, columns, ...) of the picture.
    """
    points = np.asarray(corners, np.float64)
    rows, columns = shape[:2]
    if points.shape != (4, 2) or not np.isfinite(points).all():
        return False
    if (points < 0).any() or (points > (columns, rows)).any():
        return False
    sides = np.roll(points, -1, axis=0) - points
    lengths = np.hypot(*sides.T)
    if lengths.min() < SMALLEST:
        return False
    following = np.roll(sides, -1, axis=0)
    turn = np.arctan2(
        sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0],
        (sides * following).sum(axis=1),
    )  # clockwise on a screen, whose rows count downwards; they sum to a full turn where convex
    least = math.pi - _MOST_BENT
    return bool((turn > least).all() and (turn < _MOST_BENT).all())


def to_grey(values: NDArray[Any]) -> NDArray[Any]:
    """Brightness of R, G and B (ITU-R BT.601): (rows, columns) of the same type; grey as it is.

    Of uint8 or uint16.
    """
    if values.ndim == 2:
        return values
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(values), cv2.COLOR_RGB2GRAY))


def shrink(values: NDArray[Any], side: int) -> NDArray[Any]:
    """Make the longer side at most so long, each pixel the mean of those it stands for."""
    scale = min(1.0, side / max(values.shape[:2]))
    if scale == 1:
        return values
    size = max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA))


def straighten(
    values: NDArray[Any], cut: Cut, *, largest: int = _LARGEST
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Cut the film out of a photograph, as if it had hung flat before the camera.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns) or (rows, columns, 3), uint8 or uint16; larger is brighter.
    cut : Cut
    largest : int
        Pixels that the longer side keeps at most.

    Returns
    -------
    numpy.ndarray
        (rows', columns') of the same type, grey. As many pixels along each side as the mean of the
        two opposite sides in the photograph; brightness is not changed.

    Raises
    ------
    ValueError
        If the corners are those of no film (`is_usable`).

    Notes
    -----
    A plane seen by a pinhole camera is a homography of the flat one (Hartley and Zisserman,
    Multiple View Geometry, 2004, 2.3); four corners fix it. Sampled bilinearly. How tall the film
    is beside its width is known only roughly, so no length and no angle holds.
    """
    if not is_usable(cut.corners, values.shape):
        raise ValueError("these are not the corners of a film in this picture")
    points = np.asarray(cut.corners, np.float32)
    top, right, bottom, left = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    wide, tall = (top + bottom) / 2, (left + right) / 2
    scale = min(1.0, largest / max(wide, tall))
    columns, rows = max(1, round(wide * scale)), max(1, round(tall * scale))
    half = np.float32(0.5)  # OpenCV counts from the middle of the first pixel
    corners = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32)
    matrix = cv2.getPerspectiveTransform(points - half, corners - half)
    grey = to_grey(values)
    if scale < 1:  # else bilinear sampling would skip pixels
        grey = cv2.GaussianBlur(grey, (0, 0), 0.5 / scale)
    flat = cv2.warpPerspective(
        grey, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    flat = np.rot90(flat, -cut.quarter_turns)
    flat = flat[:, ::-1] if cut.mirrored else flat
    return np.array(flat, np.uint16) if values.dtype == np.uint16 else np.array(flat, np.uint8)
