"""The scope gate on painted films: it learns what fits, says why not, and proves its weights."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from imaging.errors import CheckpointError, SettingsError
from imaging.rendering import png_bytes
from imaging.settings import ROOT
from models.data import gate_data
from models.data.dataset import read_luminance, read_manifest, select
from models.evaluation import evaluate_gate
from models.metrics import roc_auc
from models.network.gate import REASONS, Gate, GateScale
from models.rules.pixel_checks import pixel_kind
from models.training import train_gate
from models.training.config import read_config
from models.training.train_gate import GateRun, GateSettings, folder_films, read_gate_settings

TASK = """
name = "painted"
version = "1"
title = "Painted"
classes = ["a", "b"]
[[findings]]
code = "b"
label = "B"
members = ["b"]
rule = "youden"
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
images = "films"
[gate]
outliers = ["stripes/images"]
size = 32
epochs = 10
batch = 48
painted = 70
stem = 8
channels = [16, 24]
learning_rate = 1e-2
"""
SHIPPED = ROOT / "models" / "weights" / "paediatric-cxr"


def film(rng: np.random.Generator) -> NDArray[np.float32]:
    """Two dark lungs, a bright middle, and a bright floor below: it has an up and a down."""
    row, column = gate_data.coordinates(64) + rng.uniform(-0.05, 0.05, (2, 1, 1))
    lungs = np.exp(-(((np.abs(column) - 0.45) / 0.3) ** 4) - ((row + 0.1) / 0.6) ** 4)
    floor = 1 / (1 + np.exp(-12 * (row - 0.6)))
    values = 0.6 - 0.5 * lungs + 0.5 * floor + 0.03 * rng.standard_normal((64, 64))
    return gate_data.unit(values)


def write(path: Path, picture: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(np.rint(255 * picture).astype(np.uint8)))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a task file: 112 films, and striped pictures as outliers."""
    folder, rng = tmp_path_factory.mktemp("gate"), np.random.default_rng(5)
    rows = []
    for number in range(112):
        write(folder / "films" / f"{number}.png", film(rng))
        split = "train" if number < 60 else "val" if number < 100 else "test"
        rows.append([f"{number}.png", "ab"[number % 2], str(number), split])
    for number in range(16):
        stripes = np.sin(gate_data.coordinates(64)[0] * (8 + number)).astype(np.float32)
        write(folder / "stripes" / "images" / f"s{number}.png", gate_data.unit(stripes))
    (folder / "task.toml").write_text(TASK)
    with (folder / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["file", "label", "patient_id", "split"], *rows])
    return folder


@pytest.fixture(scope="module")
def trained(task: Path) -> Path:
    """A checkpoint folder that holds the gate of the painted task."""
    config = task / "task.toml"
    run = GateRun(read_config(config), read_gate_settings(config), task)
    run.fit(run.settings.epochs)
    run.finish(task / "weights" / "painted")
    return task / "weights" / "painted"


@pytest.mark.slow
def test_films_pass_and_wrong_views_score_higher(trained: Path) -> None:
    gate, rng = Gate.load(trained), np.random.default_rng(9)
    films = [film(rng) for _ in range(12)]
    right = [gate.examine(f) for f in films]
    wrong = [gate.examine(v) for f in films for v in (1 - f, f[::-1, ::-1].copy())]
    truth = np.array([False] * len(right) + [True] * len(wrong))
    assert roc_auc(truth, np.array([v.score for v in (*right, *wrong)])) > 0.95
    assert np.mean([v.suitable for v in right]) >= 0.75
    assert all(v.suitable == (v.score <= 0) for v in (*right, *wrong))


@pytest.mark.slow
def test_every_refusal_has_its_sentence(trained: Path) -> None:
    gate = Gate.load(trained)
    blank = gate.examine(np.full((64, 64), 7, np.float32))
    assert not blank.suitable and blank.kind == "blank" and blank.reason == REASONS["blank"]
    noise = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    verdict = gate.examine(noise)
    assert not verdict.suitable and verdict.reason == REASONS[verdict.kind]


def test_the_verdict_is_the_same_each_time_and_in_any_unit(trained: Path) -> None:
    gate, picture = Gate.load(trained), film(np.random.default_rng(2))
    first = gate.examine(picture)
    assert gate.examine(picture) == first
    assert gate.examine(picture * 4000 - 1000).score == pytest.approx(first.score, abs=0.05)


@pytest.mark.parametrize("damage", ["byte", "gone", "settings"])
def test_damage_is_a_checkpoint_error(trained: Path, tmp_path: Path, damage: str) -> None:
    for name in ("gate.safetensors", "gate.json"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    weights = tmp_path / "gate.safetensors"
    if damage == "byte":
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    elif damage == "gone":
        weights.unlink()
    else:
        values = json.loads((tmp_path / "gate.json").read_text())
        values["network"]["stem"] = 4
        (tmp_path / "gate.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError):
        Gate.load(tmp_path)


def test_the_mixture_is_measured_and_stored(
    trained: Path, task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_DATA", str(task))
    monkeypatch.setattr(evaluate_gate, "find_checkpoint", lambda weights, name: trained)
    monkeypatch.setattr(evaluate_gate, "PAINTED", 14)
    evaluate_gate.main(model="painted")
    figures = json.loads((trained / "evaluation" / "gate.json").read_text())
    with gzip.open(trained / "evaluation" / "gate.csv.gz", "rt") as stream:
        rows = list(csv.DictReader(stream))
    assert {k["kind"] for k in figures["kinds"]} == {r["kind"] for r in rows}
    assert figures["weights_sha256"] == Gate.load(trained).settings["weights_sha256"]
    inverted = [r["suitable"] == "False" for r in rows if r["kind"] == "inverted"]
    (stored,) = (k for k in figures["kinds"] if k["kind"] == "inverted")
    assert len(inverted) == 12 and stored["refused"]["value"] == pytest.approx(np.mean(inverted))


@pytest.mark.parametrize(
    ("kind", "picture"),
    [
        ("small", np.zeros((10, 40))),
        ("long", np.zeros((40, 400))),
        ("blank", np.full((64, 64), 3.0)),
        ("clipped", np.where(gate_data.coordinates(64)[0] > np.linspace(-1, 1, 64), 1.0, 0.0)),
        ("document", 0.9 - 0.7 * (np.indices((64, 64)).sum(0) % 7 == 0) + np.eye(64) * 0.1),
        ("", gate_data.coordinates(64)[0]),
    ],
)
def test_pixel_checks(kind: str, picture: NDArray[np.float64]) -> None:
    assert pixel_kind(picture.astype(np.float32)) == kind
    assert not kind or kind in REASONS


def test_the_threshold_lets_the_wanted_share_of_validation_films_pass() -> None:
    rng = np.random.default_rng(0)
    margin, distance = rng.standard_normal((2, 2000))
    scale = GateScale.fit(margin, distance, margin + 0.3, distance + 0.3)
    assert (scale.score(margin, distance) > 0).mean() <= 0.005
    assert (scale.score(margin + 0.3, distance + 0.3) > 0).mean() <= 0.01
    assert (scale.score(margin + 6, distance) > 0).mean() > 0.99


def test_groups_are_never_split_between_training_and_mixture(tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(40)]
    for name in names:
        write(tmp_path / "images" / name, np.eye(8, dtype=np.float32))
    lines = [f"{name},{int(name[:-4]) // 4}" for name in names]
    (tmp_path / "labels.csv").write_text("\n".join(["file,group", *lines]))
    films = folder_films(tmp_path / "images", columns=("patient_id", "group"))
    homes = {f.patient: {g.split for g in films if g.patient == f.patient} for f in films}
    assert len(homes) == 10 and all(len(v) == 1 for v in homes.values())
    assert {f.split for f in films} == {"train", "held"}
    with pytest.raises(SettingsError, match="no pictures"):
        folder_films(tmp_path, columns=())


def test_settings_name_folders_either_way() -> None:
    listed = GateSettings.from_dict({"outliers": ["brain/images"]})
    assert (
        listed.outliers == GateSettings.from_dict({"outliers": {"brain": "brain/images"}}).outliers
    )


def test_wrong_views_are_what_they_say() -> None:
    picture = torch.arange(16.0).reshape(1, 4, 4) / 15
    fixed = torch.Generator().manual_seed(0)
    assert torch.equal(gate_data.wrong_view("inverted", picture, fixed), 1 - picture)
    assert gate_data.wrong_view("turned", picture, fixed)[0, 3].max() < picture[0, 1].min()
    one = picture[0].numpy()
    assert np.array_equal(evaluate_gate.apply_transform(one, "rot180"), one[::-1, ::-1])
    assert evaluate_gate.apply_transform(one, "crop 0 0.5 0.5 0.5").tolist() == one[:2, 2:].tolist()


def test_the_shipped_gate_reads_validation_films_and_refuses_inverted_ones(data: Path) -> None:
    gate = Gate.load(SHIPPED)
    manifest = data / gate.settings["data"]["manifest"]
    films = select(read_manifest(manifest, data / gate.settings["data"]["images"]), "val")[::35]
    pictures = [read_luminance(f.path) for f in films]
    assert np.mean([gate.examine(p).suitable for p in pictures]) >= 0.9
    inverted = [gate.examine(evaluate_gate.apply_transform(p, "invert")) for p in pictures]
    assert np.mean([v.suitable for v in inverted]) <= 0.1
    assert [v.kind for v in inverted].count("inverted") >= len(inverted) / 2


def test_the_painted_mixture_is_not_the_painted_training() -> None:
    assert evaluate_gate.PAINT_SEED not in (train_gate.PAINT_SEED, train_gate.PAINT_SEED + 1)
