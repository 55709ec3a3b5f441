"""Any task: the same commands, another task file, no line of code - brain MRI beside the chest."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imaging.settings import ROOT

# Four networks are trained: on a busy machine that takes longer than a test that hangs may.
pytestmark = pytest.mark.timeout(3000)
CONFIG = ROOT / "models" / "configs" / "brain_mri.toml"


def run(*arguments: object, **environment: object) -> str:
    """Run a command of the repository; it must succeed."""
    result = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **{k: str(v) for k, v in environment.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped chest model beside a hasty brain model: two epochs, small pictures, two seeds."""
    if not os.environ.get("LIGHTBOX_DATA"):
        pytest.skip("LIGHTBOX_DATA is not set")
    folder = tmp_path_factory.mktemp("tasks")
    installed = folder / "weights"
    shutil.copytree(ROOT / "models/weights/paediatric-cxr", installed / "paediatric-cxr")
    text = CONFIG.read_text().replace("size = 160\nearly_size = 96", "size = 48\nearly_size = 48")
    # the gate learns from one chest film in six: to decode all takes longer than to learn
    chests = folder / "chests"
    chests.mkdir()
    films = Path(os.environ["LIGHTBOX_DATA"]).resolve() / "kermany_cxr" / "images"
    for film in sorted(films.glob("*"))[1::6]:
        (chests / film.name).symlink_to(film)
    text = text.replace('chest = "kermany_cxr/images"', f'chest = "{chests}"')
    config = folder / "brain_mri.toml"
    config.write_text(text.replace("epochs = 16", "epochs = 2") + "epochs = 2\npainted = 600\n")
    members = []
    for seed in (1, 2):
        members += ["--member", folder / str(seed)]
        places = ("--out", folder / f"run{seed}", "--install", folder / str(seed))
        run("-m", "models.training.train", "--config", config, "--set", f"seed={seed}", *places)
    brain = installed / "brain-mri"
    run("-m", "models.training.assemble", "--config", config, *members, "--install", brain)
    run("-m", "models.training.train_gate", "--config", config, "--install", brain)
    run("-m", "models.evaluation.evaluate", "--model", "brain-mri", LIGHTBOX_WEIGHTS=installed)
    return installed


@pytest.mark.slow
def test_card_gate_and_figures_follow_from_the_task_file(weights: Path) -> None:
    card = json.loads((weights / "brain-mri" / "card.json").read_text())
    figures = json.loads((weights / "brain-mri" / "evaluation" / "test.json").read_text())
    assert card["classes"] == ["none", "glioma", "meningioma", "pituitary"]
    assert card["members"] == 2 and card["gate_sha256"] and card["conformal"]
    assert [f["code"] for f in figures["findings"]] == [
        *("tumour", "glioma", "meningioma", "pituitary")
    ]
    assert figures["findings"][0]["figures"]["auc"]["value"] > 0.6  # it did learn something


@pytest.mark.slow
def test_each_picture_finds_its_model(weights: Path, data: Path, tmp_path: Path) -> None:
    """Without a header the gates decide; nearly every picture must get the model made for it."""
    brains = sorted((data / "brain_mri_tumour" / "images").glob("te_*"))[::10]
    chests = sorted((data / "kermany_cxr" / "images").glob("*"))[::400]
    table = tmp_path / "out.csv"
    run("cli.py", "classify", *brains, *chests, "--csv", table, LIGHTBOX_WEIGHTS=weights)
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert "p_tumour" in rows[0] and "p_pneumonia" in rows[0]
    answered = [r for r in rows if r["status"] in ("ok", "warned")]
    wrong = [r for r in answered if ("brain" in r["path"]) != r["model"].startswith("brain-mri")]
    assert len(answered) > 0.8 * len(rows) and len(wrong) <= 0.05 * len(rows)
    assert all(bool(r["p_tumour"]) != bool(r["p_pneumonia"]) for r in answered)
