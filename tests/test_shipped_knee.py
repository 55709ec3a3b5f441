"""The knee network that ships: its stored figures are its own, and the terminal says the same."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imaging.rendering import png_bytes
from imaging.settings import ROOT
from models.checkpoint.card import ModelCard
from models.data.dataset import read_luminance
from models.data.whole_films import WAYS, compose_whole

WEIGHTS = ROOT / "models" / "weights" / "knee-kl"
GRADES = tuple(f"kl{i}" for i in range(5))
SAME = 1e-4  # between two computers that ask the same graphs about the same pixels


def classify(paths: list[Path], out: Path) -> dict[str, dict[str, str]]:
    """Rows of `cli.py classify --model knee-kl` by file name."""
    command = [sys.executable, str(ROOT / "cli.py"), "classify", *map(str, paths)]
    options = ["--model", "knee-kl", "--csv", str(out)]
    subprocess.run([*command, *options], check=True, env=os.environ)
    with out.open() as stream:
        return {Path(row["path"]).name: row for row in csv.DictReader(stream)}


def stored() -> list[dict[str, str]]:
    with (WEIGHTS / "evaluation" / "test.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_stored_figures_are_of_these_weights() -> None:
    card = ModelCard.read(WEIGHTS / "card.json")
    assert card.classes == GRADES and card.grades and card.scope.one_sided
    assert "CC BY 4.0" in card.training["data"]["licence"]
    for path in sorted((WEIGHTS / "evaluation").glob("*.json")):
        expected = card.gate_sha256 if path.name == "gate.json" else card.weights_sha256
        assert json.loads(path.read_text())["weights_sha256"] == expected, path.name


def test_the_grade_follows_from_the_stored_probabilities() -> None:
    """The page's accuracy and table of grades are those of the rows behind them."""
    grades = json.loads((WEIGHTS / "evaluation" / "test.json").read_text())["grades"]
    rows = [row for row in stored() if row["answer"] != "unsuitable"]
    given = np.array([[float(row[f"p_{g}"]) for g in GRADES] for row in rows]).argmax(1)
    true = np.array([GRADES.index(row["label"]) for row in rows])
    assert grades["figures"]["accuracy"]["value"] == pytest.approx((given == true).mean())
    table = np.zeros((5, 5), int)
    np.add.at(table, (true, given), 1)
    assert table.tolist() == grades["confusion"]


@pytest.mark.slow
def test_the_terminal_writes_the_probability_of_every_grade(data: Path, tmp_path: Path) -> None:
    rows = {row["file"]: row for row in stored()[::40] if row["answer"] != "unsuitable"}
    said = classify([data / "knee_kl" / "images" / name for name in rows], tmp_path / "t.csv")
    assert set(said) == set(rows)
    for name, row in said.items():
        assert sum(float(row[f"p_{g}"]) for g in GRADES) == pytest.approx(1, abs=SAME)
        for column in (*(f"p_{g}" for g in GRADES), "p_osteoarthritis"):
            assert float(row[column]) == pytest.approx(float(rows[name][column]), abs=SAME)


@pytest.mark.slow
def test_a_whole_film_is_not_answered_as_one_joint(data: Path, tmp_path: Path) -> None:
    """Composed of test crops, which the gate never learned from; most ask for a box."""
    crops = [data / "knee_kl" / "images" / row["file"] for row in stored()[::45]]
    films = [np.asarray(read_luminance(path) / 255, np.float32) for path in crops]
    for at, film in enumerate(films):
        rng = np.random.default_rng(at)
        whole = compose_whole(film, films[at - 1], WAYS[at % len(WAYS)], rng)
        (tmp_path / f"{at}.png").write_bytes(png_bytes((255 * whole).astype(np.uint8)))
    said = classify([tmp_path], tmp_path / "t.csv")
    refused = [row for row in said.values() if row["answer"] == "unsuitable"]
    assert len(refused) >= len(films) - 1 and all(not row["p_kl0"] for row in refused)
    asked = [row for row in refused if "box around the joint" in row["scope_reason"]]
    assert len(asked) >= 0.8 * len(refused)
