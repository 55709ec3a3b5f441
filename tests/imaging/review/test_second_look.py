"""Which answer is held against a signature: sure, in scope, firm, and the opposite of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from imaging.entities import Answer, Assessment, Finding, Status
from imaging.review.records import Call, ReadFinding, Review, Stage
from imaging.review.second_look import find_contradiction

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


def test_a_sure_answer_against_the_finding_is_found() -> None:
    found = find_contradiction(review(False), SURE, 0.97)
    assert found is not None and (found.stated, found.probability) == (False, 0.98)
    assert find_contradiction(review(True), SURE, 0.97) is None, "they agree"


def test_so_is_one_that_sees_nothing() -> None:
    finding = replace(SURE.findings[0], probability=0.02)
    calm = replace(SURE, findings=(finding,), answer=Answer.ABSENT)
    assert find_contradiction(review(True), calm, 0.97) is not None
    assert find_contradiction(review(True), calm, 0.99) is None, "not sure enough"


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
    assert find_contradiction(review(False), replace(SURE, **change), 0.97) is None


def test_nothing_is_asked_without_a_limit_or_a_statement() -> None:
    assert find_contradiction(review(False), SURE, None) is None
    assert find_contradiction(replace(review(False), findings=()), SURE, 0.97) is None
    assert find_contradiction(review(False, Call.EDITED), SURE, 0.97) is None
    assert find_contradiction(review(False), None, 0.97) is None
