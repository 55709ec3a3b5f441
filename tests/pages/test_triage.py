"""Worklist: urgent first, nothing hidden, filters in the address."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.uid import generate_uid

from imaging.entities import Finding, Status, WorklistItem
from imaging.store import Repository
from models.panel import Panel
from models.worker import Worker
from pages.ui import cases, table
from tests.pages.conftest import OpenPage, keep_film, words
from tests.pages.test_review import by_somebody_else

PAGE = "pages/triage.py"


def another(store: Repository, panel: Panel, **attributes: str) -> str:
    """Store a further study."""
    uids = {f"{kind}InstanceUID": generate_uid() for kind in ("Study", "Series", "SOP")}
    return keep_film(store, panel, **uids, **attributes)


def test_refused_studies_stay_visible_with_their_reason(
    open_page: OpenPage, store: Repository, tiny_panel: Panel, study: str
) -> None:
    another(store, tiny_panel, BodyPartExamined="HAND", PatientName="HAND^ONE")
    table = open_page(PAGE).dataframe[0].value
    row = table[table["Patient"] == "HAND, ONE"].iloc[0]
    assert "Not suitable" in row["AI finding"] and "HAND" in row["Reason"] and len(table) == 2


def test_urgency_and_reading_are_words(open_page: OpenPage, store: Repository, study: str) -> None:
    store.add_review(by_somebody_else(study))
    row = open_page(PAGE).dataframe[0].value.iloc[0]
    assert "Read" in row["Urgency"] and row["Reading"] == "Signed: Dr Else"


def test_the_text_filter_finds_a_patient(
    open_page: OpenPage, store: Repository, tiny_panel: Panel, study: str
) -> None:
    another(store, tiny_panel, PatientName="OTHER^ONE")
    page = open_page(PAGE, find="other one")
    assert list(page.dataframe[0].value["Patient"]) == ["OTHER, ONE"]
    assert page.text_input[0].value == "other one"


def test_unread_only_leaves_signed_studies_out(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    store.add_review(by_somebody_else(study))
    page = open_page(PAGE, unread="true")
    assert not page.dataframe and "No study passes the filter" in words(page)


def test_an_empty_worklist_says_so(open_page: OpenPage) -> None:
    assert "No study is stored yet" in words(open_page(PAGE))


def test_unfinished_jobs_are_shown_beside_the_worklist(
    open_page: OpenPage, store: Repository, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "start", lambda _self: None)
    store.add_job([("a.dcm", b"1"), ("b.dcm", b"2")])
    page = open_page(PAGE)
    assert page.get("progress") and len(page.dataframe[0].value) == 1


def test_identity_can_be_hidden(open_page: OpenPage, study: str) -> None:
    page = open_page(PAGE)
    next(t for t in page.toggle if t.label == "Hide identity").set_value(True).run()
    shown = page.dataframe[0].value.to_string() + str(page.selectbox[0].options)
    assert "TEST" not in shown and "film.dcm" not in shown


def queue_of(store: Repository, study: str, *read: bool) -> list[WorklistItem]:
    """Worklist items a, b, c, ... that are read or not."""
    item = store.worklist_page().items[0]
    return [
        replace(item, study_instance_uid=name, read=done)
        for name, done in zip("abcdef", read, strict=False)
    ]


def test_the_next_case_is_the_next_unread_one(store: Repository, study: str) -> None:
    items = queue_of(store, study, False, True, False, True)
    following = [cases.next_unread(items, uid) for uid in ("", "a", "c", "d")]
    assert [i.study_instance_uid if i else "" for i in following] == ["a", "c", "a", "a"]
    assert cases.next_unread(items[1:2], "b") is None


def test_the_previous_case_is_the_one_above(store: Repository, study: str) -> None:
    items = queue_of(store, study, False, True, False)
    above = cases.previous(items, "b")
    assert above is not None and above.study_instance_uid == "a"
    assert cases.previous(items, "a") is None


def test_a_finding_is_told_by_symbol_and_word(store: Repository, study: str) -> None:
    finding = Finding("x", "Pneumonia", 0.9, 0.5)
    item = replace(store.worklist_page().items[0], finding=finding)
    assert "\u25b2 Pneumonia suspected" in cases.describe(item)


def test_an_answer_with_a_warning_bears_a_sign(store: Repository, study: str) -> None:
    item = store.worklist_page().items[0]
    plain, adult = (
        str(table.worklist_row(replace(item, status=status))["AI finding"])
        for status in (Status.OK, Status.WARNED)
    )
    assert adult == plain + " \u26a0"


def test_a_shared_source_stands_above_the_table_and_mixed_ones_in_it() -> None:
    row: table.Row = {"Probability": 0.5, "Model, operating point": "a 1"}
    empty: table.Row = {"Probability": None, "Model, operating point": ""}
    assert table._say_source_once([row, empty]) == [{"Probability": 0.5}, {"Probability": None}]
    mixed: list[table.Row] = [row, {**row, "Model, operating point": "a 2"}]
    assert table._say_source_once(mixed) == mixed
