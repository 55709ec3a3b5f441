"""The limit of the second look: chosen on validation films, at most 3 of 100 signatures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from imaging.entities import Answer, Assessment, Finding, Status
from imaging.settings import ROOT
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import CARD, EVALUATION
from models.checkpoint.second_look import SECOND_LOOK, read_sure_from
from models.evaluation.second_look import (
    AT_MOST,
    USUAL_ERROR,
    Reading,
    asked_share,
    choose,
    figures,
    read_answers,
)

SHIPPED = ROOT / "models/weights/paediatric-cxr"


def reading(probability: float, present: bool) -> Reading:
    answer = Answer.PRESENT if probability >= 0.5 else Answer.ABSENT
    finding = Finding("pneumonia", "Pneumonia", probability, 0.5)
    said = Assessment("1", Status.OK, findings=(finding,), answer=answer, error_rate=0.05)
    return Reading(said, present)


def test_who_is_right_is_asked_by_wrong_answers_alone() -> None:
    films = [reading(0.99, True), reading(0.99, False), reading(0.02, False), reading(0.6, True)]
    assert asked_share(films, 0.97, 0.0) == (0.25, 0.0)
    share, right = asked_share(films, 0.97, 1.0)
    assert (share, right) == (0.5, 0.5), "who is always wrong, by the two sure right ones"


def test_the_limit_keeps_questions_rare_and_is_the_lowest_that_does() -> None:
    films = [reading(0.5 + n / 2000, True) for n in range(1000)]
    limit = choose(films)
    assert limit is not None
    assert asked_share(films, limit, USUAL_ERROR)[0] <= AT_MOST
    assert asked_share(films, limit - 0.001, USUAL_ERROR)[0] > AT_MOST
    assert choose([reading(1.0, False)]) is None, "where the surest answers are wrong"


def test_a_limit_of_other_weights_or_a_broken_file_asks_nothing(tmp_path: Path) -> None:
    (tmp_path / EVALUATION).mkdir()
    file = tmp_path / EVALUATION / SECOND_LOOK
    assert read_sure_from(tmp_path, "a") is None
    for text in ("{", "[]", '{"sure_from": 0.9}', '{"sure_from": 0.2, "weights_sha256": "a"}'):
        file.write_text(text)
        assert read_sure_from(tmp_path, "a") is None
    file.write_text(json.dumps({"sure_from": 0.9, "weights_sha256": "a"}))
    assert read_sure_from(tmp_path, "a") == 0.9 and read_sure_from(tmp_path, "b") is None


def test_the_shipped_limit_is_what_the_stored_validation_answers_give() -> None:
    """No test film among them, and nothing typed."""
    card = ModelCard.read(SHIPPED / CARD)
    table = SHIPPED / EVALUATION / "val.csv"
    films = read_answers(table, card)
    stored = json.loads((SHIPPED / EVALUATION / SECOND_LOOK).read_text())
    limit = read_sure_from(SHIPPED, card.weights_sha256)
    assert limit is not None and limit == stored["sure_from"] == choose(films)
    assert stored["readers"] == figures(films, limit)["readers"] and stored["split"] == "val"
    with table.open() as one, (SHIPPED / EVALUATION / "test.csv").open() as other:
        chosen_on, tested = ({row["file"] for row in csv.DictReader(f)} for f in (one, other))
    assert len(films) == len(chosen_on) and not chosen_on & tested


@pytest.mark.parametrize("split", ["val", "test"])
def test_at_most_3_of_100_signatures_are_asked_about(split: str) -> None:
    card = ModelCard.read(SHIPPED / CARD)
    films = read_answers(SHIPPED / EVALUATION / f"{split}.csv", card)
    limit = read_sure_from(SHIPPED, card.weights_sha256)
    assert limit is not None
    share, right = asked_share(films, limit, USUAL_ERROR)
    assert share <= AT_MOST and right > share / 2, "and most of them are right to ask"
