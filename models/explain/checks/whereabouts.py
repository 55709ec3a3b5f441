"""Where a map's evidence lies, in the words of a radiologist, and one area to draw a line around.

Sides are the patient's, whose right is on the film's left; zones are thirds of each lung's height.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.explain.base.lung_measures import find_lungs
from models.explain.base.lung_zones import ZONES, zone_masks
from models.explain.base.subject import Subject
from models.explain.checks.agreement import patch_means, patch_side
from models.explain.methods.explainer import Attribution

MAINLY = 0.6  # share of the lungs' evidence from which it lies mainly in one zone
ONE_LUNG = 0.75  # and from which it lies in one lung
STRONG = 0.5  # of the strongest patch: what the line goes around is at least as strong
_OTHER = {"left": "right", "right": "left"}
_CORNERS = 32  # of the outline
_SPREAD = 2.0  # standard deviations of the marked patches that the outline encloses

Point = tuple[float, float]  # across and down, in fractions of the film's sides
Patches = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the positive evidence of a map lies.

    Attributes
    ----------
    place : str
        A zone of `ZONES`, "right" or "left" for a whole lung, or "both".
    shares : mapping of str to float
        Share of the lungs' evidence in each zone; they add up to one.
    outline : tuple of Point
        Corners of an ellipse around the strongest place.
    """

    place: str
    shares: Mapping[str, float]
    outline: tuple[Point, ...]


def find_evidence(attribution: Attribution, subject: Subject) -> Whereabouts | None:
    """Where a map's positive evidence lies; None without any, or without lungs surely seen.

    Parameters
    ----------
    attribution : Attribution
    subject : Subject
        The film the map is of.
    """
    lungs = find_lungs(subject.region, subject)
    positive = np.clip(attribution.inner, 0, None).astype(np.float64)
    if lungs is None or not positive[lungs.both].any():
        return None
    held = {zone: float((positive * mask).sum()) for zone, mask in zone_masks(lungs).items()}
    total = sum(held.values())
    shares = {zone: held[zone] / total for zone in ZONES}
    outline = tuple(
        (
            subject.view.left + across * (subject.view.right - subject.view.left),
            subject.view.top + down * (subject.view.bottom - subject.view.top),
        )
        for across, down in outline_of(np.where(lungs.both, positive, 0))
    )
    return Whereabouts(_name(shares), shares, outline)


def patient_place(place: str, orientation: Sequence[str]) -> str:
    """A place by the patient's own sides, as the film's header has them.

    Parameters
    ----------
    place : str
        Of `Whereabouts`, which takes the picture's right for the patient's left.
    orientation : sequence of str
        PatientOrientation (0020,0020): where the rows point first; empty where nothing is said.

    Returns
    -------
    str
        The place; the other side's where the rows point to the patient's right; "" where they
        point to neither side, for nothing can be said then.
    """
    towards = orientation[0][:1] if orientation else "L"
    if place == "both" or towards == "L":
        return place
    if towards != "R":
        return ""
    side, _, zone = place.partition("_")
    return f"{_OTHER[side]}_{zone}".rstrip("_")


def _name(shares: Mapping[str, float]) -> str:
    """The narrowest place that holds enough of the evidence."""
    zone = max(ZONES, key=lambda name: shares[name])
    if shares[zone] >= MAINLY:
        return zone
    for side in ("right", "left"):
        if sum(share for name, share in shares.items() if name.startswith(side)) >= ONE_LUNG:
            return side
    return "both"


def outline_of(positive: NDArray[np.float64]) -> list[Point]:
    """An ellipse around the strongest place of a map, in fractions of its sides.

    The patches that touch the strongest one, or touch one that does, and are at least `STRONG`
    of it; the ellipse has their mean and `_SPREAD` of their standard deviations.

    Parameters
    ----------
    positive : numpy.ndarray
        (size, size), not negative, some of it positive.
    """
    patches = patch_means(positive)
    marked = _around_peak(patches)
    rows, columns = np.nonzero(marked)
    side = patch_side(len(positive)) / len(positive)
    weights = patches[marked]
    points = (np.stack([columns, rows]) + 0.5) * side
    middle = np.average(points, axis=1, weights=weights)
    spread = np.cov(points, aweights=weights, bias=True).reshape(2, 2) + np.eye(2) * side**2 / 12
    values, axes = np.linalg.eigh(spread)
    angles = np.arange(_CORNERS) * 2 * math.pi / _CORNERS
    circle = np.stack([np.cos(angles), np.sin(angles)])
    corners = middle[:, None] + _SPREAD * axes @ (np.sqrt(values)[:, None] * circle)
    return [(float(x), float(y)) for x, y in corners.clip(0, 1).T]


def _around_peak(patches: Patches) -> NDArray[np.bool_]:
    """The strongest patch and the strong ones connected with it."""
    strong = patches >= STRONG * patches.max()
    marked = np.zeros_like(strong)
    marked.flat[int(patches.argmax())] = True
    while True:
        grown = marked.copy()
        grown[1:] |= marked[:-1]
        grown[:-1] |= marked[1:]
        grown[:, 1:] |= marked[:, :-1]
        grown[:, :-1] |= marked[:, 1:]
        grown &= strong
        if np.array_equal(grown, marked):
            return marked
        marked = grown
