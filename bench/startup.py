"""What the terminal loads before it classifies one film, beside the libraries it is made with.

    python -m bench.startup                 # 7 rounds: about two minutes
    python -m bench.startup --rounds 3

``imports`` is the time of all imports of `cli.py classify` and of a worker process, in one
process, against ``import torch, torchvision, captum, streamlit, pydicom``; ``one_film`` is that of
the whole command for one synthetic film, networks loaded and all, against the same. Each is a
fresh process, rounds are shuffled, medians compared. Ends with one line of JSON, which a run of
7 rounds or more stores as ``bench/results/startup.json``.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from bench.performance_page import write_section
from imaging.settings import ROOT

FULL = 7
_STORED = ROOT / "bench" / "results" / "startup.json"
_LIBRARIES = "import torch, torchvision, captum, streamlit, pydicom"
_OURS = (
    "import cli, models.batch.file_worker, sys;"
    "sys.exit('torch' in sys.modules or 'streamlit' in sys.modules)"
)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, all sides in each.")] = FULL,
) -> None:
    """Measure, compare, print."""
    film = sorted((ROOT / "examples").glob("*.dcm"))[0]
    with tempfile.TemporaryDirectory() as folder:
        table = str(Path(folder) / "out.csv")
        sides = {
            "libraries": ["-c", _LIBRARIES],
            "imports": ["-c", _OURS],
            "one_film": [str(ROOT / "cli.py"), "classify", str(film), "--csv", table],
        }
        seconds = _race(sides, rounds)
    figures = {
        side: round(seconds[side] / seconds["libraries"], 2) for side in ("imports", "one_film")
    }
    if rounds >= FULL:
        _STORED.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        write_section(
            "startup",
            f"Imports of `cli.py classify` take {figures['imports']} of the time that the "
            "libraries take together; the whole command for one film, networks loaded, "
            f"{figures['one_film']}. Medians of {rounds} rounds.",
        )
    print(json.dumps(figures))


def _race(sides: dict[str, list[str]], rounds: int) -> dict[str, float]:
    """Median seconds of each side; the first round warms the disk and does not count."""
    order, times = random.Random(1), {side: list[float]() for side in sides}
    for at in range(rounds + 1):
        for side in order.sample(list(sides), len(sides)):
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, *sides[side]],
                cwd=ROOT,
                check=True,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            if at:
                times[side].append(time.perf_counter() - started)
    return {side: median(seconds) for side, seconds in times.items()}


if __name__ == "__main__":
    typer.run(main)
