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
from models.card import ModelCard
from models.ensemble import Ensemble
from models.network import freeze

WEIGHTS = "weights.safetensors"
CARD = "card.json"
EVALUATION = "evaluation"  # folder beside the weights: what `make evaluate` measured


def save_checkpoint(folder: Path, network: Ensemble, card: ModelCard) -> ModelCard:
    """Write weights and card; returns the card with hash and number of members filled in."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save({k: v.cpu().contiguous() for k, v in network.members.state_dict().items()})
    digest = hashlib.sha256(data).hexdigest()
    card = replace(card, weights_sha256=digest, members=len(network.members))
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
    card = ModelCard.read(folder / CARD)
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


def installed_checkpoints(weights: Path) -> tuple[Path, ...]:
    """Folders below `weights` that hold a card, in name order."""
    return tuple(sorted(p.parent for p in weights.glob(f"*/{CARD}")))


def find_checkpoint(weights: Path, name: str = "") -> Path:
    """The named checkpoint, or the first installed one.

    Raises
    ------
    CheckpointError
        If none is installed, or none of that name.
    """
    installed = installed_checkpoints(weights)
    if not installed:
        raise CheckpointError("No model is installed; put one into the weights folder.")
    if not name:
        return installed[0]
    for folder in installed:
        if folder.name == name:
            return folder
    known = ", ".join(p.name for p in installed)
    raise CheckpointError(f"No model named '{name}' is installed; there is: {known}.")
