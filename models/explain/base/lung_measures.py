"""Measures of a film that a reader has words for: how white, how even, how it was taken.

All are taken from the film as the networks see it and from the localiser's lung map, so that a
measure that goes with the score may be a reason for it. Opacities compare ranks of tones, which no
window, gamma or exposure changes; brightness, contrast and clipping are about just these. Sides are
the patient's, whose right is on the film's left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.explain.base.subject import Subject, in_view
from models.metrics import Estimate

PARTS = ("upper", "middle", "lower")
ZONES = tuple(f"{side}_{part}" for side in ("right", "left") for part in PARTS)
CONCEPTS = (
    *(f"opacity_{zone}" for zone in ZONES),
    "opacity",
    "asymmetry",
    "lung_share",
    "lung_shape",
    "rotation",
    "tilt",
    "brightness",
    "contrast",
    "clipped",
    "sharpness",
)
OUTLYING = 3.0  # per cent of the training films at either end

_SURE = 0.85  # least mean probability of a lung map that is believed
_LEAST = 0.1  # of the view: lungs that are smaller were not found
_LOPSIDED = 0.15  # of both lungs' area: a smaller lung was not found
_BLACK, _WHITE = 1.0, 99.0  # percentiles of the view that stand for black and white
_CLIPPED = 0.01  # of the view's range of tones: nearer than this to its ends

Mask = NDArray[np.bool_]
Tones = NDArray[np.floating]
Measures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Lungs:
    """The patient's right and left lung, and what lies between them: (size, size), bool."""

    right: Mask
    left: Mask
    between: Mask

    @property
    def both(self) -> Mask:
        """The lungs."""
        return self.right | self.left


@dataclass(frozen=True, slots=True)
class Link:
    """Spearman's rank correlations of a measure with other things on validation films.

    Attributes
    ----------
    score : Estimate
        With the network's log-odds of the leading finding.
    truth : Estimate
        With the true label.
    within : Estimate
        With the score among films of the same true label: what disease does not explain.
    """

    score: Estimate
    truth: Estimate
    within: Estimate


@dataclass(frozen=True, slots=True)
class LungMeasures:
    """One measure of one film beside the training films.

    ``percentile`` is the share of training films below it, in per cent; ``link`` is None where
    nothing was measured.
    """

    name: str
    value: float
    percentile: float
    link: Link | None

    @property
    def outlying(self) -> bool:
        """True at either end of the training films."""
        return not OUTLYING < self.percentile < 100 - OUTLYING


def measure(subject: Subject, region: NDArray[np.float32] | None) -> Measures | None:
    """Take the measures of one film.

    Parameters
    ----------
    subject : Subject
    region : numpy.ndarray or None
        (rows, columns), float32 in [0, 1]: probability of lung over the whole film, from
        `Classifier.regions`.

    Returns
    -------
    mapping or None
        A finite value for each of `CONCEPTS`; None where both lungs are not surely seen.
    """
    lungs = find_lungs(region, subject)
    if lungs is None:
        return None
    tones = (subject.x[0, 0].numpy() / 3**0.5 + 1) / 2
    return _opacities(tones, lungs) | _shape(lungs, subject) | _exposure(tones, lungs, subject)


def find_lungs(region: NDArray[np.float32] | None, subject: Subject) -> Lungs | None:
    """The two lungs over the networks' input, or None where they are not surely seen."""
    if region is None:
        return None
    map_ = in_view(region, subject.view, subject.x.shape[-1])
    mask = map_ > 0.5
    if mask.mean() < _LEAST or map_[mask].mean() < _SURE:
        return None
    middle = _middle(mask)
    columns = np.arange(mask.shape[1])
    right, left = mask & (columns < middle), mask & (columns >= middle)
    lungs = Lungs(right, left, _between(right, left))
    enough = min(right.sum(), left.sum()) > _LOPSIDED * mask.sum()
    tall = min(right.any(1).sum(), left.any(1).sum()) >= len(PARTS)
    return lungs if enough and tall and lungs.between.any() else None


def _middle(mask: Mask) -> int:
    """The column with the least lung in the middle third of them."""
    columns = mask.sum(0)
    first, last = np.flatnonzero(columns)[[0, -1]]
    third = (last - first + 1) // 3
    return int(first + third + columns[first + third : last + 1 - third].argmin())


def _between(right: Mask, left: Mask) -> Mask:
    """Row by row, what lies between the inner edges of the two lungs."""
    beside_right = np.logical_or.accumulate(right[:, ::-1], axis=1)[:, ::-1]
    beside_left = np.logical_or.accumulate(left, axis=1)
    rows = (right.any(1) & left.any(1)).reshape(-1, 1)
    return ~beside_right & ~beside_left & rows


def _opacities(tones: Tones, lungs: Lungs) -> dict[str, float]:
    """Mean tones of zones over that of what lies between the lungs: 1 is as white as the heart."""
    middle = max(float(tones[lungs.between].mean()), 1e-3)
    opacities = {}
    for side, lung in (("right", lungs.right), ("left", lungs.left)):
        rows = np.flatnonzero(lung.any(1))
        for part, third in zip(PARTS, np.array_split(rows, 3), strict=True):
            opacities[f"opacity_{side}_{part}"] = float(tones[third][lung[third]].mean()) / middle
    right, left = (float(tones[lung].mean()) / middle for lung in (lungs.right, lungs.left))
    whole = float(tones[lungs.both].mean()) / middle
    return {**opacities, "opacity": whole, "asymmetry": left - right}


def _shape(lungs: Lungs, subject: Subject) -> dict[str, float]:
    """Measure size, height and turn: areas as shares, slopes in degrees on the film."""
    view, size = subject.view, len(lungs.both)
    tall = (view.bottom - view.top) * subject.shape[0] / size  # film pixels per row of the mask
    wide = (view.right - view.left) * subject.shape[1] / size
    right, left = int(lungs.right.sum()), int(lungs.left.sum())
    rows = np.flatnonzero(lungs.right.any(1) & lungs.left.any(1))
    middles = (_centres(lungs.right[rows]) + _centres(lungs.left[rows])) / 2
    slope = np.polyfit(rows * tall, middles * wide, 1)[0] if len(rows) > 1 else 0.0
    height, width = _extent(lungs.both), _extent(lungs.both.T)
    return {
        "lung_share": (right + left) / size**2 * view.area,
        "lung_shape": height * tall / (width * wide),
        "rotation": (left - right) / (left + right),
        "tilt": float(np.degrees(np.arctan(slope))),
    }


def _extent(mask: Mask) -> int:
    """Rows from the first inside the mask to the last."""
    first, last = np.flatnonzero(mask.any(1))[[0, -1]]
    return int(last - first + 1)


def _centres(rows: Mask) -> NDArray[np.float64]:
    """Mean column of the mask in every row (rows,), none of them empty."""
    return (rows @ np.arange(rows.shape[1])) / rows.sum(1)


def _exposure(tones: Tones, lungs: Lungs, subject: Subject) -> dict[str, float]:
    """Measure how the film was taken, in tones as they are in the file, from black to white."""
    values = subject.squashed
    black, white = np.percentile(values, [_BLACK, _WHITE])
    scaled = (values - black) / max(float(white - black), 1e-6)
    ends = _CLIPPED * np.ptp(values)
    clipped = (values < values.min() + ends) | (values > values.max() - ends)
    bends = np.abs(4 * tones[1:-1, 1:-1] - _neighbours(tones))
    spread = max(float(tones[lungs.both].std()), 1e-3)
    return {
        "brightness": float(np.median(scaled)),
        "contrast": float(scaled[lungs.between].mean() - scaled[lungs.both].mean()),
        "clipped": float(clipped.mean()),
        "sharpness": float(bends[lungs.both[1:-1, 1:-1]].mean()) / spread,
    }


def _neighbours(tones: Tones) -> Tones:
    """Sum of the four neighbours of every inner pixel."""
    return tones[:-2, 1:-1] + tones[2:, 1:-1] + tones[1:-1, :-2] + tones[1:-1, 2:]
