"""Figures of merit as pure array maths: discrimination, calibration, bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Truth = NDArray[np.bool_]


def roc_auc(truth: Truth, score: Array) -> float:
    """Area under the ROC curve: the chance that a positive outranks a negative.

    Parameters
    ----------
    truth : numpy.ndarray
        (n,), bool.
    score : numpy.ndarray
        (n,), any monotonic scale; ties count one half (Mann-Whitney).

    Returns
    -------
    float
        In [0, 1]; NaN when only one class is present.
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mid_rank = (ends - (counts - 1) / 2)[inverse]
    return float((mid_rank[truth].sum() - positives * (positives + 1) / 2) / positives / negatives)


def sensitivity(truth: Truth, called: Truth) -> float:
    """Share of positives that were called positive."""
    return float(called[truth].mean()) if truth.any() else float("nan")


def specificity(truth: Truth, called: Truth) -> float:
    """Share of negatives that were called negative."""
    return float((~called[~truth]).mean()) if (~truth).any() else float("nan")


def accuracy(truth: Truth, called: Truth) -> float:
    """Share of right calls."""
    return float((truth == called).mean())


def weighted_kappa(truth: NDArray[np.int64], called: NDArray[np.int64]) -> float:
    """Cohen's kappa of grades, disagreement weighed by its square (Cohen, Psychol. Bull. 1968).

    Parameters
    ----------
    truth, called : numpy.ndarray
        (n,), grades as integers from 0.

    Returns
    -------
    float
        1 for equal grades, 0 for chance; NaN where all films have one grade.
    """
    most = int(max(truth.max(), called.max())) + 1
    table = np.zeros((most, most))
    np.add.at(table, (truth, called), 1)
    apart = np.subtract.outer(np.arange(most), np.arange(most)) ** 2
    chance = np.outer(table.sum(1), table.sum(0)) / table.sum()
    expected = float((apart * chance).sum())
    return 1 - float((apart * table).sum()) / expected if expected else float("nan")


def brier(truth: Truth, probability: Array) -> float:
    """Mean squared difference of probability and outcome."""
    return float(np.mean((probability - truth) ** 2))


def negative_log_likelihood(truth: Truth, probability: Array) -> float:
    """Mean of -log of the probability given to what was true."""
    given = np.where(truth, probability, 1 - probability)
    return float(-np.log(np.clip(given, 1e-12, 1)).mean())


def ece_noise_floor(probability: Array, *, draws: int = 400, seed: int = 0) -> float:
    """Mean ECE that a perfectly calibrated model with these probabilities would still show."""
    rng = np.random.default_rng(seed)
    return float(
        np.mean(
            [
                expected_calibration_error(rng.random(len(probability)) < probability, probability)
                for _ in range(draws)
            ]
        )
    )


def selective_accuracy(truth: Truth, probability: Array, called: Truth) -> list[tuple[float, ...]]:
    """Accuracy among the surest cases: rows (coverage, confidence at least, accuracy).

    Confidence is the larger of the probabilities of presence and absence (Geifman & El-Yaniv,
    NeurIPS 2017, arXiv 1705.08500).
    """
    confidence = np.maximum(probability, 1 - probability)
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum((truth == called)[order])
    n = len(order)
    steps = sorted({max(1, round(n * share / 100)) for share in range(5, 101, 5)})
    return [(k / n, float(confidence[order[k - 1]]), float(right[k - 1] / k)) for k in steps]


def expected_calibration_error(truth: Truth, probability: Array, *, bins: int = 15) -> float:
    """Mean |confidence - frequency| over equal-width bins, weighted by count.

    Notes
    -----
    Guo et al., ICML 2017. At n = 624 a perfectly calibrated model still shows about 0.02-0.03.
    """
    return float(sum(abs(r[1] - r[2]) * r[3] for r in reliability(truth, probability, bins=bins)))


def reliability(
    truth: Truth, probability: Array, *, bins: int = 15
) -> list[tuple[float, float, float, float]]:
    """Reliability diagram: per non-empty bin (upper edge, mean probability, frequency, share)."""
    edges = np.linspace(0, 1, bins + 1)
    which = np.clip(np.digitize(probability, edges[1:-1]), 0, bins - 1)
    rows = []
    for b in range(bins):
        inside = which == b
        if inside.any():
            rows.append(
                (
                    float(edges[b + 1]),
                    float(probability[inside].mean()),
                    float(truth[inside].mean()),
                    float(inside.mean()),
                )
            )
    return rows


def roc_curve(truth: Truth, score: Array) -> list[tuple[float, float, float]]:
    """ROC points (threshold, 1 - specificity, sensitivity), thresholds falling."""
    thresholds, counts = np.unique(score, return_counts=True)
    positive = np.array([np.sum(truth[score == t]) for t in thresholds])
    tpr = np.cumsum(positive[::-1]) / max(1, truth.sum())
    fpr = np.cumsum((counts - positive)[::-1]) / max(1, (~truth).sum())
    return [
        (float(t), float(f), float(s)) for t, f, s in zip(thresholds[::-1], fpr, tpr, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def bootstrap(
    statistic: Callable[..., float], *arrays: NDArray, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Percentile bootstrap over cases (Efron 1979), 95 %.

    Parameters
    ----------
    statistic : callable
        Takes the resampled arrays, returns one float.
    *arrays : numpy.ndarray
        Same length n; resampled together.
    """
    rng = np.random.default_rng(seed)
    n = len(arrays[0])
    draws = [
        statistic(*(a[index] for a in arrays))
        for index in (rng.integers(0, n, n) for _ in range(resamples))
    ]
    if np.isnan(draws).all():  # undefined for these cases, as sensitivity without positives
        return Estimate(float("nan"), float("nan"), float("nan"))
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Estimate(statistic(*arrays), float(low), float(high))


def threshold_for_sensitivity(truth: Truth, probability: Array, *, target: float) -> float:
    """The highest threshold whose sensitivity reaches `target` on the given cases."""
    positives = np.sort(probability[truth])
    index = int(np.floor((1 - target) * len(positives) + 1e-9))
    return float(positives[min(index, len(positives) - 1)])


def threshold_by_youden(truth: Truth, probability: Array) -> float:
    """The threshold with the largest sensitivity + specificity (Youden 1950)."""
    points = roc_curve(truth, probability)
    return max(points, key=lambda p: p[2] - p[1])[0]
