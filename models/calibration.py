"""Turning logits into probabilities that mean what they say. Pure array maths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def softmax(logits: Array) -> Array:
    """Probabilities along the last axis: (..., classes) -> (..., classes), float64."""
    shifted = np.asarray(logits, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def negative_log_likelihood(logits: Array, truth: NDArray[np.int64]) -> float:
    """Mean -log probability of the true class; `truth` holds class indices."""
    probabilities = softmax(logits)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(probabilities, 1e-12)).mean())


def fit_temperature(logits: Array, truth: NDArray[np.int64]) -> float:
    """The temperature T that minimises the NLL of ``softmax(logits / T)``.

    Parameters
    ----------
    logits : numpy.ndarray
        (n, classes), of validation cases.
    truth : numpy.ndarray
        (n,), class indices.

    Returns
    -------
    float
        In [0.05, 20]. Above 1 the network was overconfident.

    Notes
    -----
    Guo et al., ICML 2017, arXiv 1706.04599. One convex parameter in 1/T: golden-section search.
    """
    low, high = np.log(0.05), np.log(20.0)
    ratio = (5**0.5 - 1) / 2
    for _ in range(60):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        left = negative_log_likelihood(logits / np.exp(a), truth)
        right = negative_log_likelihood(logits / np.exp(b), truth)
        low, high = (low, b) if left < right else (a, high)
    return float(np.exp((low + high) / 2))
