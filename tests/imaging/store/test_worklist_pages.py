"""The worklist: the order of reading holds whatever the network says, and a page is a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert

from imaging.entities import (
    Acquisition,
    Answer,
    Assessment,
    Finding,
    ModelIdentity,
    Status,
)
from imaging.review.records import AuditEvent, Stage
from imaging.store import Repository
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    AssessmentTable,
    InstanceTable,
    ReviewTable,
    StudyTable,
    WorklistTable,
)
from imaging.store.worklist_rows import fill_worklist, refresh_worklist
from imaging.worklist.order import RAISED, ROUTINE, UNSURE, ReadingOrder
from imaging.worklist.query import (
    UNTOUCHED,
    WAITING,
    Replied,
    Sort,
    View,
    WorklistQuery,
)
from tests.imaging.store.test_repository import assessment, dated, instance, review
from tests.stored import outcome_of, store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MODEL = ModelIdentity("tiny", "1", "ab" * 32)
CAP = ReadingOrder().max_wait


@dataclass(frozen=True)
class Case:
    """A study in a few words: how long it waits, what the network said (in turn), if it is read."""

    minutes: int
    said: tuple[str, ...] = ()
    read: bool = False


def answers(film: str, said: str, code: str = "pneumonia") -> Assessment:
    """What a network says, by name."""
    if said in ("refused", "failed"):
        status = Status.REFUSED if said == "refused" else Status.ERROR
        return Assessment(film, status, MODEL, messages=(f"It {said}.",), answer=Answer.UNSUITABLE)
    probability = {"present": 0.9, "unsure": 0.4, "absent": 0.1, "exploratory": 0.9}[said]
    finding = Finding(code, code.title(), probability, 0.5, said == "exploratory")
    answer = {"present": Answer.PRESENT, "unsure": Answer.UNSURE}.get(said, Answer.ABSENT)
    return Assessment(film, Status.OK, MODEL, (finding,), answer=answer)


def fill(repository: Repository, cases: Sequence[Case], now: datetime = NOW) -> None:
    """Make the store hold studies 1.0, 1.1, ... and nothing else."""
    with repository._database.writing() as session:
        for table in (WorklistTable, AssessmentTable, ReviewTable, InstanceTable, StudyTable):
            session.execute(delete(table))
        for number, case in enumerate(cases):
            film = instance(number, study=f"1.{number}")
            uid, sop = film.identity.study_instance_uid, film.identity.sop_instance_uid
            received = now - timedelta(minutes=case.minutes)
            session.add(StudyTable(study_instance_uid=uid, received_at=received))
            session.flush()
            header = json_codec.instance_to_json(film)
            session.execute(
                insert(InstanceTable).values(
                    sop_instance_uid=sop, study_instance_uid=uid, position=0, sha256="",
                    header=header,
                )
            )  # fmt: skip
            for said in case.said:
                given = answers(sop, said)
                content = json_codec.assessment_to_json(given)
                row = AssessmentTable(
                    sop_instance_uid=sop, status=given.status, content=content, created_at=NOW
                )
                session.add(row)
                session.flush()
            if case.read:
                signed = replace(review(1, Stage.FINAL), study_instance_uid=uid)
                content = json_codec.review_to_json(signed)
                session.add(
                    ReviewTable(
                        study_instance_uid=uid, version=1, stage="final", content=content,
                        created_at=NOW,
                    )
                )  # fmt: skip
        refresh_worklist(session, [f"1.{number}" for number in range(len(cases))])


def order(repository: Repository, query: WorklistQuery | None = None) -> list[int]:
    """Numbers of the studies as listed."""
    page = repository.worklist.page(query or WorklistQuery(limit=1000), now=NOW)
    return [int(item.study_instance_uid.partition(".")[2]) for item in page.items]


def standing(repository: Repository, number: int) -> tuple[int, int]:
    """Place and priority of a study."""
    items = repository.worklist.page(WorklistQuery(limit=1000), now=NOW).items
    place = next(n for n, i in enumerate(items) if i.study_instance_uid == f"1.{number}")
    return place, items[place].priority


@pytest.fixture
def repository(tmp_path: Path, database: str) -> Iterator[Repository]:
    """An empty store on each kind of database in turn."""
    store = Repository.open(tmp_path / "home", database)
    yield store
    store.close()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A store that every example fills anew."""
    store = Repository.open(tmp_path_factory.mktemp("scratch"))
    yield store
    store.close()


MANY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SAID = st.lists(
    st.sampled_from(["present", "unsure", "absent", "refused", "failed", "exploratory"]), max_size=2
)
WAIT = st.integers(0, 1439) | st.integers(1440, 3000)  # minutes, within the limit and beyond
CASE = st.builds(Case, WAIT, SAID.map(tuple), st.booleans())
CASES = st.lists(CASE, min_size=1, max_size=10)


@pytest.mark.slow
@MANY
@given(CASES, st.data())
def test_an_answer_never_puts_a_study_behind_where_it_stood_without(
    scratch: Repository, cases: list[Case], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(cases) - 1))
    unanswered = replace(cases[at], said=())
    fill(scratch, [*cases[:at], unanswered, *cases[at + 1 :]])
    before = order(scratch).index(at)
    fill(scratch, cases)
    assert order(scratch).index(at) <= before


@pytest.mark.slow
@MANY
@given(CASES, st.sampled_from(["present", "unsure", "absent", "refused", "failed"]), st.data())
def test_a_further_answer_never_lowers_a_study(
    scratch: Repository, cases: list[Case], said: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(cases) - 1))
    fill(scratch, cases)
    place, priority = standing(scratch, at)
    further = replace(cases[at], said=(*cases[at].said, said))
    fill(scratch, [*cases[:at], further, *cases[at + 1 :]])
    later, raised = standing(scratch, at)
    assert later <= place and raised >= priority


@MANY
@given(CASES)
def test_nothing_is_removed_and_nothing_starves(scratch: Repository, cases: list[Case]) -> None:
    fill(scratch, cases)
    listed = order(scratch)
    assert sorted(listed) == list(range(len(cases)))
    for place, number in enumerate(listed):
        case = cases[number]
        if not case.read and timedelta(minutes=case.minutes) >= CAP:
            # first in, first out: all before it came before it
            assert all(cases[n].minutes >= case.minutes for n in listed[:place])
    assert [cases[n].read for n in listed] == sorted(cases[n].read for n in listed)


@pytest.mark.slow
@MANY
@given(CASES, st.integers(1, 4))
def test_pages_and_steps_follow_the_list(
    scratch: Repository, cases: list[Case], length: int
) -> None:
    fill(scratch, cases)
    listed = order(scratch)
    pages = [order(scratch, WorklistQuery(offset=o, limit=length)) for o in range(0, 10, length)]
    assert [number for page in pages for number in page] == listed
    unread = [n for n in listed if not cases[n].read]
    for place, number in enumerate(listed):
        above = scratch.worklist.previous(before=f"1.{number}", now=NOW)
        assert (above.study_instance_uid if above else None) == (
            f"1.{listed[place - 1]}" if place else None
        )
        others = [n for n in listed[place:] if n in unread and n != number]
        others = others or [n for n in unread if n != number]
        following = scratch.worklist.next_unread(after=f"1.{number}", now=NOW)
        assert (following.study_instance_uid if following else None) == (
            f"1.{others[0]}" if others else None
        )


@pytest.mark.slow
def test_the_order_of_reading(repository: Repository) -> None:
    cases = [
        Case(10, ("absent",)),
        Case(20, ("refused",)),
        Case(30),
        Case(5, ("present",)),
        Case(40, ("unsure",)),
        Case(3, ("present",)),
        Case(60, ("failed",)),
        Case(1441, ("absent",)),
        Case(9000, ("present",), read=True),
        Case(1439, ("exploratory",)),
    ]
    fill(repository, cases)
    assert order(repository) == [7, 3, 5, 4, 9, 6, 2, 1, 0, 8]
    items = {i.study_instance_uid: i for i in repository.worklist.page(now=NOW).items}
    assert items["1.1"].message == "It refused." and items["1.6"].status is Status.ERROR
    assert [items[f"1.{n}"].priority for n in (1, 2, 6)] == [ROUTINE] * 3
    assert items["1.7"].overdue and not items["1.9"].overdue and not items["1.8"].overdue
    page = repository.worklist.page(now=NOW)
    assert (page.total, page.unread, page.stored, page.overdue) == (10, 9, 10, 1)


def test_the_site_decides_how_urgent_a_finding_is(repository: Repository) -> None:
    for number, code in enumerate(("nodule", "pneumothorax", "effusion")):
        said = answers(f"1.2.5.{number}", "present", code)
        store(repository, outcome_of(instance(number, study=f"1.{number}"), said))
    unsure = answers("1.2.5.3", "unsure", "pneumothorax")
    store(repository, outcome_of(instance(3, study="1.3"), unsure))
    levels = (("pneumothorax", 3), ("effusion", 2), ("nodule", 0))
    repository.site.set_reading_order(ReadingOrder(timedelta(hours=4), levels), account="anna")
    items = repository.worklist.page().items
    assert [(i.study_instance_uid, i.priority) for i in items] == [
        ("1.1", 6), ("1.3", 5), ("1.2", 4), ("1.0", ROUTINE),
    ]  # fmt: skip
    again = outcome_of(instance(0, study="1.0"), answers("1.2.5.0", "present", "nodule"))
    store(repository, again, networks="newer")  # a new row knows it too
    assert repository.worklist.page().items[-1].priority == ROUTINE
    assert repository.site.reading_order().level("pneumothorax") == 3
    entry = repository.audit.entries()[-2]
    assert (entry.deed, entry.account) == (AuditEvent.SITE, "anna") and "240 min" in entry.detail
    later = datetime.now(UTC) + timedelta(hours=4)
    assert repository.worklist.page(now=later).overdue == 4


def test_no_level_lies_below_routine() -> None:
    with pytest.raises(ValueError, match="level"):
        ReadingOrder(levels=(("pneumonia", -1),))
    with pytest.raises(ValueError, match="wait"):
        ReadingOrder(timedelta(minutes=5))


def test_filters_leave_out_what_they_say(repository: Repository) -> None:
    said: list[tuple[str, ...]] = [("present",), ("unsure",), ("absent",), ("refused",), ()]
    fill(repository, [Case(10 - n, one) for n, one in enumerate(said)])
    repository.reviews.add(replace(review(), study_instance_uid="1.2"))

    def found(**query: object) -> list[int]:
        return sorted(order(repository, WorklistQuery(**query)))  # type: ignore[arg-type]

    assert found(answer=Replied.PRESENT) == [0] and found(answer=Replied.UNSURE) == [1]
    assert found(answer=Replied.ABSENT) == [2] and found(answer=Replied.NOT) == [3, 4]
    assert found(urgency=1) == [0, 1] and found(urgency=0) == [2, 3, 4] and found(urgency=2) == []
    assert found(status=Status.REFUSED.value) == [3] and found(status=WAITING) == [4]
    assert found(stage=UNTOUCHED) == [0, 1, 3, 4] and found(stage="draft") == [2]
    assert found(modality="DX") == [0, 1, 2, 3, 4] and found(modality="CT") == []
    # a reader who must not know learns nothing from a filter
    assert (
        found(blind=True, answer=Replied.PRESENT) == [0, 1, 2, 3, 4] == found(blind=True, urgency=1)
    )
    assert found(blind=True, words="suspected") == [] and found(words="suspected") == [0]
    assert found(blind=True, answer=Replied.NOT) == [3, 4]


def test_words_find_what_the_row_shows(repository: Repository) -> None:
    film = dated(1, "20260304", name="GROẞ^ANNE-MARIE", patient_id="P_4%7")
    taken = replace(film.acquisition, accession_number="A77", study_description="Thorax")
    films = [replace(film, acquisition=taken, file_name="IM/0001.dcm"), dated(2, "2026.03.05")]
    store(repository, *map(outcome_of, films))
    for words in ("gross anne", "ANNE-MARIE", "p_4%7", "a77", "2026-03-04", "thorax", "im/0001"):
        assert repository.worklist.page(WorklistQuery(words=words)).total == 1, words
    for words in ("p%7", "p_4_7", "groß maria", "suspected"):
        assert repository.worklist.page(WorklistQuery(words=words)).total == 0, words
    dates = WorklistQuery(date_from="20260305", date_to="20260305")
    (item,) = repository.worklist.page(dates).items
    assert item.acquisition.study_date == "2026.03.05"  # as ACR-NEMA wrote dates


def test_a_sort_is_for_finding_and_the_next_case_for_reading(repository: Repository) -> None:
    for number, name in enumerate(("b", "A", "c")):
        said = assessment(number, 0.9 if number == 2 else 0.1)
        store(repository, outcome_of(dated(number, f"2026010{number + 1}", name=name), said))

    def listed(query: WorklistQuery) -> list[str]:
        return [i.patient.name for i in repository.worklist.page(query).items]

    by_name = WorklistQuery(sort=Sort.PATIENT)
    assert listed(by_name) == ["A", "b", "c"]
    assert listed(replace(by_name, descending=True)) == ["c", "b", "A"]
    assert listed(WorklistQuery(sort=Sort.DATE, descending=True)) == ["c", "A", "b"]
    assert listed(replace(by_name, offset=1, limit=1, modality="DX")) == ["b"]
    following = repository.worklist.next_unread(by_name)
    assert following is not None and following.patient.name == "c"


def test_many_matches_are_ordered_like_few(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, ...]] = [(), ("present",), ("absent",), ("unsure",)]
    fill(repository, [Case(200 * n, said[n % 4], n % 5 == 0) for n in range(20)])
    query = WorklistQuery(modality="DX", limit=7, offset=5)
    few = repository.worklist.page(query, now=NOW)
    monkeypatch.setattr("imaging.store.worklist_pages._RARE", 3)
    assert repository.worklist.page(query, now=NOW) == few


def test_modalities_are_those_stored(repository: Repository) -> None:
    assert repository.worklist.modalities() == ()
    for number, modality in enumerate(("MR", "CR", "CR", "")):
        film = instance(number, study=f"1.{number}")
        store(repository, outcome_of(replace(film, acquisition=Acquisition(modality=modality))))
    assert repository.worklist.modalities() == ("CR", "MR")


def test_a_row_holds_nothing_of_its_own(repository: Repository) -> None:
    fill(repository, [Case(10, ("present", "absent")), Case(5, ("refused",), read=True), Case(1)])
    repository.reviews.add(replace(review(), study_instance_uid="1.0"))
    whole = repository.worklist.page(now=NOW)
    with repository._database.writing() as session:
        session.execute(delete(WorklistTable))
    assert repository.worklist.page(now=NOW).stored == 0
    fill_worklist(repository._database)
    assert repository.worklist.page(now=NOW) == whole


def test_hundreds_of_studies_are_refreshed_in_a_few_queries(scratch: Repository) -> None:
    fill(scratch, [Case(n, ("present",)) for n in range(300)])
    asked: list[str] = []
    engine = scratch._database.engine

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    try:
        with scratch._database.writing() as session:
            refresh_worklist(session, [f"1.{n}" for n in range(300)])
    finally:
        event.remove(engine, "before_cursor_execute", count)
    assert len(asked) <= 21 and order(scratch) == list(reversed(range(300)))


def test_views_belong_to_their_reader(repository: Repository) -> None:
    repository.accounts.create("anna", "Dr A", "a long password")
    repository.accounts.create("berta", "Dr B", "a long password")
    query = WorklistQuery(
        words="doe", answer=Replied.NOT, urgency=2, sort=Sort.DATE, descending=True
    )
    repository.site.save_view(View(" CT  of today", replace(query, offset=50)), account="anna")
    assert repository.site.views("anna") == (View("CT of today", query),)
    assert repository.site.views("berta") == ()
    assert "doe" not in str(repository.audit.entries()) and "CT of" not in str(
        repository.audit.entries()
    )
    repository.site.delete_view("CT of today", account="berta")
    repository.site.delete_view("CT of today", account="anna")
    assert repository.site.views("anna") == ()
    with pytest.raises(ValueError, match="name"):
        repository.site.save_view(View("  ", query), account="anna")


def test_priorities_of_the_usual_order() -> None:
    usual = ReadingOrder()
    assert (usual.level("anything"), usual.max_wait) == (1, timedelta(hours=24))
    assert (ROUTINE, UNSURE, RAISED) == (0, 1, 2)
