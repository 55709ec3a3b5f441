"""Natural frequencies are counted from the stored evaluation, and only where it is about them."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from imaging.entities import Answer, Assessment, Finding, Status
from imaging.settings import ROOT
from models.model_card.facts import read_facts
from models.model_card.figures import FilmAnswer, ModelFacts
from models.model_card.frequencies import (
    FEWEST,
    Frequency,
    flagged_in,
    frequency_of,
    operation_of,
)

FOLDER = ROOT / "models/weights/paediatric-cxr"


@pytest.fixture(scope="module")
def facts() -> ModelFacts:
    """What was measured of the model that ships."""
    return read_facts(FOLDER)


def answered(facts: ModelFacts, probability: float, answer: Answer) -> Assessment:
    """An answer of that model."""
    return Assessment(
        sop_instance_uid="1",
        status=Status.OK,
        model=facts.card.identity,
        findings=(Finding("pneumonia", "Pneumonia", probability, 0.385),),
        answer=answer,
        error_rate=0.05,
    )


def rows() -> list[dict[str, str]]:
    """The stored table, read without the code under test."""
    with (FOLDER / "evaluation/test.csv").open(newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["p_pneumonia"]]


def test_the_most_similar_films_with_the_same_answer_are_counted(facts: ModelFacts) -> None:
    said = frequency_of(facts, answered(facts, 0.82, Answer.PRESENT))
    same = [row for row in rows() if row["answer"] == "present"]
    same = sorted(same, key=lambda row: abs(float(row["p_pneumonia"]) - 0.82))[:100]
    ill = sum(row["label"] != "normal" for row in same)
    common = sum(row["label"] != "normal" for row in rows()) / len(rows())
    assert said == Frequency(100, ill, common)
    assert said.enough and 50 < said.of_hundred < 100


def test_a_barely_given_answer_does_not_pass_for_a_sure_one(facts: ModelFacts) -> None:
    weak = frequency_of(facts, answered(facts, 0.82, Answer.PRESENT))
    sure = frequency_of(facts, answered(facts, 0.999, Answer.PRESENT))
    absent = frequency_of(facts, answered(facts, 0.03, Answer.ABSENT))
    assert weak and sure and absent
    assert absent.of_hundred < weak.of_hundred < sure.of_hundred


@pytest.mark.parametrize("kind", ["other model", "other weights", "other rate", "nothing stored"])
def test_nothing_is_said_of_what_was_not_measured(facts: ModelFacts, kind: str) -> None:
    answer = answered(facts, 0.9, Answer.PRESENT)
    assert answer.model is not None
    other = replace(answer.model, files_sha256="0" * 64)
    asked, told = {
        "other model": (facts, replace(answer, model=other)),
        "other weights": (replace(facts, foreign=("test.json",)), answer),
        "other rate": (facts, replace(answer, error_rate=0.1)),
        "nothing stored": (replace(facts, films=()), answer),
    }[kind]
    assert frequency_of(asked, told) is None


def test_too_few_films_say_nothing(facts: ModelFacts) -> None:
    few = replace(facts, films=(FilmAnswer("a", "viral", 0.9, "present"),) * (FEWEST - 1))
    said = frequency_of(few, answered(facts, 0.9, Answer.PRESENT))
    assert said is not None and not said.enough


def test_flagged_healthy_and_found_ill_are_those_of_the_stored_rates(facts: ModelFacts) -> None:
    """Specificity and sensitivity of test.json, which somebody else computed, say the same."""
    done, flagged, lead = operation_of(facts), flagged_in(facts), facts.lead
    assert done is not None and flagged is not None and lead is not None
    figures = lead.figures
    assert done.flagged_healthy.of_hundred == pytest.approx(
        100 - 100 * figures["specificity"].value
    )
    assert done.flagged_ill.of_hundred == pytest.approx(100 * figures["sensitivity"].value)
    assert facts.split is not None and flagged.films == facts.split.answers["present"]
    assert operation_of(replace(facts, unstamped=("test.csv",))) is None
