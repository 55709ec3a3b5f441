"""Train the scope gate of a task from the task's own films, and put it beside the checkpoint.

    export LIGHTBOX_DATA=...
    python -m models.training.train_gate --config models/configs/paediatric_cxr.toml \
        --install models/weights/paediatric-cxr

The ``[gate]`` table of the task file names folders of outliers and of companions (films of other
people that fit too); half of each, by group, is left for `models.evaluation.evaluate_gate`.
Thresholds come from the validation films alone. Takes some minutes on one core.
"""

from __future__ import annotations

import csv
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from imaging.errors import SettingsError
from imaging.settings import Settings
from models.checkpoint.card import ModelCard
from models.data import gate_data
from models.data.augment import augment
from models.data.dataset import Film, load_luminance, select
from models.data.whole_films import compose_films
from models.immutable import lists_to_tuples
from models.network.checkpoint import CARD
from models.network.gate import CLASSES, FeatureDistance, GateScale, describe, margin_of, save_gate
from models.network.network import MultiScaleResNet, NetworkSettings, weight_decay_groups
from models.network.preprocess import preprocess
from models.rules.gate_rules import WHOLE
from models.training.config import TaskConfig, read_config

CACHE_SIZE = 96  # side of the squashed pictures kept in memory
PAINT_SEED = 1  # `evaluate_gate` paints with another
_STOCKS = ("train", "val", "companions", "outliers", "painted")
SUFFIXES = (".jpg", ".jpeg", ".png")  # DICOM files are for the mixture only
# Share of every kind in a batch; the first is shared by task films and companions.
SHARES = {"fits": 0.38, "inverted": 0.1, "turned": 0.1, "sideways": 0.06, "cropped": 0.1}
_WHOLE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The ``[gate]`` table of a task file; folders are relative to the data folder."""

    outliers: Mapping[str, str] = field(default_factory=dict)  # kind -> folder, to be refused
    companions: Mapping[str, str] = field(default_factory=dict)  # kind -> folder, fit as well
    dicom: str = ""  # folder of DICOM files, for the mixture only
    composed: str = ""  # "whole": films are crops, and whole films composed of them do not fit
    test_kind: str = "test"  # what the mixture calls the task's own test films
    group_columns: tuple[str, ...] = ("patient_id",)  # of labels.csv beside an images folder
    size: int = 64  # side of the network's input, pixels
    epochs: int = 6
    batch: int = 96
    painted: int = 4200  # foreign pictures painted before training
    companion_share: float = 0.15  # of the films that fit, where there are companions
    learning_rate: float = 3e-3
    stem: int = 16
    channels: tuple[int, ...] = (24, 48, 96)
    seed: int = 0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GateSettings:
        """Read the table; a list of folders names each after its first part."""
        plain = lists_to_tuples(values)
        for name in ("outliers", "companions"):
            if isinstance(plain.get(name), tuple):
                plain[name] = {Path(folder).parts[0]: folder for folder in plain[name]}
        if plain.get("composed", "") not in ("", WHOLE):
            raise TypeError(f"composed may be empty or {WHOLE!r}")
        return cls(**plain)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the gate tells apart."""
        return CLASSES if self.composed else tuple(name for name in CLASSES if name != WHOLE)

    @property
    def shares(self) -> dict[str, float]:
        """Share of every kind but "foreign" in a batch."""
        return SHARES | ({WHOLE: _WHOLE_SHARE} if self.composed else {})

    @property
    def network(self) -> NetworkSettings:
        """The small network."""
        return NetworkSettings(
            classes=len(self.classes),
            stem=self.stem,
            channels=self.channels,
            depths=(1,) * len(self.channels),
            dropout=0.1,
        )


def read_gate_settings(config: Path) -> GateSettings:
    """The ``[gate]`` table of a task file; raises `SettingsError`."""
    try:
        return GateSettings.from_dict(tomllib.loads(config.read_text()).get("gate", {}))
    except (OSError, tomllib.TOMLDecodeError, TypeError) as exc:
        raise SettingsError(f"The gate settings of {config.name} are not usable: {exc}.") from exc


def folder_films(folder: Path, *, columns: tuple[str, ...]) -> tuple[Film, ...]:
    """Pictures of a folder, dealt by group into the splits "train" and "held", half each.

    The group is the first of `columns` that ``labels.csv`` in the folder above has; without one,
    or where it is blank, a picture is a group of its own.
    """
    table = folder.parent / "labels.csv"
    groups: dict[str, str] = {}
    if table.exists():
        with table.open(newline="") as stream:
            for row in csv.DictReader(stream):
                groups[row["file"]] = next((row[c] for c in columns if c in row), "")
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise SettingsError(f"The folder {folder.name} named for the gate holds no pictures.")
    return tuple(_deal_split(p, groups.get(p.name) or p.name) for p in paths)


def _deal_split(path: Path, group: str) -> Film:
    is_held = hashlib.sha256(group.encode()).digest()[0] >= 128
    return Film(path, "", group, "held" if is_held else "train")


def main(
    config: Annotated[Path, typer.Option(help="Task file (TOML).")],
    install: Annotated[Path, typer.Option(help="Checkpoint folder the gate goes into.")],
    epochs: Annotated[int, typer.Option(help="Instead of the task file's; 0 keeps that.")] = 0,
) -> None:
    """Train the scope gate of a task."""
    base = Settings.from_environment().data
    if base is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the training data.")
    run = GateRun(read_config(config), read_gate_settings(config), base)
    run.fit(epochs or run.settings.epochs)
    values = run.finish(install)
    typer.echo(f"share of the validation films refused: {values['validation']}")


class GateRun:
    """A training run: pictures, network, and what the validation films say about it."""

    def __init__(self, task: TaskConfig, settings: GateSettings, base: Path) -> None:
        self.task, self.settings = task, settings
        torch.manual_seed(settings.seed)
        self.random = torch.Generator().manual_seed(settings.seed)
        self.rng = np.random.default_rng(settings.seed)
        films = task.films(base)
        self.train, self.val = (_load(select(films, split)) for split in ("train", "val"))
        self.companions = self._folders(settings.companions, base)
        self.outliers = self._folders(settings.outliers, base)
        self.painted = gate_data.paint(settings.painted, side=CACHE_SIZE, seed=PAINT_SEED)
        self.network = MultiScaleResNet(settings.network).to(memory_format=torch.channels_last)

    def _folders(self, folders: Mapping[str, str], base: Path) -> NDArray[np.uint8]:
        """Training halves of the named folders: (pictures, side, side)."""
        columns = self.settings.group_columns
        films = [f for v in folders.values() for f in folder_films(base / v, columns=columns)]
        return _load(select(films, "train"))

    def fit(self, epochs: int) -> None:
        """Train; one epoch shows about every film once as it should be."""
        own = self.settings.batch * SHARES["fits"] * (1 - self._companion_share())
        steps = max(1, round(len(self.train) / own))
        optimiser = torch.optim.AdamW(
            weight_decay_groups(self.network, 0.02), lr=self.settings.learning_rate
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.settings.learning_rate, total_steps=steps * epochs, pct_start=0.15
        )
        self.network.train()
        for epoch in range(epochs):
            losses = []
            for _ in tqdm(range(steps), desc=f"epoch {epoch}", leave=False):
                pictures, truth = self._batch()
                logits = self.network(preprocess(pictures, size=self.settings.size))
                loss = F.cross_entropy(logits, truth, label_smoothing=0.01)
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
                optimiser.step()
                schedule.step()
                losses.append(float(loss.detach()))
            tqdm.write(f"epoch {epoch}: loss {np.mean(losses):.4f}")
        self.network.eval()

    def _companion_share(self) -> float:
        return self.settings.companion_share if len(self.companions) else 0.0

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Pictures (batch, side, side) in [0, 1] and their classes (batch,)."""
        n = self.settings.batch
        counts = {k: max(1, round(n * share)) for k, share in self.settings.shares.items()}
        parts = {kind: self._view(kind, self._films(count)) for kind, count in counts.items()}
        parts["foreign"] = self._foreign(max(4, n - sum(counts.values())))
        truth = [torch.full((len(v),), CLASSES.index(k)) for k, v in parts.items()]
        return torch.cat(list(parts.values())), torch.cat(truth)

    def _films(self, count: int) -> Tensor:
        """Films that fit, companions among them."""
        companions = self.rng.binomial(count, self._companion_share())
        return torch.cat(
            [self._pick(self.train, count - companions), self._pick(self.companions, companions)]
        )

    def _pick(self, pictures: NDArray[np.uint8], count: int) -> Tensor:
        if not count:
            return torch.zeros(0, CACHE_SIZE, CACHE_SIZE)
        return (
            torch.from_numpy(pictures[self.rng.integers(len(pictures), size=count)]).float() / 255
        )

    def _view(self, kind: str, films: Tensor) -> Tensor:
        """Films as one of the classes sees them, augmented before or after."""
        strength = gate_data.STRONG if self.rng.random() < 0.5 else gate_data.MILD
        if kind == "cropped":
            return augment(gate_data.crop_films(films, self.rng), gate_data.MILD, self.random)
        if kind == WHOLE:
            return augment(compose_films(films, self.rng), gate_data.MILD, self.random)
        before = gate_data.augment_fitting(films, strength, self.random)
        return gate_data.wrong_view(kind, before, self.random)

    def _foreign(self, count: int) -> Tensor:
        """Painted pictures, scrambled films and the named outliers, in any pose and polarity."""
        near = count // 4
        named = (count - near) // 2 if len(self.outliers) else 0
        outliers = self._pick(self.outliers, named)
        pictures = torch.cat([outliers, self._pick(self.painted, count - near - named)])
        flips = torch.rand(2, len(pictures), 1, 1, generator=self.random) < 0.3
        pictures = torch.where(flips[0], 1 - pictures, pictures)
        pictures = torch.where(flips[1], pictures.flip(1), pictures)
        mixed = torch.cat([pictures, gate_data.scramble(self._films(near), self.rng)])
        return augment(mixed, gate_data.STRONG, self.random)

    def finish(self, folder: Path) -> dict[str, Any]:
        """Fit the distance and the thresholds, and write the gate into a checkpoint folder."""
        films = torch.from_numpy(np.concatenate([self.train, self.companions])).float() / 255
        mild = gate_data.augment_fitting(films, gate_data.MILD, self.random)
        features = [self._describe(part)[1] for part in (films, mild)]
        self.distance = FeatureDistance.fit(torch.cat(features))
        self.scale = GateScale.fit(
            *self._margins_and_distances(self._val()),
            *self._margins_and_distances(self._mild_val()),
        )
        settings = save_gate(folder, self.network, self.distance, self._record())
        if (folder / CARD).exists():  # a model that names its gate never runs without it
            card = ModelCard.read(folder / CARD)
            replace(card, gate_sha256=settings["weights_sha256"]).write(folder / CARD)
        return settings

    def _val(self) -> Tensor:
        return torch.from_numpy(self.val).float() / 255

    def _mild_val(self) -> Tensor:
        fixed = torch.Generator().manual_seed(self.settings.seed + 1)
        return gate_data.augment_fitting(self._val(), gate_data.MILD, fixed)

    def _describe(self, films: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features of (films, side, side)."""
        with torch.inference_mode():
            inputs = (preprocess(part, size=self.settings.size) for part in films.split(128))
            parts = [describe(self.network, x) for x in inputs]
        return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])

    def _margins_and_distances(
        self, films: Tensor
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Margins and distances."""
        logits, features = self._describe(films)
        return margin_of(logits), self.distance(features)

    def _record(self) -> dict[str, Any]:
        """Contents of `gate.json` besides the hash."""
        return {
            "network": self.settings.network.as_dict(),
            "size": self.settings.size,
            "scale": asdict(self.scale),
            "films": {name: len(getattr(self, name)) for name in _STOCKS},
            "settings": asdict(self.settings),
            "data": dict(self.task.data),
            "columns": asdict(self.task.columns),
            "scope": {
                "modalities": list(self.task.scope.modalities),
                "body_parts": list(self.task.scope.body_parts),
            },
            "validation": self._validate(),
        }

    def _validate(self) -> dict[str, float]:
        """Share of the validation films refused in every view, right and wrong."""
        val, fixed = self._val(), torch.Generator().manual_seed(self.settings.seed + 2)
        rng = np.random.default_rng(self.settings.seed + 2)
        painted = gate_data.paint(280, side=CACHE_SIZE, seed=PAINT_SEED + 1)
        views = {"plain": val, "mild": self._mild_val()}
        views["strong"] = gate_data.augment_fitting(val, gate_data.STRONG, fixed)
        for kind in ("inverted", "turned", "sideways"):
            views[kind] = gate_data.wrong_view(kind, val, fixed)
        views["cropped"] = gate_data.crop_films(val, rng)
        if self.settings.composed:
            views[WHOLE] = compose_films(val, rng)
        views["scrambled"] = gate_data.scramble(val, rng)
        views["painted"] = torch.from_numpy(painted).float() / 255
        return {
            name: float((self.scale.score(*self._margins_and_distances(films)) > 0).mean())
            for name, films in views.items()
        }


def _load(films: tuple[Film, ...]) -> NDArray[np.uint8]:
    bar = tqdm(total=len(films), desc="pictures", leave=False)
    return load_luminance(films, size=CACHE_SIZE, on_progress=lambda *_: bar.update())


if __name__ == "__main__":
    typer.run(main)
