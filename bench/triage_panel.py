"""What more networks cost: a pile of one kind with its own network alone, and with all installed.

    python -m bench.triage_panel                   # about two minutes
    python -m bench.triage_panel --films 32 --rounds 3

For each kind of film there is an example of: 2048 x 2048 raw DICOM films with their headers,
by which every other network is ruled out; then the same pictures as PNG files without a header,
where every gate has to be asked. Both sides run in turn, in one run; medians are compared. Ends
with one line of JSON: seconds with all networks over seconds with the one. At most 1.1 is wanted
with headers. A headerless film is not answered where the age decides; what is compared then is how
soon that is said.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer

from bench.films import CHILD, Kind, base_values, write_films
from bench.performance_page import write_section
from bench.triage import Ours
from imaging.rendering import png_bytes
from imaging.settings import ROOT, Settings
from models.checkpoint.installed import installed_checkpoints

FULL = 48
WANTED = 1.1
PILES = {
    "paediatric-cxr": CHILD,
    "adult-tb": Kind("synthetic_09_adult.dcm", {"PatientAge": "040Y"}),
    "knee-kl": Kind(  # of both knees the right one, whose network reads one joint
        "synthetic_10_knees.dcm",
        {
            "PatientAge": "060Y",
            "BodyPartExamined": "KNEE",
            "ViewPosition": "PA",
            "ImageLaterality": "R",
        },
        rows=(0.2, 0.8),
        columns=(0.05, 0.45),
    ),
}
_STORED = Path(__file__).parent / "results" / "triage_panel.json"


def alone(folder: Path, settings: Settings, name: str) -> Settings:
    """An installation with one of the installed networks."""
    folder.mkdir(parents=True)
    source = next(f for f in installed_checkpoints(settings.weights) if f.name == name)
    (folder / name).symlink_to(source.resolve())
    return replace(settings, weights=folder)


def headerless(folder: Path, count: int, kind: Kind) -> list[Path]:
    """PNG files of an example that differ by grain."""
    folder.mkdir(parents=True)
    shape, draw = base_values(kind=kind) / 16, np.random.default_rng(7)
    paths = []
    for number in range(count):
        path = folder / f"{number:05}.png"
        values = np.clip(shape + draw.normal(0, 1, shape.shape), 0, 255).astype(np.uint8)
        path.write_bytes(png_bytes(values))
        paths.append(path)
    return paths


def compare(
    settings: Settings, scratch: Path, files: list[Path], name: str, rounds: int, *, answered: bool
) -> float:
    """Seconds of a pile with all networks over seconds with its own alone."""
    processes = os.cpu_count() or 1
    homes = {"one": alone(scratch / "weights", settings, name), "all": settings}
    sides = {
        side: Ours(home, scratch / side, processes, answered=answered)
        for side, home in homes.items()
    }
    for side in sides.values():
        side.run(files[:16])  # warm
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for at in range(rounds):
        order = list(sides) if at % 2 else list(sides)[::-1]
        for name_of_side in order:
            rates[name_of_side].append(sides[name_of_side].run(files))
    for side in sides.values():
        side.close()
    return round(median(rates["one"]) / median(rates["all"]), 3)


def main(
    films: Annotated[int, typer.Option(help="Films of a pile.")] = FULL,
    rounds: Annotated[int, typer.Option(help="Rounds.")] = 5,
) -> None:
    """Compare piles of one kind with one network and with all."""
    settings = replace(Settings.from_environment(), home=Path("unused"))
    installed = [folder.name for folder in installed_checkpoints(settings.weights)]
    figures: dict[str, float] = {"networks": len(installed)}
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in PILES.items():
            if name not in installed or not (ROOT / "examples" / kind.example).exists():
                continue
            scratch = Path(folder) / name
            files = write_films(scratch / "dicom", "raw", films, kind=kind)
            ratio = compare(settings, scratch / "a", files, name, rounds, answered=True)
            figures[f"{name}_with_header"] = ratio
            files = headerless(scratch / "png", films, kind)
            ratio = compare(settings, scratch / "b", files, name, rounds, answered=False)
            figures[f"{name}_without_header"] = ratio
            print(f"{name}: {figures}", flush=True)
    if films >= FULL:
        _STORED.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        write_section("triage panel", table(figures))
    print(json.dumps(figures))


def table(figures: dict[str, float]) -> str:
    """The figures as docs/performance.md shows them."""
    rows = ["| pile | with its header | without a header |", "|---|---|---|"]
    for name in PILES:
        if f"{name}_with_header" in figures:
            with_it, without = (figures[f"{name}_{way}_header"] for way in ("with", "without"))
            rows.append(f"| {name} | {with_it} | {without} |")
    count = figures["networks"]
    return "\n".join([*rows, "", f"{count} networks installed; at most {WANTED} is wanted."])


if __name__ == "__main__":
    typer.run(main)
