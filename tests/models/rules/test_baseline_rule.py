"""A network that does not beat whole-image numbers elsewhere is exploratory, whoever likes it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from models.rules.baseline_rule import (
    OTHER,
    OWN,
    UNMEASURED,
    WANTED,
    HospitalResult,
    exploratory_because,
)

HOME = HospitalResult(own=True, chooses=False, auc=0.95, low=0.92, baseline=0.90)
AWAY = HospitalResult(own=False, chooses=False, auc=0.80, low=0.70, baseline=0.55)


def test_better_at_home_and_elsewhere_is_firm() -> None:
    assert exploratory_because([HOME, AWAY], named=1) == ()
    assert exploratory_because([HOME], named=0) == ()


@pytest.mark.parametrize(
    ("results", "named", "why"),
    [
        ([HOME], 1, (UNMEASURED,)),
        ([replace(HOME, low=0.9)], 0, (OWN,)),  # equal is not better
        ([replace(HOME, low=0.8)], 1, (UNMEASURED, OWN)),
        ([HOME, replace(AWAY, low=0.5)], 1, (OTHER,)),  # a high AUC of few films is not enough
        ([HOME, AWAY, replace(AWAY, low=0.5)], 2, (OTHER,)),  # one of several is enough
        ([HOME, replace(AWAY, low=math.nan, auc=math.nan)], 1, (OTHER, WANTED)),
        ([HOME, replace(AWAY, wanted=(0.85, 0.78))], 1, (WANTED,)),
        ([replace(HOME, low=math.nan)], 0, (OWN,)),
    ],
)
def test_what_makes_it_exploratory(
    results: list[HospitalResult], named: int, why: tuple[str, ...]
) -> None:
    assert exploratory_because(results, named=named) == why


def test_the_own_films_do_not_judge_where_another_hospital_does() -> None:
    processed_otherwise = replace(HOME, auc=0.84, low=0.77, baseline=0.89)
    assert exploratory_because([processed_otherwise, AWAY], named=1) == ()
    assert exploratory_because([processed_otherwise, replace(AWAY, low=0.5)], named=1) == (OTHER,)


def test_a_hospital_that_chose_judges_only_where_no_other_does() -> None:
    chose = replace(AWAY, chooses=True)
    assert exploratory_because([HOME, replace(chose, low=0.4)], named=1) == (OTHER,)
    assert exploratory_because([HOME, replace(chose, low=0.4), AWAY], named=2) == ()
    assert exploratory_because([HOME, chose, replace(AWAY, low=0.4)], named=2) == (OTHER,)
