"""Checkpoints on disk: `weights.safetensors` beside `card.json`, tied together by a hash.

Loading parses tensors only (safetensors) and never unpickles, so a checkpoint cannot run code.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save

from imaging.errors import CheckpointError
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import (
    CARD,
    EVALUATION,
    WEIGHTS,
    find_checkpoint,
    forget_graphs,
    installed_checkpoints,
)
from models.checkpoint.sealing import read_card
from models.network.ensemble import Ensemble
from models.network.network import freeze

__all__ = [
    "CARD",
    "EVALUATION",
    "WEIGHTS",
    "find_checkpoint",
    "installed_checkpoints",
    "load_checkpoint",
    "save_checkpoint",
]


def save_checkpoint(folder: Path, network: Ensemble, card: ModelCard) -> ModelCard:
    """Write weights and card; returns the card with hash and number of members filled in."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save({k: v.cpu().contiguous() for k, v in network.members.state_dict().items()})
    digest = hashlib.sha256(data).hexdigest()
    card = replace(card, weights_sha256=digest, members=len(network.members))
    forget_graphs(folder)
    (folder / WEIGHTS).write_bytes(data)
    card.write(folder / CARD)
    return card


def load_checkpoint(folder: Path) -> tuple[Ensemble, ModelCard]:
    """Read a checkpoint.

    Parameters
    ----------
    folder : Path
        Holds `weights.safetensors` and `card.json`.

    Returns
    -------
    tuple
        The networks in evaluation mode, and their card.

    Raises
    ------
    CheckpointError
        If a file is missing, the weights' SHA-256 is not the card's, or tensors do not fit.
    """
    card = read_card(folder)
    try:
        data = (folder / WEIGHTS).read_bytes()
    except OSError as exc:
        raise CheckpointError(f"The model '{folder.name}' has no weights file.") from exc
    if hashlib.sha256(data).hexdigest() != card.weights_sha256:
        raise CheckpointError(
            f"The weights of the model '{folder.name}' are damaged or were altered "
            "(their checksum does not match the card); reinstall the model."
        )
    try:
        network = Ensemble.of(card.network, card.members)
        network.members.load_state_dict(load(data))
    except (SafetensorError, RuntimeError, ValueError, TypeError) as exc:
        raise CheckpointError(
            f"The weights of the model '{folder.name}' do not fit its card; reinstall the model."
        ) from exc
    freeze(network)
    return network, card
