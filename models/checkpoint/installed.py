"""Which checkpoints are installed, and the names of the files they are made of. No torch."""

from __future__ import annotations

from pathlib import Path

from imaging.errors import CheckpointError

WEIGHTS = "weights.safetensors"
CARD = "card.json"
GRAPHS = "graphs.json"  # SHA-256 of every serving graph, and of the weights they point into
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"  # see `models.checkpoint.sealing`
EVALUATION = "evaluation"  # folder beside the weights: what `make evaluate` measured


def forget_graphs(folder: Path) -> None:
    """Serving graphs point into weights: who writes new ones into a folder takes the graphs away.

    Torch serves the checkpoint until `python -m models.graphs.export` writes graphs anew. The seal
    is broken with it.
    """
    break_seal(folder)
    (folder / GRAPHS).unlink(missing_ok=True)


def break_seal(folder: Path) -> None:
    """Who writes into a checkpoint takes its manifest away, and writes it anew when all is done."""
    for name in (MANIFEST, SIGNATURE):
        (folder / name).unlink(missing_ok=True)


def measured(folder: Path) -> Path:
    """Folder for what is measured of a checkpoint, whose seal is broken by it."""
    break_seal(folder)
    return folder / EVALUATION


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
    names = ", ".join(p.name for p in installed)
    raise CheckpointError(f"No model named '{name}' is installed; there is: {names}.")
