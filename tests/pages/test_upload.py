"""Upload: files become a job in the address, and the job becomes a table of outcomes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from imaging.store import Repository
from pages.ui import resources
from tests.factories import make_dicom_bytes
from tests.pages.conftest import OpenPage, wait_for_queue, words

PAGE = "pages/upload.py"
FILM = ("film.dcm", make_dicom_bytes(), "application/dicom")
TEXT = ("notes.txt", b"not a film", "text/plain")
EMPTY = ("empty.dcm", b"", "application/dicom")


def drop(page: AppTest, store: Repository, *files: tuple[str, bytes, str]) -> AppTest:
    """Drop files, wait for the worker, look again."""
    page.file_uploader[0].set_value(list(files)).run()
    wait_for_queue(store)
    return page.run()


def test_one_film_shows_its_answer_and_the_way_to_review(
    open_page: OpenPage, store: Repository
) -> None:
    page = drop(open_page(PAGE), store, FILM)
    assert "suspected" in words(page) and "operating point" in words(page)
    assert "Review" in [button.label for button in page.button]


@pytest.mark.slow
def test_every_file_gets_an_outcome(open_page: OpenPage, store: Repository) -> None:
    table = drop(open_page(PAGE), store, FILM, TEXT, EMPTY).dataframe[0].value
    outcomes = dict(zip(table["File"], table["Outcome"], strict=True))
    assert "Answered" in outcomes["film.dcm"]
    assert "Could not be read" in outcomes["notes.txt"] and table["Reason"][2]


def test_files_are_queued_once(open_page: OpenPage, store: Repository) -> None:
    page = drop(open_page(PAGE), store, FILM)
    job = page.query_params["job"]
    page.run()
    assert page.query_params["job"] == job and len(store.worklist.page().items) == 1


@pytest.mark.slow
def test_a_reload_shows_the_same_job(open_page: OpenPage, store: Repository) -> None:
    page = drop(open_page(PAGE), store, FILM, TEXT)
    again = open_page(PAGE, job=page.query_params["job"])
    assert list(again.dataframe[0].value["File"]) == ["film.dcm", "notes.txt"]


def test_a_running_job_shows_its_progress(open_page: OpenPage, store: Repository) -> None:
    job = store.jobs.add([("a.dcm", b"1"), ("b.dcm", b"2")])
    page = open_page(PAGE, job=job)  # nobody called the worker
    assert page.get("progress")


def test_an_unknown_job_is_a_sentence(open_page: OpenPage) -> None:
    page = open_page("app.py", job="no-such-job")
    assert [e.value for e in page.error] == ["This batch is not known here."]


@pytest.mark.slow
def test_the_examples_are_one_click(
    open_page: OpenPage, store: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "example.dcm").write_bytes(FILM[1])
    monkeypatch.setattr(resources, "EXAMPLES", tmp_path)
    page = open_page(PAGE)
    next(b for b in page.button if b.label == "Load synthetic examples").click().run()
    wait_for_queue(store)
    assert [item.file_name for item in store.worklist.page().items] == ["example.dcm"]


def test_no_examples_is_a_sentence(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "EXAMPLES", tmp_path)
    assert "No synthetic examples" in words(open_page(PAGE))


@pytest.mark.slow
def test_an_archive_is_a_row_for_each_file_in_it(open_page: OpenPage, store: Repository) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("disc/film.dcm", FILM[1])
        archive.writestr("disc/notes.txt", TEXT[1])
    packed = ("disc.zip", buffer.getvalue(), "application/zip")
    table = drop(open_page(PAGE), store, packed).dataframe[0].value
    outcomes = dict(zip(table["File"], table["Outcome"], strict=True))
    assert "Answered" in outcomes["disc.zip/disc/film.dcm"]
    assert "Could not be read" in outcomes["disc.zip/disc/notes.txt"]
