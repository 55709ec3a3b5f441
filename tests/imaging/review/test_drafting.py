"""Working on a review: decisions, restatements, undo, and what a signature needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status
from imaging.review import drafting
from imaging.review.records import Account, Annotation, Call, Review, Shape, Stage, Trial

READER = Account("ada", "Dr Ada")
PNEUMONIA = Finding("pneumonia", "Pneumonia", 0.9, 0.5)
VIRAL = Finding("viral", "Viral pattern", 0.7, 0.5, exploratory=True)
LEAD = Assessment("1.2", Status.OK, findings=(PNEUMONIA, VIRAL), answer=Answer.PRESENT)


def empty() -> Review:
    return drafting.draft("1", None, READER)


def stored(*drafts: Review) -> list[Review]:
    """What the repository would hold after these were appended in turn."""
    now = datetime.now(UTC)
    return [replace(d, version=i, created_at=now) for i, d in enumerate(drafts, start=1)]


@pytest.mark.parametrize(
    ("answer", "present", "call"),
    [
        (Answer.PRESENT, True, Call.ACCEPTED),
        (Answer.PRESENT, False, Call.OVERRULED),
        (Answer.ABSENT, False, Call.ACCEPTED),
        (Answer.ABSENT, True, Call.OVERRULED),
        (Answer.UNSURE, True, Call.UNAIDED),
        (Answer.UNSURE, False, Call.UNAIDED),
    ],
)
def test_a_decision_is_told_by_the_networks_answer(
    answer: Answer, present: bool, call: Call
) -> None:
    decided = drafting.decide(empty(), PNEUMONIA, answer, present)
    assert [(f.call, f.present) for f in decided.findings] == [(call, present)]


def test_changing_ones_mind_keeps_the_note_and_the_place() -> None:
    review = drafting.add(drafting.decide(empty(), PNEUMONIA, Answer.PRESENT, True), "effusion")
    review = drafting.remark(review, "pneumonia", " left base ")
    review = drafting.decide(review, PNEUMONIA, Answer.PRESENT, False)
    assert [f.code for f in review.findings] == ["pneumonia", "effusion"]
    assert review.findings[0].note == "left base" and review.findings[0].call is Call.OVERRULED


def test_a_restated_finding_still_answers_the_networks() -> None:
    review = drafting.restate(empty(), "pneumonia", "consolidation")
    (found,) = review.findings
    assert (found.code, found.replaces, found.call) == ("consolidation", "pneumonia", Call.EDITED)
    assert not drafting.list_undecided(review, LEAD)
    again = drafting.restate(review, "pneumonia", "atelectasis")
    assert [(f.code, f.replaces) for f in again.findings] == [("atelectasis", "pneumonia")]


def test_only_firm_findings_must_be_decided() -> None:
    assert drafting.list_undecided(None, LEAD) == (PNEUMONIA,)
    assert not drafting.list_undecided(
        drafting.decide(empty(), PNEUMONIA, Answer.PRESENT, True), LEAD
    )
    assert not drafting.list_undecided(None, None)


def test_a_region_belongs_to_the_finding_it_names() -> None:
    review = drafting.decide(empty(), PNEUMONIA, Answer.PRESENT, True)
    square = ((1.0, 1.0), (9.0, 1.0), (9.0, 9.0))
    region = Annotation("a", "1.2", Shape.REGION, square, finding="pneumonia")
    other = Annotation("b", "1.2", Shape.REGION, square)
    marked = drafting.mark(review, [region, other], [])
    assert marked.findings[0].regions == ("a",) and len(marked.annotations) == 2
    assert drafting.mark(marked, [other], []).findings[0].regions == ()


def test_undo_walks_back_to_the_empty_review_and_no_further() -> None:
    one = drafting.add(empty(), "effusion")
    two = drafting.add(one, "nodule")
    reviews = stored(one, two)
    for expected in (["effusion"], []):
        back = drafting.undo(reviews, READER)
        assert back is not None and [f.code for f in back.findings] == expected
        assert back.version == reviews[-1].version
        reviews.append(replace(back, version=back.version + 1))
    assert drafting.undo(reviews, READER) is None


def test_a_change_after_an_undo_is_undone_first() -> None:
    one, two = drafting.add(empty(), "effusion"), drafting.add(empty(), "nodule")
    reviews = stored(one, two)
    back = drafting.undo(reviews, READER)
    assert back is not None
    reviews.append(replace(back, version=3))
    reviews.append(replace(drafting.add(back, "mass"), version=4, restores=None))
    again = drafting.undo(reviews, READER)
    assert again is not None and [f.code for f in again.findings] == ["effusion"]


def test_undo_stops_at_a_signature() -> None:
    signed = drafting.sign(drafting.add(empty(), "effusion"), Stage.FINAL)
    reviews = stored(signed)
    assert drafting.undo(reviews, READER) is None
    reviews = stored(signed, drafting.add(drafting.draft("1", signed, READER), "mass"))
    back = drafting.undo(reviews, READER)
    assert back is not None and drafting.same_content(back, signed)
    assert back.stage is Stage.DRAFT and drafting.undo([*reviews, back], READER) is None


def test_a_draft_is_no_signature() -> None:
    with pytest.raises(ValueError, match="draft"):
        drafting.sign(empty(), Stage.DRAFT)


def test_a_trial_of_the_eraser_is_content_and_can_be_undone() -> None:
    trial = Trial(
        sop_instance_uid="1.2.5",
        regions=("right_lower",),
        fill="blur",
        kept=False,
        code="pneumonia",
        before=0.97,
        after=0.31,
        answer_before=Answer.PRESENT,
        answer_after=Answer.UNSURE,
        model=ModelIdentity("net", "1", "0" * 64),
        at=datetime.now(UTC),
    )
    tried = drafting.try_out(empty(), trial)
    assert tried.trials == (trial,) and not drafting.same_content(tried, empty())
    back = drafting.undo(stored(tried), READER)
    assert back is not None and back.trials == ()
