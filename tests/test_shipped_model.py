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
from PIL import Image, ImageOps

from imaging.settings import ROOT
from models.data.dataset import ManifestColumns, read_luminance, read_region
from models.inference.classifier import Classifier
from models.metrics import roc_auc
from models.training.config import films_of

WEIGHTS = ROOT / "models" / "weights" / "paediatric-cxr"
SAME = 1e-4  # between two computers that ask the same graphs about the same pixels


def test_it_is_small_and_licensed(shipped_classifier: Classifier) -> None:
    installed = [path for path in WEIGHTS.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in installed) < 40_000_000
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
        card, stored = shipped_classifier.card, json.loads(path.read_text())
        expected = card.gate_sha256 if path.name == "gate.json" else card.weights_sha256
        assert stored["weights_sha256"] == expected, path.name


def table(path: Path) -> dict[str, dict[str, str]]:
    """Rows of a stored table by file name."""
    with path.open() as stream:
        return {Path(r["file"]).name: r for r in csv.DictReader(stream)}


@pytest.mark.slow
def test_everything_can_be_recomputed_from_the_terminals_table(data: Path, tmp_path: Path) -> None:
    """`cli.py classify` over the official test films says what evaluation stored, film by film."""
    stored = table(WEIGHTS / "evaluation" / "test.csv")
    films = [data / "kermany_cxr" / "images" / name for name in stored]
    command = [sys.executable, str(ROOT / "cli.py"), "classify", *map(str, films)]
    command += ["--model", "paediatric-cxr"]  # without a header a film may be asked for its age
    subprocess.run([*command, "--csv", str(tmp_path / "t.csv")], check=True, env=os.environ)
    with (tmp_path / "t.csv").open() as stream:
        rows = {Path(r["path"]).name: r for r in csv.DictReader(stream)}
    answered = {name: r for name, r in rows.items() if r["status"] != "refused"}
    assert len(rows) == 624 and len(answered) >= 0.98 * 624
    unsuitable = {name for name, r in stored.items() if r["answer"] == "unsuitable"}
    assert set(rows) - set(answered) == unsuitable  # the gate is measured as it serves
    assert stored_figures()["refused"] == len(unsuitable)
    assert stored_figures()["engine"] == "onnxruntime fp32"
    for name, row in answered.items():
        for column in ("answer", "conformal_set"):
            assert row[column] == stored[name][column]
        for column in ("p_pneumonia", "p_normal", "p_bacterial", "p_viral", "disagreement"):
            # the same way on both sides; what processors round differently stays below
            assert float(row[column]) == pytest.approx(float(stored[name][column]), abs=SAME)
    positive = np.array([stored[name]["label"] != "normal" for name in answered])
    score = np.array([float(r["p_pneumonia"]) for r in answered.values()])
    auc = stored_figures()["findings"][0]["figures"]["auc"]["value"]
    assert roc_auc(positive, score) == pytest.approx(auc, abs=SAME) and auc >= 0.985


@pytest.mark.slow
def test_a_lung_gone_white_stays_in_the_frame_and_is_called(
    data: Path, shipped_classifier: Classifier
) -> None:
    """The worst that framing could do: leave the sick lung out, and read the well one."""
    card = shipped_classifier.card
    columns = ManifestColumns.from_dict(card.training["columns"])
    masked = [f for f in films_of(card.training["data"], columns, data) if f.region]
    normal = [f for f in masked if f.split == "val" and f.label == "normal"][::5]
    assert len(normal) > 20
    for number, film in enumerate(normal):
        plain, side = read_luminance(film.path), (slice(0, 112), slice(112, 224))[number % 2]
        lungs = read_region(film.region) if film.region else plain
        lung = np.zeros_like(lungs)
        lung[:, side] = lungs[:, side]
        opaque = Image.fromarray(lung).resize(plain.shape[::-1], Image.Resampling.BILINEAR)
        cover = 0.9 * np.asarray(opaque)
        white = plain * (1 - cover) + np.quantile(plain, 0.85) * cover
        frame = shipped_classifier.framing.find(white)
        assert frame and frame.overlap(shipped_classifier.framing.view(plain)) > 0.6, film.path.name
        found = shipped_classifier.predict(white.astype(np.float32), view=frame)
        assert found.findings[0].positive, film.path.name


@pytest.mark.slow
def test_refusals_are_those_the_gate_was_measured_by(data: Path, tmp_path: Path) -> None:
    """Inverted and upside-down test films are refused at the door with the reason in words."""
    names = list(table(WEIGHTS / "evaluation" / "test.csv"))[::40]
    for name in names:
        with Image.open(data / "kermany_cxr" / "images" / name) as film:
            ImageOps.invert(film.convert("L")).save(tmp_path / f"inverted_{name}.png")
            film.convert("L").rotate(180).save(tmp_path / f"turned_{name}.png")
    out = tmp_path / "out.csv"
    command = [sys.executable, str(ROOT / "cli.py"), "classify", str(tmp_path), "--csv", str(out)]
    command += ["--model", "paediatric-cxr"]
    subprocess.run(command, check=True)
    with out.open() as stream:
        rows = [r for r in csv.DictReader(stream) if r["path"].endswith(".png")]
    refused = [r for r in rows if r["answer"] == "unsuitable"]
    assert len(rows) == 2 * len(names) and len(refused) >= 0.95 * len(rows)
    assert all(not r["p_pneumonia"] and r["scope_reason"].endswith(".") for r in refused)
    assert any("inverted" in r["scope_reason"] for r in refused)
    assert any("upside down" in r["scope_reason"] for r in refused)


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
