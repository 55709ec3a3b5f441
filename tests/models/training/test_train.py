"""Training end to end on forty painted films: it learns, resumes, and its card tells the truth."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imaging.dicom.synthetic import write_synthetic_film
from imaging.errors import CheckpointError
from imaging.settings import ROOT
from models.data.dataset import read_luminance, read_manifest, select
from models.evaluation import evaluate
from models.inference.classifier import Classifier
from models.metrics import roc_auc
from models.network.checkpoint import load_checkpoint, save_checkpoint
from models.network.localiser import Localiser, LocaliserSettings, save_localiser
from models.training import assemble
from models.training.config import read_config
from models.training.run import Run

TASK = """
name = "blobs"
version = "1"
title = "Blob or none"
classes = ["none", "blob"]
limits = ["Only paint was ever seen."]
[[findings]]
code = "blob"
label = "Blob"
members = ["blob"]
rule = "sensitivity"
target = 0.9
[scope]
population = "painted films"
modalities = ["DX"]
body_parts = ["CHEST"]
views = ["AP"]
age_years = [0, 99]
[data]
title = "painted"
licence = "none"
citation = "none"
manifest = "manifest.csv"
images = "."
[network]
stem = 8
channels = [16, 32]
depths = [1, 1]
scales = 2
dropout = 0.0
[train]
size = 32
early_size = 32
epochs = 3
batch = 8
average = 0.8
learning_rate = 5e-3
label_smoothing = 0.0
[augment]
erase = 0.0
markers = 0
"""


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a task file, a manifest and its films; half of them hold a bright blob."""
    folder = tmp_path_factory.mktemp("task")
    (folder / "task.toml").write_text(TASK)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(1, 73):
        pixels = rng.integers(800, 1600, (64, 64)).astype(np.uint16)
        label = "blob" if number % 2 else "none"
        if label == "blob":
            row, column = rng.integers(8, 40, 2)
            pixels[row : row + 16, column : column + 16] = 4000
        write_synthetic_film(
            pixels, path=folder / f"{number}.dcm", description="painted", number=number
        )
        split = "train" if number <= 40 else "val" if number <= 56 else "test"
        rows.append([f"{number}.dcm", label, str(number), split])
    with (folder / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["file", "label", "patient_id", "split"], *rows])
    return folder


@pytest.fixture(scope="module")
def trained(task: Path) -> Path:
    """A finished run: `weights/blobs` and `run/` below the task folder."""
    films = read_manifest(task / "manifest.csv", task)
    run = Run(read_config(task / "task.toml"), films, task / "run")
    run.fit()
    run.finish(task / "weights" / "blobs", data_sha256="0" * 64)
    return task


@pytest.mark.slow
def test_it_learns_the_task(trained: Path) -> None:
    classifier = Classifier.load(trained / "weights" / "blobs")
    films = select(read_manifest(trained / "manifest.csv", trained), "test")
    scores = [classifier.predict(read_luminance(f.path)).probabilities[1] for f in films]
    assert roc_auc(np.array([f.label == "blob" for f in films]), np.array(scores)) > 0.9


def test_the_card_carries_task_and_training(trained: Path) -> None:
    _, card = load_checkpoint(trained / "weights" / "blobs")
    assert card.classes == ("none", "blob") and card.scope.population == "painted films"
    assert card.limits == ("Only paint was ever seen.",)
    assert card.training["data"]["films"] == {"train": 40, "val": 16}
    (member,) = card.training["members"]
    assert member["train"]["epochs"] == 3 and card.findings[0].operating_point > 0


def test_a_resumed_run_ends_like_an_uninterrupted_one(trained: Path, tmp_path: Path) -> None:
    films = read_manifest(trained / "manifest.csv", trained)
    task = read_config(trained / "task.toml")
    stopped = Run(task, films, tmp_path)
    epoch = stopped._train_epoch
    calls = iter(range(2))

    def interrupted() -> float:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return epoch()

    stopped._train_epoch = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        stopped.fit()
    resumed = Run(task, films, tmp_path)
    resumed.restore()
    resumed.fit()
    straight = json.loads((trained / "run" / "history.json").read_text())
    assert [r["loss"] for r in resumed.history] == pytest.approx([r["loss"] for r in straight])


def test_a_run_can_start_from_a_checkpoint(trained: Path, tmp_path: Path) -> None:
    films = read_manifest(trained / "manifest.csv", trained)
    run = Run(read_config(trained / "task.toml"), films, tmp_path / "run")
    run.start_from(trained / "weights" / "blobs")
    before, card = load_checkpoint(trained / "weights" / "blobs")
    after = run.average.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.networks[0].state_dict().items())
    run.history = [{"epoch": 0, "score": 1.0}]
    run.finish(tmp_path / "next", data_sha256="")
    (member,) = load_checkpoint(tmp_path / "next")[1].training["members"]
    (origin,) = member["origin"]
    assert origin["weights_sha256"] == card.weights_sha256


def test_several_checkpoints_are_averaged_without_training(trained: Path, tmp_path: Path) -> None:
    films = read_manifest(trained / "manifest.csv", trained)
    task = read_config(trained / "task.toml", change=["epochs=0"])
    first = trained / "weights" / "blobs"
    other = Run(task, films, tmp_path / "other")
    other.fit()
    other.finish(tmp_path / "fresh", data_sha256="")
    soup = Run(task, films, tmp_path / "soup")
    soup.start_from(first, tmp_path / "fresh")
    soup.fit()
    soup.finish(tmp_path / "mean", data_sha256="")
    states = [load_checkpoint(p)[0].state_dict() for p in (first, tmp_path / "fresh")]
    mean, card = load_checkpoint(tmp_path / "mean")
    key = "members.0.classifier.weight"
    assert torch.allclose(mean.state_dict()[key], (states[0][key] + states[1][key]) / 2)
    assert len(card.training["members"][0]["origin"]) == 2


def test_evaluate_stores_figures_beside_the_weights(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_DATA", str(trained))
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(trained / "weights"))
    evaluate.main(model="blobs", split="test")
    stored = trained / "weights" / "blobs" / "evaluation"
    figures = json.loads((stored / "test.json").read_text())
    auc = figures["findings"][0]["figures"]["auc"]
    assert figures["films"] == 16 and auc["low"] <= auc["value"] <= auc["high"]
    with (stored / "test.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    truth = np.array([r["label"] == "blob" for r in rows])
    assert roc_auc(truth, np.array([float(r["p_blob"]) for r in rows])) == auc["value"]
    answers = {name: sum(r["answer"] == name for r in rows) for name in figures["answers"]}
    assert answers == figures["answers"] and sum(answers.values()) == 16
    assert set(figures["conformal"]["coverage"]) == {"all", "present", "absent"}


def test_settings_of_any_table_can_be_changed(task: Path) -> None:
    changed = ["seed=7", "regions.swapped=0.5", 'trainable="classifier"']
    config = read_config(task / "task.toml", change=changed)
    assert (config.train.seed, config.regions.swapped, config.train.epochs) == (7, 0.5, 3)
    assert config.train.trainable == "classifier"


def test_the_last_epoch_sees_full_size_pictures(task: Path, tmp_path: Path) -> None:
    """A run of one epoch has an epoch to choose, however large the share of small pictures."""
    config = read_config(
        task / "task.toml", change=["epochs=1", "early_size=16", "early_share=1.0"]
    )
    run = Run(config, read_manifest(task / "manifest.csv", task), tmp_path / "run")
    run.fit()
    assert "score" in run.history[-1]


def test_the_leading_finding_may_count_again(task: Path, tmp_path: Path) -> None:
    """Of two classes one is the finding: its loss is the classes', and counts as often as asked."""
    films = read_manifest(task / "manifest.csv", task)
    logits, index = torch.randn(4, 2), torch.arange(4)
    losses = []
    for lead in (0.0, 1.0, 0.5):
        config = read_config(task / "task.toml", change=[f"lead={lead}"])
        run = Run(config, films, tmp_path / "run")
        losses.append(float(run._class_loss(logits, index, torch.zeros(4, dtype=torch.bool))))
    assert losses[1] == pytest.approx(2 * losses[0]) and losses[2] == pytest.approx(1.5 * losses[0])


def test_what_is_not_to_be_trained_stays_as_it_is(trained: Path, tmp_path: Path) -> None:
    films = read_manifest(trained / "manifest.csv", trained)
    task = read_config(trained / "task.toml", change=["epochs=1", 'trainable="classifier"'])
    run = Run(task, films, tmp_path / "run")
    run.start_from(trained / "weights" / "blobs")
    before = {k: v.clone() for k, v in run.network.state_dict().items()}
    run.fit()
    moved = {k for k, v in run.network.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {"classifier.weight", "classifier.bias"}


def test_checkpoints_are_joined_into_an_ensemble(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_DATA", str(trained))
    member = trained / "weights" / "blobs"
    assemble.main(trained / "task.toml", [member, member], tmp_path / "pair")
    single, pair = Classifier.load(member), Classifier.load(tmp_path / "pair")
    film = np.random.default_rng(1).random((64, 64)).astype(np.float32)
    assert pair.card.members == 2 and len(pair.card.training["members"]) == 2
    assert pair.predict(film).disagreement == 0  # twins cannot disagree
    assert np.allclose(pair.predict(film).probabilities, single.predict(film).probabilities)


def test_an_ensemble_keeps_its_members_localiser(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to name it, so that nobody can forget it; two of them are two tasks."""
    monkeypatch.setenv("LIGHTBOX_DATA", str(trained))
    networks, card = load_checkpoint(trained / "weights" / "blobs")
    small = LocaliserSettings(size=32, stem=4, channels=(8, 8, 8), scales=2)
    for name in ("a", "b"):
        written = save_localiser(tmp_path / name, Localiser(small), {})
        framed = replace(card, localiser_sha256=written["weights_sha256"])
        save_checkpoint(tmp_path / name, networks, framed)
    one, other = tmp_path / "a", tmp_path / "b"
    assemble.main(trained / "task.toml", [one, one], tmp_path / "pair")
    assert Classifier.load(tmp_path / "pair").framing.localiser is not None
    with pytest.raises(CheckpointError, match="different tasks"):
        assemble.main(trained / "task.toml", [one, other], tmp_path / "mixed")
    with pytest.raises(CheckpointError, match="different tasks"):
        assemble.main(
            trained / "task.toml", [one, trained / "weights" / "blobs"], tmp_path / "mixed"
        )


@pytest.mark.slow
def test_regions_are_learnt_beside_the_classes(task: Path, tmp_path: Path) -> None:
    """The map of a blob's film is higher inside its mask than outside."""
    masks = tmp_path / "masks"
    masks.mkdir()
    films = read_manifest(task / "manifest.csv", task)
    for film in films:
        bright = read_luminance(film.path) > 2500
        Image.fromarray(bright).save(masks / f"{film.path.stem}.png")
    text = TASK.replace("[network]", "[regions]\nloss = 5.0\n[network]\nregions = 1")
    text = text.replace("epochs = 3", "epochs = 20\nseed = 1")
    (tmp_path / "task.toml").write_text(text.replace('images = "."', 'images = "."\nregions = "m"'))
    films = read_manifest(task / "manifest.csv", task, regions=masks)
    run = Run(read_config(tmp_path / "task.toml"), films, tmp_path / "run")
    run.fit()
    run.finish(tmp_path / "w", data_sha256="")
    assert "auc_swapped" in run.history[-1] and "auc_alone" in run.history[-1]
    classifier = Classifier.load(tmp_path / "w")
    inside, outside = list[float](), list[float]()
    for film in select(films, "test"):
        found = classifier.regions(read_luminance(film.path))
        assert found is not None and found.shape == (32, 32) and film.region is not None
        mask = read_luminance(film.region)[::2, ::2] > 0
        inside, outside = [*inside, *found[mask]], [*outside, *found[~mask]]
    assert np.mean(inside) > np.mean(outside) + 0.1


@pytest.mark.slow
def test_the_script_runs_from_a_terminal(task: Path, tmp_path: Path) -> None:
    short = tmp_path / "task.toml"
    short.write_text(TASK.replace("epochs = 3", "epochs = 1"))
    places = ["--out", str(tmp_path / "run"), "--install", str(tmp_path / "w")]
    result = subprocess.run(
        [sys.executable, "-m", "models.training.train", "--config", str(short), *places],
        cwd=ROOT,
        env={**os.environ, "LIGHTBOX_DATA": str(task)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert load_checkpoint(tmp_path / "w")[1].name == "blobs"
    assert list((tmp_path / "run").glob("events.out.tfevents.*"))
