"""The panel of the worklist that tells what its order changes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from imaging.store import Repository
from imaging.worklist.waiting_times import Estimate
from pages.ui.worklist import waiting_times
from tests.models.model_card.test_facts import write_evaluation
from tests.pages.conftest import PATIENCE, OpenPage, words
from tests.pages.test_triage import another
from tests.served import TakeIn

PAGE = "pages/triage.py"
ABOUT = "This is about waiting, not outcome"


@pytest.fixture
def folder(home: Path, checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only installed checkpoint, a copy that may be changed."""
    copy = Path(shutil.copytree(checkpoint_folder, home.parent / "weights" / "tiny"))
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(copy.parent))
    st.cache_resource.clear()
    return copy


def open_panel(page: AppTest) -> AppTest:
    """Open the panel and wait until it has worked its figures out."""
    page.session_state[waiting_times.OPEN] = True
    end = time.monotonic() + PATIENCE
    page.run()
    while page.get("progress"):
        assert time.monotonic() < end, "the simulation stands still"
        time.sleep(0.1)
        page.run()
    return page


def test_nothing_is_simulated_while_it_is_closed(
    open_page: OpenPage, folder: Path, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_times, "compare", lambda *_a, **_k: pytest.fail("simulated"))
    write_evaluation(folder)
    page = open_page(PAGE)
    assert not page.exception and ABOUT not in words(page)


@pytest.mark.slow
def test_the_open_panel_shows_waits_and_what_they_mean(
    open_page: OpenPage, folder: Path, store: Repository, take_in: TakeIn, study: str
) -> None:
    write_evaluation(folder)
    another(store, take_in)
    page = open_panel(open_page(PAGE))
    said = words(page)
    assert not page.exception and not page.error
    assert ABOUT in said and "93,326" in said and "Research use - not for diagnosis" in said
    assert "2 studies wait now." in said and "Priority:" in said
    assert "threshold" in said
    table = page.table[0].value
    assert len(table) == 5 and "min" in table.iloc[0, 1]
    assert [s.label for s in page.slider] == [
        "Studies per hour",
        "Minutes per reading",
        "Doctors reading",
        "With the finding, %",
        "Maximum wait (h)",
    ]


@pytest.mark.slow
def test_a_slider_changes_the_figures(open_page: OpenPage, folder: Path, study: str) -> None:
    write_evaluation(folder)
    page = open_panel(open_page(PAGE))
    before = page.table[0].value.to_csv()
    next(s for s in page.slider if s.label == "Doctors reading").set_value(3)
    after = open_panel(page).table[0].value.to_csv()
    assert before != after


@pytest.mark.slow
def test_more_films_than_can_be_read_are_said(
    open_page: OpenPage, folder: Path, study: str
) -> None:
    write_evaluation(folder)
    page = open_panel(open_page(PAGE))
    next(s for s in page.slider if s.label == "Minutes per reading").set_value(10.0)
    assert any("waits grow" in w.value for w in open_panel(page).warning)


def test_a_network_that_was_not_measured_has_no_figures(
    open_page: OpenPage, folder: Path, study: str
) -> None:
    page = open_panel(open_page(PAGE))
    assert "was not measured" in words(page) and not page.table and not page.exception


def test_a_blind_reader_is_not_told_what_was_raised(
    open_page: OpenPage, folder: Path, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_evaluation(folder)
    monkeypatch.setattr("pages.ui.session.reads_blind", lambda: True)
    said = words(open_panel(open_page(PAGE)))
    assert "1 study waits now." in said and "Priority:" not in said


def test_a_change_is_told_with_its_direction() -> None:
    describe = waiting_times._describe_change
    assert describe(Estimate(-0.5, 0.1)) == "30 min (18 min \u2013 42 min) less"
    assert describe(Estimate(0.5, 0.1)) == "30 min (18 min \u2013 42 min) longer"
    assert describe(Estimate(0.1, 0.1)) == "about as long"
