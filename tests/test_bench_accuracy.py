"""The accuracy bench on a painted task: fair, resumable, and its last line parses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision import models as torchvision_models

from bench import accuracy
from imaging.errors import SettingsError
from models.data.dataset import Film
from models.model_card import facts
from models.network.network import NetworkSettings
from models.training.config import TaskConfig, read_config
from models.training.run import Run
from tests.models.training.test_tune import paint_task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paint_task(tmp_path_factory.mktemp("bench") / "task")


@pytest.fixture
def painted(task: Path) -> tuple[TaskConfig, tuple[Film, ...]]:
    config = read_config(task / "task.toml")
    return accuracy.level_budget(config, size=32, epochs=2), config.films(task)


def run(task: Path, *, epochs: int = 1, network: tuple[str, ...] = ("ours", "resnet18")) -> None:
    """The command, for paint."""
    accuracy.main(
        config=task / "task.toml",
        size=32,
        epochs=epochs,
        seeds=1,
        network=list(network),
        out=task / "runs",
        results=task / "accuracy.json",
        localiser=None,
        page=None,
    )


@pytest.mark.slow
def test_results_are_stored_and_not_trained_again(
    task: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIGHTBOX_DATA", str(task))
    monkeypatch.setattr("bench.forward.ROUNDS", 2)
    run(task)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["ours_forward"] == 1.0 and 0 <= figures["resnet18_auc"] <= 1
    monkeypatch.delattr(accuracy.Contender, "result")  # training again would fail
    run(task)
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again["resnet18_auc"] == figures["resnet18_auc"]
    runs = json.loads((task / "accuracy.json").read_text())["runs"]
    assert sorted(runs) == ["ours/0", "resnet18/0"]
    auc = runs["resnet18/0"]["test"]["auc"]
    assert auc["low"] <= auc["value"] <= auc["high"]
    with pytest.raises(SettingsError, match="another recipe"):
        run(task, epochs=3)


def test_an_unknown_contender_is_named(task: Path) -> None:
    with pytest.raises(SettingsError, match="resnet9000"):
        run(task, network=("resnet9000",))


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_a_grey_network_is_the_colour_one_on_three_equal_channels(name: str) -> None:
    torch.manual_seed(1)
    colour = torchvision_models.get_model(name, weights=None, num_classes=3).eval()
    torch.manual_seed(1)
    grey = accuracy.grey(name, NetworkSettings(classes=3)).eval()
    x = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(grey(x), colour(x.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-3)


def test_contenders_are_optimised_as_run_would(
    painted: tuple[TaskConfig, tuple[Film, ...]], tmp_path: Path
) -> None:
    config, films = painted
    ours = Run(config, films, tmp_path)
    contender = accuracy.Contender("ours", config, films, tmp_path, seed=config.train.seed)
    assert contender.optimiser.state_dict() == ours.optimiser.state_dict()
    assert type(contender.optimiser) is type(ours.optimiser)
    assert type(contender.schedule) is type(ours.schedule)
    plain = [
        {k: v for k, v in r.schedule.state_dict().items() if not k.startswith("_")}
        for r in (ours, contender)
    ]
    assert plain[0] == plain[1]


@pytest.mark.slow
def test_an_unfinished_run_goes_on(
    painted: tuple[TaskConfig, tuple[Film, ...]], tmp_path: Path
) -> None:
    config, films = painted
    stopped = accuracy.Contender("resnet18", config, films, tmp_path, seed=0)
    epochs = iter([stopped._train_epoch])

    def once() -> float:
        for train in epochs:
            return train()
        raise KeyboardInterrupt

    stopped._train_epoch = once  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        stopped.fit()
    resumed = accuracy.Contender("resnet18", config, films, tmp_path, seed=0)
    assert resumed.epoch == 1 and resumed.history[0]["loss"] == stopped.history[0]["loss"]
    resumed.fit()
    assert [row["epoch"] for row in resumed.history] == [0, 1]


def test_nobody_learns_regions_and_everybody_sees_one_size(task: Path) -> None:
    config = read_config(task / "task.toml")
    config = replace(config, network=replace(config.network, regions=1))
    level = accuracy.level_budget(config, size=32, epochs=4)
    assert level.network.regions == 0 and level.train.early_share == 0.0
    assert level.train.patience == level.train.epochs == 4 and level.augment == config.augment


def test_the_gap_per_forward_is_error_times_cost() -> None:
    def result(value: float) -> dict[str, dict[str, dict[str, float]]]:
        return {"test": {"auc": {"value": value}, "accuracy": {"value": 0.9}}}

    figures = accuracy.headline(
        {
            "runs": {"ours/0": result(0.98), "ours/1": result(0.96), "resnet50/0": result(0.98)},
            "forward": {"ours": {"time_over_ours": 1.0}, "resnet50": {"time_over_ours": 2.5}},
        }
    )
    assert figures["ours_auc"] == 0.97 and figures["ours_auc_gap_per_forward"] == 0.03
    assert figures["resnet50_auc_gap_per_forward"] == 0.05 and "resnet18_auc" not in figures


def test_the_page_shows_the_mean_of_the_seeds() -> None:
    def result(value: float) -> dict[str, dict[str, dict[str, float]]]:
        estimate = {"value": value, "low": value - 0.02, "high": value + 0.01}
        return {"test": {"auc": estimate, "accuracy": estimate}}

    (row,) = accuracy.page_rows(
        {
            "runs": {"ours/0": result(0.98), "ours/1": result(0.96)},
            "forward": {"ours": {"time_over_ours": 1.0}},
        }
    )
    shown = facts._contender(row)
    assert (shown.network, shown.seeds, shown.forward) == ("ours", 2, 1.0)
    assert shown.auc.value == pytest.approx(0.97) and shown.auc.low == pytest.approx(0.95)
