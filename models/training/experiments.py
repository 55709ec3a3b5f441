"""Record of what was tried: one small JSON file per training run, and the page that lists them.

    python -m models.training.experiments --name e --what "Swapped backgrounds, from 0.1.0" \
        --run runs/e --checkpoint runs/e/ckpt        # keep a run; figures if it was evaluated
    python -m models.model_card.report                          # writes docs/experiments.md

A run that did worse is kept like one that did better: a reader who sees only the last one cannot
tell a result from a lucky draw.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from imaging.settings import ROOT
from models.checkpoint.card import ModelCard
from models.network.checkpoint import CARD, EVALUATION

FOLDER = ROOT / "docs" / "experiments"
VIEWS = ("plain", "matched", "stressed", "swapped", "alone")
INTRODUCTION = (
    "Written by `python -m models.model_card.report` from `docs/experiments/*.json`.",
    "Validation AUC is of the epoch that was kept, in the views of `models/data/stress.py`;",
    "runs from before there were views have two of them, stressed by their own augmentation.",
    "Test figures of the official split are listed for every run whose test films were ever",
    "looked at; no epoch, weight or threshold was chosen by them. From run 12 on films are",
    "framed first, and so are the views: they are harder, and not comparable with those above.",
)
TEST = ("auc", "accuracy", "sensitivity", "specificity")


def main(
    name: Annotated[str, typer.Option(help="Short name; runs are listed in the order of names.")],
    what: Annotated[str, typer.Option(help="One sentence: what was tried.")],
    checkpoint: Annotated[Path, typer.Option(help="Checkpoint folder.")],
    run: Annotated[Path | None, typer.Option(help="Run folder with its history.")] = None,
) -> None:
    """Keep one run."""
    card = ModelCard.read(checkpoint / CARD)
    history = run / "history.json" if run else None
    figures = checkpoint / EVALUATION / "test.json"
    entry = {
        "what": what,
        "weights_sha256": card.weights_sha256,
        "members": card.training["members"],
        "history": json.loads(history.read_text()) if history and history.exists() else [],
        "test": _leading_figures(json.loads(figures.read_text())) if figures.exists() else {},
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(entry, indent=1) + "\n")


def _leading_figures(figures: dict[str, Any]) -> dict[str, float]:
    measured = figures["findings"][0]["figures"]
    return {key: measured[key]["value"] for key in TEST}


def page(folder: Path = FOLDER) -> str:
    """The list of runs as Markdown."""
    entries = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    header = ["run", "what", "weights", "epochs", *(f"val {v}" for v in VIEWS)]
    header += [f"test {key}" for key in TEST]
    lines = [_format_line(header), _format_line(["---"] * len(header))]
    lines += [_format_line(_row(name, entry)) for name, entry in entries.items()]
    return "\n".join(
        [
            "# What was tried",
            "",
            *INTRODUCTION,
            "",
            *lines,
            "",
        ]
    )


def _row(name: str, entry: dict[str, Any]) -> list[str]:
    views = _view_aucs(entry)
    return [
        name,
        entry["what"],
        f"`{entry['weights_sha256'][:12]}`",
        str(len(entry["history"]) or ""),
        *(f"{views[v]:.4f}" if v in views else "" for v in VIEWS),
        *(f"{entry['test'][key]:.4f}" if key in entry["test"] else "" for key in TEST),
    ]


def _view_aucs(entry: dict[str, Any]) -> dict[str, float]:
    """Validation AUC per view at the kept epoch; for an ensemble nothing, it has no epochs."""
    if len(entry["members"]) != 1:
        return {}
    epoch = entry["members"][0]["selected_epoch"]
    aucs = {v: epoch[f"auc_{v}"] for v in VIEWS if math.isfinite(epoch.get(f"auc_{v}", math.nan))}
    return {"plain": epoch["auc"], **aucs} if "auc" in epoch else aucs


def _format_line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    typer.run(main)
