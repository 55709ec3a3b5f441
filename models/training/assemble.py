"""Make one model of several trained checkpoints of the same task: an ensemble with its card.

    python -m models.training.assemble --config models/configs/paediatric_cxr.toml --member RUN
        --member runs/2/ckpt --member runs/3/ckpt
    python -m models.training.assemble ... --most 3  # the best set of up to three (see choose)

The members' weights stay as they are, and so does the localiser they were trained behind, which
lies beside each of them. Calibration, operating points and the thresholds of
"unsure" are fitted anew on the validation films, for the members together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from imaging.errors import CheckpointError, SettingsError
from imaging.settings import Settings
from models.data.dataset import acquisition_strata, select
from models.data.framed_films import FramedFilms
from models.data.framing import Framing
from models.network import gate
from models.network.checkpoint import load_checkpoint, save_checkpoint
from models.network.ensemble import Ensemble
from models.network.localiser import copy_localiser
from models.network.network import ClassNetwork
from models.training import choose
from models.training.calibrate import calibrated_card, training_record
from models.training.config import TaskConfig, read_config


def main(
    config: Annotated[Path, typer.Option(help="Task file (TOML).")],
    member: Annotated[list[Path], typer.Option(help="Checkpoint folder; give several.")],
    install: Annotated[Path | None, typer.Option(help="Where to put the ensemble.")] = None,
    most: Annotated[int, typer.Option(help="Choose the best set of so many; 0 takes all.")] = 0,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="What was changed when they were trained.")
    ] = None,
) -> None:
    """Join checkpoints into one model."""
    task = read_config(config, change=change or [])
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the training data.")
    films = select(task.films(settings.data), "val")
    pool = Pool.read(member, task)
    framing = Framing.load(pool.localiser, task.framing)
    framed = FramedFilms.load(films, framing, side=task.train.cache)
    truth = task.truth(films)
    if most:
        views = choose.validation_views(
            framed.pixels,
            truth,
            task=task,
            regions=framed.regions,
            strata=acquisition_strata(films),
        )
        candidates = choose.candidates(pool.networks, task, views, most=most)
        typer.echo(choose.as_table(candidates, pool.names))
        pool = pool.take(candidates[0].members)
    ensemble = Ensemble(pool.networks)
    card = calibrated_card(
        ensemble, task, films=framed.pixels, truth=truth, training=pool.record(task)
    )
    target = install or settings.weights / task.name
    if pool.localiser:
        card = replace(card, localiser_sha256=copy_localiser(pool.localiser, target))
    if (target / gate.SETTINGS).exists():  # the gate does not depend on the networks
        installed = gate.Gate.load(target).settings["weights_sha256"]
        card = replace(card, gate_sha256=installed)
    card = save_checkpoint(target, ensemble, card)
    typer.echo(f"{card.members} networks, weights {card.identity.short_hash}, written to {target}")


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Networks of one task with their names and training records, in the same order.

    ``localiser`` is a folder with the localiser all of them were trained behind, if any.
    """

    networks: tuple[ClassNetwork, ...]
    names: tuple[str, ...]
    records: tuple[dict[str, Any], ...]
    data: dict[str, Any]
    localiser: Path | None

    @classmethod
    def read(cls, folders: Sequence[Path], task: TaskConfig) -> Pool:
        """Load checkpoints; raises `CheckpointError` when they are not all of this task."""
        loaded = [load_checkpoint(path) for path in folders]
        networks = tuple(n for ensemble, _ in loaded for n in ensemble.networks)
        cards = [card for _, card in loaded]
        same = {
            (c.name, c.size, c.classes, c.localiser_sha256, c.training["data"]["sha256"])
            for c in cards
        }
        if len(same) > 1 or {n.settings for n in networks} != {task.network}:
            raise CheckpointError("The checkpoints were trained for different tasks.")
        return cls(
            networks,
            tuple(str(f) for f, c in zip(folders, cards, strict=True) for _ in range(c.members)),
            tuple(record for c in cards for record in c.training["members"]),
            cards[0].training["data"],
            folders[0] if cards[0].localiser_sha256 else None,
        )

    def take(self, chosen: Sequence[int]) -> Pool:
        """Some of the networks."""
        return replace(
            self,
            networks=tuple(self.networks[i] for i in chosen),
            names=tuple(self.names[i] for i in chosen),
            records=tuple(self.records[i] for i in chosen),
        )

    def record(self, task: TaskConfig) -> dict[str, Any]:
        """The card's training table."""
        return training_record(
            task,
            data_sha256=self.data["sha256"],
            films=self.data["films"],
            members=self.records,
        )


if __name__ == "__main__":
    typer.run(main)
