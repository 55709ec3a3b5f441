"""`cli.py worth`: the table of waits in the terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imaging.settings import ROOT
from imaging.worklist.simulation import Scenario
from imaging.worklist.waiting_times import Estimate, compare
from models.commands.waiting_times import OVERLOADED, duration, report, with_interval
from models.model_card.facts import read_facts
from models.model_card.operating_point import operating_point
from tests.test_cli import run

QUICK = ("--hours", "6", "--repetitions", "5")


def waits(line: str) -> list[float]:
    """The three figures of a row in minutes, without their intervals."""
    cells = re.split(r"\s{2,}", line)[1:]
    return [float(c.split()[0]) * (60 if c.split()[1] == "h" else 1) for c in cells]


@pytest.mark.slow
def test_the_table_says_which_network_and_what_it_is_about() -> None:
    result = run("worth", *QUICK, "--prevalence", "0.2", "--arrivals", "13", "--cap", "0.5")
    assert result.returncode == 0, result.stderr
    for said in ("threshold 0.", "sensitivity 0.", "LungIMPACT", "not outcome", "load 0.87"):
        assert said in result.stdout
    assert "Research use - not for diagnosis" in result.stdout
    row = next(x for x in result.stdout.splitlines() if x.startswith("mean wait, with the finding"))
    fifo, urgency, capped = waits(row)
    assert urgency < capped < fifo


def test_too_many_films_are_said() -> None:
    found = operating_point(read_facts(ROOT / "models/weights/paediatric-cxr"), 0.05)
    few, many = (
        report(
            compare(found.apply(Scenario(arrivals_per_hour=rate, hours=3, repetitions=3))), found
        )
        for rate in (5, 20)
    )
    assert OVERLOADED in many and OVERLOADED not in few


@pytest.mark.slow
def test_a_network_that_was_not_measured_is_one_sentence(checkpoint_folder: Path) -> None:
    result = run("worth", LIGHTBOX_WEIGHTS=str(checkpoint_folder.parent), LIGHTBOX_MODEL="")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert "not measured" in result.stderr


def test_waits_are_minutes_then_hours() -> None:
    assert [duration(h) for h in (0.25, 1.99, 2.0, float("nan"))] == [
        "15 min",
        "119 min",
        "2.0 h",
        "\u2013",
    ]
    assert with_interval(Estimate(0.5, 0.1)) == "30 min (18 min \u2013 42 min)"
    assert with_interval(Estimate(3.0, float("nan"))) == "3.0 h"
