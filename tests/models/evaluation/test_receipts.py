"""Liars are planted and found out; limits are the lowest that find out enough."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.receipts import TRUE as BENCH_TRUE
from bench.receipts import figures
from imaging.errors import SettingsError
from models.evaluation import liars
from models.evaluation.calibrate_receipts import (
    TRUE,
    choose_rule,
    measure,
    read_blind,
    verdicts,
)
from models.evaluation.liars import TrueMap
from models.explain.checks.pointing import Pointing
from models.explain.checks.verdict import (
    NOT_RELIABLE,
    WEAK,
    WELL_SUPPORTED,
    Measures,
    VerdictRule,
    judge,
)
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.network.checkpoint import EVALUATION
from tests.planted import planted_film


@pytest.fixture(scope="module")
def explainer(planted_classifier: Classifier) -> Explainer:
    return Explainer(planted_classifier)


@pytest.fixture(scope="module")
def maps(explainer: Explainer) -> list[TrueMap]:
    """Films with the disc at three places."""
    films = [planted_film(seed=1), planted_film(seed=2)[:, ::-1], planted_film(seed=3)[::-1]]
    subjects = [explainer.look(np.ascontiguousarray(film)) for film in films]
    return [TrueMap(s, explainer.attribute(s, "pneumonia")) for s in subjects]


def test_every_liar_differs_from_the_map_and_is_rejected(
    explainer: Explainer, planted_classifier: Classifier, maps: list[TrueMap]
) -> None:
    lot = np.random.default_rng(0)
    measured = measure(planted_classifier, explainer, maps, VerdictRule(), lot)
    assert set(measured) == {TRUE, *liars.KINDS}
    assert all(judge(m, VerdictRule()).name == WELL_SUPPORTED for m in measured[TRUE])
    for kind in liars.KINDS:
        rejected = [judge(m, VerdictRule()).name == NOT_RELIABLE for m in measured[kind]]
        assert np.mean(rejected) >= 2 / 3, kind
    said = verdicts(measured, VerdictRule())
    assert said["verdicts"][TRUE][WELL_SUPPORTED] == 1 and said["reasons"] == {}


def test_blobs_stay_in_the_lungs() -> None:
    lungs = np.zeros((64, 64), np.float32)
    lungs[10:50, 8:28] = lungs[10:50, 36:56] = 1
    made = liars.blobs(lungs, np.random.default_rng(1))
    assert not made[lungs == 0].any() and made.max() > 0.2 > -0.2 > made.min()


def _measures(values: np.ndarray) -> list[Measures]:
    return [Measures(gain=v, stability=v, mirror=v, own=v, agreement=v) for v in values]


def test_limits_are_the_lowest_percentile_that_finds_enough_liars() -> None:
    lot = np.random.default_rng(2)
    measured = {TRUE: _measures(lot.uniform(0.7, 1.3, 200)), "liar": _measures(lot.random(200))}
    rule, percentiles = choose_rule(measured, VerdictRule())
    rejected = np.mean([judge(m, rule).name == NOT_RELIABLE for m in measured["liar"]])
    doubted = np.mean([judge(m, rule).name != WELL_SUPPORTED for m in measured["liar"]])
    assert 0.85 <= rejected < 0.88 and doubted >= 0.97
    least, good = percentiles["least"], percentiles["good"]
    assert least is not None and good is not None and 0 < least < good <= 50 and good >= 25
    kept = np.mean([judge(m, rule).reliable for m in measured[TRUE]])
    assert kept == pytest.approx(1 - least / 100, abs=0.03) and rule.calibrated


def test_a_measure_that_tells_all_apart_does_not_make_the_others_idle() -> None:
    """Its limit lies midway; whether the answer hangs on the map is asked all the same."""
    lot = np.random.default_rng(4)
    true = [replace(m, stability=0.95) for m in _measures(lot.uniform(-0.3, 1, 200))]
    liars_ = [replace(m, stability=0.75) for m in _measures(lot.uniform(-0.3, 1, 200))]
    rule, percentiles = choose_rule({TRUE: true, "liar": liars_}, VerdictRule())
    assert rule.least_stability == rule.good_stability == pytest.approx(0.85)
    assert percentiles == {"least": 0, "good": 25}
    assert rule.least_gain == 0 < rule.good_gain and rule.least_agreement >= 0
    backwards = replace(true[0], gain=-0.1, mirror=1, own=1, agreement=1)
    assert judge(backwards, rule).name == NOT_RELIABLE


def test_liars_that_cannot_be_told_are_not_said_to_be() -> None:
    lot = np.random.default_rng(3)
    measured = {TRUE: _measures(lot.random(100)), "liar": _measures(lot.random(100) + 0.5)}
    _rule, percentiles = choose_rule(measured, VerdictRule())
    assert percentiles == {"least": None, "good": None}


def test_methods_that_miss_planted_disease_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="evaluate_planted"):
        read_blind(tmp_path, "a" * 64)
    facts = {
        "weights_sha256": "a" * 64,
        "methods": [{"method": "fused", "passes": False}, {"method": "grad_cam", "passes": True}],
    }
    (tmp_path / EVALUATION).mkdir()
    (tmp_path / EVALUATION / "planted.json").write_text(json.dumps(facts))
    assert read_blind(tmp_path, "a" * 64) == ("fused",)
    with pytest.raises(SettingsError, match="evaluate_planted"):
        read_blind(tmp_path, "b" * 64)


def test_the_bench_counts_liars_hits_and_wrong_sides() -> None:
    hit = Pointing(True, 5.0, "left", True)
    wrong = replace(hit, hit=False, right_side=False)
    found = figures(
        {
            BENCH_TRUE: [WELL_SUPPORTED, NOT_RELIABLE, WELL_SUPPORTED, WEAK],
            "liar": [NOT_RELIABLE, NOT_RELIABLE, WEAK, WELL_SUPPORTED],
        },
        [hit, hit, wrong, wrong],
    )
    assert (found["planted_rejected"], found["planted_doubted"]) == (0.5, 0.75)
    assert (found["true_kept"], found["true_green"]) == (0.5, 0.5)
    assert (found["wrong_side"], found["wrong_side_green"], found["wrong_side_kept"]) == (2, 1, 2)
