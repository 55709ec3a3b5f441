"""The measured operating point: from stored evaluation, never from thin air."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from imaging.errors import AssistantError, CheckpointError, SettingsError
from imaging.settings import ROOT
from imaging.worklist.order import RAISED, UNSURE
from imaging.worklist.simulation import Scenario
from models.model_card.facts import read_facts
from models.model_card.figures import ModelFacts
from models.model_card.operating_point import (
    MIXED_WEIGHTS,
    NOT_MEASURED,
    OperatingPoint,
    operating_point,
)
from tests.models.model_card.test_facts import write_evaluation


@pytest.fixture(scope="module")
def shipped() -> ModelFacts:
    return read_facts(ROOT / "models/weights/paediatric-cxr")


@pytest.fixture(scope="module")
def found(shipped: ModelFacts) -> OperatingPoint:
    return operating_point(shipped, 0.05)


def shares(facts: ModelFacts) -> tuple[float, float]:
    """Sensitivity and specificity counted film by film."""
    spec = facts.card.findings[0]
    called = [(f.probability >= spec.operating_point, f.label in spec.members) for f in facts.films]
    with_it = [raised for raised, present in called if present]
    without = [raised for raised, present in called if not present]
    return sum(with_it) / len(with_it), 1 - sum(without) / len(without)


def test_the_stored_figures_are_those_of_the_stored_films(
    shipped: ModelFacts, found: OperatingPoint
) -> None:
    assert (found.sensitivity.value, found.specificity.value) == pytest.approx(shares(shipped))
    assert found.sensitivity.low is not None and found.model == shipped.card.identity


def test_a_stricter_error_rate_makes_it_more_often_unsure(
    shipped: ModelFacts, found: OperatingPoint
) -> None:
    strict = operating_point(shipped, 0.01)
    assert strict.unsure_absent.value > found.unsure_absent.value
    low, high = strict.unsure_absent.low, strict.unsure_absent.high
    assert low is not None and high is not None and low < strict.unsure_absent.value < high


def test_unsure_is_what_the_evaluation_answered_below_the_operating_point(
    shipped: ModelFacts, found: OperatingPoint
) -> None:
    spec = shipped.card.findings[0]
    below = [f for f in shipped.films if f.probability < spec.operating_point]
    answered = sum(f.answer == "unsure" for f in below)
    present, absent = found.unsure_present.value, found.unsure_absent.value
    share = found.prevalence * present + (1 - found.prevalence) * absent
    assert share * len(shipped.films) == pytest.approx(answered)


def test_a_share_raised_is_cleared_of_false_alarms(found: OperatingPoint) -> None:
    raised = 0.3 * found.sensitivity.value + 0.7 * (1 - found.specificity.value)
    assert found.shows(raised) == pytest.approx(0.3)
    assert found.shows(0.0) == 0.01 and found.shows(1.0) == 0.99


def test_a_network_no_better_than_chance_tells_nothing(found: OperatingPoint) -> None:
    blind = replace(found, sensitivity=replace(found.sensitivity, value=0.1))
    assert blind.shows(0.5) == found.prevalence


def test_the_ward_gets_the_measured_shares(shipped: ModelFacts) -> None:
    strict = operating_point(shipped, 0.01)
    absent, present = strict.apply(Scenario()).shares
    assert present[RAISED] == strict.sensitivity.value
    assert absent[RAISED] == pytest.approx(1 - strict.specificity.value)
    assert absent[UNSURE] == strict.unsure_absent.value


@pytest.fixture
def folder(checkpoint_folder: Path, tmp_path: Path) -> Path:
    """A checkpoint of its own, without evaluation."""
    return Path(shutil.copytree(checkpoint_folder, tmp_path / "weights" / "tiny"))


def said_about(folder: Path, rate: float = 0.05) -> AssistantError:
    with pytest.raises(AssistantError) as caught:
        operating_point(read_facts(folder), rate)
    return caught.value


def test_without_evaluation_there_is_no_operating_point(folder: Path) -> None:
    assert str(said_about(folder)) == NOT_MEASURED


def test_figures_of_other_weights_do_not_count(folder: Path) -> None:
    write_evaluation(folder, sha256="0" * 64)
    error = said_about(folder)
    assert isinstance(error, CheckpointError) and str(error) == MIXED_WEIGHTS


def test_an_error_rate_without_a_rule_is_refused(folder: Path) -> None:
    write_evaluation(folder)
    assert isinstance(said_about(folder, 0.3), SettingsError)
