"""How alike two maps are, at the grain a reader sees: patches, not pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.explain.checks.ranks import rank_correlation

GRID = 16  # patches along a side: 8 x 8 pixels each at the usual 128
TOP = 0.1  # share of the patches that counts as the strongest

Map = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two maps are.

    Attributes
    ----------
    correlation : float
        Spearman's rank correlation of signed patch means, in [-1, 1]; two maps that know nothing
        of each other have about zero.
    overlap : float
        Share of one map's strongest positive patches among the other's, in [0, 1]; two maps that
        know nothing of each other have about `TOP`.
    """

    correlation: float
    overlap: float


def agree(map_: Map, other_map: Map) -> Agreement:
    """Compare two maps over one input, each (size, size)."""
    first, second = patch_means(map_), patch_means(other_map)
    count = max(1, round(TOP * first.size))
    strongest = [set(np.argsort(-v, axis=None, kind="stable")[:count]) for v in (first, second)]
    return Agreement(
        correlation=rank_correlation(first, second),
        overlap=len(strongest[0] & strongest[1]) / count,
    )


def patch_means(values: Map) -> NDArray[np.float64]:
    """Mean of every patch: (size, size) -> (GRID, GRID), float64; coarser where size is small."""
    side = patch_side(len(values))
    count = len(values) // side
    cut = np.asarray(values, np.float64)[: count * side, : count * side]
    return cut.reshape(count, side, count, side).mean((1, 3))


def patch_side(size: int) -> int:
    """Side of a patch in pixels of an input of that side."""
    return max(1, size // GRID)
