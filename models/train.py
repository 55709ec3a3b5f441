"""Train a classifier on any manifest and write a checkpoint with its card.

    export LIGHTBOX_DATA=...                # folder the config's manifest is relative to
    python -m models.train --config models/configs/paediatric_cxr.toml
    python -m models.train --config ... --set seed=1 --out runs/seed1  # another seed
    python -m models.train --config ... --resume                       # go on after a stop
    python -m models.train --config ... --init runs/a/ckpt             # start from a checkpoint
    python -m models.train --config ... --init A --init B --set epochs=0  # average checkpoints
    tensorboard --logdir runs

Then `python -m models.evaluate` measures the checkpoint on the held-out split.
"""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from imaging.errors import SettingsError
from imaging.settings import Settings
from models.augment import augment
from models.calibration import calibrated, fit_calibration, softmax
from models.checkpoint import load_checkpoint, save_checkpoint
from models.config import TaskConfig, TrainSettings, read_config
from models.dataset import Film, content_hash, load_luminance, read_manifest, select
from models.findings import finding_probabilities, fit_operating_points
from models.metrics import roc_auc
from models.network import MultiScaleResNet, weight_decay_groups
from models.preprocess import preprocess

CACHE_SIZE = 224  # side of the squashed films kept in memory


def main(
    config: Annotated[Path, typer.Option(help="Task file (TOML).")],
    out: Annotated[Path, typer.Option(help="Run folder: log, state, metrics.")] = Path("runs/last"),
    resume: Annotated[bool, typer.Option(help="Go on from the run folder's state.")] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Training setting to change: NAME=VALUE.")
    ] = None,
    init: Annotated[
        list[Path] | None, typer.Option(help="Checkpoint to start from; several are averaged.")
    ] = None,
    install: Annotated[Path | None, typer.Option(help="Where to put the checkpoint.")] = None,
) -> None:
    """Train the network of a task and write its checkpoint."""
    task = read_config(config, change=change or [])
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the training data.")
    films = read_manifest(settings.data / task.manifest, settings.data / task.images)
    run = Run(task, films, out)
    if init:
        run.start_from(*init)
    if resume:
        run.restore()
    run.fit()
    target = install or settings.weights / task.name
    run.finish(target, data_sha256=content_hash(films))
    typer.echo(f"checkpoint written to {target}")


class Run:
    """One training run: arrays, network, optimiser, and the state that survives a stop."""

    def __init__(self, task: TaskConfig, films: tuple[Film, ...], out: Path) -> None:
        self.task, self.out = task, out
        self.settings: TrainSettings = task.train
        torch.manual_seed(self.settings.seed)
        self.random = torch.Generator().manual_seed(self.settings.seed)
        self.train_x, self.train_y = self._load(select(films, "train"))
        self.val_x, self.val_y = self._load(select(films, "val"))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = MultiScaleResNet(task.network).to(self.device)
        self.network: nn.Module = network.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network)  # exponential moving average: what is shipped
        self.steps = -(-len(self.train_y) // self.settings.batch)
        self.optimiser = torch.optim.AdamW(
            weight_decay_groups(self.network, self.settings.weight_decay),
            lr=self.settings.learning_rate,
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            self.settings.learning_rate,
            total_steps=max(1, self.settings.epochs) * self.steps,
            pct_start=self.settings.warm_up,
            cycle_momentum=False,
        )
        counts = torch.bincount(self.train_y, minlength=len(task.classes)).float()
        self.class_weight = counts.sum() / counts / len(counts)
        self.epoch, self.history = 0, list[dict[str, float]]()
        self.best: dict[str, Tensor] | None = None
        self.origin: list[dict[str, Any]] = []

    def _load(self, films: tuple[Film, ...]) -> tuple[NDArray[np.uint8], Tensor]:
        bar = tqdm(total=len(films), desc="films", leave=False)
        x = load_luminance(films, size=CACHE_SIZE, on_progress=lambda *_: bar.update())
        return x, torch.tensor([self.task.classes.index(f.label) for f in films])

    def start_from(self, *checkpoints: Path) -> None:
        """Take the mean weights of checkpoints of the same network; the card will name them.

        Averaging runs that were fine-tuned from one ancestor is a "model soup" (Wortsman et al.,
        ICML 2022, arXiv 2203.05482).
        """
        loaded = [load_checkpoint(path) for path in checkpoints]
        states = [network.state_dict() for network, _ in loaded]
        mean = {
            name: torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
            for name, value in states[0].items()
        }
        self.network.load_state_dict(mean)
        self.average.load_state_dict(mean)
        self.origin = [{"weights_sha256": c.weights_sha256, **c.training} for _, c in loaded]

    def fit(self) -> None:
        """Train until the last epoch or until validation has stopped improving."""
        log = SummaryWriter(str(self.out))
        if not self.settings.epochs:
            self.history = [{"epoch": 0, **self._validate()}]
        while self.epoch < self.settings.epochs and not self._stale():
            started = time.monotonic()
            loss = self._train_epoch()
            row = {"epoch": self.epoch, "loss": loss, **self._validate()}
            row["seconds"] = time.monotonic() - started
            self.history.append(row)
            if row["auc_stressed"] >= max(r["auc_stressed"] for r in self.history):
                self.best = copy.deepcopy(self.average.state_dict())
            for name, value in row.items():
                log.add_scalar(name, value, self.epoch)
            tqdm.write(json.dumps(row))
            self.epoch += 1
            self.save()
        log.close()

    def _train_epoch(self) -> float:
        self.network.train()
        losses = []
        order = torch.randperm(len(self.train_y), generator=self.random)
        for index in tqdm(
            order.split(self.settings.batch), desc=f"epoch {self.epoch}", leave=False
        ):
            films = torch.from_numpy(self.train_x[index.numpy()]).float() / 255
            x = preprocess(augment(films, self.task.augment, self.random), size=self._size())
            x = x.to(self.device, memory_format=torch.channels_last)
            kind = self.device.type
            with torch.autocast(kind, torch.bfloat16, enabled=has_bfloat16(self.device)):
                logits = self.network(x)
            loss = F.cross_entropy(
                logits.float(),
                self.train_y[index].to(self.device),
                weight=self.class_weight.to(self.device),
                label_smoothing=self.settings.label_smoothing,
            )
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
            self.optimiser.step()
            self.schedule.step()
            self._update_average()
            losses.append(float(loss.detach()))
        return float(np.mean(losses))

    def _size(self) -> int:
        """Small pictures first: half the time for the epochs that only need the gist."""
        early = self.epoch < self.settings.epochs * self.settings.early_share
        return self.settings.early_size if early else self.task.size

    def _update_average(self) -> None:
        """Exponential moving average of weights and normalisation statistics (Polyak)."""
        step = self.schedule.last_epoch
        decay = min(self.settings.average, (1 + step) / (10 + step))
        with torch.no_grad():
            pairs = zip(
                self.average.state_dict().values(), self.network.state_dict().values(), strict=True
            )
            for mean, now in pairs:
                if mean.is_floating_point():
                    mean.lerp_(now, 1 - decay)
                else:
                    mean.copy_(now)

    def _logits(self, films: Tensor) -> NDArray[np.float64]:
        """Averaged network over (films, rows, columns) in [0, 1] -> (films, classes)."""
        self.average.eval()
        with torch.inference_mode():
            parts = [
                self.average(preprocess(part, size=self.task.size).to(self.device))
                for part in films.split(64)
            ]
        return torch.cat(parts).double().cpu().numpy()

    def _validation_films(self) -> tuple[Tensor, Tensor]:
        """Validation films as they are, and through one fixed draw of the augmentation."""
        films = torch.from_numpy(self.val_x).float() / 255
        fixed = torch.Generator().manual_seed(20)
        parts = [augment(part, self.task.augment, fixed) for part in films.split(64)]
        return films, torch.cat(parts)

    def _validate(self) -> dict[str, float]:
        """AUC of the leading finding on validation films, plain and stressed by augmentation.

        Plain saturates early and hides differences between epochs.
        """
        plain, stressed = (self._logits(films) for films in self._validation_films())
        truth = self.val_y.numpy()
        return {
            "auc": self._auc(plain, truth),
            "auc_stressed": self._auc(stressed, truth),
            "nll": float(F.cross_entropy(torch.from_numpy(plain), self.val_y)),
        }

    def _auc(self, logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
        finding = self.task.findings[0]
        members = [self.task.classes.index(m) for m in finding.members]
        return roc_auc(
            np.isin(truth, members),
            finding_probabilities(softmax(logits), self.task.classes, finding),
        )

    def _stale(self) -> bool:
        values = [r["auc_stressed"] for r in self.history]
        return bool(values) and len(values) - 1 - int(np.argmax(values)) >= self.settings.patience

    def save(self) -> None:
        """Write the state needed to go on."""
        self.out.mkdir(parents=True, exist_ok=True)
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "best": self.best,
                "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "random": self.random.get_state(),
                "torch_random": torch.get_rng_state(),
                "epoch": self.epoch,
                "history": self.history,
            },
            self.out / "state.pt",
        )
        (self.out / "history.json").write_text(json.dumps(self.history, indent=1))

    def restore(self) -> None:
        """Read what `save` wrote (tensors and numbers only, never pickled objects)."""
        state = torch.load(self.out / "state.pt", weights_only=True, map_location=self.device)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.random.set_state(state["random"].cpu())
        torch.set_rng_state(state["torch_random"].cpu())
        self.best, self.epoch, self.history = state["best"], state["epoch"], state["history"]

    def finish(self, target: Path, *, data_sha256: str) -> None:
        """Calibrate on validation, choose operating points there, write weights and card."""
        if self.best is not None:
            self.average.load_state_dict(self.best)
        # On plain and stressed films together: the network was trained on stressed ones, and a
        # threshold fitted to clean films alone moves with the first unfamiliar detector.
        logits = np.concatenate([self._logits(films) for films in self._validation_films()])
        truth = np.tile(self.val_y.numpy(), 2)
        calibration = fit_calibration(logits, truth)
        findings = fit_operating_points(
            calibrated(logits, *calibration), truth, self.task.classes, self.task.findings
        )
        chosen = max(self.history, key=lambda r: r["auc_stressed"])
        card = self.task.card(
            findings=findings,
            calibration=calibration,
            data_sha256=data_sha256,
            films={"train": len(self.train_y), "val": len(self.val_y)},
            validation={k: chosen[k] for k in ("epoch", "auc", "auc_stressed", "nll")},
            origin=self.origin,
        )
        save_checkpoint(target, self.average, card)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 natively; emulation is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(k) for k in ("amx_bf16", "avx512_bf16", "bf16"))


if __name__ == "__main__":
    typer.run(main)
