"""A store that cannot be written: reports are read, deeds refused in words, no text is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from imaging.review.records import Stage
from imaging.store import Repository
from pages.ui import autosave, deeds
from tests.pages.conftest import OpenPage, words
from tests.pages.test_review import PAGE, by_somebody_else, newest, press, state_present

LIST = "pages/triage.py"
NOTE = "Follow up in six weeks"
_HOLDS = """
import sqlite3, sys, time
records = sqlite3.connect(sys.argv[1], isolation_level=None)
records.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for other writers than a reader would."""
    monkeypatch.setattr(deeds, "AT_MOST", 0.3)
    monkeypatch.setattr(autosave, "_SHORT", 0.1)


@contextmanager
def held(home: Path) -> Iterator[None]:
    """The database, held by a transaction of another process."""
    command = [sys.executable, "-c", _HOLDS, str(home / "lightbox.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "held\n"
            yield
        finally:
            process.kill()


def harm(store: Repository, home: Path) -> None:
    """Damage a page of the closed database that no page of Review reads."""
    store.close()
    with closing(sqlite3.connect(home / "lightbox.db")) as records:
        records.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = records.execute("PRAGMA page_size").fetchone()[0]
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'results'"
        (page,) = records.execute(query).fetchone()
    with (home / "lightbox.db").open("rb+") as stream:
        stream.seek((page - 1) * size)
        stream.write(b"\xff" * size)


def note_field(page: AppTest, study: str):  # type: ignore[no-untyped-def]
    return page.text_area(key=f"field-{study}-note")


def test_a_damaged_store_shows_the_report_and_refuses_deeds_in_words(
    open_page: OpenPage, store: Repository, study: str, home: Path
) -> None:
    store.reviews.add(by_somebody_else(study))
    harm(store, home)
    page = open_page(PAGE, study=study)
    said = words(page)
    assert not page.exception
    assert "Open for reading only" in said and "database is damaged" in said
    assert "Dr Else" in said and "Something went wrong" not in said
    press(page, "Amend")
    assert not page.exception
    assert sum("database is damaged" in error.value for error in page.error) == 2
    assert "Open for reading only" in words(open_page(LIST))


def test_a_note_waits_for_a_held_store_and_is_never_lost(
    open_page: OpenPage, store: Repository, study: str, home: Path
) -> None:
    page = open_page(PAGE, study=study)
    with held(home):
        began = time.monotonic()
        note_field(page, study).input(NOTE).run()
        assert time.monotonic() - began < 20
        assert not page.exception and "1 change is not saved yet" in words(page)
        assert note_field(page, study).value == NOTE
        page.switch_page(LIST).run()
        assert "1 change is not saved yet" in words(page)
        page.switch_page(PAGE)
        page.query_params["study"] = study
        page.run()
        assert note_field(page, study).value == NOTE
        state_present(page)
        assert "2 changes are not saved yet" in words(page)
        assert store.studies.get(study).review is None
    page.switch_page(LIST).run()
    assert "not saved yet" not in words(page)
    review = newest(store, study)
    assert review.note == NOTE and [f.present for f in review.findings] == [True]
    assert review.version == 1 and review.stage is Stage.DRAFT


def test_a_signature_never_waits(
    open_page: OpenPage, store: Repository, study: str, home: Path
) -> None:
    page = state_present(open_page(PAGE, study=study))
    with held(home):
        press(page, "Sign final")
        assert any("Another program is using the records" in e.value for e in page.error)
        assert "not saved yet" not in words(page)
    page.run()
    assert newest(store, study).stage is Stage.DRAFT


def test_who_was_overtaken_while_waiting_gets_the_text_back(
    open_page: OpenPage, store: Repository, study: str, home: Path
) -> None:
    page = open_page(PAGE, study=study)
    with held(home):
        note_field(page, study).input(NOTE).run()
        page.switch_page(LIST).run()
    store.reviews.add(by_somebody_else(study))
    page.run()
    assert "not saved yet" not in words(page)
    page.switch_page(PAGE)
    page.query_params["study"] = study
    page.run()
    assert newest(store, study).account == "else"
    assert note_field(page, study).value == NOTE
