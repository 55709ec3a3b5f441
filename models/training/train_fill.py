"""Train the lung fill of a checkpoint on normal films, and put it beside the weights.

    export LIGHTBOX_DATA=...
    python -m models.training.train_fill --config TASK.toml --install FOLDER

Takes a quarter of an hour on one core. Comes after `models.training.train`: what was cut out of a
normal film is to look like what was there, and the trained network must see nothing in it. It sees
normal training films alone, those of the task and of its companions.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
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
from models.checkpoint.card import ModelCard
from models.data.augment import AugmentSettings, augment_with_regions
from models.data.companions import normal_and_abnormal
from models.data.dataset import Film, select
from models.data.framed_films import FramedFilms
from models.data.framing import Framing
from models.data.holes import draw_holes
from models.network.averaging import update_average
from models.network.checkpoint import CARD, load_checkpoint
from models.network.evidence import EvidenceNetwork
from models.network.lung_fill import LungFill, LungFillSettings, save_lung_fill
from models.network.preprocess import preprocess
from models.training.config import TaskConfig, read_config
from models.training.run import has_bfloat16

AUGMENT = AugmentSettings(probability=0.2, blur=1.5, erase=0.0, shift=0.06, markers=0, frame=0.0)
_BATCH = 12
_RATE = 2e-3
_AVERAGE = 0.99  # decay of the moving average of weights
_COMPANIONS = 0.35  # share of films of other hospitals, where there are any
# Weights of the parts of the loss, beside the mean difference of tones in the hole.
_EDGES = 0.5  # of differences between neighbouring pixels: sharp, where it can be
_FEATURES = 0.3  # of what the network's first layers see (Johnson et al., ECCV 2016)
_UNSEEN = 0.3  # of disease that the network sees in the hole


def main(
    config: Annotated[Path, typer.Option(help="Task file (TOML).")],
    install: Annotated[Path, typer.Option(help="Checkpoint folder the fill belongs to.")],
    steps: Annotated[int, typer.Option(help="Batches.")] = 450,
    seed: Annotated[int, typer.Option(help="Of weights, holes and augmentation.")] = 0,
) -> None:
    """Train the lung fill of a checkpoint."""
    base = Settings.from_environment().data
    if base is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the training data.")
    run = FillRun(read_config(config), base, install, seed=seed)
    run.fit(steps)
    values = save_lung_fill(install, run.average, run.record(steps, seed))
    card = ModelCard.read(install / CARD)
    replace(card, fill_sha256=values["weights_sha256"]).write(install / CARD)
    typer.echo(f"lung fill of {run.films} normal films: {values['weights_sha256']}")


class FillRun:
    """A training run on normal films.

    Parameters
    ----------
    base : Path
        Folder of the data.
    checkpoint : Path
        Folder of the network that must see nothing in a filled film.

    Raises
    ------
    SettingsError
        If that network's answer is not made of places.
    """

    def __init__(self, task: TaskConfig, base: Path, checkpoint: Path, *, seed: int) -> None:
        ensemble, card = load_checkpoint(checkpoint)
        (judge,) = ensemble.networks
        if not isinstance(judge, EvidenceNetwork):
            raise SettingsError("A lung fill is trained beside a network with evidence heads.")
        torch.manual_seed(seed)
        self.random = torch.Generator().manual_seed(seed)
        self.judge = judge.eval().requires_grad_(False)
        self.size = card.size
        framing = Framing()  # whole films
        if card.localiser_sha256:
            framing = Framing.load(checkpoint, card.framing)
        lead = task.findings[0]
        own = tuple(f for f in select(task.films(base), "train") if not lead.shown_by(f.label))
        others, _sick = normal_and_abnormal(task.companions, base)
        context = task.framing.context if framing.localiser else 0.0
        self.side = round(task.train.cache / (1 + 2 * context))
        self.normals = _load(own + others, framing, context, side=task.train.cache)
        share = _COMPANIONS if others else 0.0
        self.chances = np.concatenate(
            [
                np.full(len(own), (1 - share) / max(1, len(own))),
                np.full(len(others), share / max(1, len(others))),
            ]
        )
        self.draw = np.random.default_rng(seed)
        self.network = LungFill(LungFillSettings()).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval()

    @property
    def films(self) -> int:
        """Normal films it learns from."""
        return len(self.chances)

    def fit(self, steps: int) -> None:
        """Train for so many batches."""
        optimiser = torch.optim.AdamW(self.network.parameters(), lr=_RATE, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, _RATE, total_steps=steps, pct_start=0.1, cycle_momentum=False
        )
        for step in tqdm(range(steps), desc="fill"):
            loss = self._loss(*self._batch())
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            update_average(self.average, self.network, decay=_AVERAGE, step=step + 1)

    def record(self, steps: int, seed: int) -> dict[str, Any]:
        """What the settings file says of the training."""
        return {
            "training": {
                "films": self.films,
                "steps": steps,
                "seed": seed,
                "batch": _BATCH,
                "augment": asdict(AUGMENT),
                "loss": {"edges": _EDGES, "features": _FEATURES, "unseen": _UNSEEN},
            }
        }

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Inputs and lungs: (batch, 1, size, size), as they are or mirrored."""
        index = self.draw.choice(self.films, _BATCH, p=self.chances)
        films = torch.from_numpy(self.normals.pixels[index]).float() / 255
        lungs = torch.from_numpy(self.normals.regions[index]).float().nan_to_num(1.0)
        views = torch.from_numpy(self.normals.views[index])
        films, lungs = augment_with_regions(
            films, lungs, AUGMENT, self.random, views=views, side=self.side
        )
        mirrored = (torch.rand(_BATCH, generator=self.random) < 0.5)[:, None, None]
        films, lungs = (torch.where(mirrored, t.flip(-1), t) for t in (films, lungs))
        shape = (self.size, self.size)
        scaled = F.interpolate(lungs[:, None], shape, mode="bilinear", antialias=True)
        return preprocess(films, size=self.size), scaled

    def _loss(self, x: Tensor, lungs: Tensor) -> Tensor:
        hole = draw_holes(lungs, self.random)
        fast = torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16(x.device))
        with fast:
            drawn = self.network(x.to(memory_format=torch.channels_last), hole, lungs)
        filled = x * (1 - hole) + drawn.float() * hole
        with fast:
            seen = self._features(filled)
            evidence = self.judge.evidence_from(seen[0], 0)
            with torch.no_grad():
                wanted = self._features(x)
        count = hole.sum().clamp_min(1)
        tones = ((filled - x).abs()).sum() / count
        edges = sum(
            ((filled - x).diff(dim=d).abs() * hole.narrow(d, 1, self.size - 1)).sum() / count
            for d in (-1, -2)
        )
        features = sum(
            F.l1_loss(a.float(), b.float()) / b.float().abs().mean()
            for a, b in zip(seen, wanted, strict=True)
        )
        odds = evidence.odds(self.judge.settings.lead).mean(0)
        inside = F.adaptive_avg_pool2d(hole * lungs, (odds.shape[-2], odds.shape[-1]))[:, 0]
        unseen = (F.softplus(odds) * inside).sum() / inside.sum().clamp_min(1)
        return tones + _EDGES * edges + _FEATURES * features + _UNSEEN * unseen

    def _features(self, x: Tensor) -> list[Tensor]:
        """What the stem and the first two stages of the trained network see."""
        seen = [self.judge.stem(x)]
        for stage in list(self.judge.stages)[:2]:
            seen.append(stage(seen[-1]))
        return seen


def _load(films: tuple[Film, ...], framing: Framing, context: float, *, side: int) -> FramedFilms:
    bar = tqdm(total=len(films), desc="films", leave=False)
    return FramedFilms.load(
        films,
        framing,
        side=side,
        context=context,
        fill_regions=True,
        on_progress=lambda _: bar.update(),
    )


if __name__ == "__main__":
    typer.run(main)
