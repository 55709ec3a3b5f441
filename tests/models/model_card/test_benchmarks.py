"""Benchmark tables: from kept figures alone, ours above those that others published."""

from __future__ import annotations

import json
from pathlib import Path

from models.model_card.benchmarks import END, START, replace_table

KEPT = {
    "title": "Tiny",
    "weights_sha256": "f" * 64,
    "epochs": 3,
    "films": 20,
    "answered": 19,
    "figures": {"auc": {"value": 0.975, "low": 0.963, "high": 0.985}, "accuracy": 0.9},
    "published": [{"source": "Others", "films": "the same", "figures": {"auc": 0.944}}],
}


def test_the_marked_block_holds_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "tiny.json").write_text(json.dumps(KEPT))
    text = replace_table(f"before\n{START}\nold\n{END}\nafter", tmp_path)
    assert text.startswith("before\n") and text.endswith("\nafter") and "old" not in text
    ours, others = text.splitlines()[4:6]
    assert "19 of 20 answered | 0.975 (0.963 \u2013 0.985) | 0.900" in ours
    assert "| Others | the same | 0.944 |  |" in others
    assert (
        replace_table(text, tmp_path) == text and replace_table("no marks", tmp_path) == "no marks"
    )
