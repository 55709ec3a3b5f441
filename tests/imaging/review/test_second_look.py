"""Which answer is held against a signature: sure, in scope, firm, and the opposite of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status
from imaging.review.records import Call, ReadFinding, Review, Side, Stage
from imaging.review.second_look import Contradiction, find_contradiction

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SURE = Assessment(
    "1.2",
    Status.OK,
    findings=(Finding("pneumonia", "Pneumonia", 0.98, 0.46),),
    answer=Answer.PRESENT,
    error_rate=0.05,
)


def review(present: bool, call: Call = Call.OVERRULED) -> Review:
    stated = ReadFinding("pneumonia", present, call)
    return Review("1", 1, Stage.DRAFT, "anna", "Dr A", NOW, findings=(stated,))


def contradiction(
    stated: Review, answer: Assessment | None, limit: float | None
) -> Contradiction | None:
    """Of a study with one film."""
    return find_contradiction(stated, [answer], lambda _model: limit)


def test_a_sure_answer_against_the_finding_is_found() -> None:
    found = contradiction(review(False), SURE, 0.97)
    assert found is not None and (found.stated, found.probability) == (False, 0.98)
    assert contradiction(review(True), SURE, 0.97) is None, "they agree"


def test_so_is_one_that_sees_nothing() -> None:
    finding = replace(SURE.findings[0], probability=0.02)
    calm = replace(SURE, findings=(finding,), answer=Answer.ABSENT)
    assert contradiction(review(True), calm, 0.97) is not None
    assert contradiction(review(True), calm, 0.99) is None, "not sure enough"


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.WARNED},
        {"answer": Answer.UNSURE},
        {"answer": None},
        {"error_rate": None},
        {"findings": (replace(SURE.findings[0], probability=0.9),)},
        {"findings": (replace(SURE.findings[0], exploratory=True),)},
        {"findings": ()},
    ],
    ids=["caution", "unsure", "older", "uncalibrated", "weak", "exploratory", "refused"],
)
def test_no_other_answer_asks(change: dict[str, Any]) -> None:
    assert contradiction(review(False), replace(SURE, **change), 0.97) is None


def test_nothing_is_asked_without_a_limit_or_a_statement() -> None:
    assert contradiction(review(False), SURE, None) is None
    assert contradiction(replace(review(False), findings=()), SURE, 0.97) is None
    assert contradiction(review(False, Call.EDITED), SURE, 0.97) is None
    assert contradiction(review(False), None, 0.97) is None


def test_every_network_has_its_own_limit_and_its_own_finding() -> None:
    """Two networks answered films of one study; the second one's answer is contradicted."""
    one, other = (ModelIdentity(name, "1", "0") for name in ("adult-tb", "knee-kl"))
    knee = Finding("osteoarthritis", "Osteoarthritis", 0.99, 0.5)
    chest = replace(SURE, model=one)
    both = [chest, replace(SURE, sop_instance_uid="1.3", model=other, findings=(knee,))]
    agreed = ReadFinding("pneumonia", True, Call.ACCEPTED)
    against = ReadFinding("osteoarthritis", False, Call.OVERRULED)
    stated = replace(review(True), findings=(agreed, against))
    limits: dict[ModelIdentity | None, float | None] = {one: 0.9, other: 0.95}
    found = find_contradiction(stated, both, limits.get)
    assert found is not None and (found.code, found.probability) == ("osteoarthritis", 0.99)
    limits[other] = None
    assert find_contradiction(stated, both, limits.get) is None, "that network has no limit"


KNEE = replace(SURE, findings=(Finding("osteoarthritis", "Osteoarthritis", 0.98, 0.4),))
CALM = replace(
    KNEE,
    sop_instance_uid="1.3",
    findings=(replace(KNEE.findings[0], probability=0.01),),
    answer=Answer.ABSENT,
)
KNEES = {"1.2": Side.RIGHT, "1.3": Side.LEFT}


@pytest.mark.parametrize(
    ("present", "side", "asks"),
    [
        (True, Side.RIGHT, None),
        (True, None, None),
        (True, Side.LEFT, (False, Side.RIGHT)),  # right and left mixed up
        (True, Side.BOTH, (True, Side.LEFT)),
        (False, None, (False, None)),
    ],
)
def test_a_statement_of_one_knee_is_held_against_the_answer_about_that_knee(
    present: bool, side: Side | None, asks: tuple[bool, Side | None] | None
) -> None:
    stated = ReadFinding("osteoarthritis", present, Call.ACCEPTED, side=side)
    signed = replace(review(True), findings=(stated,))
    found = find_contradiction(signed, [None, KNEE, CALM], lambda _model: 0.97, KNEES)
    assert (found and (found.stated, found.side)) == asks
