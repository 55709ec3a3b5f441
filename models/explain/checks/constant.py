"""How much of a map is this film's own, and not what every film's map shows.

The mean map of many films, stored beside the weights, is what a method draws whatever the film. A
map that is little else says nothing about this film.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.explain.checks.agreement import Map, patch_means


def mean_patches(maps: Sequence[Map]) -> NDArray[np.float64]:
    """Mean of several maps (size, size) over patches, each map counting alike."""
    return np.mean([_unit(patch_means(map_)) for map_ in maps], axis=0)


def own_share(map_: Map, mean: NDArray[np.floating]) -> float:
    """Share of a map's variation over patches that is left when the mean map is taken out.

    Parameters
    ----------
    map_ : numpy.ndarray
        (size, size), signed.
    mean : numpy.ndarray
        From `mean_patches`, of as many patches.

    Returns
    -------
    float
        In [0, 1]: 0 for the mean map itself, 1 for one that has nothing to do with it. A map that
        is the reverse of the mean map is its own altogether.
    """
    patches = patch_means(map_).ravel()
    other = np.asarray(mean, np.float64).ravel()
    if patches.std() < 1e-12 or other.std() < 1e-12:
        return 0.0 if patches.std() < 1e-12 else 1.0
    correlation = float(np.corrcoef(patches, other)[0, 1])
    return 1 - max(correlation, 0.0) ** 2


def _unit(patches: NDArray[np.float64]) -> NDArray[np.float64]:
    """Patches with unit spread; of a flat map as they are."""
    spread = float(patches.std())
    return patches / spread if spread > 1e-12 else patches
