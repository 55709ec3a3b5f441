"""Loads what a checkpoint's folder holds to serve: networks by one engine or another, parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imaging.errors import CheckpointError
from imaging.settings import FP32
from models.checkpoint.card import ModelCard
from models.inference.onnx_networks import OnnxNetworks, has_graphs
from models.inference.precision_networks import load_admitted

Batch = NDArray[np.float32]


class Networks(Protocol):
    """The networks of one checkpoint, whoever computes them."""

    engine: str

    def members(self, x: Batch) -> NDArray[np.float32]:
        """(members, batch, classes)."""

    def gate(self, x: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(batch, classes) and (batch,)."""

    def region(self, x: Batch) -> NDArray[np.float32]:
        """(batch, rows', columns')."""


def networks_of(
    folder: Path, card: ModelCard, error_rate: float, *, eager: bool, precision: str
) -> Networks:
    """The networks of a checkpoint: its graphs, or torch where it has none or `eager` says so.

    Raises
    ------
    CheckpointError
        If they cannot be used, or may not serve in another `precision` than fp32.
    """
    if precision != FP32 and not eager:
        return load_admitted(folder, precision, card, error_rate)
    if has_graphs(folder) and not eager:
        return OnnxNetworks(folder)
    from models.inference.classifier import Classifier  # torch, where nothing else serves
    from models.inference.torch_networks import TorchNetworks

    return TorchNetworks(Classifier.load(folder, error_rate=error_rate))


def part_settings(folder: Path, part: str) -> dict:
    """Settings in `gate.json` or `localiser.json`; empty where there is none."""
    path = folder / f"{part}.json"
    try:
        settings: dict = json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as exc:
        raise CheckpointError(f"The {part} of the model '{folder.name}' cannot be read.") from exc
    return settings


def insist_on_part(wanted: str, settings: dict, part: str, folder: Path) -> None:
    """Raise unless the part is the one a card names: a model never runs without it."""
    if wanted and settings.get("weights_sha256") != wanted:
        raise CheckpointError(
            f"The {part} of the model '{folder.name}' is not the one its card names; "
            "reinstall the model."
        )
