"""Rank correlation, for comparing maps whose scales mean nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mid_ranks(values: NDArray) -> NDArray[np.float64]:
    """Rank of every value, from 1; equal values share the mean of their ranks. Shape (n,)."""
    _unique, inverse, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    return (ends - (counts - 1) / 2)[inverse]


def rank_correlation(values: NDArray, other_values: NDArray) -> float:
    """Spearman's rank correlation of two arrays of one shape, in [-1, 1]; zero if one is flat."""
    first, second = mid_ranks(values), mid_ranks(other_values)
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum() / norm) if norm > 0 else 0.0
