"""Training a network of places end to end on painted films: it finds the place, and resumes."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from imaging.dicom.synthetic import write_synthetic_film
from imaging.errors import CheckpointError
from models.checkpoint.card import ModelCard
from models.data.dataset import read_manifest
from models.data.framing import Framing
from models.explain.checks.receipt import Receipt, make_receipt
from models.explain.checks.verdict import (
    REMOVAL_SAYS_NOTHING,
    WELL_SUPPORTED,
    Measures,
    judge,
)
from models.explain.methods.explainer import Explainer
from models.explain.probes.erase import Fill, Step, ask_again, erase
from models.inference.answers import Answers
from models.inference.classifier import Classifier
from models.network.checkpoint import CARD
from models.network.evidence import EvidenceNetwork
from models.network.lung_fill import load_lung_fill, save_lung_fill
from models.network.preprocess import preprocess
from models.training.config import TaskConfig, read_config
from models.training.evidence_run import EvidenceRun
from models.training.train_fill import FillRun
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


def test_maps_of_a_film_and_its_mirror_image_are_asked_to_be_equal(
    folder: Path, tmp_path: Path
) -> None:
    """Taught so, the network asked once changes less when the film is mirrored."""
    task = read_config(folder / "task.toml", change=["network.both_sides=false"])
    films = read_manifest(folder / "manifest.csv", folder)
    changes = []
    for weight in (0.0, 3.0):
        taught = replace(task, evidence=replace(task.evidence, mirrored=weight))
        run = EvidenceRun(taught, films, tmp_path / f"{weight}", Framing(), folder)
        for _ in range(3):
            run._train_epoch()
        network = run.average.eval()
        assert isinstance(network, EvidenceNetwork)
        x = preprocess(torch.from_numpy(run.val.pixels).float() / 255, size=SIDE)
        with torch.inference_mode():
            here, there = (network.evidence(given).odds((1,)) for given in (x, x.flip(-1)))
        changes.append(float((here - there.flip(-1)).abs().mean() / here.std()))
    assert changes[1] < 0.7 * changes[0], changes


def test_only_companions_for_training_are_taken(folder: Path) -> None:
    task: TaskConfig = read_config(folder / "task.toml")
    films = task.companions[0].films(folder)
    assert {film.split for film in films} == {"train"} and len(films) == 12


def test_a_fill_learns_what_a_film_without_the_spot_looks_like(
    folder: Path, trained: Classifier, tmp_path: Path
) -> None:
    """Normal films alone are read; the spot goes with a hole, and the card names the fill."""
    task = read_config(folder / "task.toml")
    run = FillRun(task, folder, folder / "weights", seed=0)
    own = sum(f.label == "none" and f.split == "train" for f in task.films(folder))
    assert run.films == own + 6  # companions without the spot
    run.fit(40)
    shutil.copytree(folder / "weights", tmp_path / "weights")
    values = save_lung_fill(tmp_path / "weights", run.average, run.record(40, 0))
    card = replace(_halfway(trained), fill_sha256=values["weights_sha256"])
    card.write(tmp_path / "weights" / CARD)
    explainer = Explainer(Classifier.load(tmp_path / "weights"))
    film = _paint("blob", np.random.default_rng(7), (24, 24)).astype(np.float32)
    subject, hole = explainer.look(film), np.zeros((SIDE, SIDE), np.float32)
    hole[20:44, 20:44] = 1
    steps = [Step(hole, Fill.LUNG)]
    rest = erase(explainer, subject, steps)
    assert torch.equal(rest[..., :16, :], subject.x[..., :16, :])
    before, after = (p.findings[0] for p in explainer.predict(torch.cat([subject.x, rest])))
    assert before.positive and not after.positive
    assert ask_again(explainer, subject, steps).informative
    with pytest.raises(CheckpointError, match="not the one its card names"):
        load_lung_fill(tmp_path / "weights", "0" * 64)
    (tmp_path / "weights" / "fill.safetensors").unlink()
    with pytest.raises(CheckpointError, match="damaged"):
        Classifier.load(tmp_path / "weights")


def _halfway(trained: Classifier) -> ModelCard:
    """The card with an operating point halfway between a film with the spot and one without."""
    lot = np.random.default_rng(7)
    films = [_paint("blob", lot, (24, 24)), _paint("none", lot)]
    answers = [trained.predict(film.astype(np.float32)).findings[0] for film in films]
    point = sum(answer.probability for answer in answers) / 2
    findings = tuple(replace(f, operating_point=point) for f in trained.card.findings)
    return replace(trained.card, findings=findings)


def test_a_fill_that_reads_as_disease_says_nothing(
    trained: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fill that draws the spot itself: eraser and removal tests give no number."""
    explainer = Explainer(trained)
    monkeypatch.setattr(
        explainer.classifier,
        "answers_of",
        Answers(_halfway(trained), error_rate=0.05),
    )

    class White(torch.nn.Module):
        def forward(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            drawn = torch.full_like(x, -1.0)
            drawn[..., 20:40, 20:40] = 3**0.5
            return drawn

    explainer.lung_fill = White()  # type: ignore[assignment]
    lot, mask = np.random.default_rng(7), np.zeros((SIDE, SIDE), np.float32)
    mask[10:50, 10:50] = 1
    for kind in ("blob", "none"):
        subject = explainer.look(_paint(kind, lot, (24, 24)).astype(np.float32))
        assert not ask_again(explainer, subject, [Step(mask, Fill.LUNG)]).informative
    film = _paint("blob", np.random.default_rng(7), (24, 24))
    subject = explainer.look(film.astype(np.float32))
    receipt = make_receipt(explainer, subject, explainer.attribute(subject, "blob"))
    assert not receipt.faithfulness.informative and receipt.measures.gain is None
    assert REMOVAL_SAYS_NOTHING in (*receipt.verdict.reasons, *_doubts(receipt))
    assert receipt.verdict.name != WELL_SUPPORTED


def _doubts(receipt: Receipt) -> tuple[str, ...]:
    """What would be said if nothing worse was found."""
    fine = replace(Measures(gain=0.9, stability=0.9), gain=receipt.measures.gain)
    return judge(fine, receipt.rule).reasons
