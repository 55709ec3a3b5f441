"""Training a network of places end to end on painted films: it finds the place, and resumes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from imaging.dicom.synthetic import write_synthetic_film
from models.data.dataset import read_manifest
from models.data.framing import Framing
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.network.evidence import EvidenceNetwork
from models.training.config import TaskConfig, read_config
from models.training.evidence_run import EvidenceRun
from tests.models.training.test_train import TASK

SIDE = 64
MORE = """
[[companions]]
manifest = "others.csv"
images = "."
normal = ["none"]
abnormal = ["spot"]
[evidence]
planted = 8
normals = 2
abnormals = 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task whose films have a white spot or none, and films of another place."""
    made = tmp_path_factory.mktemp("places")
    text = TASK.replace("dropout = 0.0", "dropout = 0.0\nregions = 1\nheads = 2")
    text = text.replace("size = 32", "size = 64").replace("early_size = 32", "early_size = 64")
    (made / "task.toml").write_text(text.replace("epochs = 3", "epochs = 5") + MORE)
    lot = np.random.default_rng(0)
    rows: dict[str, list[list[str]]] = {"manifest.csv": [], "others.csv": []}
    for number in range(1, 73):
        kind = "blob" if number % 2 else "none"
        film = made / f"{number}.dcm"
        write_synthetic_film(_paint(kind, lot), path=film, description="painted", number=number)
        other = number > 60
        split = "train" if number <= 40 or other else "val"
        label = "spot" if other and kind == "blob" else kind
        table = "others.csv" if other else "manifest.csv"
        rows[table].append([film.name, label, str(number), split])
    for name, lines in rows.items():
        with (made / name).open("w", newline="") as stream:
            csv.writer(stream).writerows([["file", "label", "patient_id", "split"], *lines])
    return made


def _paint(kind: str, lot: np.random.Generator, place: tuple[int, int] | None = None) -> np.ndarray:
    pixels = lot.integers(800, 1600, (SIDE, SIDE)).astype(np.uint16)
    if kind == "blob":
        row, column = place or lot.integers(8, 40, 2)
        pixels[row : row + 16, column : column + 16] = 4000
    return pixels


def _run(folder: Path, out: Path) -> EvidenceRun:
    task = read_config(folder / "task.toml")
    films = read_manifest(folder / "manifest.csv", folder)
    return EvidenceRun(task, films, out, Framing(), folder)


@pytest.fixture(scope="module")
def trained(folder: Path) -> Classifier:
    run = _run(folder, folder / "run")
    run.fit()
    run.finish(folder / "weights", data_sha256="0" * 64)
    return Classifier.load(folder / "weights")


def test_it_points_at_the_spot_wherever_it_is(trained: Classifier) -> None:
    explainer = Explainer(trained)
    assert explainer.default == "evidence"
    assert isinstance(trained.trained.networks[0], EvidenceNetwork)
    hits = []
    for place in ((8, 8), (8, 40), (40, 8), (40, 40), (24, 24)):
        film = _paint("blob", np.random.default_rng(7), place).astype(np.float32)
        map_ = explainer.attribute(explainer.look(film), "blob").values
        row, column = np.unravel_index(int(map_.argmax()), map_.shape)
        inside = (place[0] - 4 <= row <= place[0] + 20, place[1] - 4 <= column <= place[1] + 20)
        hits.append(all(inside))
    assert sum(hits) >= 4, hits


def test_the_card_names_heads_companions_and_lead(trained: Classifier) -> None:
    (member,) = trained.card.training["members"]
    assert trained.card.network.heads == 2 and trained.card.network.lead == (1,)
    assert member["companions"][0]["manifest"] == "others.csv" and member["planted"]["most"] == 3


def test_every_kind_of_film_is_in_a_batch(folder: Path, tmp_path: Path) -> None:
    run = _run(folder, tmp_path)
    own, planted, normal, abnormal = run._parts(np.arange(8))
    blob, none = torch.tensor([False, True]), torch.tensor([True, False])
    assert own.allowed.sum(1).eq(1).all() and torch.equal(own.known, own.allowed[:, 0])
    assert own.weights.std() > 0.1  # every head sees the films otherwise weighed
    diseased = planted.disease.flatten(1).amax(1) > 0
    assert planted.known.all() and 0 < diseased.sum() < 8
    assert torch.equal(planted.allowed[:, 1], diseased)
    assert (normal.allowed == none).all() and normal.known.all() and len(normal.films) == 2
    assert (abnormal.allowed == blob).all() and not abnormal.known.any()


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(folder: Path, tmp_path: Path) -> None:
    whole = _run(folder, tmp_path / "whole")
    whole._train_epoch(), whole._train_epoch()
    stopped = _run(folder, tmp_path / "stopped")
    stopped._train_epoch()
    stopped.save()
    resumed = _run(folder, tmp_path / "stopped")
    resumed.restore()
    resumed._train_epoch()
    for one, other in zip(
        whole.average.state_dict().values(), resumed.average.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_only_companions_for_training_are_taken(folder: Path) -> None:
    task: TaskConfig = read_config(folder / "task.toml")
    films = task.companions[0].films(folder)
    assert {film.split for film in films} == {"train"} and len(films) == 12
