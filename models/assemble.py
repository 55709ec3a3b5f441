"""Make one model of several trained checkpoints of the same task: an ensemble with its card.

    python -m models.assemble --config models/configs/paediatric_cxr.toml --member runs/1/ckpt
        --member runs/2/ckpt --member runs/3/ckpt

The members' weights stay as they are. Calibration, operating points and the thresholds of
"unsure" are fitted anew on the validation films, for the members together.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from imaging.errors import CheckpointError, SettingsError
from imaging.settings import Settings
from models import gate
from models.calibrate import calibrated_card, training_record
from models.checkpoint import load_checkpoint, save_checkpoint
from models.config import read_config
from models.dataset import CACHE_SIZE, load_luminance, select
from models.ensemble import Ensemble


def main(
    config: Annotated[Path, typer.Option(help="Task file (TOML).")],
    member: Annotated[list[Path], typer.Option(help="Checkpoint folder; give several.")],
    install: Annotated[Path | None, typer.Option(help="Where to put the ensemble.")] = None,
) -> None:
    """Join checkpoints into one model."""
    task = read_config(config)
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the training data.")
    loaded = [load_checkpoint(path) for path in member]
    networks = [network for ensemble, _ in loaded for network in ensemble.networks]
    cards = [card for _, card in loaded]
    same = {(c.name, c.size, c.classes, c.training["data"]["sha256"]) for c in cards}
    if len(same) > 1 or {n.settings for n in networks} != {task.network}:
        raise CheckpointError("The checkpoints were trained for different tasks; keep them apart.")
    validation = select(task.films(settings.data), "val")
    data = cards[0].training["data"]
    ensemble = Ensemble(networks)
    card = calibrated_card(
        ensemble,
        task,
        films=load_luminance(validation, size=CACHE_SIZE),
        truth=np.array([task.classes.index(f.label) for f in validation]),
        training=training_record(
            task,
            data_sha256=data["sha256"],
            films=data["films"],
            members=[m for c in cards for m in c.training["members"]],
        ),
    )
    target = install or settings.weights / task.name
    if (target / gate.SETTINGS).exists():  # the gate does not depend on the networks
        installed = gate.Gate.load(target).settings["weights_sha256"]
        card = replace(card, gate_sha256=installed)
    card = save_checkpoint(target, ensemble, card)
    typer.echo(f"{card.members} networks, weights {card.identity.short_hash}, written to {target}")


if __name__ == "__main__":
    typer.run(main)
