"""Let a model serve piles of films in low precision, if that changes no answer.

    export LIGHTBOX_DATA=...
    python -m models.graphs.precision_gate --kind int8
    python -m models.graphs.precision_gate --kind bf16 --model NAME    # needs requirements-fast.txt
    python -m models.graphs.precision_gate --films 60                  # a look; admits nothing

Makes the members' networks in low precision, then shows every *validation* film of the model's
data to the whole assessor twice, in fp32 and in low precision. Only if no calibrated probability
of the leading finding moved by more than 0.005, and no status, answer or conformal set is another,
graph and record are put beside the checkpoint, for `LIGHTBOX_PRECISION`. Recipes for int8 are tried
from the fastest on, until one passes. All figures, passed or failed, go into
``bench/results/precision.json``; ``python -m bench.precision_page`` quotes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from imaging.errors import AssistantError, CheckpointError
from imaging.intake import decode_process
from imaging.intake.decode_process import DecodedFilm
from imaging.settings import BF16, FP32, INT8, ROOT, Settings
from models.batch.file_worker import ENOUGH
from models.checkpoint.installed import find_checkpoint
from models.data.dataset import Film, select
from models.evaluation.films import films_of_model
from models.graphs.parity import CALIBRATION, CHUNK, today, try_recipes
from models.inference.assessor import ServedModel
from models.inference.onnx_networks import MEMBERS, has_graphs, sha256_of
from models.inference.precision_networks import ENGINES, LIMIT, lacks_bf16, withdraw

_STORED = ROOT / "bench" / "results" / "precision.json"


def store(path: Path, card: dict[str, str], kind: str, figures: dict[str, Any]) -> None:
    """Keep what came of one kind for one model, in place of what was kept before."""
    entries: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    entries = [e for e in entries if (e["model"], e["kind"]) != (card["model"], kind)]
    entry = {**card, "kind": kind, "date": today(), "limit": LIMIT, **figures}
    path.write_text(json.dumps([*entries, entry], indent=1) + "\n", encoding="utf-8")


def read_chunks(films: Sequence[Film], size: int) -> Iterator[list[DecodedFilm]]:
    """Read films as the pipeline does, at their native size; a handful in memory.

    Parameters
    ----------
    films : sequence of Film
    size : int
        Side of the largest input they are for.

    Raises
    ------
    CheckpointError
        If a film of the data is no film.
    """
    for at in range(0, len(films), CHUNK):
        readings = [
            decode_process.read_for_triage(film.path.read_bytes(), "film", enough=ENOUGH * size)
            for film in films[at : at + CHUNK]
        ]
        decoded = [reading for reading in readings if isinstance(reading, DecodedFilm)]
        if len(decoded) < len(readings):
            raise CheckpointError("A file of the model's data is a document, no film.")
        yield decoded


def main(
    kind: Annotated[list[str] | None, typer.Option(help="int8 (if none is named), bf16.")] = None,
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
    films: Annotated[int, typer.Option(help="Validation films; 0 is all. Fewer admit none.")] = 0,
) -> None:
    """Put low precision to the parity gate; ends with 1 if any kind failed it."""
    try:
        failed = [name for name in kind or [INT8] if not _run(name, model, films)]
    except AssistantError as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(1) from exc
    if failed:
        typer.echo(f"Does not serve: {', '.join(failed)}. {FP32} does.", err=True)
        raise typer.Exit(1)


def _run(kind: str, name: str, count: int) -> bool:
    """Take one kind from films to record; returns whether it passed."""
    if kind not in ENGINES:
        raise CheckpointError(f"There is no kind '{kind}'; there is: {', '.join(ENGINES)}.")
    settings = Settings.from_environment()
    folder = find_checkpoint(settings.weights, name)
    if not has_graphs(folder):
        raise CheckpointError("Write the model's graphs first: python -m models.graphs.export.")
    model = ServedModel.load(folder, error_rate=settings.error_rate)
    of = model.card
    card = {"model": of.name, "version": of.version, "weights": of.weights_sha256[:12]}
    card["graph"] = sha256_of(folder / MEMBERS)[:12]
    if kind == BF16 and (lack := lacks_bf16()):
        withdraw(folder, kind)
        store(_STORED, card, kind, {"refused": lack, "attempts": []})
        typer.echo(f"{kind}: refused. {lack}", err=True)
        return False
    split = films_of_model(model.card, settings)
    train, validation = _pick_evenly(select(split, "train"), CALIBRATION), select(split, "val")
    shown = _pick_evenly(validation, count or len(validation))
    attempts = try_recipes(
        folder,
        model,
        kind,
        train=lambda: read_chunks(train, model.largest),
        validation=lambda: read_chunks(shown, model.largest),
        complete=len(shown) == len(validation),
        say=lambda line: typer.echo(f"{kind}: {line}"),
    )
    if len(shown) == len(validation):
        store(
            _STORED,
            card,
            kind,
            {"refused": "", "attempts": [asdict(attempt) for attempt in attempts]},
        )
    else:
        typer.echo("A look at fewer than all validation films admits nothing and is not stored.")
    return attempts[-1].passed


def _pick_evenly(films: Sequence[Film], count: int) -> list[Film]:
    """Pick so many films, evenly over the split."""
    places = np.linspace(0, len(films) - 1, min(count, len(films))).astype(int)
    return [films[i] for i in places]


if __name__ == "__main__":
    typer.run(main)
