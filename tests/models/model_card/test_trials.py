"""Trials on the card: figures as stored, failures named, and nothing where nothing was measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from models.model_card.card_page import card_page
from models.model_card.facts import read_facts
from models.network.checkpoint import EVALUATION


def figure(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.05}


@pytest.fixture
def folder(checkpoint_folder: Path, tmp_path: Path) -> Path:
    """A checkpoint whose trials were stored: one method passes, one fails."""
    own_checkpoint = tmp_path / "tiny"
    shutil.copytree(checkpoint_folder, own_checkpoint)
    weights = read_facts(own_checkpoint).card.weights_sha256
    method: dict[str, Any] = {"left": figure(0.9), "right": figure(0.8), "hit": figure(0.7)}
    stored: dict[str, dict[str, Any]] = {
        "planted.json": {
            "films_with_opacity": 180,
            "called": figure(0.6),
            "moved": figure(0.95),
            "methods": [
                {"method": "fused", "passes": True, **method},
                {"method": "grad_cam", "passes": False, **method, "hit": figure(0.2)},
            ],
        },
        "fill.json": {
            "fills": [
                {
                    "fill": "lung",
                    "normal_films": 12,
                    "finding_films": 34,
                    "normal": figure(0.9),
                    "gone": figure(0.85),
                }
            ]
        },
    }
    (own_checkpoint / EVALUATION).mkdir(exist_ok=True)
    for name, values in stored.items():
        text = json.dumps({"weights_sha256": weights, **values})
        (own_checkpoint / EVALUATION / name).write_text(text)
    return own_checkpoint


def test_the_card_shows_what_was_stored_and_names_who_failed(folder: Path) -> None:
    facts = read_facts(folder)
    assert facts.planted is not None and facts.planted.films == 180
    assert [m.passes for m in facts.planted.methods] == [True, False]
    assert facts.fills[0].label == "Normal lung"
    section = card_page(facts).split("## Trials whose right answer is known")[1].split("##")[0]
    passed, failed = (line for line in section.splitlines() if line.endswith("s |"))
    assert "0.700 (0.600 \u2013 0.750)" in passed and passed.endswith("passes |")
    assert failed.startswith("| grad_cam") and failed.endswith("fails |")
    assert "| Normal lung | 0.900 (0.800 \u2013 0.950) | 0.850" in section


def test_figures_of_other_weights_are_named(folder: Path) -> None:
    path = folder / EVALUATION / "fill.json"
    path.write_text(path.read_text().replace('"weights_sha256": "', '"weights_sha256": "0'))
    assert read_facts(folder).foreign == ("fill.json",)
