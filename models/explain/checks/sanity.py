"""Sanity checks of attribution methods: a map must depend on what the network has learned.

Adebayo et al., NeurIPS 2018, arXiv 1810.03292. A method whose map hardly changes when the weights
are replaced by random ones, or when the network has learned random labels, draws the film, not the
reason.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.explain.checks.ranks import rank_correlation
from models.inference.classifier import Classifier
from models.network.ensemble import Ensemble
from models.network.network import ClassNetwork, build_network

PASSES_BELOW = 0.5  # share of the similarity to itself that may be left once nothing is learned


def cascade(classifier: Classifier, *, seed: int) -> Iterator[tuple[str, Classifier]]:
    """The classifier with more and more of its layers random, from the output to the input.

    Yields
    ------
    tuple of str and Classifier
        Name of the layer that was randomised last ("classifier", "stage 4", ..., "stem"), and a
        classifier in which it and everything after it is freshly initialised.
    """
    networks = list(classifier.private_network().networks)
    stages = len(networks[0].stages)
    names = ["classifier", *(f"stage {i}" for i in range(stages, 0, -1)), "stem"]
    fresh = [_make_fresh(network, seed + i) for i, network in enumerate(networks)]
    for name in names:
        for network, random_network in zip(networks, fresh, strict=True):
            _get_layer(network, name).load_state_dict(_get_layer(random_network, name).state_dict())
        yield name, with_networks(classifier, [copy.deepcopy(n) for n in networks])


def with_networks(classifier: Classifier, networks: Sequence[ClassNetwork]) -> Classifier:
    """The same classifier - card, framing - around other networks, without a gate."""
    card = replace(classifier.card, members=len(networks))
    return Classifier(
        Ensemble(networks),
        card,
        error_rate=classifier.rule.error_rate,
        framing=classifier.framing,
        lung_fill=classifier.lung_fill,
    )


def _make_fresh(network: ClassNetwork, seed: int) -> ClassNetwork:
    """An untrained network of the same shape, whose every weight is random.

    A fresh residual block is the identity (its last norm starts at zero), which would let what lies
    below shine through; its norms start at one here, as every other norm's do.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = build_network(network.settings)
    for module in fresh.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    return fresh


def _get_layer(network: ClassNetwork, name: str) -> nn.Module:
    if name in ("classifier", "stem"):
        return network.get_submodule(name)
    return network.stages[int(name.removeprefix("stage ")) - 1]


def learn_random_labels(
    network: ClassNetwork, inputs: Tensor, *, epochs: int, seed: int
) -> tuple[ClassNetwork, float]:
    """Train a fresh network of the same shape on labels drawn by lot.

    Parameters
    ----------
    network : MultiScaleResNet or EvidenceNetwork
        Gives the shape and the number of classes.
    inputs : Tensor
        (films, 1, size, size), float32.
    epochs : int
        Passes over the films.
    seed : int
        Of weights, labels and order.

    Returns
    -------
    tuple of network and float
        The network, and the share of the random labels it has learned by heart.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, network.settings.classes, (len(inputs),), generator=generator)
    learner = _make_fresh(network, seed)
    optimiser = torch.optim.AdamW(learner.parameters(), lr=2e-3, weight_decay=0.0)
    steps = epochs * -(-len(inputs) // 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    learner.train()
    for _epoch in range(epochs):
        for chosen in torch.randperm(len(inputs), generator=generator).split(32):
            optimiser.zero_grad()
            F.cross_entropy(learner(inputs[chosen]), labels[chosen]).backward()
            optimiser.step()
            schedule.step()
    learner.eval()
    with torch.inference_mode():
        called = torch.cat([learner(part).argmax(1) for part in inputs.split(64)])
    return learner, float((called == labels).float().mean())


def similarity(map_: NDArray[np.floating], other_map: NDArray[np.floating]) -> float:
    """Spearman's rank correlation of two maps' magnitudes, in [-1, 1]; zero for a flat map.

    Magnitudes, because a random network may well turn the signs and still draw the same lines.
    """
    return rank_correlation(np.abs(map_), np.abs(other_map))
