"""Starts of training compared: told by their own cards, on the same films, by figures and cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imaging.errors import SettingsError
from imaging.settings import Settings
from models.checkpoint.card import ModelCard
from models.evaluation import compare_starts
from models.evaluation.compare_starts import CHOOSES, JUDGES, FilmSet, Start
from models.network.checkpoint import CARD, load_checkpoint
from models.synthesis.compose import main as compose
from models.training.config import read_config
from models.training.train import main as train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A composed set with short runs: another model's first layers, and random weights."""
    folder = tmp_path_factory.mktemp("starts")
    with pytest.MonkeyPatch.context() as patch:
        compose(folder)
        (folder / "weights").mkdir()
        patch.setenv("LIGHTBOX_DATA", str(folder))
        patch.setenv("LIGHTBOX_WEIGHTS", str(folder / "weights"))
        for name, begun in (("scratch", None), ("later", folder / "weights" / "scratch")):
            train(
                folder / "task.toml",
                out=folder / "runs" / name,
                change=["epochs=1"],
                trunk=begun,
                install=folder / "weights" / name,
            )
    return folder


@pytest.fixture
def settings(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of the composed set."""
    monkeypatch.setenv("LIGHTBOX_DATA", str(data))
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(data / "weights"))
    yield Settings.from_environment()


def start_of(folder: Path, **changes: Any) -> Start:
    """A checkpoint as a start, its card changed."""
    ensemble, card = load_checkpoint(folder)
    return Start(folder, ensemble, replace(card, **changes))


def test_what_a_start_began_with_is_read_from_its_own_card(data: Path, settings: Settings) -> None:
    compare_starts.main([data / "weights" / "later", data / "weights" / "scratch"], model="scratch")
    stored = json.loads((data / "weights/scratch/evaluation/starts.json").read_text())
    first, second = stored["rows"]  # the installed one once, though it was given too
    card = ModelCard.read(data / "weights/scratch" / CARD)
    assert stored["weights_sha256"] == card.weights_sha256
    assert (first["start"], first["installed"], first["forward"]) == ("scratch", True, 1.0)
    assert (second["start"], second["from"], second["installed"]) == ("weights", "scratch", False)
    assert [row["wins"] for row in stored["rows"]].count(True) == 1
    names = [(one["name"], one["role"]) for one in first["sets"]]
    assert names == [("val", CHOOSES), ("test", JUDGES), ("second hospital", JUDGES)]


def test_films_that_judge_do_not_choose(data: Path) -> None:
    start = start_of(data / "weights" / "scratch")
    sets = [
        {"name": name, "role": role, "films": 1, "figures": {"auc": {"value": auc}}}
        for name, role, auc in (("val", CHOOSES, 0.8), ("there", CHOOSES, 0.6), ("test", JUDGES, 1))
    ]
    row = compare_starts.row_of(start, 2.0, sets, {})
    assert row["choosing_auc"] == pytest.approx(0.7)
    assert row["gap_per_forward"] == pytest.approx(0.6)


def test_starts_of_other_films_or_lengths_are_not_compared(data: Path) -> None:
    one = start_of(data / "weights" / "scratch")
    training = one.card.training
    other_films = training | {"data": training["data"] | {"sha256": "0"}}
    with pytest.raises(SettingsError, match="other images"):
        compare_starts.refuse_unlike(one.card, [start_of(one.folder, training=other_films)])
    member = training["members"][0]
    longer = training | {"members": [member | {"train": member["train"] | {"epochs": 9}}]}
    with pytest.raises(SettingsError, match="equally long"):
        compare_starts.refuse_unlike(one.card, [one, start_of(one.folder, training=longer)])


class Waiting(nn.Module):
    """A network that computes for long."""

    def forward(self, x: Tensor) -> Tensor:
        """The input, after much work."""
        big = torch.ones(400, 400)
        for _ in range(6):
            big = (big @ big).clamp(max=1)
        return x


def test_cost_is_what_an_answer_costs_beside_the_first(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick, slow = start_of(data / "weights" / "scratch"), start_of(data / "weights" / "later")
    slow.ensemble.members.append(Waiting())
    monkeypatch.setattr(compare_starts, "fold_norms", lambda ensemble: ensemble.eval())
    monkeypatch.setattr(
        type(slow.ensemble), "forward", lambda self, x: [m(x) for m in self.members]
    )
    one, other = compare_starts.forward_costs([quick, slow])
    assert one == 1.0 and other > 1.5


def test_figures_are_of_the_films_given(data: Path, settings: Settings) -> None:
    start = start_of(data / "weights" / "scratch")
    films = read_config(data / "task.toml").films(data)
    some = FilmSet("val", CHOOSES, tuple(f for f in films if f.split == "val"))
    row = compare_starts.measure(start, some)
    assert row["films"] == len(some.films) and 0 <= row["figures"]["auc"]["value"] <= 1
