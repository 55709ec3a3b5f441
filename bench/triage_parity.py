"""What the quick ways of the pipeline change: probabilities and decisions on real films.

    LIGHTBOX_DATA=... python -m bench.triage_parity            # about ten minutes
    LIGHTBOX_DATA=... python -m bench.triage_parity --films 8

Validation films of the shipped task, enlarged to 2048 x 2048 under 12-bit grain, are read in full
and judged by torch film by film, as the model page's figures were; then by the pipeline: ONNX
Runtime, films halved before the filter, wavelet files decoded in part. Ends with one line of JSON:
the largest difference of a calibrated probability of the leading finding, and how many answers
changed. Stored as ``bench/results/triage_parity.json`` at the full number.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from bench.films import film_bytes
from bench.performance_page import write_section
from imaging import apart
from imaging.apart import Reading
from imaging.entities import Assessment
from imaging.settings import ROOT, Settings
from models.config import read_config
from models.dataset import read_luminance, select
from models.inference.assessor import Assessor
from models.inference.picture import squash
from models.inference.shard import ENOUGH
from models.panel import Panel

FULL = 100
LIMIT = 0.005  # of a probability; above it the quick way may not serve
_SIDE = 2048
_STORED = Path(__file__).parent / "results" / "triage_parity.json"
_TASK = ROOT / "models" / "configs" / "paediatric_cxr.toml"


def enlarged(path: Path, number: int) -> NDArray[np.uint16]:
    """A film at the size and depth of a detector, with grain of its own."""
    values = np.asarray(read_luminance(path), np.float32)
    large = squash(values, _SIDE)
    grain = np.random.default_rng(number).normal(0, 10, (_SIDE, _SIDE))
    return np.clip(large * 15.5 + grain, 0, 4095).astype(np.uint16)


def compare(count: int) -> dict[str, dict[str, float]]:
    """Encoding -> largest difference, changed answers, films answered by both."""
    settings = Settings.from_environment()
    if settings.data is None:
        raise SystemExit("set LIGHTBOX_DATA to the research data")
    films = select(read_config(_TASK).films(settings.data), "val")
    chosen = [films[i] for i in np.linspace(0, len(films) - 1, count).astype(int)]
    panel, assessor = Panel.load(settings), Assessor.load(settings)
    enough = ENOUGH * assessor.size
    differences: defaultdict[str, list[float]] = defaultdict(list)
    changed: defaultdict[str, int] = defaultdict(int)
    for number, film in enumerate(chosen):
        values = enlarged(film.path, number)
        plain = _reading(apart.read(film_bytes("raw", values, number), "film"))
        reference = panel.assess([plain])[0]
        for name in ("raw", "jpegll", "j2k", "htj2k"):
            content = film_bytes(name, values, number)
            quick = _reading(apart.read_for_triage(content, "film", enough=enough))
            found = assessor.assess([quick])[0]
            changed[name] += _said(found) != _said(reference)
            if found.primary and reference.primary:
                differences[name].append(
                    abs(found.primary.probability - reference.primary.probability)
                )
    return {
        name: {
            "largest": round(max(values), 5),
            "changed": changed[name],
            "answered": len(values),
        }
        for name, values in differences.items()
    }


def _said(assessment: Assessment) -> tuple[object, ...]:
    return assessment.status, assessment.answer, assessment.messages


def _reading(found: object) -> Reading:
    if not isinstance(found, Reading):
        raise SystemExit("a film was no film")
    return found


def table(found: dict[str, dict[str, float]]) -> str:
    """The figures as docs/performance.md shows them."""
    rows = ["| | largest difference | answers changed | films |", "|---|---|---|---|"]
    rows += [
        f"| {name} | {f['largest']} | {f['changed']} | {f['answered']} |"
        for name, f in found.items()
    ]
    over = [name for name, f in found.items() if f["largest"] > LIMIT or f["changed"]]
    said = f"**Over the limit: {', '.join(over)}.**" if over else "All within the limit."
    return "\n".join([*rows, "", said])


def main(films: Annotated[int, typer.Option(help="Validation films.")] = FULL) -> None:
    """Compare the pipeline with the reference."""
    found = compare(films)
    for name, figures in found.items():
        print(f"{name:7} {figures}")
    flat = {f"{name}_{key}": value for name, f in found.items() for key, value in f.items()}
    if films >= FULL:
        _STORED.write_text(json.dumps(flat, indent=1) + "\n", encoding="utf-8")
        write_section("parity", table(found))
    print(json.dumps(flat))


if __name__ == "__main__":
    typer.run(main)
