"""What is measured is what serves: the worker's own answers, its gate included."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from imaging.entities import Answer, Status
from imaging.errors import CheckpointError
from imaging.jobs import Task
from imaging.settings import Settings
from models import metrics
from models.batch.file_worker import FileWorker
from models.checkpoint.installed import find_checkpoint
from models.data.corruptions import CORRUPTIONS
from models.data.dataset import Film
from models.evaluation import evaluate, evaluate_robustness
from models.evaluation.evaluate import Results, write_table
from models.evaluation.served_films import Serving
from models.inference.assessor import Assessor, ServedModel
from models.inference.loading import Batch, Networks
from models.rules.gate_rules import CLASSES, REASONS, GateScale
from tests.factories import make_dicom_bytes

UPSIDE_DOWN = CLASSES.index("turned")


class StrictGate:
    """Networks whose gate takes a film with a bright lower edge for one that stands on its head."""

    def __init__(self, networks: Networks) -> None:
        self._networks, self.engine = networks, networks.engine

    def members(self, x: Batch) -> Batch:
        """As the networks'."""
        return self._networks.members(x)

    def gate(self, x: Batch) -> tuple[Batch, Batch]:
        """Sure of one or the other."""
        logits = np.full((len(x), len(CLASSES)), -9, np.float32)
        turned = x[:, 0, -3:].mean((1, 2)) > 1
        logits[np.arange(len(x)), np.where(turned, UPSIDE_DOWN, 0)] = 9
        return logits, np.zeros(len(x), np.float32)

    def region(self, x: Batch) -> Batch:
        """As the networks'."""
        return self._networks.region(x)


@pytest.fixture
def model(tiny_settings: Settings) -> ServedModel:
    """The tiny ensemble behind a gate."""
    loaded = ServedModel.load(find_checkpoint(tiny_settings.weights))
    networks = StrictGate(loaded.networks)
    return replace(loaded, networks=networks, scale=GateScale(), gate_size=32)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Twenty films: every fifth stands on its head, and one is there twice."""
    found = []
    for number in range(20):
        pixels = np.random.default_rng(number % 19).integers(0, 3000, (60, 50)).astype(np.uint16)
        if number % 5 == 3:
            pixels[-8:] = 4000
        found.append(tmp_path / f"{number}.dcm")
        found[-1].write_bytes(make_dicom_bytes(pixels, SOPInstanceUID=f"1.2.{number % 19}"))
    return found


@pytest.fixture
def films(paths: list[Path]) -> list[Film]:
    """The same, every other one with the finding."""
    labels = ("normal", "bacterial")
    return [Film(p, labels[i % 2], str(i), "test") for i, p in enumerate(paths)]


def test_answers_are_the_workers_own(model: ServedModel, paths: list[Path]) -> None:
    found = list(Serving(model).answer_files(paths))
    worker = FileWorker(Assessor((model,)))
    tasks = [Task("", i, path.name, location=str(path)) for i, path in enumerate(paths)]
    results = worker.run(tasks, at=lambda _place: None)
    for one, result in zip(found, results, strict=True):
        assert result.outcome is not None
        theirs = result.outcome.assessment
        assert (one.assessment.answer, one.assessment.messages) == (theirs.answer, theirs.messages)
        assert one.answered == bool(theirs.findings) == (theirs.status is not Status.REFUSED)
        if one.prediction:
            own = [f.probability for f in one.prediction.findings]
            assert own == pytest.approx([f.probability for f in theirs.findings], abs=1e-6)
            assert one.prediction.disagreement == pytest.approx(theirs.disagreement, abs=1e-6)
    assert [i for i, one in enumerate(found) if not one.answered] == [3, 8, 13, 18]
    assert found[3].assessment.messages == (REASONS["turned"],)


def test_a_file_that_is_no_film_is_no_silent_gap(model: ServedModel, paths: list[Path]) -> None:
    paths[2].write_bytes(b"no film")
    with pytest.raises(CheckpointError, match=r"2\.dcm"):
        list(Serving(model).answer_files(paths))


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty bootstrap samples in place of two thousand, for speed."""
    monkeypatch.setattr(metrics, "bootstrap", partial(metrics.bootstrap, resamples=50))


def test_refused_films_are_counted_and_in_no_other_figure(
    model: ServedModel, films: list[Film], tmp_path: Path, few_resamples: None
) -> None:
    serving = Serving(model)
    answers = list(serving.answer_files([film.path for film in films]))
    results = Results(serving, films, answers)
    figures = json.loads(json.dumps(results.figures()))
    write_table(tmp_path / "test.csv", *results.film_table())
    with (tmp_path / "test.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    given = [row for row in rows if row["answer"] != Answer.UNSUITABLE]
    assert (figures["films"], figures["refused"], len(rows), len(given)) == (20, 4, 20, 16)
    assert figures["answers"]["unsuitable"] == 4 and sum(figures["answers"].values()) == 20
    assert [figures["answered"][name]["value"] for name in ("all", "present", "absent")] == [
        0.8
    ] * 3
    shares = figures["answered"]
    assert shares["all"]["low"] < 0.8 < shares["all"]["high"]
    left_out = next(row for row in rows if row["file"] == "3.dcm")
    assert {v for k, v in left_out.items() if k.startswith("p_") or k == "disagreement"} == {""}
    # every figure from the rows of the others alone
    truth = np.array([row["label"] != "normal" for row in given])
    score = np.array([float(row["p_pneumonia"]) for row in given])
    lead, point = figures["findings"][0]["figures"], results.card.findings[0].operating_point
    assert lead["auc"]["value"] == pytest.approx(metrics.roc_auc(truth, score), abs=1e-9)
    assert lead["sensitivity"]["value"] == (score[truth] >= point).mean()
    assert lead["specificity"]["value"] == (score[~truth] < point).mean()
    assert len(results.curves()["roc"][1]) >= 1


def test_a_model_that_refuses_everything_has_no_figures(
    model: ServedModel, films: list[Film]
) -> None:
    strict = Serving(replace(model, scale=GateScale(threshold=-1e6)))
    answers = list(strict.answer_files([film.path for film in films]))
    with pytest.raises(CheckpointError, match="none"):
        Results(strict, films, answers)


def test_a_changed_picture_that_the_gate_refuses_has_no_score(
    model: ServedModel, paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {name: CORRUPTIONS[name] for name in ("gamma", "rotation")}
    monkeypatch.setattr(evaluate_robustness, "CORRUPTIONS", kept)
    serving = Serving(model)
    plain = evaluate_robustness.film_scores(serving, paths[0], index=0)
    (served,) = serving.answer_files([paths[0]])
    assert served.prediction and np.isfinite(plain).all()
    assert plain[0] == pytest.approx(served.prediction.findings[0].probability, abs=1e-6)
    refused = evaluate_robustness.film_scores(serving, paths[3], index=3)
    assert np.isnan(refused[0])


def test_the_command_says_what_computed_its_figures(
    films: list[Film],
    checkpoint_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    few_resamples: None,
) -> None:
    folder = Path(shutil.copytree(checkpoint_folder, tmp_path / "weights" / "tiny"))
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(folder.parent))
    monkeypatch.setattr(evaluate, "films_of_model", lambda card, settings: films)
    evaluate.main(model="", split="test")
    figures = json.loads((folder / "evaluation" / "test.json").read_text())
    assert figures["engine"] == "onnxruntime fp32" and figures["refused"] == 0
