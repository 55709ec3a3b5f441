"""Worklist: urgent first, nothing hidden, filters in the address."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydicom.uid import generate_uid
from streamlit.testing.v1 import AppTest

from imaging.entities import Finding, Status
from imaging.settings import ROOT
from imaging.store import Repository
from imaging.worklist.order import Grade
from models.batch.worker import Worker
from models.inference.classifier_registry import ClassifierRegistry
from pages.ui import labels as said
from pages.ui import navigation, session, study_table
from pages.ui.worklist import filters
from tests.imaging.store.test_worklist_pages import Case, fill
from tests.pages.conftest import OpenPage, keep_film, listed, tables, words
from tests.pages.test_review import by_somebody_else
from tests.served import TakeIn

PAGE = "pages/triage.py"


def another(store: Repository, take_in: TakeIn, **attributes: str) -> str:
    """Store a further study."""
    uids = {f"{kind}InstanceUID": generate_uid() for kind in ("Study", "Series", "SOP")}
    return keep_film(store, take_in, **uids, **attributes)


def test_refused_studies_stay_visible_with_their_reason(
    open_page: OpenPage, store: Repository, take_in: TakeIn, study: str
) -> None:
    another(store, take_in, BodyPartExamined="HAND", PatientName="HAND^ONE")
    table = listed(open_page(PAGE))
    row = table[table["Patient"] == "HAND, ONE"].iloc[0]
    assert "Not suitable" in row["AI finding"] and "HAND" in row["Reason"] and len(table) == 2


def test_urgency_and_reading_are_words(open_page: OpenPage, store: Repository, study: str) -> None:
    store.reviews.add(by_somebody_else(study))
    row = listed(open_page(PAGE)).iloc[0]
    assert "Read" in row["Urgency"] and row["Reading"] == "Signed: Dr Else"


def test_the_text_filter_finds_a_patient(
    open_page: OpenPage, store: Repository, take_in: TakeIn, study: str
) -> None:
    another(store, take_in, PatientName="OTHER^ONE")
    page = open_page(PAGE, find="other one")
    assert list(listed(page)["Patient"]) == ["OTHER, ONE"]
    assert page.text_input[0].value == "other one"


def test_unread_only_leaves_signed_studies_out(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    store.reviews.add(by_somebody_else(study))
    page = open_page(PAGE, unread="true")
    assert not tables(page) and "No study matches the filter" in words(page)


def test_an_empty_worklist_says_so(open_page: OpenPage) -> None:
    assert "No studies yet" in words(open_page(PAGE))


def test_unfinished_jobs_are_shown_beside_the_worklist(
    open_page: OpenPage, store: Repository, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "start", lambda _self: None)
    store.jobs.add([("a.dcm", b"1"), ("b.dcm", b"2")])
    page = open_page(PAGE)
    assert page.get("progress") and len(listed(page)) == 1


def test_identity_can_be_hidden(open_page: OpenPage, study: str) -> None:
    page = open_page(PAGE)
    next(t for t in page.toggle if t.label == "Hide identity").set_value(True).run()
    shown = json.dumps([row["values"] for row in tables(page)[0]["rows"]])
    assert "TEST" not in shown and "film.dcm" not in shown


def hold(store: Repository, *cases: Case) -> None:
    """Fill the store with studies 1.0, 1.1, ... of now."""
    fill(store, cases, datetime.now(UTC))


def press(page: AppTest, label: str) -> AppTest:
    """Press the button of that name."""
    return next(b for b in page.button if b.label == label).click().run()


def test_a_long_list_comes_in_pages(open_page: OpenPage, store: Repository) -> None:
    hold(store, *(Case(n) for n in range(60)))
    page = open_page(PAGE)
    assert len(listed(page)) == 50 and "60 unread of 60" in words(page)
    page = press(page, "Next page")
    assert len(listed(page)) == 10 and "51 to 60 of 60" in words(page)
    found = next(t for t in page.text_input if t.label == "Search").set_value("1.2.5").run()
    assert not tables(found) and "No study matches the filter" in words(found)
    again = found.text_input[0].set_value("").run()
    assert "1 to 50 of 60" in words(again)


def test_a_page_beyond_the_end_is_the_first(open_page: OpenPage, store: Repository) -> None:
    hold(store, *(Case(n) for n in range(60)))
    page = press(open_page(PAGE), "Next page")
    hold(store, Case(1))
    assert len(listed(page.run())) == 1


def test_what_waited_too_long_is_marked_and_first(open_page: OpenPage, store: Repository) -> None:
    hold(store, Case(5, ("present",)), Case(2000, ("absent",)))
    page = open_page(PAGE)
    table = listed(page)
    assert list(table["Urgency"]) == ["Routine", "Priority"]
    assert table["Waiting"][0] == "33 h 20 min, overdue"
    assert [row["values"]["Urgency"]["late"] for row in tables(page)[0]["rows"]] == [True, False]
    assert "1 unread study has waited longer than 24 h" in words(page)


def test_a_filter_says_what_it_leaves_out(open_page: OpenPage, store: Repository) -> None:
    hold(store, Case(3, ("present",)), Case(2, ("refused",)), Case(1))
    page = open_page(PAGE, answer="Not answered")
    assert len(listed(page)) == 2
    assert "Showing 2 of 3 unread" in words(page)
    page = press(page, "Show all")
    assert "3 unread of 3 studies" in words(page) and len(listed(page)) == 3


def test_the_next_case_is_never_refused_without_a_word(
    open_page: OpenPage, store: Repository
) -> None:
    hold(store, Case(3, ("present",)), Case(2, ("refused",)), Case(1, read=True))
    page = open_page(PAGE, reading="Final")
    assert next(b for b in page.button if b.label == "Read next").disabled
    assert "2 unread studies are hidden by the filter." in words(page)
    hold(store, Case(1, read=True))
    page = open_page(PAGE)
    assert "All studies are read." in words(page)


def test_views_fill_the_filter_in(open_page: OpenPage, store: Repository) -> None:
    hold(store, Case(3, ("present",)), Case(2, ("refused",)), Case(1, ("unsure",), read=True))
    page = press(open_page(PAGE), "Priority by AI")
    assert len(listed(page)) == 1 and page.toggle(key="unread").value
    page = press(page, "Not answered")
    assert "It refused." in listed(page)["Reason"][0]
    assert not page.toggle(key="unread").value
    assert len(listed(press(page, "All"))) == 3


def test_a_reader_keeps_a_view(open_page: OpenPage, store: Repository) -> None:
    hold(store, Case(1, ("refused",)), Case(2, ("present",)))
    page = open_page(PAGE, find="refused")
    page = press(page.text_input(key="view-name").set_value("Mine *").run(), "Save view")
    assert not page.exception and store.site.views("single-reader")[0].query.words == "refused"
    page = press(page, "All")
    assert len(listed(page)) == 2
    page = page.button(key="own-Mine *").click().run()
    assert len(listed(page)) == 1
    page.button(key="delete-Mine *").click().run()
    assert store.site.views("single-reader") == ()


def test_a_blind_reader_is_offered_nothing_that_tells(
    open_page: OpenPage, store: Repository
) -> None:
    hold(store, Case(1, ("present",)), Case(2, ("absent",)))
    open_page(PAGE)  # makes the account
    store.accounts.set_blind("single-reader", True)
    page = open_page(PAGE, find="suspected")
    assert "Priority by AI" not in [b.label for b in page.button]
    assert "Urgency" not in [s.label for s in page.selectbox] and not tables(page)
    assert page.selectbox(key="answer").options == ["All", "Not answered"]
    page = open_page(PAGE)
    assert [row["uid"] for row in tables(page)[0]["rows"]] == ["1.1", "1.0"], "as they came"
    assert tables(page)[0]["order"] == {"sort": "received", "down": False}
    assert not {"Urgency", "Score", "Model, threshold"} & set(listed(page).columns)
    assert set(listed(page)["AI finding"]) == {"after your read"}
    sent = json.dumps(tables(page)[0]).lower()
    for tells in ("suspected", "priority", "pneumonia", "0.9", "routine", "raised"):
        assert tells not in sent, tells
    assert not tables(page)[0]["legend"]
    assert "Effect of AI ordering on waiting times" not in [panel.label for panel in page.expander]
    assert press(page, "Read next").query_params["study"] == "1.1"
    assert "You read blind" in words(open_page(PAGE))


def test_priors_are_sent_once_they_are_asked_for(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    whose = {"PatientName": "DIALLO^AMINA", "PatientID": "P1", "PatientBirthDate": "20220101"}
    old = another(store, take_in, StudyDate="20250910", **whose)
    now = another(store, take_in, StudyDate="20260302", **whose)
    page = open_page(PAGE)
    (row,) = tables(page)[0]["rows"]
    assert (row["uid"], row["earlier"], row["unfolded"]) == (now, 1, False)
    assert "1 unread of 1 studies" in words(page)
    page.session_state["unfolded-studies"] = frozenset({now})
    page = page.run()
    assert [(row["uid"], row["prior"]) for row in tables(page)[0]["rows"]] == [
        (now, False), (old, True),
    ]  # fmt: skip
    shown = listed(page)
    assert list(shown["Study date"]) == ["2026-03-02", "2025-09-10"]
    assert shown["Urgency"][1] == "Earlier" and shown["Reading"][1] == "\u2013"
    assert "1 unread of 1 studies" in words(page)


@pytest.mark.slow
def test_the_next_case_comes_from_the_list_last_shown(
    open_page: OpenPage, store: Repository, take_in: TakeIn, study: str
) -> None:
    first, second = (another(store, take_in, BodyPartExamined="HAND") for _ in range(2))
    page = press(open_page(PAGE, answer="Not answered"), "Read next")
    assert page.query_params["study"] == first
    shown = page.session_state["worklist-query"]
    for at, button, to in [(first, "Next unread", second), (second, "Next unread", first),
                           (second, "Previous", first)]:  # fmt: skip
        page = open_page("pages/review.py", study=at)
        page.session_state["worklist-query"] = shown
        assert press(page.run(), button).query_params["study"] == to
    page = press(open_page("pages/review.py", study=second), "Next unread")
    assert page.query_params["study"] == study  # without a filter


def test_the_site_sets_its_order_of_reading(
    open_page: OpenPage, store: Repository, tiny_panel: ClassifierRegistry
) -> None:
    hold(store, Case(100, ("absent",)), Case(10, ("present",)))
    page = open_page(PAGE)
    assert store.worklist.page().items[0].study_instance_uid == "1.1"
    page.number_input(key="longest-wait").set_value(1)
    page = press(page, "Save for all doctors")
    assert not page.exception and "order of reading is saved" in words(page)
    assert list(listed(page)["Urgency"]) == ["Routine", "Priority"]
    assert tables(page)[0]["rows"][0]["values"]["Urgency"]["late"]
    finding = tiny_panel.card().findings[0]
    assert dict(store.site.reading_order().levels)[finding.code] == 1


def test_every_grade_has_a_word_and_a_shape_of_its_own(store: Repository, study: str) -> None:
    item = replace(store.worklist.page().items[0], read=False)
    rows = [replace(item, priority=p) for p in (0, 1, 2, 3, 4, 6)]
    rows += [replace(item, priority=0, status=s) for s in (Status.REFUSED, Status.ERROR, None)]
    marks = [said.urgency(row) for row in rows]
    assert [(mark.word, mark.grade) for mark in marks if mark] == [
        ("Routine", "routine"), ("Unsure", "unsure"), ("Priority", "priority"),
        ("Urgent: unsure", "unsure"), ("Urgent", "urgent"), ("Critical", "critical"),
        ("Not suitable", "unsuitable"), ("Not suitable", "unsuitable"), ("Waiting", "waiting"),
    ]  # fmt: skip
    script = (ROOT / "pages" / "ui" / "grid" / "grid.js").read_text()
    shapes = dict(re.findall(r"^  (\w+): (\[\[.*\]\]),$", script, re.M))
    assert {grade.value for grade in Grade} < set(shapes)
    assert len(set(shapes.values())) == len(shapes)
    assert said.urgency(replace(item, priority=2), revealed=False) is None


def test_a_finding_is_told_by_symbol_and_word(store: Repository, study: str) -> None:
    finding = Finding("x", "Pneumonia", 0.9, 0.5)
    item = replace(store.worklist.page().items[0], finding=finding)
    assert "\u25b2 Pneumonia suspected" in navigation.describe(item)


def test_an_answer_with_a_warning_bears_a_sign(
    store: Repository, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "may", lambda *_rights: True)
    item = store.worklist.page().items[0]
    plain, adult = (
        str(study_table.worklist_row(replace(item, status=status))["AI finding"])
        for status in (Status.OK, Status.WARNED)
    )
    assert adult == plain + " \u26a0"


def test_a_shared_source_stands_below_the_table_and_mixed_ones_in_it() -> None:
    row: study_table.Values = {"Score": 0.5, "Model, threshold": "a 1"}
    empty: study_table.Values = {"Score": None, "Model, threshold": ""}
    shared = [{"Score": 0.5}, {"Score": None}]
    assert study_table._take_shared_source([row, empty]) == (shared, "a 1")
    mixed: list[study_table.Values] = [row, {**row, "Model, threshold": "a 2"}]
    assert study_table._take_shared_source(mixed) == (mixed, "")


def test_a_header_sorts_the_whole_list(open_page: OpenPage, store: Repository) -> None:
    hold(store, *(Case(n) for n in range(60)))
    page = open_page(PAGE, sort="Received", down="true")
    shown = tables(page)[0]
    assert shown["order"] == {"sort": "received", "down": True} and shown["total"] == 60
    assert shown["rows"][0]["uid"] == "1.0" and len(shown["rows"]) == 50
    sorts = {column["name"]: column["sort"] for column in shown["columns"]}
    assert sorts["Waiting"] == "received" and sorts["AI finding"] == ""


@pytest.mark.parametrize(
    ("before", "pressed", "after"),
    [
        (("", False), "patient", ("patient", False)),
        (("patient", False), "patient", ("patient", True)),
        (("patient", True), "patient", ("", False)),
        (("patient", True), "date", ("date", False)),
        (("patient", True), "reading", ("", False)),
        (("patient", True), "probability", ("patient", True)),
    ],
)
def test_a_header_pressed_again_turns_and_then_gives_the_order_of_reading_back(
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[str, bool],
    pressed: str,
    after: tuple[str, bool],
) -> None:
    state: dict[str, Any] = {"sort": before[0], "down": before[1], "grid": {"sorted": pressed}}
    monkeypatch.setattr("streamlit.session_state", state)
    filters.sort_by_header.__wrapped__("grid")  # type: ignore[attr-defined]
    assert (state["sort"], state["down"]) == after
