"""Another hospital's figures: what the choice of an epoch did, and what a target costs there."""

from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.evaluate_elsewhere import epoch_choice, specificity_at


def row(epoch: int, plain: float, stressed: float, away: float) -> dict[str, float]:
    """An epoch as a run keeps it."""
    aucs = {"auc_plain": plain, "auc_stressed": stressed, "auc_away": away}
    score = float(np.mean(list(aucs.values())))
    return {"epoch": epoch, "score": score, **aucs, "auc_matched": float("nan"), "nll": 0.4}


def test_the_epoch_that_the_own_films_would_have_taken_stands_beside_the_chosen_one() -> None:
    early = [{"epoch": 0, "loss": 1.0}]  # on small pictures: no candidate
    history = [*early, row(1, 0.9, 0.8, 0.7), row(2, 0.8, 0.7, 0.99), row(3, 0.7, 0.7, 0.9)]
    choice = epoch_choice(history, "away", ["away"])
    assert choice["chosen"] == {"epoch": 2, "auc": 0.99} and choice["views"] == 3
    assert choice["own"] == {"epoch": 1, "auc": 0.7}
    assert choice["last"] == pytest.approx(
        {"epochs": 3, "lowest": 0.7, "mean": (0.7 + 0.99 + 0.9) / 3, "highest": 0.99}
    )


def test_a_second_hospital_that_chose_does_not_count_as_own() -> None:
    history = [row(1, 0.8, 0.8, 0.6) | {"auc_far": 0.6}, row(2, 0.7, 0.7, 0.7) | {"auc_far": 0.9}]
    assert epoch_choice(history, "away", ["away", "far"])["own"]["epoch"] == 1


def test_specificity_is_told_at_the_sensitivity_that_is_asked_for() -> None:
    present = np.repeat([True, False], 10)
    score = np.concatenate([np.linspace(0.1, 1.0, 10), np.linspace(0.0, 0.45, 10)])
    assert specificity_at(present, score, target=0.9) == pytest.approx(0.4)  # 4 of 10 below 0.2
    assert specificity_at(present, score, target=0.5) == 1
    assert np.isnan(specificity_at(np.ones(4, bool), np.ones(4), target=0.9))
