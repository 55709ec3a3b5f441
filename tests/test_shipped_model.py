"""The network that ships: its figures are recomputed from the films, never believed."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging.settings import ROOT
from models.classifier import Classifier
from models.metrics import roc_auc

WEIGHTS = ROOT / "models" / "weights" / "paediatric-cxr"


def test_it_is_small_and_licensed(shipped_classifier: Classifier) -> None:
    assert (WEIGHTS / "weights.safetensors").stat().st_size < 25_000_000
    assert "CC BY 4.0" in shipped_classifier.card.training["data"]["licence"]


def stored_figures() -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((WEIGHTS / "evaluation" / "test.json").read_text())
    return figures


def test_figures_have_intervals() -> None:
    figures = stored_figures()["findings"][0]["figures"]
    for name in ("auc", "accuracy", "sensitivity", "specificity", "ece", "brier", "nll"):
        assert figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"]


def test_stored_evaluation_is_of_these_weights(shipped_classifier: Classifier) -> None:
    for path in sorted((WEIGHTS / "evaluation").glob("*.json")):
        stored = json.loads(path.read_text())
        assert stored["weights_sha256"] == shipped_classifier.card.weights_sha256, path.name


@pytest.mark.slow
def test_the_terminal_reaches_the_cards_auc(
    data: Path, tmp_path: Path, shipped_classifier: Classifier
) -> None:
    """`cli.py classify` over the official test films: AUC >= 0.985, equal to evaluate's."""
    folder = data / "kermany_cxr"
    with (folder / "manifest.csv").open() as stream:
        truth = {r["file"]: r["binary"] for r in csv.DictReader(stream) if r["split"] == "test"}
    films = [folder / "images" / name for name in truth]
    command = [sys.executable, str(ROOT / "cli.py"), "classify", *map(str, films)]
    subprocess.run([*command, "--csv", str(tmp_path / "t.csv")], check=True, env=os.environ)
    with (tmp_path / "t.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    positive = np.array([truth[Path(r["path"]).name] != "normal" for r in rows])
    auc = roc_auc(positive, np.array([float(r["p_pneumonia"]) for r in rows]))
    stated = stored_figures()["findings"][0]["figures"]["auc"]["value"]
    assert len(rows) == 624 and auc >= 0.985
    assert auc == pytest.approx(stated, abs=1e-4)


@pytest.mark.slow
def test_odd_and_broken_files_give_one_row_each(data: Path, tmp_path: Path) -> None:
    table = tmp_path / "odd.csv"
    command = [sys.executable, str(ROOT / "cli.py"), "classify", str(data / "dicom")]
    result = subprocess.run(
        [*command, "--csv", str(table)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0 and "Traceback" not in result.stderr
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    files = [p for p in (data / "dicom").rglob("*") if p.is_file()]
    assert sorted(r["path"] for r in rows) == sorted(map(str, files))
    assert all(r["message"] for r in rows if r["status"] in ("error", "refused", "warned"))
