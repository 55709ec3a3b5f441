"""Two networks answered films of one study: what a doctor must decide, and where the study stands.

A chest and a knee of the same patient; each film with its own network, finding and threshold.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status
from imaging.review import drafting
from imaging.review.answers import answer_about, speaking
from imaging.review.drafting import draft
from imaging.review.records import Account, Call
from imaging.store.schema import json_codec
from imaging.worklist.order import (
    ReadingOrder,
    Standing,
    level_of,
    most_urgent,
    worklist_item,
)
from tests.models.inference.test_next_steps import FILM

NOW = datetime(2026, 11, 30, tzinfo=UTC)
TB = ModelIdentity("adult-tb", "0.1.0", "a" * 64, "b" * 64)
KNEE = ModelIdentity("knee-kl", "0.1.0", "c" * 64, "d" * 64)
ORDER = ReadingOrder(levels=(("osteoarthritis", 0), ("tuberculosis", 3)))


def answer(
    film: str,
    model: ModelIdentity,
    code: str,
    probability: float,
    *,
    said: Answer | None = None,
    status: Status = Status.OK,
) -> Assessment:
    finding = Finding(code, code.title(), probability, 0.5)
    says = said or (Answer.PRESENT if finding.positive else Answer.ABSENT)
    return Assessment(film, status, model, (finding,), (), NOW, says, (says.value,), 0.05)


def both(tb: float = 0.8, knee: float = 0.97) -> list[Assessment]:
    return [answer("1", KNEE, "osteoarthritis", knee), answer("2", TB, "tuberculosis", tb)]


def row_of(answers: list[Assessment], order: ReadingOrder = ORDER) -> dict[str, object]:
    item = worklist_item(Standing("s", NOW, FILM, len(answers), latest=tuple(answers)), order)
    assert item.model is not None and item.finding is not None
    return {
        "finding": item.finding.code,
        "model": item.model.name,
        "level": level_of(item.priority),
        "point": item.finding.operating_point,
    }


@pytest.mark.parametrize("turned", [False, True])
def test_the_more_urgent_of_two_networks_is_what_a_row_shows(turned: bool) -> None:
    """The knee is surer; tuberculosis is what the site wants first."""
    answers = both()[:: -1 if turned else 1]
    shown = row_of(answers)
    assert (shown["finding"], shown["model"], shown["level"]) == ("tuberculosis", "adult-tb", 3)
    assert row_of(answers, ReadingOrder())["finding"] == "osteoarthritis", "alike: the surer one"
    lead = most_urgent(answers, ORDER)
    assert lead is not None and lead.sop_instance_uid == "2"


def test_an_unsure_urgent_answer_goes_before_a_sure_routine_one() -> None:
    unsure = answer("2", TB, "tuberculosis", 0.4, said=Answer.UNSURE)
    assert row_of([both()[0], unsure])["finding"] == "tuberculosis"


def test_every_networks_finding_must_be_decided_before_a_signature() -> None:
    """Would fail if only the film that leads were asked about."""
    answers = both()
    assert [f.code for f in drafting.list_undecided(None, answers)] == [
        "osteoarthritis",
        "tuberculosis",
    ]
    review = draft("s", None, Account("anna", "Dr A"))
    said = answer_about(answers, "osteoarthritis")
    assert said is not None and said.model == KNEE
    review = drafting.decide(review, said.findings[0], said.answer, True)
    assert [f.code for f in drafting.list_undecided(review, answers)] == ["tuberculosis"]
    tb = answer_about(answers, "tuberculosis")
    assert tb is not None and tb.model == TB
    review = drafting.decide(review, tb.findings[0], tb.answer, False)
    assert not drafting.list_undecided(review, answers)
    assert [f.call for f in review.findings] == [Call.ACCEPTED, Call.OVERRULED]


def test_each_network_drafts_its_own_finding() -> None:
    """One that has a reason to be careful silences itself, not the other."""
    codes = [f.code for f in drafting.drafted(both())]
    assert codes == ["osteoarthritis", "tuberculosis"]
    careful = [replace(both()[0], status=Status.WARNED), both()[1]]
    assert [f.code for f in drafting.drafted(careful)] == ["tuberculosis"]


def test_of_two_knees_the_one_with_the_finding_speaks() -> None:
    right = answer("1", KNEE, "osteoarthritis", 0.1)
    left = answer("2", KNEE, "osteoarthritis", 0.9)
    (said,) = speaking([right, left])
    assert said.sop_instance_uid == "2" and said.answer is Answer.PRESENT


def test_a_normal_knee_says_nothing_of_the_lungs() -> None:
    calm = [answer("1", KNEE, "osteoarthritis", 0.02)]
    review = drafting.call_normal(
        draft("s", None, Account("anna", "Dr A")), [calm[0].findings[0]], calm, ()
    )
    assert [(f.code, f.present) for f in review.findings] == [("osteoarthritis", False)]


def test_why_a_network_was_chosen_is_kept() -> None:
    one = replace(both()[0], choice="adult-other could read this image, too.")
    again = json_codec.assessment_from_json(json_codec.assessment_to_json(one), NOW)
    assert again == one and again.remarks == (one.choice,) and again.status is Status.OK
    values = json_codec.assessment_to_json(one)
    values.pop("choice")  # as records of before have it
    assert json_codec.assessment_from_json(values, NOW).choice == ""
