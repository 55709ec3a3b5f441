"""How accurate for its cost? Ours beside torchvision's networks, all trained by one recipe.

    export LIGHTBOX_DATA=...
    python -m bench.accuracy --localiser models/weights/paediatric-cxr   # hours; may be stopped
    python -m bench.accuracy --network ours --network resnet18           # these only

Every contender starts from random weights and goes through `models.training.run.Run`: same films,
framed by the same localiser, same augmentation, optimiser, rate, epochs, input size, batch, dropout
and seeds; no region loss for anyone. Epoch and operating point are chosen on validation films; test
films are measured once, afterwards. The recipe was tuned on our network, so that the others might
gain from tuning of their own: the figures say what one recipe yields, not the best each network can
do.

A finished (network, seed) is stored in ``bench/results/accuracy.json`` and not trained again; an
unfinished one goes on from its run folder. The last line is JSON, for every NAME:

* ``NAME_auc``, ``NAME_accuracy``: mean over seeds, leading finding, test split,
* ``NAME_forward``: CPU time of one forward over ours, measured in shuffled turns,
* ``NAME_auc_gap_per_forward``: (1 - ``NAME_auc``) x ``NAME_forward``. The share of wrongly ordered
  pairs, weighted by what an answer costs; lower is better, and halving either halves it.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import torch
import typer
from torch import Tensor, nn
from torchvision import models as torchvision_models

from bench.forward import flops, measure, parameter_count
from imaging.errors import SettingsError
from imaging.settings import ROOT, Settings
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import measured
from models.data.dataset import Film, select
from models.data.framing import Framing
from models.metrics import accuracy, bootstrap, roc_auc
from models.network.checkpoint import CARD
from models.network.ensemble import Ensemble
from models.network.localiser import load_localiser
from models.network.network import MultiScaleResNet, NetworkSettings
from models.rules.calibration import apply_calibration
from models.rules.findings import finding_probabilities, finding_truth
from models.training.calibrate import calibrated_card, fused_logits
from models.training.config import TaskConfig, read_config
from models.training.run import Run

CONFIG = ROOT / "models/configs/paediatric_cxr_whole.toml"
RESULTS = ROOT / "bench/results/accuracy.json"
Figures = dict[str, Any]


def grey(name: str, settings: NetworkSettings) -> nn.Module:
    """A torchvision classifier for one-channel pictures, from random weights.

    Parameters
    ----------
    name : str
        Of the constructor in `torchvision.models`: a ResNet or a DenseNet.
    settings : NetworkSettings
        Gives the number of classes, and the dropout before the last layer.

    Returns
    -------
    torch.nn.Module
        Maps (batch, 1, rows, columns) float32 to logits (batch, classes).

    Notes
    -----
    The first convolution is summed over its three inputs: the same function as the grey picture
    fed to all three, at a third of the cost.
    """
    network = torchvision_models.get_model(name, weights=None, num_classes=settings.classes)
    parent, first = (
        (network.features, "conv0") if hasattr(network, "features") else (network, "conv1")
    )
    last = "classifier" if hasattr(network, "classifier") else "fc"
    old = getattr(parent, first)
    new = nn.Conv2d(
        1, old.out_channels, old.kernel_size, stride=old.stride, padding=old.padding, bias=False
    )
    new.weight = nn.Parameter(old.weight.detach().sum(dim=1, keepdim=True))
    setattr(parent, first, new)
    setattr(network, last, nn.Sequential(nn.Dropout(settings.dropout), getattr(network, last)))
    return network


NETWORKS: dict[str, Callable[[NetworkSettings], nn.Module]] = {
    "ours": MultiScaleResNet,
    **{name: partial(grey, name) for name in ("resnet18", "resnet50", "densenet121")},
}


def main(
    config: Annotated[Path, typer.Option(help="Task file (TOML).")] = CONFIG,
    size: Annotated[int, typer.Option(help="Side of the input, pixels.")] = 96,
    epochs: Annotated[int, typer.Option(help="Epochs of every run.")] = 6,
    seeds: Annotated[int, typer.Option(help="Runs of every network.")] = 3,
    network: Annotated[list[str] | None, typer.Option(help="Contender; default all.")] = None,
    localiser: Annotated[
        Path | None, typer.Option(help="Folder of the localiser that frames the films.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Run folders.")] = Path("runs/accuracy"),
    results: Annotated[Path, typer.Option(help="Where figures are kept.")] = RESULTS,
    page: Annotated[
        Path | None, typer.Option(help="Checkpoint folder whose model page is to show them.")
    ] = None,
) -> None:
    """Train what is not stored yet, then print the table and the JSON line."""
    names = network or list(NETWORKS)
    if unknown := set(names) - set(NETWORKS):
        raise SettingsError(f"No contender {', '.join(unknown)}; there is {', '.join(NETWORKS)}.")
    task = level_budget(read_config(config), size=size, epochs=epochs)
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the training data.")
    films = task.films(settings.data)
    framing = Framing.load(localiser, task.framing)
    stored = read_results(results, task, films, localiser)
    for seed in range(seeds):  # seed by seed: an early stop leaves a fair comparison behind
        for name in names:
            if f"{name}/{seed}" not in stored["runs"]:
                run = Contender(name, task, films, out, seed=seed, framing=framing)
                stored["runs"][f"{name}/{seed}"] = run.result(select(films, "test"))
                _write(results, stored)
    stored["forward"] = forward_ratios(task, {"ours", *_runs(stored)})
    _write(results, stored)
    if page:
        sha256 = ModelCard.read(page / CARD).weights_sha256
        page_figures = {"weights_sha256": sha256, "rows": page_rows(stored)}
        _write(measured(page) / "accuracy.json", page_figures)
    for line in table(stored):
        typer.echo(line)
    typer.echo(json.dumps(headline(stored)))


def level_budget(task: TaskConfig, *, size: int, epochs: int) -> TaskConfig:
    """The task with one budget for all: one size throughout, all epochs, no region loss."""
    train = replace(task.train, size=size, early_share=0.0, epochs=epochs, patience=epochs)
    return replace(task, train=train, network=replace(task.network, regions=0))


def read_results(
    path: Path, task: TaskConfig, films: Sequence[Film], localiser: Path | None
) -> Figures:
    """The stored figures, or an empty store.

    Raises
    ------
    SettingsError
        If the stored figures are of another recipe, size, length or data.
    """
    knobs = (task.network, replace(task.train, seed=0), task.augment, task.regions, task.framing)
    conditions = {
        "task": f"{task.name} {task.version}",
        "size": task.size,
        "epochs": task.train.epochs,
        "films": {split: len(select(films, split)) for split in ("train", "val", "test")},
        "localiser": load_localiser(localiser)[1]["weights_sha256"] if localiser else "",
        "recipe": hashlib.sha256(repr(knobs).encode()).hexdigest(),
    }
    if not path.exists():
        return {"conditions": conditions, "runs": {}}
    stored: Figures = json.loads(path.read_text())
    if stored["conditions"] != conditions:
        raise SettingsError(f"{path.name} holds figures of another recipe; give another --results.")
    return stored


def _write(path: Path, stored: Figures) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored, indent=1) + "\n")


class Contender(Run):
    """`Run` around another network; its folder says all it depends on, so that it can go on."""

    def __init__(
        self,
        name: str,
        task: TaskConfig,
        films: tuple[Film, ...],
        out: Path,
        *,
        seed: int,
        framing: Framing | None = None,
    ) -> None:
        task = replace(task, train=replace(task.train, seed=seed))
        folder = out / f"{name}-{task.size}px-{task.train.epochs}epochs-seed{seed}"
        super().__init__(task, films, folder, framing)
        self.name = name
        torch.manual_seed(seed)
        # Run does no more than call it
        self._adopt(cast(MultiScaleResNet, NETWORKS[name](task.network)))
        if (folder / "state.pt").exists():
            self.restore()

    def result(self, test: tuple[Film, ...]) -> Figures:
        """Train to the end, fix the operating point on validation, then measure test films."""
        self.fit()
        if self.best is not None:
            self.average.load_state_dict(self.best)
        ensemble = Ensemble([self.average])
        card = calibrated_card(
            ensemble, self.task, films=self.val.pixels, truth=self.val_y.numpy(), training={}
        )
        framed, labels = self._load(test, self.side, 0.0)
        pictures = torch.from_numpy(framed.pixels).float() / 255
        logits = fused_logits(ensemble, pictures, size=self.task.size)
        lead = card.findings[0]
        score = finding_probabilities(
            apply_calibration(logits, card.temperature, card.bias), card.classes, lead
        )
        truth = finding_truth(labels.numpy(), card.classes, lead)
        chosen = max(self.history, key=lambda row: row["score"])
        return {
            "validation": {
                k: v for k, v in chosen.items() if k not in ("loss", "seconds") and math.isfinite(v)
            },
            "operating_point": lead.operating_point,
            "test": {
                "auc": asdict(bootstrap(roc_auc, truth, score)),
                "accuracy": asdict(bootstrap(accuracy, truth, score >= lead.operating_point)),
            },
        }


def forward_ratios(task: TaskConfig, names: Collection[str]) -> Figures:
    """Parameters, FLOPs and CPU time over ours of one forward, batch 1, one thread, float32."""
    x = torch.randn(1, 1, task.size, task.size)
    networks = {name: NETWORKS[name](task.network).eval() for name in sorted(names)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = measure({name: partial(_forward, network, x) for name, network in networks.items()})
    torch.set_num_threads(threads)
    ours = statistics.median(times["ours"])
    return {
        name: {
            "parameters": parameter_count(network),
            "flops": flops(network, x),
            "time_over_ours": statistics.median(times[name]) / ours,
        }
        for name, network in networks.items()
    }


def _forward(network: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return cast(Tensor, network(x))


def _runs(stored: Figures) -> dict[str, list[Figures]]:
    """Stored runs by contender, in the order of `NETWORKS`; those without any are left out."""
    runs: dict[str, Figures] = stored["runs"]
    by_name = {name: [r for k, r in runs.items() if k.split("/")[0] == name] for name in NETWORKS}
    return {name: of_name for name, of_name in by_name.items() if of_name}


def headline(stored: Figures) -> dict[str, float]:
    """The figures of the JSON line (see the module's docstring)."""
    figures = {}
    for name, runs in _runs(stored).items():
        auc = statistics.mean(r["test"]["auc"]["value"] for r in runs)
        cost = stored["forward"][name]["time_over_ours"]
        figures[f"{name}_auc"] = round(auc, 4)
        figures[f"{name}_accuracy"] = round(
            statistics.mean(r["test"]["accuracy"]["value"] for r in runs), 4
        )
        figures[f"{name}_forward"] = round(cost, 3)
        figures[f"{name}_auc_gap_per_forward"] = round((1 - auc) * cost, 5)
    return figures


def page_rows(stored: Figures) -> list[Figures]:
    """Rows of the model page, one per contender; of several seeds the mean of each figure."""
    rows = []
    for name, runs in _runs(stored).items():
        row: Figures = {"network": name, "seeds": len(runs)}
        for figure in ("auc", "accuracy"):
            estimates = [r["test"][figure] for r in runs]
            row[figure] = {k: statistics.mean(e[k] for e in estimates) for k in estimates[0]}
        row["forward_vs_ours"] = stored["forward"][name]["time_over_ours"]
        rows.append(row)
    return rows


def table(stored: Figures) -> list[str]:
    """Lines per run, with 95 % bootstrap intervals, below one per contender with its cost."""
    facts, figures = stored["conditions"], headline(stored)
    lines = [
        f"{facts['task']}, {facts['size']} x {facts['size']} pixels, {facts['epochs']} epochs from "
        f"random weights, {facts['films']['test']} test films, 95 % bootstrap intervals"
    ]
    for name, runs in _runs(stored).items():
        cost = stored["forward"][name]
        lines.append(
            f"{name:12s} {cost['parameters'] / 1e6:6.2f} M parameters {cost['flops'] / 1e9:6.2f} "
            f"GFLOP {cost['time_over_ours']:5.2f} x ours  AUC {figures[f'{name}_auc']:.4f}  "
            f"(1 - AUC) x cost {figures[f'{name}_auc_gap_per_forward']:.4f}"
        )
        for run in runs:
            auc, right = run["test"]["auc"], run["test"]["accuracy"]
            lines.append(
                f"{'':12s} AUC {auc['value']:.4f} ({auc['low']:.4f} to {auc['high']:.4f})  "
                f"accuracy {right['value']:.4f} ({right['low']:.4f} to {right['high']:.4f})  "
                f"validation score {run['validation']['score']:.4f}"
            )
    return lines


if __name__ == "__main__":
    typer.run(main)
