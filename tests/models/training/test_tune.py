"""Tuning on a painted task: the study goes on, its page tells all, and test films stay unread."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import optuna
import pytest
from PIL import Image as PilImage

from imaging.errors import SettingsError
from models.data import framed_films
from models.data.dataset import read_luminance
from models.training import tune
from models.training.config import read_config
from tests.models.training.test_train import TASK

SPLITS = ("train",) * 16 + ("val",) * 8 + ("test",) * 4


def paint_task(folder: Path) -> Path:
    """Write a task file, masks, and 28 films of two per patient, half of them with a blob."""
    (folder / "masks").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for number, split in enumerate(SPLITS):
        pixels = rng.integers(40, 90, (32, 32)).astype(np.uint8)
        label = "blob" if number // 2 % 2 else "none"
        if label == "blob":
            pixels[8:20, 8:20] = 250
        PilImage.fromarray(pixels).save(folder / f"{number}.png")
        mask = np.zeros((32, 32), np.uint8)
        mask[4:28, 4:28] = 255
        PilImage.fromarray(mask).save(folder / "masks" / f"{number}.png")
        rows.append([f"{number}.png", label, str(number // 2), split])
    with (folder / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["file", "label", "patient_id", "split"], *rows])
    text = TASK.replace('images = "."', 'images = "."\nregions = "masks"')
    text = text.replace("learning_rate = 5e-3", "learning_rate = 3e-3")  # within the searched range
    (folder / "task.toml").write_text(text)
    return folder


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = paint_task(tmp_path / "task")
    monkeypatch.setenv("LIGHTBOX_DATA", str(folder))
    return folder


def run(task: Path, *, trials: int, report: Path | None = None, epochs: int = 1) -> None:
    """The command, with a budget for paint."""
    tune.main(
        config=task / "task.toml",
        trials=trials,
        init=None,
        share=0.5,
        epochs=epochs,
        size=32,
        study=task / "tune.db",
        report=report,
    )


def stored(task: Path) -> list[optuna.trial.FrozenTrial]:
    with tune.open_study(task / "tune.db") as study:
        return study.trials


def pretend(trial: optuna.Trial, *_: object, **__: object) -> float:
    """A trial without training: the score is one of the knobs."""
    for k in tune.KNOBS:
        trial.suggest_float(k.key, k.low, k.high, log=k.log)
    trial.set_user_attr("views", {"auc_plain": 0.5})
    return float(trial.params["augment.probability"])


def test_a_study_goes_on_after_a_stop(task: Path) -> None:
    run(task, trials=2)
    run(task, trials=1)
    trials = stored(task)
    assert [t.state.name for t in trials] == ["COMPLETE"] * 3
    assert trials[0].params == trials[1].params != trials[2].params
    assert [t.user_attrs["seed"] for t in trials] == [0, 1, 0]
    for number in range(3):
        assert list((task / "tune" / f"trial-{number:03d}").glob("events.out.tfevents.*"))


def test_the_first_trials_are_the_task_file_as_it_stands(task: Path) -> None:
    run(task, trials=1)
    config = read_config(task / "task.toml")
    (trial,) = [t for t in stored(task) if t.state.is_finished()]
    assert trial.params["train.learning_rate"] == config.train.learning_rate
    assert trial.params["network.dropout"] == config.network.dropout
    assert {"auc_plain", "auc_stressed", "auc_swapped"} <= set(trial.user_attrs["views"])


def test_the_page_lists_every_trial_without_training(
    task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "run_trial", pretend)
    run(task, trials=6)
    monkeypatch.delattr(tune, "run_trial")
    run(task, trials=0, report=task / "tuning.md")
    text = (task / "tuning.md").read_text()
    for trial in stored(task):
        assert f"| {trial.number} | " in text and f" {trial.value:.4f} |" in text
    assert all(text.count(f"| `{k.key}` |") == 1 for k in tune.KNOBS)


def test_the_importances_find_the_knob_that_is_the_score(
    task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "run_trial", pretend)
    run(task, trials=12, report=task / "tuning.md")
    rows = [line for line in (task / "tuning.md").read_text().splitlines() if "| `" in line]
    (row,) = [line for line in rows if "augment.probability" in line]
    assert row.endswith("| +1.00 |")


def test_the_verdict_weighs_the_gain_against_the_seed(
    task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.90, 0.92, 0.925, 0.95])

    def scripted(trial: optuna.Trial, *args: object, **kwargs: object) -> float:
        pretend(trial)
        return next(scores)

    monkeypatch.setattr(tune, "run_trial", scripted)
    run(task, trials=3, report=task / "tuning.md")
    assert "trial 2, scores +0.0150 against their mean: not more" in (
        (task / "tuning.md").read_text()
    )
    run(task, trials=1, report=task / "tuning.md")
    assert "trial 3, scores +0.0400 against their mean: more" in (task / "tuning.md").read_text()


def test_a_resumed_sampler_proposes_new_points(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "run_trial", pretend)
    for _ in range(4):
        run(task, trials=1)
    values = [t.params["augment.blur"] for t in stored(task)]
    assert len(set(values)) == 3  # the task file's own, twice, and two others


def test_scores_of_different_budgets_are_not_mixed(
    task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "run_trial", pretend)
    run(task, trials=1)
    with pytest.raises(SettingsError, match="other conditions"):
        run(task, trials=1, epochs=2)


@pytest.mark.slow
def test_a_hopeless_trial_is_pruned(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune.TrialRun, "_stale", lambda run: run.epoch >= 1)
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda _: True)
    run(task, trials=1, epochs=2)
    (trial,) = [t for t in stored(task) if t.state.is_finished()]
    assert trial.state is optuna.trial.TrialState.PRUNED and "seconds" in trial.user_attrs


def test_films_are_read_once_and_test_films_never(
    task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def counted(path: Path) -> np.ndarray:
        read.append(path)
        return read_luminance(path)

    monkeypatch.setattr(framed_films, "read_luminance", counted)
    run(task, trials=2)
    split_of = {f.path: f.split for f in read_config(task / "task.toml").films(task)}
    assert len(read) == len(set(read)) == 8 + 8
    assert {split_of[path] for path in read} == {"train", "val"}


def test_a_share_keeps_whole_patients_of_every_class(task: Path) -> None:
    films = read_config(task / "task.toml").films(task)
    chosen = tune.patient_share(films, share=0.5, seed=0)
    train = [f for f in chosen if f.split == "train"]
    assert len(train) == 8 and {f.label for f in train} == {"blob", "none"}
    assert all(sum(g.patient == f.patient for g in train) == 2 for f in train)
    assert sum(f.split == "val" for f in chosen) == 8 and len(chosen) == 16


def test_an_empty_study_has_no_page(task: Path) -> None:
    with pytest.raises(SettingsError, match="no finished trial"):
        run(task, trials=0, report=task / "tuning.md")
