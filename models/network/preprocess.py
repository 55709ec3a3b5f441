"""How a picture becomes the networks' input by torch: for training and for explanations.

What answers a doctor, and what `models.evaluation.evaluate` measures, takes the same two steps
without torch: `models.inference.model_input`, which also halves a film far larger than an input
first. `tests/models/inference/test_assessor.py` and `bench.triage_parity` hold how far the two may
differ.

Order: squash to a square with an anti-aliased filter, then equalise the histogram. Size and
aspect of the film are gone after the first step, because both go with the label in the open
films (size alone: AUC 0.88); every monotonic tone curve - window, gamma, exposure, 8 or 16 bit -
is gone after the second, because the network must not read the acquisition's style.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

TONE_BINS = 1 << 16  # one per level of a 16-bit film, so that a stray bright pixel costs nothing
_UNIT_VARIANCE = 3**0.5  # a uniform variable on [-1, 1] has variance 1/3


def preprocess(luminance: NDArray[Any] | Tensor, *, size: int) -> Tensor:
    """Turn luminance into the network's input.

    Parameters
    ----------
    luminance : array or Tensor
        (rows, columns) or (batch, rows, columns), any linear scale, larger is brighter
        (MONOCHROME1 already inverted). Finite.
    size : int
        Side of the square input in pixels.

    Returns
    -------
    Tensor
        (batch, 1, size, size), float32, in [-sqrt(3), sqrt(3)], about zero mean and unit variance.

    Raises
    ------
    ValueError
        If the array has no pixels or not two or three dimensions.
    """
    # a copy, because torch must not hold an array that is read-only
    values = luminance if torch.is_tensor(luminance) else torch.from_numpy(np.array(luminance))
    if values.ndim not in (2, 3) or values.numel() == 0:
        raise ValueError("luminance must be (rows, columns) or (batch, rows, columns)")
    batch = values.reshape(-1, 1, *values.shape[-2:]).to(torch.float32)
    if batch.shape[-2:] != (size, size):
        batch = F.interpolate(batch, (size, size), mode="bilinear", antialias=True)
    return equalise(batch)


def squash(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Resample a picture to a square with the anti-aliased filter of `preprocess`.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns), float32.
    size : int
        Side of the square, pixels.

    Returns
    -------
    numpy.ndarray
        (size, size), float32, in the units of `values`; the same array if it has that size.
    """
    if values.shape == (size, size):
        return values
    batch = torch.tensor(values)[None, None]
    return F.interpolate(batch, (size, size), mode="bilinear", antialias=True)[0, 0].numpy()


def equalise(batch: Tensor) -> Tensor:
    """Replace each value by its mid-rank within its own picture, scaled to unit variance.

    Parameters
    ----------
    batch : Tensor
        (batch, 1, rows, columns), float32.

    Returns
    -------
    Tensor
        Same shape; a constant picture becomes all zero.
    """
    flat = batch.flatten(1)
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    span = high - low
    rounding = 1e-6 * torch.maximum(low.abs(), high.abs())  # of the resampling, not of the film
    scaled = (flat - low) / torch.where(span > rounding, span, torch.inf)
    bins = (scaled * (TONE_BINS - 1)).round().long()
    counts = torch.zeros(len(flat), TONE_BINS, device=flat.device)
    counts.scatter_add_(1, bins, torch.ones_like(flat))
    mid_rank = (counts.cumsum(1) - counts / 2) / flat.shape[1]
    return ((mid_rank.gather(1, bins) * 2 - 1) * _UNIT_VARIANCE).reshape(batch.shape)
