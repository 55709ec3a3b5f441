"""Figures of merit against values worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from models import metrics
from models.rules.calibration import apply_calibration, fit_calibration, softmax

TRUTH = np.array([True, True, True, False, False])
SCORE = np.array([0.9, 0.6, 0.4, 0.4, 0.1])


def test_auc_counts_ties_half() -> None:
    assert metrics.roc_auc(TRUTH, SCORE) == pytest.approx(5.5 / 6)


def test_auc_of_one_class_is_unknown() -> None:
    assert np.isnan(metrics.roc_auc(np.array([True, True]), np.array([0.1, 0.2])))


def test_auc_is_the_area_under_the_roc_points() -> None:
    points = [(0.0, 0.0), *((f, s) for _, f, s in metrics.roc_curve(TRUTH, SCORE))]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))
    assert area == pytest.approx(metrics.roc_auc(TRUTH, SCORE))


def test_threshold_reaches_the_sensitivity_asked_for() -> None:
    rng = np.random.default_rng(0)
    truth, score = rng.random(500) < 0.4, rng.random(500)
    for target in (0.5, 0.9, 0.985, 1.0):
        threshold = metrics.threshold_for_sensitivity(truth, score, target=target)
        assert metrics.sensitivity(truth, score >= threshold) >= target
        higher = np.nextafter(threshold, 1)
        assert metrics.sensitivity(truth, score >= higher) < target


def test_youden_splits_a_separable_set() -> None:
    threshold = metrics.threshold_by_youden(
        np.array([True, True, False]), np.array([0.9, 0.7, 0.2])
    )
    assert 0.2 < threshold <= 0.7


def test_calibration_error_of_a_constant_guess() -> None:
    truth = np.array([True] * 3 + [False] * 7)
    assert metrics.expected_calibration_error(truth, np.full(10, 0.5)) == pytest.approx(0.2)
    assert metrics.brier(truth, np.full(10, 0.5)) == pytest.approx(0.25)


def test_bootstrap_interval_holds_the_value_and_is_repeatable() -> None:
    truth = np.arange(200) % 2 == 0
    called = truth ^ (np.arange(200) % 10 == 0)
    first = metrics.bootstrap(metrics.accuracy, truth, called, resamples=300)
    assert first.value == pytest.approx(0.9) and first.low < 0.9 < first.high
    assert metrics.bootstrap(metrics.accuracy, truth, called, resamples=300) == first


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_and_bias_are_recovered(temperature: float) -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(size=(20_000, 3)) * 2
    truth = np.array([rng.choice(3, p=p) for p in softmax(honest)])
    bias = np.array([0.8, -0.5, -0.3])
    fitted, found = fit_calibration((honest - bias) * temperature, truth)
    assert fitted == pytest.approx(temperature, rel=0.06)
    assert found == pytest.approx(bias, abs=0.06)
    again = apply_calibration((honest - bias) * temperature, fitted, found)
    assert np.abs(again - softmax(honest)).mean() < 0.01


def test_films_left_out_of_the_set_are_made_up_for() -> None:
    """Four fifths of class 0 are gone; probabilities are still those of the films that come."""
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(60_000, 3)) * 2
    truth = np.array([rng.choice(3, p=p) for p in softmax(logits)])
    kept = (truth != 0) | (rng.random(len(truth)) < 0.2)
    shares = [1000 * (truth == one).mean() for one in range(3)]
    fitted, found = fit_calibration(logits[kept], truth[kept], shares=shares)
    assert fitted == pytest.approx(1, rel=0.05) and found == pytest.approx([0, 0, 0], abs=0.06)
    _, shifted = fit_calibration(logits[kept], truth[kept])
    assert shifted[0] < -0.8


def test_noise_floor_is_what_a_calibrated_model_shows() -> None:
    probability = np.random.default_rng(0).random(600)
    floor = metrics.ece_noise_floor(probability, draws=100)
    assert 0.02 < floor < 0.08
    assert metrics.ece_noise_floor(np.tile(probability, 20), draws=20) < floor / 3


def test_selective_accuracy_takes_the_surest_first() -> None:
    truth = np.array([1, 1, 0, 0, 1, 0] * 20, bool)
    probability = np.where(truth, 0.9, 0.1)
    probability[:12] = 1 - probability[:12] * 0.6 - 0.2  # the unsure ones are often wrong
    rows = metrics.selective_accuracy(truth, probability, probability >= 0.5)
    coverage, _, right = zip(*rows, strict=True)
    assert list(coverage) == sorted(coverage) and coverage[-1] == 1
    assert right[0] == 1 and right[-1] < 1


def test_what_is_undefined_has_no_interval() -> None:
    nobody = np.zeros(5, bool)
    estimate = metrics.bootstrap(metrics.sensitivity, nobody, nobody, resamples=20)
    assert np.isnan([estimate.value, estimate.low, estimate.high]).all()


def test_likelihood_of_what_was_true() -> None:
    truth = np.array([True, False])
    assert metrics.negative_log_likelihood(truth, np.array([0.5, 0.5])) == pytest.approx(np.log(2))
    assert metrics.negative_log_likelihood(truth, np.array([1.0, 0.0])) == pytest.approx(0)
