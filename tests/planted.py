"""Films with a planted mark, and networks set by hand so that nothing but the mark decides.

A bright disc speaks for pneumonia (bacterial more than viral), a dark one against it; the noise
around them says nothing. Where the evidence lies is known, so an explanation can be right or wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.checkpoint.card import ModelCard
from models.network.checkpoint import save_checkpoint
from models.network.ensemble import Ensemble
from models.network.gate import CLASSES, FeatureDistance, GateScale, describe, save_gate
from models.network.localiser import Localiser, LocaliserSettings, save_localiser
from models.network.network import MultiScaleResNet, NetworkSettings

SETTINGS = NetworkSettings(classes=3, stem=4, channels=(8, 8), depths=(1, 1), scales=2, reduction=2)
SIZE = 64
BRIGHT = (0.2, 0.74)  # centre of the bright disc: row and column as fractions of the sides
DARK = (0.8, 0.26)
RADIUS = 0.11  # of the sides
_SEEN_FROM = (1.0, 1.05)  # each member's least local mean brightness, in the inputs' unit
_EVIDENCE = 260.0  # log-odds per mean activation


def planted_film(
    *, bright: bool = True, dark: bool = False, side: int = 256, seed: int = 0
) -> NDArray[np.float32]:
    """Noise, (side, side), float32 in [0, 1], with or without the discs."""
    generator = np.random.default_rng(seed)
    film = 0.2 + 0.6 * generator.random((side, side), np.float32)
    texture = 0.05 * generator.random((side, side), np.float32)
    if bright:
        film = np.where(disc(side, BRIGHT), 0.95 + texture, film)
    if dark:
        film = np.where(disc(side, DARK), texture, film)
    return film.astype(np.float32)


def disc(
    side: int, centre: tuple[float, float] = BRIGHT, radius: float = RADIUS
) -> NDArray[np.bool_]:
    """Where a disc lies on a square film: (side, side), bool."""
    rows, columns = (np.indices((side, side)) + 0.5) / side
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def planted_checkpoint(folder: Path, card: ModelCard) -> Path:
    """Write a checkpoint of two such networks under a card with the flagship's three classes."""
    members = [planted_network(card.classes, seen_from) for seen_from in _SEEN_FROM]
    card = replace(card, network=SETTINGS, size=SIZE, temperature=1.0)
    save_checkpoint(folder, Ensemble(members), card)
    return folder


def planted_network(classes: Sequence[str], seen_from: float) -> MultiScaleResNet:
    """Channel 0 sees bright discs, channel 1 dark ones; all other weights are zero."""
    network = _planted_trunk(len(classes), seen_from)
    with torch.no_grad():
        bright = {"bacterial": 1.0, "viral": 0.5, "normal": -1.0}
        for index, name in enumerate(classes):
            network.classifier.weight[index, :2] = _EVIDENCE * bright[name] * torch.tensor([1, -1])
            network.classifier.bias[index] = 2.0 if name == "normal" else -2.0
    return network.eval()


def _planted_trunk(classes: int, seen_from: float = _SEEN_FROM[0]) -> MultiScaleResNet:
    """Two channels that see discs, and a classifier of zeros."""
    network = MultiScaleResNet(replace(SETTINGS, classes=classes))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        # local means of bright, and of dark, pixels
        first, second = network.stem[0], network.stem[1]
        _filter(first, [(0, 0, 1 / 9), (1, 0, -1 / 9)])
        _filter(second, [(0, 0, 1 / 9), (1, 1, 1 / 9)])
        second.get_parameter("1.bias")[:2] = -seen_from  # what is less bright says nothing
        # every stage halves the picture and passes both on
        for stage in network.stages:
            _filter(stage.get_submodule("0.shortcut.1"), [(0, 0, 1.0), (1, 1, 1.0)])
    return network


def _filter(layer: nn.Module, weights: Sequence[tuple[int, int, float]]) -> None:
    """Let (output, input, weight) through a `ConvNorm`, the same weight at every place."""
    for output, given, weight in weights:
        layer.get_parameter("0.weight")[output, given] = weight
        layer.get_parameter("1.weight")[output] = 1.0


def planted_gate(folder: Path) -> str:
    """Write a scope gate that takes a film with a dark disc for foreign; its weights' SHA-256."""
    network = _planted_trunk(len(CLASSES))
    with torch.no_grad():
        network.classifier.weight[CLASSES.index("foreign"), 1] = _EVIDENCE
        network.classifier.bias[0] = 2.0
    width = describe(network, torch.zeros(1, 1, SIZE, SIZE))[1].shape[1]
    distance = FeatureDistance(torch.zeros(width), torch.zeros(width, width))
    values = {
        "network": asdict(replace(SETTINGS, classes=len(CLASSES))),
        "size": SIZE,
        "scale": asdict(GateScale(distance_typical=10.0)),
    }
    return str(save_gate(folder, network, distance, values)["weights_sha256"])


def planted_localiser(folder: Path, *, sees_lungs: bool) -> str:
    """Write a localiser that sees lungs all over a film, or none; its weights' SHA-256."""
    network = Localiser(LocaliserSettings(size=32, stem=4, channels=(8, 8, 8), scales=2))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.layers[-2].get_parameter("bias").fill_(5.0 if sees_lungs else -5.0)
    return str(save_localiser(folder, network, {})["weights_sha256"])
