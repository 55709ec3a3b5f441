"""Choosing networks: first the shortcut exam, then real films, then fewer networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from imaging.settings import ROOT
from models.network.network import MultiScaleResNet
from models.training.choose import Candidate, as_table, candidates, validation_views
from models.training.config import read_config
from tests.conftest import TINY


def candidate(*members: int, real: float, exam: float) -> Candidate:
    views = dict.fromkeys(("plain", "matched", "stressed"), real)
    return Candidate(members, {**views, "swapped": exam, "alone": exam})


def test_a_failed_exam_outweighs_everything() -> None:
    cheat, honest = candidate(0, real=0.999, exam=0.8), candidate(1, real=0.99, exam=0.96)
    assert max(cheat, honest, key=lambda c: c.rank) is honest


def test_of_those_that_passed_the_best_on_real_films_and_then_the_smallest() -> None:
    small, large = candidate(0, real=0.99, exam=0.96), candidate(0, 1, real=0.99, exam=0.99)
    better = candidate(2, 3, real=0.995, exam=0.951)
    assert max(small, large, better, key=lambda c: c.rank) is better
    assert max(small, large, key=lambda c: c.rank) is small


def test_a_task_without_masks_has_no_exam() -> None:
    plain = Candidate((0,), {"plain": 0.9, "matched": float("nan"), "stressed": 0.8})
    assert plain.passed and plain.real == pytest.approx(0.85)


def test_every_set_is_tried_and_listed() -> None:
    torch.manual_seed(0)
    networks = [MultiScaleResNet(TINY) for _ in range(3)]
    task = read_config(ROOT / "models/configs/paediatric_cxr.toml", change=["size=32"])
    films = np.random.default_rng(0).integers(0, 256, (8, 32, 32)).astype(np.uint8)
    truth = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    views = validation_views(
        films,
        truth,
        task=task,
        regions=np.full(films.shape, np.nan, np.float16),
        strata=np.zeros(8, np.int64),
    )
    found = candidates(networks, task, views, most=2)
    assert {c.members for c in found} == {(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)}
    assert [c.rank for c in found] == sorted((c.rank for c in found), reverse=True)
    assert as_table(found, ["a", "b", "c"]).count("\n") == 5
