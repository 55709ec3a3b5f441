"""Working on a review: decisions, restatements, undo, and what a signature needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status
from imaging.review import drafting
from imaging.review.records import (
    Account,
    Annotation,
    Call,
    Compared,
    Course,
    Review,
    Shape,
    Side,
    Site,
    Stage,
    Trial,
)

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


@pytest.mark.parametrize(
    ("answer", "present", "side"),
    [
        (Answer.PRESENT, True, Side.RIGHT),
        (Answer.PRESENT, False, None),
        (Answer.ABSENT, True, None),  # overruled: where, is the reader's to say
        (Answer.UNSURE, True, None),
    ],
)
def test_only_who_agrees_takes_the_side_over(
    answer: Answer, present: bool, side: Side | None
) -> None:
    knee = replace(PNEUMONIA, code="osteoarthritis")
    review = drafting.decide(empty(), knee, answer, present, Side.RIGHT)
    assert review.findings[0].side is side
    moved = drafting.locate(review, "osteoarthritis", Side.LEFT, ())
    again = drafting.decide(moved, knee, answer, present, Side.RIGHT)
    assert again.findings[0].side is (Side.LEFT if present else None), "the reader's word stays"


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
    assert not drafting.list_undecided(review, [LEAD])
    again = drafting.restate(review, "pneumonia", "atelectasis")
    assert [(f.code, f.replaces) for f in again.findings] == [("atelectasis", "pneumonia")]


def test_only_firm_findings_must_be_decided() -> None:
    assert drafting.list_undecided(None, [LEAD]) == (PNEUMONIA,)
    assert not drafting.list_undecided(
        drafting.decide(empty(), PNEUMONIA, Answer.PRESENT, True), [LEAD]
    )
    assert not drafting.list_undecided(None, [None])


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


def present(code: str = "pneumonia") -> Review:
    return drafting.add(empty(), code)


def test_a_finding_has_a_side_and_zones_from_the_top() -> None:
    sites = (Site.LOWER_ZONE, Site.MIDDLE_ZONE)
    (found,) = drafting.locate(present(), "pneumonia", Side.RIGHT, sites).findings
    assert (found.side, found.sites) == (Side.RIGHT, (Site.MIDDLE_ZONE, Site.LOWER_ZONE))


@pytest.mark.parametrize(
    ("code", "side", "kept"),
    [
        ("pneumonia", Side.LEFT, (Side.LEFT, ())),  # the left lung has no middle lobe
        ("pneumonia", None, (None, ())),
        ("effusion", Side.RIGHT, (Side.RIGHT, ())),
        ("cardiomegaly", Side.RIGHT, (None, ())),
    ],
)
def test_no_place_is_kept_that_is_not_there(
    code: str, side: Side | None, kept: tuple[Side | None, tuple[Site, ...]]
) -> None:
    (found,) = drafting.locate(present(code), code, side, (Site.MIDDLE_LOBE,)).findings
    assert (found.side, found.sites) == kept


def test_what_is_absent_has_no_place_and_may_only_have_resolved() -> None:
    review = drafting.compare_with(present(), Compared("9", "20260910"))
    review = drafting.locate(review, "pneumonia", Side.RIGHT, (Site.LOWER_ZONE,))
    review = drafting.compare(review, "pneumonia", Course.WORSE)
    (absent,) = drafting.decide(review, PNEUMONIA, Answer.PRESENT, False).findings
    assert (absent.side, absent.sites, absent.course) == (None, (), None)
    gone = drafting.decide(review, PNEUMONIA, Answer.PRESENT, False)
    assert drafting.compare(gone, "pneumonia", Course.SAME).findings[0].course is None
    assert drafting.compare(gone, "pneumonia", Course.RESOLVED).findings[0].course is not None


def test_what_was_said_against_one_prior_is_not_said_of_another() -> None:
    review = drafting.compare_with(present(), Compared("9", "20260910"))
    review = drafting.compare(review, "pneumonia", Course.NEW)
    assert review.findings[0].course is Course.NEW
    assert drafting.compare_with(review, Compared("8", "20260101")).findings[0].course is None
    assert drafting.compare(present(), "pneumonia", Course.NEW).findings[0].course is None


def test_a_normal_study_is_stated_in_one_step() -> None:
    review = drafting.call_normal(empty(), (PNEUMONIA,), [replace(LEAD, answer=Answer.ABSENT)])
    assert {f.code for f in review.findings} >= {"pneumonia", "effusion", "pneumothorax"}
    assert not any(f.present for f in review.findings) and drafting.is_normal(review)
    assert review.findings[0].call is Call.ACCEPTED
    assert not drafting.is_normal(replace(review, note="but a nodule"))


def test_the_template_takes_no_finding_back() -> None:
    with pytest.raises(ValueError, match="not normal"):
        drafting.call_normal(present("nodule"), (PNEUMONIA,), [LEAD])


def test_a_draft_is_of_what_the_network_was_tested_for_alone() -> None:
    assert [(f.code, f.present) for f in drafting.drafted([LEAD])] == [("pneumonia", True)]
    doubtful = (
        replace(LEAD, answer=Answer.UNSURE),
        replace(LEAD, answer=Answer.UNSUITABLE),
        replace(LEAD, answer=None),
        replace(LEAD, status=Status.WARNED),
        replace(LEAD, status=Status.REFUSED),
        replace(LEAD, findings=(VIRAL,)),
        None,
    )
    assert not any(drafting.drafted([one]) for one in doubtful)
