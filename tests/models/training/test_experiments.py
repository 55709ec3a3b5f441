"""The list of tries: every kept run is on it, with what it scored and nothing it did not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.training import experiments


def test_a_kept_run_is_listed_with_its_test_figures(
    checkpoint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "FOLDER", tmp_path / "kept")
    experiments.main("one", "The first try", checkpoint_folder)
    figures = {key: {"value": 0.75} for key in experiments.TEST}
    entry = json.loads((tmp_path / "kept" / "one.json").read_text())
    selected = {"epoch": 1, "auc_plain": 0.91, "auc_swapped": 0.82}
    entry |= {"test": {k: v["value"] for k, v in figures.items()}}
    entry |= {"members": [{"selected_epoch": selected}], "history": [{}, {}]}
    (tmp_path / "kept" / "two.json").write_text(json.dumps(entry))
    first, second = experiments.page(tmp_path / "kept").splitlines()[-2:]
    assert first.startswith("| one | The first try |") and first.endswith("|  |  |  |  |")
    assert "0.9100" in second and "0.8200" in second and second.count("0.7500") == 4
