"""Three installed networks, each with the scope of a shipped task: one folder, for any test.

The shipped ones where all three are installed; else tiny ones with random weights, without gates.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from imaging.settings import ROOT
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import CARD, installed_checkpoints
from models.training.config import read_config

TASKS = {"adult-tb": "adult_tb", "knee-kl": "knee_kl", "paediatric-cxr": "paediatric_cxr"}


def panel_weights(folder: Path, checkpoint: Path) -> Path:
    """The weights folder of three networks.

    Parameters
    ----------
    folder : Path
        Where tiny ones go, if they are wanted.
    checkpoint : Path
        A tiny checkpoint with three classes.
    """
    shipped = ROOT / "models" / "weights"
    if {one.name for one in installed_checkpoints(shipped)} >= set(TASKS):
        return shipped
    return tiny_panel_weights(folder, checkpoint)


def tiny_panel_weights(folder: Path, checkpoint: Path) -> Path:
    """Three tiny networks, whatever is installed."""
    for name, task in TASKS.items():
        shutil.copytree(checkpoint, folder / name)
        settings = read_config(ROOT / f"models/configs/{task}.toml")
        card = ModelCard.read(checkpoint / CARD)
        first = replace(card.findings[0], code=settings.findings[0].code)
        first = replace(first, label=settings.findings[0].label)
        findings = (first, *(f for f in card.findings[1:] if f.exploratory))
        card = replace(card, name=name, scope=settings.scope, findings=findings)
        card.write(folder / name / CARD)
    return folder
