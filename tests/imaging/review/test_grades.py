"""A grade is told with the grades beside it, and not where nothing is promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imaging.entities import Answer, Assessment, Status
from imaging.export import wording
from imaging.review.grades import grade_answer
from imaging.store.schema.json_codec import assessment_from_json, assessment_to_json
from models.inference.assessments import without_promises
from tests.imaging.export_cases import NOW


def graded(*probabilities: float) -> Assessment:
    """An answer with these probabilities of the grades 0 to 4."""
    pairs = tuple((f"kl{i}", p) for i, p in enumerate(probabilities))
    answer = Assessment("1.2.3", Status.OK, answer=Answer.PRESENT, probabilities=pairs)
    return replace(answer, grades="Kellgren-Lawrence grade")


@pytest.mark.parametrize(
    ("probabilities", "line"),
    [
        (
            (0.01, 0.03, 0.3, 0.61, 0.05),
            "Kellgren-Lawrence grade 3 (of 0 to 4): 61%; grade 2: 30%; grade 4: 5%",
        ),
        ((0.7, 0.2, 0.1, 0, 0), "Kellgren-Lawrence grade 0 (of 0 to 4): 70%; grade 1: 20%"),
        ((0, 0, 0.001, 0.002, 0.997), "Kellgren-Lawrence grade 4 (of 0 to 4): >99%; grade 3: <1%"),
    ],
)
def test_a_grade_never_stands_alone(probabilities: tuple[float, ...], line: str) -> None:
    given = grade_answer(graded(*probabilities))
    assert given is not None and wording.grade_line(given) == line


def test_classes_that_are_no_grades_give_none() -> None:
    some = graded(0.1, 0.2, 0.4, 0.2, 0.1)
    assert grade_answer(replace(some, grades="")) is None
    assert grade_answer(replace(some, probabilities=())) is None
    assert grade_answer(replace(some, answer=None)) is None  # exploratory: nothing is answered


def test_the_name_of_a_grade_without_a_number_is_told_as_it_is() -> None:
    pairs = (("mild", 0.2), ("severe", 0.8))
    given = grade_answer(replace(graded(), probabilities=pairs))
    assert given and (given.grade, given.lowest, given.neighbours) == (
        "severe",
        "mild",
        (("mild", 0.2),),
    )


def test_the_scale_survives_the_store_and_is_missing_in_older_records() -> None:
    one = graded(0.1, 0.2, 0.4, 0.2, 0.1)
    values = assessment_to_json(one)
    assert assessment_from_json(values, NOW) == replace(one, created_at=NOW)
    del values["grades"]
    assert assessment_from_json(values, NOW).grades == ""


def test_an_image_of_which_nothing_is_promised_has_no_grade() -> None:
    assert grade_answer(without_promises(graded(0.1, 0.2, 0.4, 0.2, 0.1))) is None
