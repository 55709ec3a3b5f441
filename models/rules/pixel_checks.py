"""Checks on the pixels that need no network: blank, clipped, two-tone, too small, too long.

They come before the gate's network because equalisation hides what they look at. The limits are
loose on purpose: every film of the open sets is far inside them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_SIDE = 32  # pixels
MAX_ASPECT = 2.5  # longer side over shorter, as lengths; the widest open film has 1.8
BLANK_SHARE = 0.995  # of pixels within one grey level of the commonest
CLIPPED_SHARE = 0.85  # of pixels at the two ends of the range
TWO_TONE_SHARE = 0.97  # of pixels in the two commonest of sixteen grey bins
_BINS = 16
_SAMPLED_SIDE = 256  # pixels of the shorter side that the shares are taken from
_END = 0.004  # of the range: one grey level in eight bits


def pixel_kind(
    luminance: NDArray[Any],
    *,
    shape: tuple[int, int] | None = None,
    pixel_aspect: float = 1.0,
    span: tuple[float, float] | None = None,
) -> str:
    """Name what is wrong with a picture, by its pixels alone.

    Parameters
    ----------
    luminance : numpy.ndarray
        (rows, columns), any linear scale, larger brighter or darker. Finite.
    shape : tuple of int, optional
        Rows and columns of the film, where `luminance` is a smaller picture of it.
    pixel_aspect : float
        Height of a pixel of the film over its width: its shape is judged by lengths.
    span : tuple of float, optional
        Its lowest and highest value, where they are known already.

    Returns
    -------
    str
        "small", "long", "blank", "clipped", "document", or "" when nothing is wrong.
    """
    rows, columns = shape or luminance.shape
    if min(rows, columns) < MIN_SIDE:
        return "small"
    short, long = sorted((rows * pixel_aspect, float(columns)))
    if long > MAX_ASPECT * short:
        return "long"
    low, high = span or (float(luminance.min()), float(luminance.max()))
    if not high - low > 1e-6 * max(abs(low), abs(high)):
        return "blank"
    # every n-th pixel says as much about shares, at a fraction of a network's cost
    step = max(1, min(luminance.shape) // _SAMPLED_SIDE)
    return _tone_kind((luminance[::step, ::step] - low) / (high - low))


def _tone_kind(values: NDArray[np.floating]) -> str:
    """The same for the distribution of values in [0, 1]."""
    levels = np.bincount(np.rint(values.ravel() / _END).astype(np.int64)) / values.size
    if levels.max() >= BLANK_SHARE:
        return "blank"
    dark, bright = float((values <= _END).mean()), float((values >= 1 - _END).mean())
    # one end alone is a wide black border, which films have; both ends are a cut-off tone curve
    if dark + bright >= CLIPPED_SHARE and min(dark, bright) >= 0.05:
        return "clipped"
    # as np.histogram, at a quarter of its cost: sixteenths are exact
    counts = np.bincount(np.minimum((values * _BINS).astype(np.int64), _BINS - 1).ravel())
    bins = np.sort(np.pad(counts, (0, _BINS)))[::-1] / values.size
    return "document" if bins[:2].sum() >= TWO_TONE_SHARE and bins[1] >= 0.005 else ""
