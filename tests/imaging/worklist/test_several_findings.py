"""A film with several findings stands in the worklist, and in every table, by the urgent one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status
from imaging.export import wording
from imaging.export.batch.rows import result_row
from imaging.review import drafting, second_look
from imaging.review.records import Account
from imaging.store.schema.json_codec import assessment_from_json, assessment_to_json
from imaging.worklist.order import (
    RAISED,
    ReadingOrder,
    leading,
    signals,
    urgency,
    urgent_finding,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def several(nodule: Answer, fluid: Answer, *, uid: str = "1.2") -> Assessment:
    """An assessment whose two findings have answers of their own."""
    chance = {Answer.PRESENT: 0.9, Answer.UNSURE: 0.3, Answer.ABSENT: 0.05}
    sets = {Answer.PRESENT: ("present",), Answer.UNSURE: ("present", "absent")}
    findings = tuple(
        Finding(code, code.title(), chance[a], 0.5, False, a, sets.get(a, ("absent",)))
        for code, a in (("nodule", nodule), ("fluid", fluid))
    )
    given = Assessment(
        uid, Status.OK, ModelIdentity("m", "1", "0" * 64), findings, (), NOW, error_rate=0.05
    )
    lead = given.primary
    assert lead is not None
    return replace(given, answer=lead.answer, conformal_set=lead.conformal_set)


def test_a_second_finding_raises_the_study_when_the_first_is_absent() -> None:
    one = several(Answer.ABSENT, Answer.PRESENT)
    assert urgency(signals([one]), ReadingOrder()) == RAISED
    found = urgent_finding(one, ReadingOrder())
    assert found is not None and found.code == "fluid" and one.answer_to(found) is Answer.PRESENT


def test_unsure_of_the_second_finding_alone_raises_too() -> None:
    one = several(Answer.ABSENT, Answer.UNSURE)
    assert ("fluid", Answer.UNSURE) in signals([one])
    assert urgency(signals([one]), ReadingOrder()) == RAISED - 1


def test_the_site_decides_which_finding_is_read_first() -> None:
    both, order = several(Answer.PRESENT, Answer.PRESENT), ReadingOrder(levels=(("fluid", 3),))
    first, urgent = urgent_finding(both, ReadingOrder()), urgent_finding(both, order)
    assert first is not None and first.code == "nodule"
    assert urgent is not None and urgent.code == "fluid"
    assert urgency(signals([both]), order) == 6


def test_the_film_with_a_finding_speaks_for_the_study() -> None:
    nothing = several(Answer.UNSURE, Answer.ABSENT, uid="1")
    fluid = several(Answer.ABSENT, Answer.PRESENT, uid="2")
    assert leading([nothing, fluid]) is fluid


@pytest.mark.parametrize(
    ("nodule", "fluid", "said", "answer"),
    [
        (Answer.PRESENT, Answer.PRESENT, "nodule; fluid", "present"),
        (Answer.ABSENT, Answer.PRESENT, "fluid", "present"),
        (Answer.ABSENT, Answer.UNSURE, "no nodule or fluid seen", "unsure"),
        (Answer.ABSENT, Answer.ABSENT, "no nodule or fluid seen", "absent"),
    ],
)
def test_a_row_names_every_finding_that_is_seen(
    nodule: Answer, fluid: Answer, said: str, answer: str
) -> None:
    row = result_row("film.dcm", several(nodule, fluid), None, selection="")
    assert (row.finding, row.answer) == (said, answer)


def test_answers_of_each_finding_survive_the_store() -> None:
    one = several(Answer.ABSENT, Answer.UNSURE)
    assert assessment_from_json(assessment_to_json(one), NOW) == one
    old = assessment_to_json(one)
    for values in old["findings"]:
        del values["answer"], values["conformal_set"]
    assert assessment_from_json(old, NOW).findings[1].answer is None


def test_each_finding_is_explained_by_its_own_sets() -> None:
    one = several(Answer.ABSENT, Answer.UNSURE)
    absent, unsure = (wording.certainty_template(one.about(f)) for f in one.findings)
    assert absent and unsure and absent != unsure


def test_a_draft_needs_every_finding_to_be_sure() -> None:
    """What is drafted is each finding's own answer, not that of the one that leads."""
    both = drafting.drafted([several(Answer.ABSENT, Answer.PRESENT)])
    assert {f.code: f.present for f in both} == {"nodule": False, "fluid": True}
    assert drafting.drafted([several(Answer.ABSENT, Answer.UNSURE)]) == ()


def test_a_second_finding_is_looked_at_twice_too() -> None:
    """A signature against a sure answer is asked about, whichever finding that is."""
    sure = several(Answer.PRESENT, Answer.PRESENT)
    review = drafting.decide_unaided(
        drafting.draft("1", None, Account("a", "Dr A")), "nodule", True
    )
    review = drafting.decide_unaided(review, "fluid", False)
    found = second_look.find_contradiction(review, [sure], lambda _model: 0.8)
    assert found is not None and found.code == "fluid"
