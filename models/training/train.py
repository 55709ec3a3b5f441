"""Train a classifier on any manifest and write a checkpoint with its card.

    export LIGHTBOX_DATA=...                # folder the config's manifest is relative to
    python -m models.training.train_localiser --config TASK.toml --install runs/loc
    python -m models.training.train --config models/configs/paediatric_cxr.toml --localiser runs/loc
    python -m models.training.train --config ... --set seed=1 --out runs/seed1  # another seed
    python -m models.training.train --config ... --resume                       # go on after a stop
    python -m models.training.train --config ... --init runs/a/ckpt  # start from a checkpoint
    python -m models.training.train --config ... --init A --init B --set epochs=0 # average
    tensorboard --logdir runs

Then `python -m models.evaluation.evaluate` measures the checkpoint on the held-out split.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imaging.errors import SettingsError
from imaging.settings import Settings
from models.data.dataset import (
    content_hash,
)
from models.data.framing import Framing
from models.network.localiser import copy_localiser
from models.training.config import read_config
from models.training.evidence_run import EvidenceRun
from models.training.pretrained import imagenet_file
from models.training.run import Run


def main(
    config: Annotated[Path, typer.Option(help="Task file (TOML).")],
    out: Annotated[Path, typer.Option(help="Run folder: log, state, metrics.")] = Path("runs/last"),
    resume: Annotated[bool, typer.Option(help="Go on from the run folder's state.")] = False,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Setting to change: NAME=VALUE or TABLE.NAME=VALUE."),
    ] = None,
    init: Annotated[
        list[Path] | None, typer.Option(help="Checkpoint to start from; several are averaged.")
    ] = None,
    trunk: Annotated[
        Path | None, typer.Option(help="Checkpoint whose first layers to begin with.")
    ] = None,
    imagenet: Annotated[
        bool, typer.Option(help="Begin with ImageNet's weights (a Lite0 trunk only).")
    ] = False,
    localiser: Annotated[
        Path | None, typer.Option(help="Folder of the localiser that frames the films.")
    ] = None,
    install: Annotated[Path | None, typer.Option(help="Where to put the checkpoint.")] = None,
) -> None:
    """Train the network of a task and write its checkpoint."""
    task = read_config(config, change=change or [])
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the training data.")
    films = task.films(settings.data)
    framing = Framing.load(localiser, task.framing)
    if task.network.heads:
        run: Run = EvidenceRun(task, films, out, framing, settings.data)
    else:
        run = Run(task, films, out, framing, settings.data)
    if trunk:
        run.take_trunk(trunk)
    if imagenet:
        run.take_imagenet(imagenet_file())
    if init:
        run.start_from(*init)
    if resume:
        run.restore()
    run.fit()
    target = install or settings.weights / task.name
    hash_of_localiser = copy_localiser(localiser, target) if localiser else ""
    run.finish(target, data_sha256=content_hash(films), localiser_sha256=hash_of_localiser)
    typer.echo(f"checkpoint written to {target}")


if __name__ == "__main__":
    typer.run(main)
