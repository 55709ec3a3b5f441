"""Prediction sets: the promised coverage holds, and the answer follows from set and threshold."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.entities import Answer
from imaging.errors import SettingsError
from models.inference.answers import answer_of
from models.inference.classifier import Classifier
from models.rules.conformal import ConformalRule, fit_conformal


def scores(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and overlapping probabilities of n cases."""
    rng = np.random.default_rng(seed)
    present = rng.random(n) < 0.6
    return present, 1 / (1 + np.exp(-(rng.normal(0, 1.5, n) + np.where(present, 1.5, -1.5))))


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_each_class_is_covered_as_promised(rate: float) -> None:
    (rule,) = fit_conformal(*scores(4000, 0), error_rates=[rate])
    present, probability = scores(4000, 1)
    sets = [rule.prediction_set(p) for p in probability]
    for label, inside in (("present", present), ("absent", ~present)):
        held = np.mean([label in s for s, i in zip(sets, inside, strict=True) if i])
        assert held == pytest.approx(1 - rate, abs=0.02)


def test_a_smaller_error_rate_never_rules_out_more() -> None:
    rules = fit_conformal(*scores(500, 2), error_rates=[0.01, 0.05, 0.2])
    for p in np.linspace(0, 1, 101):
        strict, usual, loose = (set(r.prediction_set(p)) for r in rules)
        assert strict >= usual >= loose


def test_too_few_cases_rule_out_nothing() -> None:
    present = np.array([True, True, False])
    (rule,) = fit_conformal(present, np.array([0.9, 0.8, 0.1]), error_rates=[0.05])
    assert rule.prediction_set(0.0) == rule.prediction_set(1.0) == ("present", "absent")


@pytest.mark.parametrize(
    ("labels", "positive", "answer"),
    [
        (("present",), True, Answer.PRESENT),
        (("absent",), False, Answer.ABSENT),
        (("present", "absent"), True, Answer.UNSURE),
        ((), False, Answer.UNSURE),
        (("absent",), True, Answer.UNSURE),  # set and operating point contradict each other
    ],
)
def test_only_one_uncontradicted_label_is_ananswer_of(
    labels: tuple[str, ...], positive: bool, answer: Answer
) -> None:
    assert answer_of(labels, positive) is answer


def test_an_error_rate_the_card_does_not_list_is_a_setting_error(
    tiny_classifier: Classifier, checkpoint_folder: object
) -> None:
    with pytest.raises(SettingsError, match="one of these"):
        Classifier(tiny_classifier.private_network(), tiny_classifier.card, error_rate=0.03)


def test_the_rule_reads_thresholds_inclusively() -> None:
    rule = ConformalRule(0.05, present_from=0.7, absent_to=0.3)
    assert rule.prediction_set(0.7) == ("present",) and rule.prediction_set(0.3) == ("absent",)
    assert rule.prediction_set(0.5) == ()
