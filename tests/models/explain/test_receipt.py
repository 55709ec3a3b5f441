"""Receipts: planted evidence is well supported, a shuffled map is not, and the cost is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.metrics import sensitivity_max

from imaging.entities import Assessment, Status
from imaging.errors import CheckpointError
from imaging.settings import ROOT
from models.evaluation.liars import replace_inner, shuffle_patches
from models.explain.base.subject import Subject
from models.explain.checks.agreement import TOP, Agreement, agree
from models.explain.checks.location import border, markers, place
from models.explain.checks.receipt import Receipt, make_receipt
from models.explain.checks.stability import CHANGES, Stability, disturb, stability
from models.explain.checks.verdict import (
    AT_BORDER,
    AT_ODDS,
    BARELY_FAITHFUL,
    CONSTANT,
    HARDLY_OWN,
    INCOMPLETE,
    LUNGS_UNSEEN,
    NOT_CALLED,
    NOT_RELIABLE,
    NOT_STUDIED,
    NOTHING,
    ON_MARKERS,
    OTHER_SIDE,
    OUTSIDE,
    PLANTED_MISSED,
    RECEIPTS,
    REMOVAL_SAYS_NOTHING,
    SHAKY,
    STABILITY_UNKNOWN,
    STAYS,
    STAYS_PARTLY,
    UNFAITHFUL,
    UNSTABLE,
    WEAK,
    WELL_SUPPORTED,
    Measures,
    VerdictRule,
    installed_rule,
    judge,
    read_rule,
)
from models.explain.methods.explainer import Attribution, Explainer
from models.explain.methods.registry import METHODS
from models.inference.classifier import Classifier
from models.rules.crop_box import WHOLE
from tests.planted import planted_film

RULE = VerdictRule()
FINE = Measures(
    gain=0.7,
    stability=0.9,
    mirror=0.9,
    own=0.9,
    agreement=0.5,
    outside=-0.3,
    marked=0.0,
    border=-0.1,
)


@pytest.fixture(scope="module")
def explainer(planted_classifier: Classifier) -> Explainer:
    return Explainer(planted_classifier)


@pytest.fixture(scope="module")
def subject(explainer: Explainer) -> Subject:
    return explainer.look(planted_film())


def receipt(explainer: Explainer, subject: Subject, found: Attribution) -> Receipt:
    return make_receipt(explainer, subject, found, rule=RULE)


def asked(explainer: Explainer, subject: Subject, method: str = "fused") -> Attribution:
    return explainer.attribute(subject, "pneumonia", method)


def test_planted_evidence_is_well_supported(explainer: Explainer, subject: Subject) -> None:
    found = receipt(explainer, subject, asked(explainer, subject))
    assert (found.verdict.name, found.verdict.reasons) == (WELL_SUPPORTED, ())
    assert found.faithfulness.relative > 0.5 and found.verdict.reliable


@pytest.mark.parametrize("seed", range(5))
def test_a_shuffled_map_is_not_reliable(explainer: Explainer, subject: Subject, seed: int) -> None:
    real = asked(explainer, subject)
    other = replace_inner(real, shuffle_patches(real.inner, np.random.default_rng(seed)))
    assert np.array_equal(np.sort(other.inner, None), np.sort(real.inner, None))
    found = receipt(explainer, subject, other)
    assert not found.verdict.reliable and UNSTABLE in found.verdict.reasons


def test_a_map_turned_upside_down_in_sign_is_not_faithful(
    explainer: Explainer, subject: Subject
) -> None:
    real = asked(explainer, subject)
    found = receipt(explainer, subject, replace(real, inner=-real.inner))
    assert UNFAITHFUL in found.verdict.reasons and found.faithfulness.relative < -0.5


def test_a_slow_method_is_not_asked_again_and_says_so(
    explainer: Explainer, subject: Subject
) -> None:
    found = receipt(explainer, subject, asked(explainer, subject, "integrated_gradients"))
    assert found.stability is None and STABILITY_UNKNOWN in found.verdict.reasons
    assert found.completeness is not None and found.completeness < 0.2
    assert found.as_dict()["stability"] is None


def test_a_receipt_is_plain_values_with_chance_beside_them(
    explainer: Explainer, subject: Subject
) -> None:
    found = receipt(explainer, subject, asked(explainer, subject)).as_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["faithfulness"]["random_gain"] == 0.0
    assert set(found["agreement"]) == {"lung_fields"}  # the quick one of another kind
    assert found["random_agreement"]["overlap"] == TOP


def test_the_same_film_gives_the_same_receipt(explainer: Explainer, subject: Subject) -> None:
    found = asked(explainer, subject)
    first, second = (receipt(explainer, subject, found).as_dict() for _ in range(2))
    assert first == second


def test_the_work_is_told_and_can_be_stopped(explainer: Explainer, subject: Subject) -> None:
    told: list[float] = []
    found = asked(explainer, subject)
    make_receipt(explainer, subject, found, rule=RULE, on_progress=told.append)
    assert told == sorted(told) and (told[0], told[-1]) == (0.0, 1.0) and len(told) > 6

    class EnoughError(Exception):
        pass

    def stop(done: float) -> None:
        if done > 0.5:
            raise EnoughError

    with pytest.raises(EnoughError):
        make_receipt(explainer, subject, found, rule=RULE, on_progress=stop)


@pytest.mark.parametrize("method", ["fused", "grad_cam", "integrated_gradients"])
def test_a_receipt_shows_each_network_few_inputs(
    explainer: Explainer,
    subject: Subject,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = 0
    found = asked(explainer, subject, method)
    ask, explain = explainer.log_odds, explainer.attribute

    def log_odds(x: torch.Tensor, target: str) -> np.ndarray:
        nonlocal shown
        shown += len(x)
        return ask(x, target)

    def attribute(film: Subject, target: str, name: str) -> Attribution:
        nonlocal shown
        shown += METHODS[name].forwards
        return explain(film, target, name)

    monkeypatch.setattr(explainer, "log_odds", log_odds)
    monkeypatch.setattr(explainer, "attribute", attribute)
    receipt(explainer, subject, found)
    assert 22 < shown <= 64  # in batches and on partial networks: less than 50 forwards


# --- tiny changes


@pytest.mark.parametrize("index", range(len(CHANGES)))
def test_a_change_is_tiny_and_always_the_same(subject: Subject, index: int) -> None:
    one, again = disturb(subject, index), disturb(subject, index)
    assert torch.equal(one.x, again.x) and not torch.equal(one.x, subject.x)
    assert one.view == subject.view and one.squashed.shape == subject.squashed.shape


def test_moves_are_undone_exactly_and_turns_nearly() -> None:
    rows, columns = np.indices((64, 64)) / 10
    values = torch.from_numpy((np.sin(rows) * np.cos(columns)).astype(np.float32))[None, None]
    for change in CHANGES:
        back = change.move(change.move(values), back=True)
        inner = (back - values)[..., 4:-4, 4:-4].abs().max()
        assert inner < (0.01 if change.degrees else 1e-4)
    right = CHANGES[1].move(values)
    assert torch.allclose(right[..., 1:, 1:], values[..., :-1, :-1], atol=1e-4)


def test_a_map_of_the_film_itself_is_stable_and_one_of_another_film_is_not(
    explainer: Explainer, subject: Subject
) -> None:
    own = stability(explainer, subject, asked(explainer, subject))
    elsewhere = explainer.look(planted_film(seed=5)[::-1, ::-1].copy())
    other = stability(explainer, subject, asked(explainer, elsewhere))
    assert own.correlation > 0.6 > 0.3 > other.correlation
    assert own.sensitivity < other.sensitivity


def test_sensitivity_is_captums(
    explainer: Explainer, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = tuple(c for c in CHANGES if not (c.across or c.down or c.degrees))
    monkeypatch.setattr("models.explain.checks.stability.CHANGES", still)
    monkeypatch.setattr("models.explain.checks.stability._MARGIN", 1 / 64)

    def explain(x: tuple[torch.Tensor, ...]) -> torch.Tensor:
        found = asked(explainer, replace(subject, x=x[0]))
        return torch.from_numpy(found.inner[1:-1, 1:-1].copy())[None, None]

    def largest(index: int) -> float:
        other = disturb(subject, index).x
        return float(sensitivity_max(explain, subject.x, lambda _x: (other,), n_perturb_samples=1))

    ours = stability(explainer, subject, asked(explainer, subject)).sensitivity
    assert ours == pytest.approx(max(largest(i) for i in range(len(still))), rel=1e-4) and ours > 0


def test_the_worst_change_counts() -> None:
    found = Stability((Agreement(0.9, 0.8), Agreement(0.2, 0.5), Agreement(0.7, 0.1)), 0.3)
    assert (found.correlation, found.overlap) == (0.2, 0.1)


# --- agreement and place


def test_maps_that_know_nothing_of_each_other_agree_by_chance() -> None:
    generator = np.random.default_rng(0)
    pairs = [agree(*generator.standard_normal((2, 128, 128))) for _ in range(40)]
    assert abs(np.mean([p.correlation for p in pairs])) < 0.03
    assert np.mean([p.overlap for p in pairs]) == pytest.approx(TOP, abs=0.03)
    one = generator.standard_normal((128, 128))
    assert agree(one, one).overlap == 1.0 and agree(one, -one).correlation == pytest.approx(-1)


def chest(sure: float = 0.99) -> np.ndarray:
    """Two lungs over the whole film, (128, 128)."""
    region = np.zeros((128, 128), np.float32)
    region[20:110, 20:56] = region[20:110, 72:108] = sure
    return region


def film(values: np.ndarray) -> Subject:
    squashed = values.astype(np.float32)
    return Subject(squashed, torch.from_numpy(squashed)[None, None], WHOLE, values.shape)


def test_shares_are_those_of_the_areas_for_an_even_map() -> None:
    found = place(np.ones((128, 128)), film(np.zeros((128, 128))), chest())
    assert found is not None and found.lungs is not None
    assert found.lungs.map == pytest.approx(found.lungs.uniform)
    assert found.lungs.uniform == pytest.approx(2 * 90 * 36 / 128**2, rel=0.03)
    assert found.border.uniform == pytest.approx(1 - (112 / 128) ** 2)
    assert found.markers is None


def test_evidence_against_does_not_count_and_lungs_hold_what_lies_in_them() -> None:
    values = -np.ones((128, 128))
    values[40:44, 30:40] = 3.0
    values[2:4, 2:12] = 1.0
    found = place(values, film(np.zeros((128, 128))), chest())
    assert found is not None and found.lungs is not None
    assert found.lungs.map == pytest.approx(120 / 140)
    assert found.border.map == pytest.approx(20 / 140)


@pytest.mark.parametrize("region", [None, chest(0.6), chest() * (np.arange(128) < 60)])
def test_lungs_count_only_when_both_are_surely_seen(region: np.ndarray | None) -> None:
    found = place(np.ones((128, 128)), film(np.zeros((128, 128))), region)
    assert found is not None and found.lungs is None and found.markers is None


def test_a_map_without_evidence_for_the_answer_lies_nowhere() -> None:
    assert place(-np.ones((128, 128)), film(np.zeros((128, 128))), chest()) is None


def test_a_letter_is_a_marker_and_ribs_and_a_bright_belly_are_not() -> None:
    values = np.full((128, 128), 0.3, np.float32)
    values[112:] = 0.9  # the belly
    values[20:110:12, 10:118] = 0.45  # ribs
    lungs = chest() > 0.5
    assert markers(values, lungs) is None
    values[6:14, 6:8] = values[6:8, 6:11] = 1.0  # a letter
    found = markers(values, lungs)
    assert found is not None and found[10, 7] and found[:20, :20].sum() == found.sum()


def test_the_border_is_a_frame() -> None:
    frame = border(32)
    assert frame[:2].all() and frame[:, -2:].all() and not frame[2:-2, 2:-2].any()


# --- verdict


@pytest.mark.parametrize(
    ("change", "name", "reason"),
    [
        ({"gain": 0.1}, NOT_RELIABLE, UNFAITHFUL),
        ({"stability": 0.3}, NOT_RELIABLE, UNSTABLE),
        ({"empty": True}, NOT_RELIABLE, NOTHING),
        ({"gain": 0.4}, WEAK, BARELY_FAITHFUL),
        ({"stability": 0.7}, WEAK, SHAKY),
        ({"stability": None}, WEAK, STABILITY_UNKNOWN),
        ({"mirror": 0.3}, NOT_RELIABLE, STAYS),
        ({"own": 0.1}, NOT_RELIABLE, CONSTANT),
        ({"mirror": 0.5}, WEAK, STAYS_PARTLY),
        ({"own": 0.4}, WEAK, HARDLY_OWN),
        ({"blind": True}, WEAK, PLANTED_MISSED),
        ({"same_side": False}, WEAK, OTHER_SIDE),
        ({"called": False}, WEAK, NOT_CALLED),
        ({"agreement": 0.1}, WEAK, AT_ODDS),
        ({"outside": 0.05}, WEAK, OUTSIDE),
        ({"marked": 0.2}, WEAK, ON_MARKERS),
        ({"border": 0.4}, WEAK, AT_BORDER),
        ({"incomplete": 0.5}, WEAK, INCOMPLETE),
    ],
)
def test_every_measure_can_spoil_a_verdict(change: dict[str, Any], name: str, reason: str) -> None:
    found = judge(replace(FINE, **change), RULE)
    assert (found.name, found.reasons) == (name, (reason,))
    assert found.reliable == (name != NOT_RELIABLE)


def test_what_was_not_measured_beyond_stability_is_no_doubt() -> None:
    assert judge(Measures(gain=0.7, stability=0.9), RULE).name == WELL_SUPPORTED
    assert judge(FINE, RULE).reasons == ()


def test_a_model_nobody_calibrated_is_judged_more_strictly(
    shipped_classifier: Classifier,
) -> None:
    known = installed_rule(shipped_classifier.card, ROOT / "models/weights")
    assert known.calibrated and not RULE.calibrated
    for name in ("least_gain", "good_gain", "least_agreement"):
        assert getattr(RULE, name) >= getattr(known, name)


def test_a_rule_counts_for_its_own_weights_alone(
    tmp_path: Path, tiny_classifier: Classifier
) -> None:
    card = tiny_classifier.card
    assert not read_rule(tmp_path, card).calibrated
    rule = VerdictRule(least_gain=0.33, calibrated=True)
    facts = {"weights_sha256": card.weights_sha256, "rule": rule.as_dict()}
    (tmp_path / RECEIPTS).write_text(json.dumps(facts))
    assert read_rule(tmp_path, card) == rule
    assert read_rule(tmp_path, replace(card, weights_sha256="other")) == VerdictRule()


@pytest.mark.parametrize("text", ["{", "[]", '{"weights_sha256": ""}'])
def test_a_damaged_rule_is_not_guessed_around(
    tmp_path: Path, tiny_classifier: Classifier, text: str
) -> None:
    (tmp_path / RECEIPTS).write_text(text)
    card = replace(tiny_classifier.card, weights_sha256="")
    with pytest.raises(CheckpointError, match="damaged"):
        read_rule(tmp_path, card)


def test_lungs_not_found_or_a_patient_not_studied_is_never_green() -> None:
    assert judge(FINE, RULE).name == WELL_SUPPORTED
    for measures, reason in (
        (replace(FINE, lungs_seen=False), LUNGS_UNSEEN),
        (replace(FINE, studied=False), NOT_STUDIED),
        (replace(FINE, gain=None), REMOVAL_SAYS_NOTHING),
    ):
        verdict = judge(measures, RULE)
        assert verdict.name == WEAK and verdict.reasons == (reason,)


def test_an_answer_without_promises_marks_its_film(planted_classifier: Classifier) -> None:
    """As the served path leaves it: outside the population there is no error rate."""
    explainer, film = Explainer(planted_classifier), planted_film()
    answer = Assessment("1.2.3", Status.OK, error_rate=0.05)
    assert explainer.look(film, answer).studied and explainer.look(film).studied
    subject = explainer.look(film, replace(answer, error_rate=None))
    receipt = make_receipt(explainer, subject, explainer.attribute(subject, "pneumonia"))
    assert not receipt.measures.studied and receipt.verdict.name != WELL_SUPPORTED
