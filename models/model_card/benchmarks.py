"""Benchmark sets beside published figures: what a run reached, kept, and its table in the docs.

    python -m models.model_card.benchmarks runs/mnist-models/pneumoniamnist  # keeps the figures
    python -m models.model_card.report                                       # writes the table

Networks of benchmark pictures are not shipped, so their figures are kept in ``docs/benchmarks``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from imaging.settings import ROOT
from models.checkpoint.card import ModelCard
from models.model_card.figure import Figure, format_figure
from models.network.checkpoint import CARD, EVALUATION

FOLDER = ROOT / "docs" / "benchmarks"
START, END = "<!-- benchmarks:start -->", "<!-- benchmarks:end -->"
FIGURES = ("auc", "accuracy")


def main(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of the measured model.")],
) -> None:
    """Keep the test figures of a benchmark's network."""
    card = ModelCard.read(checkpoint / CARD)
    measured = json.loads((checkpoint / EVALUATION / "test.json").read_text())
    lead = measured["findings"][0]
    kept = {
        "title": card.title,
        "weights_sha256": card.weights_sha256,
        "epochs": card.training["members"][0]["train"]["epochs"],
        "films": measured["films"],
        "answered": measured["films"] - measured["refused"],
        "figures": {name: lead["figures"][name] for name in FIGURES},
        "published": [
            {"source": p.source, "films": p.films, "figures": p.figures}
            for p in card.published
            if p.finding == lead["code"]
        ],
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{card.name}.json").write_text(json.dumps(kept, indent=1) + "\n")


def replace_table(text: str, folder: Path = FOLDER) -> str:
    """The text with its marked block replaced by the kept figures; without marks as it is."""
    before, mark, rest = text.partition(START)
    if not mark:
        return text
    rows = [
        row for path in sorted(folder.glob("*.json")) for row in _rows(json.loads(path.read_text()))
    ]
    header = ["set", "network", "test pictures", "AUC", "accuracy"]
    lines = [header, ["---"] * len(header), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{before}{START}\n{table}\n{END}{rest.partition(END)[2]}"


def _rows(kept: dict[str, Any]) -> list[list[str]]:
    """Ours with its intervals, then what others report."""
    ours = [Figure.of(kept["figures"][name]).whole for name in FIGURES]
    films = f"{kept['answered']} of {kept['films']} answered"
    name = f"ours, {kept['epochs']} epochs (`{kept['weights_sha256'][:12]}`)"
    rows = [[kept["title"], name, films, *ours]]
    for one in kept["published"]:
        theirs = (one["figures"].get(name) for name in FIGURES)
        cells = ["" if value is None else format_figure(value) for value in theirs]
        rows.append([kept["title"], one["source"], one["films"], *cells])
    return rows


if __name__ == "__main__":
    typer.run(main)
