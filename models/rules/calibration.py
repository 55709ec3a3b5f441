"""Turning logits into probabilities that mean what they say. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def apply_calibration(logits: Array, temperature: float, bias: Sequence[float]) -> Array:
    """Probabilities that mean what they say: ``softmax(logits / temperature + bias)``.

    Parameters
    ----------
    logits : numpy.ndarray
        (..., classes).
    temperature, bias
        As fitted by `fit_calibration`.
    """
    return softmax(np.asarray(logits, np.float64) / temperature + np.asarray(bias))


def softmax(logits: Array) -> Array:
    """Probabilities along the last axis: (..., classes) -> (..., classes), float64."""
    shifted = np.asarray(logits, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def log_softmax(logits: NDArray[np.floating]) -> Array:
    """Log-probabilities along the last axis: (..., classes) -> (..., classes), float64."""
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def fit_calibration(logits: Array, truth: NDArray[np.int64]) -> tuple[float, tuple[float, ...]]:
    """Fit temperature T and class biases b that minimise the NLL of ``softmax(logits / T + b)``.

    Parameters
    ----------
    logits : numpy.ndarray
        (n, classes), of validation cases.
    truth : numpy.ndarray
        (n,), class indices.

    Returns
    -------
    tuple
        T > 0 (above 1 the network was overconfident) and b (classes,), which sum to zero.

    Notes
    -----
    Bias-corrected temperature scaling (Alexandari et al., ICML 2020, arXiv 1901.06852): training
    with class weights shifts the prior, which the temperature of Guo et al. (ICML 2017) alone
    cannot undo. Convex in (1/T, b).
    """
    import torch  # fitting alone needs it; whoever only applies a calibration goes without
    from torch.nn import functional as F

    x, y = torch.tensor(logits, dtype=torch.float64), torch.tensor(truth)
    log_inverse = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [log_inverse, bias], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-9
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(x * log_inverse.exp() + bias, y)
        loss.backward()
        return loss

    optimiser.step(closure)
    fitted = bias.detach().numpy()
    centred = tuple(float(b) for b in fitted - fitted.mean())
    return float((-log_inverse.detach()).exp()), centred
