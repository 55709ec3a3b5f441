"""The robustness dial: how the answer to one film changes when the film is taken a little worse.

`models.data.corruptions` measures the model over many films; this asks about the film at hand.
Every changed film is framed again by the localiser, as it would be had it been taken like that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from imaging.entities import Answer
from models.data.corruptions import CORRUPTIONS, Corruption
from models.inference.classifier import Classifier

Luminance = NDArray[np.float32]


def _stretch_contrast(film: Luminance, slope: float, rng: np.random.Generator) -> Luminance:
    """Steeper or flatter about the mean; what leaves the film's range saturates."""
    mean = film.mean(dtype=np.float64)
    return ((film - mean) * slope + mean).astype(np.float32)


# Contrast is asked about here alone: the stored figures of the models are about `CORRUPTIONS`.
CHANGES: dict[str, Corruption] = {
    **CORRUPTIONS,
    "contrast": Corruption("Contrast", "slope about the mean grey", (2, 3, 4), _stretch_contrast),
}

# Kind of `CHANGES` -> levels along the dial, the film as it is among them.
LEVELS: dict[str, tuple[float, ...]] = {
    "noise": (0, 1, 2, 3, 4, 6, 8, 10, 12, 15),
    "blur": (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2),
    "contrast": (0.25, 0.4, 0.55, 0.7, 0.85, 1, 1.25, 1.5, 2, 2.5, 3, 4),
    "gamma": (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.15, 1.3, 1.5, 1.75, 2),
    "rotation": (-15, -12, -9, -7, -5, -3, -1, 0, 1, 3, 5, 7, 9, 12, 15),
    "shift_right": (-12, -9, -6, -3, 0, 3, 6, 9, 12),
    "shift_down": (-12, -9, -6, -3, 0, 3, 6, 9, 12),
}
SIDE = 512  # a larger film is made smaller first: the networks see a quarter of that


@dataclass(frozen=True, slots=True)
class Point:
    """Answer of the networks at one level."""

    level: float
    probability: float
    answer: Answer


@dataclass(frozen=True, slots=True)
class Curve:
    """The answers along one dial, in the order of the levels.

    ``neutral`` is the level of the film as it is.
    """

    kind: str
    neutral: float
    points: tuple[Point, ...]

    @property
    def original(self) -> Point:
        """The film as it is."""
        return next(p for p in self.points if p.level == self.neutral)

    @property
    def holds(self) -> tuple[float, float]:
        """The lowest and highest level between which the answer stays that of the film itself."""
        at = self.points.index(self.original)
        low = high = at
        while low > 0 and self.points[low - 1].answer is self.original.answer:
            low -= 1
        while high + 1 < len(self.points) and self.points[high + 1].answer is self.original.answer:
            high += 1
        return self.points[low].level, self.points[high].level

    @property
    def flips(self) -> tuple[Point, ...]:
        """The first points below and above the film's own level with another answer."""
        low, high = self.holds
        below = [p for p in self.points if p.level < low]
        above = [p for p in self.points if p.level > high]
        return (*below[-1:], *above[:1])


def neutral(kind: str) -> float:
    """The level of a dial that changes nothing."""
    return 1.0 if kind in ("contrast", "gamma") else 0.0


def disturb(luminance: Luminance, kind: str, level: float) -> Luminance:
    """Change one film: (rows, columns), float32, of the size the dial works at.

    Parameters
    ----------
    luminance : numpy.ndarray
        (rows, columns), any linear scale, larger is brighter.
    kind : str
        Key of `LEVELS`.
    level : float
        In the unit of `CHANGES[kind]`; the neutral one changes nothing but the size.
    """
    film = _shrink(luminance)
    if level == neutral(kind):
        return film
    rng = np.random.default_rng(0)  # the same noise at every visit
    return CHANGES[kind].apply(film, level=level, rng=rng)


def curve(
    classifier: Classifier,
    luminance: Luminance,
    kind: str,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> Curve:
    """Ask the networks about every level of one dial.

    Parameters
    ----------
    classifier : Classifier
    luminance : numpy.ndarray
        (rows, columns), any linear scale, larger is brighter.
    kind : str
        Key of `LEVELS`.
    on_progress : callable, optional
        Gets the share done; may raise to stop the work.
    """
    film, points = _shrink(luminance), []
    for at, level in enumerate(LEVELS[kind]):
        if on_progress:
            on_progress(at / len(LEVELS[kind]))
        prediction = classifier.predict(disturb(film, kind, level))
        points.append(Point(level, prediction.findings[0].probability, prediction.answer))
    return Curve(kind, neutral(kind), tuple(points))


def _shrink(luminance: Luminance) -> Luminance:
    """The film, its longer side at most `SIDE`, its shape kept."""
    factor = SIDE / max(luminance.shape)
    if factor >= 1:
        return luminance
    size = [max(1, round(length * factor)) for length in luminance.shape]
    batch = torch.from_numpy(np.array(luminance, np.float32))[None, None]
    return F.interpolate(batch, size, mode="bilinear", antialias=True)[0, 0].numpy()
