"""Six zones of the lungs, as radiologists name them: right and left, upper, middle and lower."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.explain.base.lung_measures import PARTS, ZONES, Lungs

__all__ = ["ZONES", "zone_masks"]


def zone_masks(lungs: Lungs) -> dict[str, NDArray[np.float32]]:
    """The zones over the networks' input, each lung cut into thirds of its own height.

    Parameters
    ----------
    lungs : Lungs
        From `models.explain.base.lung_measures.find_lungs`.

    Returns
    -------
    dict of str to numpy.ndarray
        Name of `ZONES` -> (size, size), float32, one inside. Sides are the patient's.
    """
    masks = {}
    for side, lung in (("right", lungs.right), ("left", lungs.left)):
        rows = np.flatnonzero(lung.any(1))
        for part, third in zip(PARTS, np.array_split(rows, 3), strict=True):
            mask = np.zeros(lung.shape, np.float32)
            mask[third] = lung[third]
            masks[f"{side}_{part}"] = mask
    return masks
