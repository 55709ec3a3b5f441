"""AI off: nothing of a study tells an answer, whatever is asked, and nothing is lost. Events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status
from imaging.review.events import AiScope, Moment, in_order
from imaging.review.records import AuditEvent, Call, ReadFinding, Review, Stage
from imaging.store import Repository
from imaging.store.access.sessions import hearing_no_ai
from imaging.store.schema.tables import ReadingEventTable
from imaging.worklist.query import Replied, WorklistQuery
from tests.imaging.store.test_audit import SHA256, film
from tests.stored import outcome_of, store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RAISED, CALM = "1.7.3", "1.2.3"
PLANTED = Assessment(
    "1.7.5",
    Status.WARNED,
    ModelIdentity("planted", "1", SHA256),
    findings=(Finding("pneumonia", "PLANTED finding", 0.987, 0.5),),
    messages=("PLANTED reason.",),
    answer=Answer.PRESENT,
    disagreement=0.123,
    probabilities=(("PLANTED class", 0.987),),
    engine="PLANTED engine",
)
TOLD = ("PLANTED", "planted", "0.987", "0.123", "Answer.PRESENT")


@pytest.fixture
def repository(tmp_path: Path, database: str) -> Iterator[Repository]:
    """A calm study, and one that came later and was raised."""
    opened = Repository.open(tmp_path / "home", database)
    store(opened, outcome_of(film()), account="anna")
    later = film("1.7.5", RAISED, "ef" * 32)
    store(opened, outcome_of(later, PLANTED), account="anna")
    yield opened
    opened.close()


@contextmanager
def switched(repository: Repository, scope: AiScope) -> Iterator[None]:
    """AI off in that way; with the study's switch for the study that was raised."""
    reading = repository.reading
    if scope is AiScope.ACCOUNT:
        with hearing_no_ai(True):
            yield
        return
    turn: Callable[[bool], None] = (
        (lambda off: reading.switch_study(RAISED, off=off, account="anna"))
        if scope is AiScope.STUDY
        else (lambda off: reading.switch_site(off=off, account="boss"))
    )
    turn(True)
    yield
    turn(False)


@pytest.mark.parametrize("scope", list(AiScope))
def test_nothing_tells_an_answer_and_all_of_it_comes_back(
    repository: Repository, scope: AiScope
) -> None:
    whole, first = repository.studies.get(RAISED), repository.worklist.page()
    assert any(word in repr(whole) for word in TOLD)
    assert [i.study_instance_uid for i in first.items] == [RAISED, CALM], "it was raised"
    with switched(repository, scope):
        record = repository.studies.get(RAISED)
        page = repository.worklist.page()
        given = [record, page, repository.worklist.next_unread()]
        given += [repository.worklist.previous(before=RAISED)]
        given += [repository.worklist.page(WorklistQuery(words="planted"))]
        assert not [word for word in TOLD if word in repr(given)]
        assert record.ai_off is scope and record.instances == whole.instances
        order = [item.study_instance_uid for item in page.items]
        assert order == [CALM, RAISED] == list(repository.worklist.study_uids())
        assert all(item.priority == 0 for item in page.items)
        following = repository.worklist.next_unread()
        assert following is not None and following.study_instance_uid == CALM
        for query in (WorklistQuery(urgency=1), WorklistQuery(answer=Replied.PRESENT)):
            found = repository.worklist.page(query).items
            told = scope is not AiScope.STUDY  # of the others the filter may tell
            assert len(found) == (2 if told else 0)
    assert repository.studies.get(RAISED) == whole and repository.worklist.page() == first


def test_a_version_knows_that_ai_was_off(repository: Repository) -> None:
    review = Review(RAISED, 0, Stage.DRAFT, "anna", "Dr A", NOW)
    assert not repository.reviews.add(review).ai_off
    with switched(repository, AiScope.ACCOUNT):
        assert repository.reviews.add(replace(review, version=1)).ai_off
    newest = repository.studies.get(RAISED).review
    assert newest is not None and newest.ai_off


def test_who_switched_it_and_when_stands_in_the_trail(repository: Repository) -> None:
    for scope in (AiScope.STUDY, AiScope.SITE):
        with switched(repository, scope):
            pass
    lines = [e for e in repository.audit.entries() if e.deed is AuditEvent.AI]
    assert [(e.account, e.study_instance_uid, e.detail) for e in lines] == [
        ("anna", RAISED, "off for the study"),
        ("anna", RAISED, "on for the study"),
        ("boss", "", "off for the site"),
        ("boss", "", "on for the site"),
    ]
    kinds = [event.kind for event in repository.reading.of_study(RAISED)]
    assert kinds == [Moment.AI_OFF, Moment.AI_ON]
    assert repository.audit.verify().intact


def test_the_first_time_counts_and_stands_in_order(repository: Repository) -> None:
    reading = repository.reading
    reading.note_seen([RAISED, CALM, "9.9"], Moment.ANSWER, {"where": "list"}, account="anna")
    reading.note_seen([RAISED], Moment.ANSWER, {"where": "review"}, account="anna")
    reading.note_seen([RAISED], Moment.ANSWER, {"where": "review"}, account="ben")
    stated = ReadFinding("pneumonia", True, Call.ACCEPTED)
    review = Review(RAISED, 0, Stage.FINAL, "anna", "Dr A", NOW, findings=(stated,))
    repository.reviews.add(review)
    reading.note_seen([RAISED], Moment.MAP, {}, account="anna")
    events = reading.of_study(RAISED)
    assert [(e.account, e.detail.get("where")) for e in events] == [
        ("anna", "list"),
        ("ben", "review"),
        ("anna", None),
    ]
    happened = in_order(repository.studies.get(RAISED).reviews, events, ())
    assert [bool(one.review) for one in happened] == [False, False, True, False]
    assert all(one.at.utcoffset() == timedelta(0) for one in happened)


def test_a_moved_event_is_found(repository: Repository) -> None:
    """As if the answer had been seen a day before the reader's own word, or after it."""
    repository.reading.note_seen([RAISED], Moment.ANSWER, {}, account="anna")
    assert repository.audit.verify().intact
    with repository._database.engine.begin() as connection:
        connection.execute(update(ReadingEventTable).values(at=NOW))
    verdict = repository.audit.verify()
    assert not verdict.intact and "reading of study 1.7.3" in " ".join(verdict.faults)


def test_a_deleted_study_takes_its_events_along(repository: Repository) -> None:
    repository.reading.note_seen([RAISED], Moment.ANSWER, {}, account="anna")
    repository.studies.delete(RAISED, account="anna", reason="a test film")
    assert repository.reading.of_study(RAISED) == () and repository.audit.verify().intact
