"""Train the localiser of a task from its region masks, and put it where a checkpoint goes.

    export LIGHTBOX_DATA=...
    python -m models.training.train_localiser --config TASK.toml --install FOLDER

Takes some minutes on one core. Comes before `models.training.train`: the classifier is trained on
films framed by the very network that frames them later.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from imaging.errors import SettingsError
from imaging.settings import Settings
from models.data.augment import AugmentSettings, augment_with_regions
from models.data.dataset import Film, content_hash, load_luminance, load_regions, select
from models.network.averaging import update_average
from models.network.localiser import (
    Localiser,
    LocaliserSettings,
    save_localiser,
)
from models.network.network import weight_decay_groups
from models.network.preprocess import preprocess
from models.rules.crop_box import WHOLE, box_of
from models.training.config import TaskConfig, read_config

# Far stronger than a classifier's: any framing, wide collimation, whatever the film was.
AUGMENT = AugmentSettings(
    degrees=15.0, scale=0.35, aspect=0.25, shift=0.15, probability=0.6, blur=4.0, frame=0.2
)
CACHE_SIZE = 144
_BATCH = 32
_RATE = 3e-3
_AVERAGE = 0.995  # decay of the moving average of weights


def main(
    config: Annotated[Path, typer.Option(help="Task file (TOML).")],
    install: Annotated[Path, typer.Option(help="Checkpoint folder the localiser goes into.")],
    epochs: Annotated[
        int, typer.Option(help="How often every film is seen; 0 keeps the task file's.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of weights and augmentation.")] = 0,
) -> None:
    """Train the localiser of a task."""
    task = read_config(config)
    base = Settings.from_environment().data
    if base is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the training data.")
    films = tuple(f for f in task.films(base) if f.region is not None)
    if not films:
        raise SettingsError("The task names no region masks; a localiser needs some.")
    run = LocaliserRun(films, seed=seed)
    count = epochs or task.localiser_epochs
    run.fit(count)
    values = save_localiser(install, run.average, run.record(task, count, seed))
    typer.echo(f"overlap of found and true boxes, validation films: {values['validation']}")


class LocaliserRun:
    """A training run on the films that have a mask."""

    def __init__(self, films: tuple[Film, ...], *, seed: int) -> None:
        torch.manual_seed(seed)
        self.random = torch.Generator().manual_seed(seed)
        self.films = {split: select(films, split) for split in ("train", "val")}
        self.x = {k: load_luminance(v, size=CACHE_SIZE) for k, v in self.films.items()}
        self.regions = {k: load_regions(v, size=CACHE_SIZE) for k, v in self.films.items()}
        self.network = Localiser(LocaliserSettings()).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval()

    def fit(self, epochs: int) -> None:
        """Train; what is kept is a moving average of the weights."""
        n = len(self.films["train"])
        steps = -(-n // _BATCH)
        optimiser = torch.optim.AdamW(weight_decay_groups(self.network, 0.02), lr=_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, _RATE, total_steps=steps * epochs, pct_start=0.15
        )
        self.network.train()
        for epoch in range(epochs):
            losses = []
            order = torch.randperm(n, generator=self.random)
            for index in tqdm(order.split(_BATCH), desc=f"epoch {epoch}", leave=False):
                loss = self._loss(index)
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
                optimiser.step()
                schedule.step()
                update_average(self.average, self.network, decay=_AVERAGE, step=schedule.last_epoch)
                losses.append(float(loss.detach()))
            tqdm.write(f"epoch {epoch}: loss {np.mean(losses):.4f}")

    def _loss(self, index: Tensor) -> Tensor:
        films = torch.from_numpy(self.x["train"][index.numpy()]).float() / 255
        regions = torch.from_numpy(self.regions["train"][index.numpy()]).float()
        films, regions = augment_with_regions(films, regions, AUGMENT, self.random)
        x = preprocess(films, size=self.network.settings.size)
        maps = self.network(x.to(memory_format=torch.channels_last))
        target = F.adaptive_avg_pool2d(regions[:, None], (maps.shape[-2], maps.shape[-1]))[:, 0]
        return F.binary_cross_entropy_with_logits(maps, target)

    def record(self, task: TaskConfig, epochs: int, seed: int) -> dict[str, Any]:
        """Contents of the settings file besides network and hash."""
        everything = self.films["train"] + self.films["val"]
        return {
            "settings": {"epochs": epochs, "seed": seed},
            "data": {
                **task.data,
                "sha256": content_hash(everything),
                "films": {k: len(v) for k, v in self.films.items()},
            },
            "validation": self.validate(),
        }

    def validate(self) -> dict[str, float]:
        """Overlap (intersection over union) of found and true boxes, plain and augmented."""
        films = torch.from_numpy(self.x["val"]).float() / 255
        regions = torch.from_numpy(self.regions["val"]).float()
        fixed = torch.Generator().manual_seed(20)
        views = {
            "plain": (films, regions),
            "augmented": augment_with_regions(films, regions, AUGMENT, fixed),
        }
        figures = dict[str, float]()
        for name, (x, truth) in views.items():
            maps = np.concatenate([self.average.maps(part) for part in x.split(64)])
            overlaps = [
                (box_of(m) or WHOLE).overlap(box_of(t.numpy()) or WHOLE)
                for m, t in zip(maps, truth, strict=True)
            ]
            figures[f"{name}_mean"] = float(np.mean(overlaps))
            figures[f"{name}_worst_percent"] = float(np.quantile(overlaps, 0.01))
        return figures


if __name__ == "__main__":
    typer.run(main)
