"""What became of answers here: no study twice, no patient twice, and who had seen what by when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status
from imaging.review.agreement import Share
from imaging.review.events import Moment, ReadingEvent
from imaging.review.records import Call, ReadFinding, Review, Stage, Truth
from imaging.review.signed import SignedStudy, count_following, count_signed, decided_at

START = datetime(2026, 11, 1, tzinfo=UTC)
MODEL = ModelIdentity("net", "1", "ab" * 32)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def answer(
    probability: float = 0.9, *, film: str = "f", minutes: float = 0, point: float = 0.5
) -> Assessment:
    said = Answer.PRESENT if probability >= point else Answer.ABSENT
    finding = Finding("pneumonia", "Pneumonia", probability, point)
    when = at(minutes)
    return Assessment(film, Status.OK, MODEL, (finding,), answer=said, created_at=when)


def review(version: int, present: bool, minutes: float, *, final: bool = True) -> Review:
    stated = ReadFinding("pneumonia", present, Call.UNAIDED)
    stage = Stage.FINAL if final else Stage.DRAFT
    return Review("s", version, stage, "anna", "Dr A", at(minutes), findings=(stated,))


def study(
    uid: str = "s",
    patient: str = "",
    *,
    answers: tuple[Assessment, ...] = (answer(),),
    reviews: tuple[Review, ...] = (review(1, True, 10),),
    seen: dict[Moment, float] | None = None,
    truth: bool | None = None,
) -> SignedStudy:
    events = tuple(ReadingEvent(uid, "anna", k, at(m)) for k, m in (seen or {}).items())
    truths = () if truth is None else (Truth(uid, "pneumonia", truth, "CT"),)
    return SignedStudy(uid, patient or uid, reviews, answers, events, truths)


def test_amendments_films_and_a_patients_further_studies_count_once() -> None:
    amended = (review(1, True, 10), review(2, False, 20, final=False), review(3, False, 30))
    films = (answer(0.7, film="a"), answer(0.9, film="b"), answer(0.8, film="a", minutes=5))
    cases = [
        study("1", "p1", reviews=amended, answers=films),
        study("2", "p1", answers=(answer(minutes=50),)),
        study("3", "p2"),
    ]
    (called,) = count_signed(cases, START)
    assert called.signed == Share(1, 2), "the amendment's word, and one study of each patient"
    assert (called.again, called.restated, called.operating_point) == (1, 0, 0.5)


def test_each_network_and_threshold_by_itself_and_only_lately() -> None:
    other = replace(MODEL, version="2")
    cases = [
        study("1"),
        study("2", answers=(answer(point=0.6),)),
        study("3", answers=(replace(answer(), model=other),)),
        study("4", answers=(answer(minutes=-60),)),
        study("5", answers=(answer(0.1),)),
        study("6", answers=(replace(answer(), answer=Answer.UNSURE),)),
    ]
    assert [called.signed.total for called in count_signed(cases, START)] == [1, 1, 1]


def test_what_is_signed_in_other_terms_is_told_and_not_counted() -> None:
    stated = ReadFinding("consolidation", True, Call.EDITED, replaces="pneumonia")
    restated = replace(review(1, True, 10), findings=(stated,))
    (called,) = count_signed([study("1", reviews=(restated,)), study("2")], START)
    assert called.signed == Share(1, 1) and called.restated == 1


def test_a_decision_is_made_when_the_signed_word_was_last_stated() -> None:
    versions = (
        review(1, True, 1, final=False),
        review(2, False, 2, final=False),
        review(3, True, 3, final=False),
        review(4, True, 4, final=False),
        review(5, True, 5),
    )
    assert decided_at(versions, versions[-1], "pneumonia") == at(3)
    assert decided_at(versions[-1:], versions[-1], "pneumonia") == at(5)


@pytest.mark.parametrize(
    ("seen", "truth", "expected"),
    [
        ({Moment.ANSWER: 1}, False, (Share(0, 0), Share(1, 1))),
        ({Moment.ANSWER: 1, Moment.MAP: 2}, False, (Share(1, 1), Share(0, 0))),
        ({Moment.ANSWER: 1, Moment.MAP: 11}, False, (Share(0, 0), Share(1, 1))),
        ({Moment.ANSWER: 11, Moment.MAP: 11}, False, (Share(0, 0), Share(0, 0))),
        ({}, False, (Share(0, 0), Share(0, 0))),
        ({Moment.ANSWER: 1}, True, (Share(0, 0), Share(0, 0))),
    ],
    ids=["no map", "map before", "map after", "answer after", "answer never", "answer right"],
)
def test_following_counts_what_was_on_the_screen_before_the_decision(
    seen: dict[Moment, float], truth: bool, expected: tuple[Share, Share]
) -> None:
    following = count_following([study(seen=seen, truth=truth)])
    assert (following.with_map, following.without_map) == expected


def test_a_wrong_answer_that_was_overruled_is_a_case_and_not_followed() -> None:
    case = study(seen={Moment.ANSWER: 1}, truth=False, reviews=(review(1, False, 10),))
    assert count_following([case]).without_map == Share(0, 1)


def test_the_answer_of_then_counts_not_a_later_one() -> None:
    later = answer(0.1, minutes=60)
    case = study(seen={Moment.ANSWER: 1}, truth=False, answers=(answer(), later))
    assert count_following([case]).without_map == Share(1, 1)


def test_an_interval_is_never_certain() -> None:
    assert Share(0, 0).interval is None
    low, high = Share(30, 30).interval or (0, 0)
    assert 0.88 < low < 0.89 and high == pytest.approx(1.0)
    low, high = Share(15, 30).interval or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.332, 0.668)
