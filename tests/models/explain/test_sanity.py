"""Sanity checks: layers become random from the output down; a map that does not care is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from models.explain.checks import sanity
from models.explain.checks.ranks import mid_ranks, rank_correlation
from models.inference.classifier import Classifier

NAMES = ["classifier", "stage 4", "stage 3", "stage 2", "stage 1", "stem"]


def test_ranks_of_equal_values_are_shared() -> None:
    assert mid_ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


@pytest.mark.parametrize(("other", "expected"), [("same", 1.0), ("reversed", -1.0), ("flat", 0.0)])
def test_rank_correlation_looks_at_the_order_alone(other: str, expected: float) -> None:
    one = np.array([[0.1, 5.0], [2.0, 40.0]])
    others = {"same": np.exp(one / 40), "reversed": -one, "flat": np.ones_like(one)}
    assert rank_correlation(one, others[other]) == pytest.approx(expected)


def test_layers_become_random_from_the_output_down(tiny_classifier: Classifier) -> None:
    x = torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    before = tiny_classifier.private_network().networks[0]
    steps = list(sanity.cascade(tiny_classifier, seed=1))
    count = len(before.stages)
    assert [name for name, _c in steps] == [NAMES[0], *NAMES[5 - count : 5], NAMES[5]]
    for name, changed in steps:
        network = changed.private_network().networks[0]
        stem = torch.equal(
            network.get_parameter("stem.0.0.weight"), before.get_parameter("stem.0.0.weight")
        )
        assert stem == (name != "stem")
        last = "classifier.weight"
        assert not torch.equal(network.get_parameter(last), before.get_parameter(last))
        assert not torch.equal(changed.logits(x), tiny_classifier.logits(x))


def test_the_real_networks_stay_as_they_are(tiny_classifier: Classifier) -> None:
    x = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    before = tiny_classifier.logits(x)
    list(sanity.cascade(tiny_classifier, seed=1))
    assert torch.equal(tiny_classifier.logits(x), before)


def test_random_labels_are_learned_by_heart(tiny_classifier: Classifier) -> None:
    generator = torch.Generator().manual_seed(0)
    films = torch.randn(24, 1, 32, 32, generator=generator)
    shape = tiny_classifier.private_network().networks[0]
    network, learned = sanity.learn_random_labels(shape, films, epochs=40, seed=3)
    assert learned > 0.6 and not network.training


def test_a_map_that_only_draws_the_film_is_not_sane() -> None:
    from models.evaluation.evaluate_explanations import sanity_facts

    left: dict[str, Any] = {"itself": 0.9, "layers": {"classifier": 0.8, "stem": 0.6}}
    assert not sanity_facts(left, 0.1)["sane"]
    left["layers"]["stem"] = 0.2
    assert sanity_facts(left, 0.1)["sane"] and not sanity_facts(left, 0.6)["sane"]
