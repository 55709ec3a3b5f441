"""Deletion and insertion: right on paper for a linear network, nothing for a map drawn by lot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.metrics import infidelity
from numpy.typing import NDArray

from models.explain.base.baselines import blur
from models.explain.base.subject import Subject
from models.explain.checks.agreement import patch_means
from models.explain.checks.faithfulness import (
    STEPS,
    Faithfulness,
    faithfulness,
    seed_of,
    smooth_noise,
    strongest_first,
    unexplained,
)
from models.explain.methods.explainer import Attribution, Explainer
from models.inference.classifier import Classifier
from tests.planted import planted_film


class LinearExplainer(Explainer):
    """Asks no network: the log-odds are a weighted sum of the pixels."""

    def __init__(self, classifier: Classifier, weights: NDArray[np.float32]) -> None:
        super().__init__(classifier)
        self.weights, self.shown = torch.from_numpy(weights), 0

    def log_odds(self, x: torch.Tensor, target: str) -> NDArray[np.float32]:
        """One member's answers: (1, batch)."""
        self.shown += len(x)
        found: NDArray[np.float32] = (x[:, 0] * self.weights).sum((1, 2))[None].numpy()
        return found


@pytest.fixture
def linear(tiny_classifier: Classifier) -> LinearExplainer:
    weights = np.random.default_rng(0).standard_normal((32, 32)).astype(np.float32)
    return LinearExplainer(tiny_classifier, weights)


@pytest.fixture
def subject(linear: LinearExplainer) -> Subject:
    return linear.look(planted_film())


def exact(linear: LinearExplainer, subject: Subject) -> Attribution:
    """What every pixel of a linear network adds to the answer."""
    change = (linear.weights * (subject.x - blur(subject.x))[0, 0]).numpy()
    return with_map(linear, subject, change)


def with_map(explainer: Explainer, subject: Subject, values: NDArray) -> Attribution:
    """Somebody's map of the film."""
    made = explainer.attribute(subject, "pneumonia", "grad_cam")
    return replace(made, inner=values.astype(np.float32))


def measured(explainer: Explainer, subject: Subject, values: NDArray) -> Faithfulness:
    return faithfulness(explainer, subject, with_map(explainer, subject, values))


def test_the_curves_of_a_linear_network_are_those_on_paper(
    linear: LinearExplainer, subject: Subject
) -> None:
    found = faithfulness(linear, subject, exact(linear, subject), steps=4)
    evidence = np.sort(patch_means(exact(linear, subject).inner).ravel() * 4)[::-1]  # 2 x 2 pixels
    film, total = float((subject.x[0, 0] * linear.weights).sum()), evidence.sum()
    parts = [0.0, *(evidence[: len(evidence) * k // 4].sum() for k in (1, 2, 3)), total]
    assert found.deleted == pytest.approx([film - part for part in parts], abs=1e-3)
    assert found.inserted == pytest.approx([film - total + part for part in parts], abs=1e-3)
    inside = sum(parts[1:4]) / 4 + total / 8
    assert found.gain == pytest.approx(2 * inside - total, abs=1e-3)


def test_the_exact_map_beats_every_other_and_its_opposite_loses_as_much(
    linear: LinearExplainer, subject: Subject
) -> None:
    best = exact(linear, subject).inner
    found = measured(linear, subject, best)
    assert found.relative > 0.5
    assert measured(linear, subject, -best).gain == pytest.approx(-found.gain, rel=1e-3)
    for seed in range(5):
        other = np.random.default_rng(seed).standard_normal(best.shape)
        assert measured(linear, subject, other).gain < found.gain


def test_maps_drawn_by_lot_gain_nothing_on_average(
    linear: LinearExplainer, subject: Subject
) -> None:
    generator = np.random.default_rng(1)
    gains = [measured(linear, subject, smooth_noise(32, generator)).relative for _ in range(60)]
    assert abs(np.mean(gains)) < 3 * np.std(gains) / 60**0.5


def test_the_lot_is_the_same_for_the_same_film_alone(linear: LinearExplainer) -> None:
    one, same, other = (linear.look(planted_film(seed=s)) for s in (0, 0, 1))
    lots = [
        strongest_first(smooth_noise(32, g), g).tolist()
        for g in (np.random.default_rng(seed_of(s)) for s in (one, same, other))
    ]
    assert lots[0] == lots[1] != lots[2]


def test_an_even_map_is_an_order_drawn_by_lot_not_from_top_to_bottom() -> None:
    order = strongest_first(np.ones((32, 32)), np.random.default_rng(0))
    assert sorted(order) == list(range(256))
    assert abs(np.corrcoef(order, np.arange(256))[0, 1]) < 0.2


def test_the_cost_is_the_one_that_is_told(linear: LinearExplainer, subject: Subject) -> None:
    faithfulness(linear, subject, exact(linear, subject))
    assert linear.shown == 2 + 4 * (STEPS - 1)


def test_an_answer_that_cannot_be_moved_supports_no_map(
    tiny_classifier: Classifier, subject: Subject
) -> None:
    deaf = LinearExplainer(tiny_classifier, np.zeros((32, 32), np.float32))
    assert measured(deaf, subject, np.random.default_rng(0).random((32, 32))).relative == 0.0


def test_the_map_of_a_linear_network_tells_every_change(
    linear: LinearExplainer, subject: Subject
) -> None:
    right = exact(linear, subject).inner
    assert measured(linear, subject, right).infidelity == pytest.approx(0, abs=1e-6)
    assert measured(linear, subject, 7 * right).infidelity == pytest.approx(0, abs=1e-6)
    lot = np.random.default_rng(4).standard_normal(right.shape)
    assert measured(linear, subject, lot).infidelity > 0.2


def test_infidelity_is_captums(linear: LinearExplainer, subject: Subject) -> None:
    """Captum's, over the same changes, as a share of the mean square of what they changed."""
    generator = torch.Generator().manual_seed(0)
    masks = (torch.rand(12, 1, 32, 32, generator=generator) < 0.3).float()
    inner = torch.rand(1, 1, 32, 32, generator=generator)
    x, plain = subject.x, blur(subject.x)

    def answer(batch: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(linear.log_odds(batch, "pneumonia")[0])

    def taken(inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return masks[: len(inputs)], inputs + masks[: len(inputs)] * (plain - inputs)

    theirs = infidelity(
        answer, taken, x, inner, n_perturb_samples=12, max_examples_per_batch=12, normalize=True
    )
    happened = answer(x) - answer(x + masks * (plain - x))
    told = (masks * inner).sum((1, 2, 3))
    ours = unexplained(told.double().numpy(), happened.double().numpy())
    assert ours == pytest.approx(float(theirs) / float((happened**2).mean()), rel=1e-3)
