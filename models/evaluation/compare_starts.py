"""Where training began, compared: starts of one task, by their figures and by what they cost.

    export LIGHTBOX_DATA=...
    T="python -m models.training.train --config TASK.toml --set epochs=5 --set early_share=0.0"
    $T --imagenet --out runs/a --install runs/a/ckpt  # a Lite0 trunk, ImageNet's weights
    $T --trunk models/weights/NAME --out runs/b --install runs/b/ckpt  # another model's layers
    $T --out runs/c --install runs/c/ckpt             # random weights
    python -m models.evaluation.compare_starts --model TASK --start runs/a/ckpt --start runs/b/ckpt
        --start runs/c/ckpt

What a checkpoint began with is read from its own card, never typed. All of them answer the same
films: those that choose (validation, and hospitals that may choose), and those that judge (test,
and the other hospitals). Their networks run in shuffled turns, one film each, on one thread: the
cost is the median CPU time over that of the installed model's. **The rule:** of the starts that
were trained equally long, the one with the fewest wrongly ordered pairs per cost, (1 - AUC) x cost,
on the films that choose. Writes ``evaluation/starts.json``; the model page and the card draw it.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from imaging.errors import SettingsError
from imaging.settings import Settings
from models import metrics
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import measured
from models.data.dataset import CACHE_SIZE, Film, class_truth, select
from models.data.framed_films import FramedFilms
from models.data.framing import Framing
from models.evaluation.evaluate_elsewhere import named_hospitals
from models.evaluation.films import films_of_model
from models.network.checkpoint import find_checkpoint, installed_checkpoints, load_checkpoint
from models.network.ensemble import Ensemble
from models.network.network import fold_norms
from models.rules.calibration import apply_calibration
from models.rules.findings import finding_probabilities, finding_truth
from models.training.calibrate import fused_logits

FACTS = "starts.json"
IMAGENET, WEIGHTS, SCRATCH = "imagenet", "weights", "scratch"
CHOOSES, JUDGES = "chooses", "judges"
_ROUNDS = 15

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FilmSet:
    """Films of one origin; `role` is `CHOOSES` or `JUDGES`."""

    name: str
    role: str
    films: tuple[Film, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A trained checkpoint, and where it lies (its localiser with it)."""

    folder: Path
    ensemble: Ensemble
    card: ModelCard
    installed: bool = False

    @property
    def knobs(self) -> Mapping[str, Any]:
        """The training table of its first network."""
        table: Mapping[str, Any] = self.card.training["members"][0]["train"]
        return table

    @property
    def origin(self) -> Mapping[str, Any]:
        """What its first network began with; empty for random weights."""
        begun: Sequence[Mapping[str, Any]] = self.card.training["members"][0].get("origin") or ()
        return begun[0] if begun else {}

    @property
    def kind(self) -> str:
        """`IMAGENET`, `WEIGHTS` (of another model) or `SCRATCH`."""
        if not self.origin:
            return SCRATCH
        return IMAGENET if "imagenet" in self.origin else WEIGHTS


def main(
    start: Annotated[list[Path], typer.Option(help="Checkpoint folder of one start; several.")],
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
) -> None:
    """Compare starts of an installed model's task."""
    settings = Settings.from_environment()
    folder = find_checkpoint(settings.weights, model)
    ensemble, card = load_checkpoint(folder)
    starts = [Start(path, *load_checkpoint(path)) for path in start]
    refuse_unlike(card, starts)
    installed = Start(folder, ensemble, card, installed=True)
    others = [s for s in starts if s.card.weights_sha256 != card.weights_sha256]
    every = [installed, *others]
    sets = list(film_sets(card, settings))
    names = {
        ModelCard.read(other / "card.json").weights_sha256: other.name
        for other in installed_checkpoints(settings.weights)
    }
    costs = forward_costs(every)
    rows = [
        row_of(s, cost, [measure(s, one) for one in sets], names)
        for s, cost in zip(every, costs, strict=True)
    ]
    compared = {s.card.weights_sha256 for s in starts}
    equally_long = [row for row in rows if row["weights_sha256"] in compared]
    min(equally_long, key=lambda row: row["gap_per_forward"])["wins"] = True
    facts = {
        "weights_sha256": card.weights_sha256,
        "finding": card.findings[0].code,
        "rows": rows,
    }
    target = measured(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    for row in rows:
        typer.echo(
            f"{row['start']} {row['from']} {row['trunk']}, {row['epochs']} epochs: choosing AUC "
            f"{row['choosing_auc']:.4f}, cost {row['forward']:.2f}"
            f"{', wins' if row['wins'] else ''}{', installed' if row['installed'] else ''}"
        )


def refuse_unlike(card: ModelCard, starts: Sequence[Start]) -> None:
    """Only what was trained for the installed model's task, and equally long, is comparable.

    Raises
    ------
    SettingsError
        If a start is of other films or classes, or the starts differ in length or picture size.
    """
    cards = (card, *(s.card for s in starts))
    if len({(one.training["data"]["sha256"], one.classes) for one in cards}) > 1:
        raise SettingsError(
            "A start was trained on other images than the installed model; train it anew with the "
            "model's task file and data."
        )
    if len({(s.knobs["epochs"], s.knobs["size"]) for s in starts}) > 1:
        raise SettingsError(
            "The starts were not trained equally long, or on pictures of different sizes; train "
            "them anew with the same epochs and size."
        )


def film_sets(card: ModelCard, settings: Settings) -> Iterator[FilmSet]:
    """The films that choose and those that judge: of the task itself, then of other hospitals."""
    films = films_of_model(card, settings)
    yield FilmSet("val", CHOOSES, select(films, "val"))
    yield FilmSet("test", JUDGES, select(films, "test"))
    for one in named_hospitals(card):
        if settings.data is not None:
            of_hospital = one.films(settings.data, card.classes, multi_label=card.multi_label)
            yield FilmSet(one.name, CHOOSES if one.chooses else JUDGES, of_hospital)


def measure(start: Start, films: FilmSet) -> Row:
    """Figures of one start on one set: its leading finding, and grades where classes are grades."""
    card = start.card
    framing = Framing.load(start.folder if card.localiser_sha256 else None, card.framing)
    side = int(start.knobs.get("cache", CACHE_SIZE))
    pictures = torch.from_numpy(FramedFilms.load(films.films, framing, side=side).pixels)
    logits = fused_logits(start.ensemble, pictures.float() / 255, size=card.size)
    several = card.multi_label
    probabilities = apply_calibration(logits, card.temperature, card.bias, multi_label=several)
    truth = class_truth([f.label for f in films.films], card.classes, multi_label=several)
    lead = card.findings[0]
    present = finding_truth(truth, card.classes, lead)
    score = finding_probabilities(probabilities, card.classes, lead)
    estimates = {"auc": metrics.bootstrap(metrics.roc_auc, present, score)}
    if start.knobs.get("ordinal"):
        estimates |= _grades(truth, probabilities)
    return {
        "name": films.name,
        "role": films.role,
        "films": len(films.films),
        "figures": {name: asdict(estimate) for name, estimate in estimates.items()},
    }


def _grades(truth: NDArray[Any], probabilities: NDArray[np.float64]) -> dict[str, metrics.Estimate]:
    """Accuracy and weighted kappa of the grade with the highest probability."""
    called = probabilities.argmax(1)
    return {
        "accuracy": metrics.bootstrap(metrics.accuracy, truth, called),
        "weighted_kappa": metrics.bootstrap(metrics.weighted_kappa, truth, called),
    }


def forward_costs(starts: Sequence[Start]) -> list[float]:
    """CPU time of one answer (one film, one thread) over that of the first start, in their order.

    In shuffled turns inside one process, because machines are noisy; the first turn warms up.
    """
    networks = [fold_norms(s.ensemble) for s in starts]
    inputs = [torch.randn(1, 1, s.card.size, s.card.size) for s in starts]
    times: list[list[float]] = [[] for _ in starts]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            for number in range(_ROUNDS + 1):
                for i in random.Random(number).sample(range(len(starts)), len(starts)):
                    began = time.process_time()
                    networks[i](inputs[i])
                    if number:
                        times[i].append(time.process_time() - began)
    finally:
        torch.set_num_threads(threads)
    medians = [statistics.median(values) for values in times]
    return [value / medians[0] for value in medians]


def row_of(start: Start, cost: float, sets: Sequence[Row], names: Mapping[str, str]) -> Row:
    """One line of the comparison.

    Parameters
    ----------
    cost : float
        Over the installed model's.
    names : mapping of str to str
        Installed models by the SHA-256 of their weights: what another start may have begun with.
    """
    choosing = [s["figures"]["auc"]["value"] for s in sets if s["role"] == CHOOSES]
    auc = statistics.fmean(choosing)
    begun = str(start.origin.get("weights_sha256", ""))
    return {
        "start": start.kind,
        "from": names.get(begun, begun[:12]) if start.kind == WEIGHTS else "",
        "trunk": start.card.network.trunk,
        "size": start.card.size,
        "epochs": int(start.knobs["epochs"]),
        "weights_sha256": start.card.weights_sha256,
        "installed": start.installed,
        "parameters": sum(p.numel() for p in start.ensemble.parameters()),
        "forward": cost,
        "choosing_auc": auc,
        "gap_per_forward": (1 - auc) * cost,
        "wins": False,
        "sets": list(sets),
    }


if __name__ == "__main__":
    typer.run(main)
