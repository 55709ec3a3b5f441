"""Several findings on one film: each has its probability, threshold, sets, answer and map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from imaging.entities import Answer
from imaging.errors import SettingsError
from models.data.dataset import class_truth, read_luminance
from models.data.framing import Framing
from models.explain.base.subject import look
from models.explain.base.targets import Targets
from models.explain.methods.evidence import cell_evidence
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.metrics import roc_auc
from models.network.network import MultiScaleResNet, build_network
from models.rules.calibration import apply_calibration, fit_each_class
from models.synthesis import compose
from models.training.config import TaskConfig, read_config
from models.training.evidence_run import EvidenceRun
from models.training.run import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A composed set with its task file."""
    folder = tmp_path_factory.mktemp("composed")
    compose.main(folder, films=72, seed=0)
    return folder


@pytest.fixture(scope="module")
def task(folder: Path) -> TaskConfig:
    """The task, without masks: whole films are short to train on."""
    task = read_config(folder / "task.toml")
    return replace(task, data={k: v for k, v in task.data.items() if k != "regions"})


@pytest.fixture(scope="module")
def trained(folder: Path, task: TaskConfig) -> Path:
    """A checkpoint of the composed task."""
    run = Run(task, task.films(folder), folder / "run")
    run.fit()
    run.finish(folder / "weights" / "composed", data_sha256="0" * 64)
    return folder / "weights" / "composed"


def test_each_finding_is_told_apart_by_itself(
    folder: Path, task: TaskConfig, trained: Path
) -> None:
    classifier = Classifier.load(trained)
    films = [f for f in task.films(folder) if f.split != "train"]
    answers = [classifier.predict(read_luminance(film.path)) for film in films]
    for number, name in enumerate(("nodule", "fluid")):
        shown = np.array([name in film.label for film in films])
        score = np.array([answer.findings[number].probability for answer in answers])
        assert roc_auc(shown, score) > 0.85, name
    both = [a for a, film in zip(answers, films, strict=True) if ";" in film.label]
    assert max(float(a.probabilities.sum()) for a in both) > 1.2  # one does not exclude another
    for answer in answers:
        assert {f.code for f in answer.findings} == {"nodule", "fluid"}
        assert all(isinstance(f.answer, Answer) for f in answer.findings)


def test_the_card_has_thresholds_of_every_finding(trained: Path) -> None:
    card = Classifier.load(trained).card
    assert card.multi_label and isinstance(card.temperature, tuple) and len(card.temperature) == 2
    assert all(len(f.conformal) == len(card.conformal) for f in card.findings)
    assert card.findings[0].conformal == card.conformal != card.findings[1].conformal


def test_a_class_is_explained_against_its_absence(
    folder: Path, task: TaskConfig, trained: Path
) -> None:
    explainer = Explainer(Classifier.load(trained))
    subject = look(explainer.classifier, read_luminance(task.films(folder)[0].path))
    logits = explainer.classifier.logits(subject.x)[0, 0]
    assert explainer.log_odds(subject.x, "fluid")[0, 0] == pytest.approx(float(logits[1]), abs=1e-4)
    difference = explainer.log_odds(subject.x, "fluid|nodule")[0, 0]
    assert difference == pytest.approx(float(logits[1] - logits[0]), abs=1e-4)
    with pytest.raises(ValueError, match="unknown target"):
        Targets(explainer.card).sides("fluid|fluid")


def test_places_of_one_finding_are_not_those_of_another(folder: Path, task: TaskConfig) -> None:
    """The evidence of each class is weighed by itself, and adds up to its own answer."""
    shape = replace(task.network, heads=2, lead=(0,), regions=1)
    network = build_network(shape).eval()
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    with torch.inference_mode():
        given = network.evidence(torch.randn(2, 1, 48, 48))  # type: ignore[operator]
    assert given.weights.shape == (2, 2, 2, *given.cells.shape[-2:])
    torch.testing.assert_close(given.weights.sum((-2, -1)), torch.ones(2, 2, 2))
    assert not torch.allclose(given.weights[:, :, 0], given.weights[:, :, 1])
    for index in range(2):
        cells, level = cell_evidence(given, ([index], []))
        torch.testing.assert_close(
            cells.sum((-2, -1)) + level, given.logits.mean(0)[:, index], atol=1e-4, rtol=1e-4
        )


@pytest.mark.slow
def test_evidence_by_place_learns_several_findings(
    folder: Path, task: TaskConfig, tmp_path: Path
) -> None:
    shape = replace(task.network, heads=2, lead=(0,), regions=1)
    knobs = replace(task.evidence, planted=2, normals=0, abnormals=0)
    short = replace(task, network=shape, evidence=knobs, train=replace(task.train, epochs=2))
    run = EvidenceRun(short, short.films(folder), tmp_path / "run", Framing(), folder)
    run.fit()
    assert np.isfinite([row["loss"] for row in run.history]).all()
    assert {"auc_plain", "auc_of_fluid"} <= run.history[-1].keys()
    run.finish(tmp_path / "ckpt", data_sha256="0" * 64)
    found = Classifier.load(tmp_path / "ckpt").predict(read_luminance(short.films(folder)[0].path))
    assert len(found.members) == 2 and found.findings[1].answer is not None


def test_a_film_of_unknown_findings_teaches_none_of_them(folder: Path, task: TaskConfig) -> None:
    """A planted opacity says that the leading finding is there, and nothing of any other."""
    shape = replace(task.network, heads=1, lead=(0,), regions=1)
    run = EvidenceRun.__new__(EvidenceRun)
    run.task = replace(task, network=shape)
    shown = run._allowed(torch.tensor([True, False]))
    assert shown[0, 0] == 1 and torch.isnan(shown[0, 1])
    assert shown[1].tolist() == [0, 0]


def test_labels_become_truth(task: TaskConfig) -> None:
    truth = class_truth(["", "fluid; nodule", "fluid"], task.classes, multi_label=True)
    assert truth.tolist() == [[False, False], [True, True], [False, True]]
    with pytest.raises(SettingsError, match="no class of the task: mass"):
        class_truth(["fluid;mass"], task.classes, multi_label=True)


def test_calibration_of_each_class_finds_what_was_done_to_it() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (6000, 2))
    shown = rng.random(honest.shape) < apply_calibration(honest, 1.0, (0.0, 0.0), multi_label=True)
    spoilt = honest * (3.0, 0.5) + (1.0, -1.0)
    again = apply_calibration(spoilt, *fit_each_class(spoilt, shown), multi_label=True)
    wanted = apply_calibration(honest, 1.0, (0.0, 0.0), multi_label=True)
    assert np.abs(again - wanted).mean() < 0.02


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('members = ["fluid"]', 'members = ["fluid", "nodule"]', "one class of its own"),
        ("epochs = 16", "ordinal = 1.0", "exclude each other"),
        ('classes = ["nodule", "fluid"]', 'classes = ["nodule", "a;b"]', "semicolon"),
        ("[data]", "[shares]\nnodule = 1\nfluid = 2\n\n[data]", "no place in a multi-label task"),
    ],
)
def test_what_a_multi_label_task_cannot_be(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "task.toml"
    path.write_text(compose.TASK.replace(old, new))
    with pytest.raises(SettingsError, match=says):
        read_config(path)


def test_single_label_networks_have_the_parameters_they_had(task: TaskConfig) -> None:
    single = build_network(replace(task.network, multi_label=False))
    several = build_network(task.network)
    assert isinstance(several, MultiScaleResNet)
    assert single.state_dict().keys() == several.state_dict().keys()
