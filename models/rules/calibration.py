"""Turning logits into probabilities that mean what they say. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Temperature = float | tuple[float, ...]  # one of all classes or, where they are apart, of each


def apply_calibration(
    logits: Array, temperature: Temperature, bias: Sequence[float], *, multi_label: bool = False
) -> Array:
    """Probabilities that mean what they say: ``softmax(logits / temperature + bias)``.

    Parameters
    ----------
    logits : numpy.ndarray
        (..., classes).
    temperature, bias
        As fitted by `fit_calibration`, or by `fit_each_class`.
    multi_label : bool
        Each class by itself: the logistic function takes the place of the softmax.
    """
    scaled = np.asarray(logits, np.float64) / np.asarray(temperature) + np.asarray(bias)
    return sigmoid(scaled) if multi_label else softmax(scaled)


def sigmoid(logits: Array) -> Array:
    """The logistic function of every number, float64."""
    return 1 / (1 + np.exp(-np.clip(np.asarray(logits, np.float64), -500, 500)))


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


def fit_calibration(
    logits: Array, truth: NDArray[np.int64], *, shares: Sequence[float] = ()
) -> tuple[float, tuple[float, ...]]:
    """Fit temperature T and class biases b that minimise the NLL of ``softmax(logits / T + b)``.

    Parameters
    ----------
    logits : numpy.ndarray
        (n, classes), of validation cases.
    truth : numpy.ndarray
        (n,), class indices.
    shares : sequence of float
        How frequent each class is among the films that will be read, in any unit. Cases are
        weighed accordingly, since probabilities fitted to other shares are not theirs (label
        shift: Saerens et al., Neural Computation 2002). Without it, as in `truth`.

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
    weight = None
    if shares:
        present = np.bincount(truth, minlength=x.shape[1])
        weight = torch.tensor(np.asarray(shares, np.float64) / np.maximum(present, 1))
    log_inverse = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [log_inverse, bias], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-9
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(x * log_inverse.exp() + bias, y, weight=weight)
        loss.backward()
        return loss

    optimiser.step(closure)
    fitted = bias.detach().numpy()
    centred = tuple(float(b) for b in fitted - fitted.mean())
    return float((-log_inverse.detach()).exp()), centred


def fit_each_class(
    logits: Array, shown: NDArray[np.bool_]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Fit ``sigmoid(logits / T + b)`` of every class by itself (Platt 1999).

    Parameters
    ----------
    logits : numpy.ndarray
        (n, classes), log-odds of validation cases.
    shown : numpy.ndarray
        (n, classes), bool.

    Returns
    -------
    tuple
        T > 0 and b, (classes,) each.

    Notes
    -----
    The targets are Platt's, ``(n + 1) / (n + 2)`` and ``1 / (n + 2)``: where a class is told apart
    without a mistake, no T would be the best otherwise.
    """
    import torch  # see `fit_calibration`
    from torch.nn import functional as F

    x = torch.tensor(logits, dtype=torch.float64)
    present = shown.sum(0)
    high, low = (present + 1) / (present + 2), 1 / (len(shown) - present + 2)
    y = torch.tensor(np.where(shown, high, low))
    log_inverse, bias = (torch.zeros(x.shape[1], dtype=torch.float64) for _ in range(2))
    for value in (log_inverse, bias):
        value.requires_grad_()
    optimiser = torch.optim.LBFGS(
        [log_inverse, bias], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-9
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(x * log_inverse.exp() + bias, y)
        loss.backward()
        return loss

    optimiser.step(closure)
    temperatures = (-log_inverse.detach()).exp().tolist()
    return tuple(temperatures), tuple(bias.detach().tolist())
