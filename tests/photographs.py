"""Photographs that nobody took: a film on a ground of another brightness, seen aslant.

Tinted, unevenly lit and noisy, as a phone sees a light box or a screen.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Shot:
    """A photograph, the corners of the film in it (upper left, clockwise), and the film."""

    picture: NDArray[np.uint8]
    corners: NDArray[np.float64]
    film: NDArray[np.uint8]


def chest(rows: int, columns: int, seed: int) -> NDArray[np.uint8]:
    """Something like a film: grey, two dark lungs, a bright middle, a dark collar, a marker."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    body = 40 + 120 * np.exp(-(x**2 / 0.7 + y**2 / 1.4))
    for side in (-0.42, 0.42):
        body -= 110 * np.exp(-(((x - side) / 0.25) ** 2 + ((y + 0.05) / 0.5) ** 2))
    body += 70 * np.exp(-((x / 0.13) ** 2))
    coarse = cv2.resize(rng.normal(0, 9, (9, 9)).astype(np.float32), (columns, rows))
    film = np.clip(body + coarse, 4, 235)
    film[rows // 20 : rows // 9, columns // 16 : columns // 9] = 225
    return film.astype(np.uint8)


def photograph(
    film: NDArray[np.uint8],
    corners: NDArray[np.float64],
    *,
    size: tuple[int, int] = (900, 1200),
    ground: float = 215.0,
    tint: tuple[float, float, float] = (1.0, 0.94, 0.82),
    noise: float = 3.0,
    vignette: float = 0.3,
    seed: int = 0,
) -> Shot:
    """Lay a film into a picture of (rows, columns) with its corners at those places.

    Parameters
    ----------
    corners : numpy.ndarray
        (4, 2): column and row of upper left, upper right, lower right, lower left.
    ground : float
        Brightness around the film, of 255.
    tint : tuple of float
        What of red, green and blue arrives.
    noise : float
        Standard deviation, grey levels.
    vignette : float
        How much darker the picture's corners are.
    """
    rng = np.random.default_rng(seed)
    rows, columns = size
    tall, wide = film.shape
    flat = np.array([(0, 0), (wide, 0), (wide, tall), (0, tall)], np.float32) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(flat, corners.astype(np.float32) - np.float32(0.5))
    picture = np.full(size, ground, np.float32)
    cv2.warpPerspective(
        film.astype(np.float32),
        matrix,
        (columns, rows),
        dst=picture,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    picture = cv2.GaussianBlur(picture, (0, 0), 1.0) * (1 - vignette * (x**2 + y**2) / 2)
    colour = picture[..., None] * np.array(tint) + rng.normal(0, noise, (*size, 3))
    return Shot(np.clip(colour, 0, 255).astype(np.uint8), corners, film)


def slanted(size: tuple[int, int], *, fill: float, bend: float, turn: float, seed: int) -> NDArray:
    """Corners of a film that fills so much of a picture, turned (degrees), each corner displaced.

    ``fill`` is of the shorter side, ``bend`` of the film's.
    """
    rng = np.random.default_rng(seed)
    rows, columns = size
    tall = fill * min(size) / 1.25
    wide = tall / 1.1
    square = np.array([(-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall)]) / 2
    square += rng.uniform(-bend, bend, (4, 2)) * tall
    angle = np.radians(turn)
    rotation = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    room = 0.5 * (1 - fill) * np.array([columns, rows]) * 0.4
    middle = np.array([columns, rows]) / 2 + rng.uniform(-1, 1, 2) * room
    return square @ rotation.T + middle
