"""The means of a picture's blocks, from the low band of its wavelet.

A sample of the low band is no mean: it lies on the first pixel of its block, and the analysis
filter sharpens a little. The inverse transform of the low band alone, averaged over each block,
is one short filter along each axis (ISO/IEC 15444-1 Annex F; `bench.triage_parity` measures it).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Synthesis low-pass filters, from the middle outwards, of gain 2: F.3.8.1 (5-3), F.3.8.2 (9-7).
_REVERSIBLE = (1.0, 0.5)
_IRREVERSIBLE = (1.115087052456994, 0.591271763114247, -0.057543526228500, -0.091271763114247)


def block_means(low: NDArray[Any], levels: int, *, reversible: bool) -> NDArray[np.float32]:
    """The picture without its finest details, by means of blocks of 2**levels pixels.

    Parameters
    ----------
    low : numpy.ndarray
        (rows', columns'), the low band after `levels` decompositions.
    levels : int
        At least 1.
    reversible : bool
        The 5-3 filter; else the 9-7 filter.
    """
    first, taps = block_filter(levels, reversible)
    means = low.astype(np.float32)
    for _ in range(2):  # along rows, turned, along columns, turned back
        means = _filter_rows(means, first, taps).T
    return np.ascontiguousarray(means)


@lru_cache(maxsize=16)
def block_filter(levels: int, reversible: bool) -> tuple[int, tuple[float, ...]]:
    """The first sample that goes into the mean of block 0, and the weights from there on."""
    half = _REVERSIBLE if reversible else _IRREVERSIBLE
    synthesis = np.array((*half[:0:-1], *half))
    pixels = np.ones(1)  # what one sample of the low band makes of the pixels around its own
    for _ in range(levels):
        finer = np.zeros(2 * len(pixels) - 1)
        finer[::2] = pixels
        pixels = np.convolve(finer, synthesis)
    side, middle = 2**levels, len(pixels) // 2
    means = np.convolve(pixels, np.full(side, 1 / side))
    samples = np.arange(-(middle // side), (middle + side - 1) // side + 1)
    weights = means[middle + side - 1 - side * samples]
    return int(samples[0]), tuple(float(weight) for weight in weights)


def _filter_rows(values: NDArray[np.float32], first: int, taps: tuple[float, ...]) -> Any:
    """Filter each row; beyond its ends its last values go on."""
    columns = values.shape[1]
    before, after = max(0, -first), max(0, first + len(taps) - 1)
    wide = np.pad(values, ((0, 0), (before, after)), mode="edge")
    filtered = np.zeros_like(values)
    for i, weight in enumerate(taps):
        start = before + first + i
        filtered += np.float32(weight) * wide[:, start : start + columns]
    return filtered
