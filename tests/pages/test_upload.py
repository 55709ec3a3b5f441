"""Upload: files become a job in the address, and the job becomes a table of outcomes."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from imaging.intake.arrivals import Arrivals, Piece
from imaging.jobs import Loss
from imaging.store import Repository
from pages.ui import resources
from tests.factories import make_dicom_bytes
from tests.pages.conftest import READER, OpenPage, listed, wait_for_queue, words

PAGE = "pages/upload.py"
FILM = ("film.dcm", make_dicom_bytes(), "application/dicom")
TEXT = ("notes.txt", b"not a film", "text/plain")
EMPTY = ("empty.dcm", b"", "application/dicom")


def drop(page: AppTest, store: Repository, *files: tuple[str, bytes, str]) -> AppTest:
    """Hand files in as a browser does, wait for the worker, look again."""
    page.query_params["job"] = hand_in(store, *files)
    wait_for_queue(store)
    return page.run()


def hand_in(store: Repository, *files: tuple[str, bytes, str], most_bytes: int = 2**20) -> str:
    """Announce files and send each in one piece; returns the job."""
    arrivals = Arrivals(store, most_bytes=most_bytes, announce=lambda: resources.worker().wake())
    sizes = [(name, len(content)) for name, content, _kind in files]
    job, lost = arrivals.open(sizes, {}, account=store.accounts.alone(READER).name)
    for number, (_name, content, _kind) in enumerate(files):
        if number not in lost:
            arrivals.receive(job, [Piece(number, 0, content)])
    arrivals.close(job, {}, Loss.CUT)
    return job


def test_one_film_shows_its_answer_and_the_way_to_review(
    open_page: OpenPage, store: Repository
) -> None:
    page = drop(open_page(PAGE), store, FILM)
    assert "suspected" in words(page) and "threshold" in words(page)
    assert "Review" in [button.label for button in page.button]


@pytest.mark.slow
def test_every_file_gets_an_outcome(open_page: OpenPage, store: Repository) -> None:
    table = listed(drop(open_page(PAGE), store, FILM, TEXT, EMPTY))
    outcomes = dict(zip(table["File"], table["Outcome"], strict=True))
    assert "Answered" in outcomes["film.dcm"]
    assert "Could not be read" in outcomes["notes.txt"] and table["Reason"][2]


def told(page: AppTest) -> Any:
    """What the uploader on a page is told to be missing."""
    (shown,) = [p for p in page.get("bidi_component") if "uploader" in p.proto.component_name]
    return json.loads(shown.proto.json)["drops"]


def test_what_did_not_arrive_stays_told(open_page: OpenPage, store: Repository) -> None:
    large = ("large.dcm", bytes(2000), "application/dicom")
    job = hand_in(store, large, most_bytes=1000)
    page = open_page(PAGE, job=job)
    assert "0 of 1 files arrived" in words(page) and not page.exception and not page.error
    wanted = {"number": 0, "name": "large.dcm", "size": 2000, "loss": "large"}
    missing = {"job": job, "arrived": 0, "count": 1, "files": [wanted]}
    assert told(page) == told(open_page(PAGE)) == [missing]
    store.drops.dismiss(job, account=store.accounts.alone(READER).name)
    page = open_page(PAGE, job=job)
    assert "0 of 1 files arrived" in words(page) and told(page) == []  # a fact, told or not


def test_helpers_and_duplicates_are_no_failures(open_page: OpenPage, store: Repository) -> None:
    helpers = [(name, b"no film", "") for name in ("AUTORUN.INF", "cd/README.TXT")]
    again = ("again.dcm", FILM[1], "")
    page = drop(open_page(PAGE), store, FILM, *helpers, again)
    said = words(page)
    assert "2 files done." in said and "1 duplicate" in said and "Could not be read" not in said
    assert "2 files that are not images" in said
    assert [e.label for e in page.expander if "not images" in e.label] == [
        "2 files that are not images"
    ]
    assert "AUTORUN.INF" in page.text[0].value
    table = listed(page)
    assert list(table["File"]) == ["film.dcm", "again.dcm"]
    assert "already" in table["Reason"][1] and "Answered" in table["Outcome"][1]


@pytest.mark.slow
def test_a_reload_shows_the_same_job(open_page: OpenPage, store: Repository) -> None:
    page = drop(open_page(PAGE), store, FILM, TEXT)
    again = open_page(PAGE, job=page.query_params["job"])
    assert list(listed(again)["File"]) == ["film.dcm", "notes.txt"]


def test_a_running_job_shows_its_progress(open_page: OpenPage, store: Repository) -> None:
    job = store.jobs.add([("a.dcm", b"1"), ("b.dcm", b"2")])
    page = open_page(PAGE, job=job)  # nobody called the worker
    assert page.get("progress")


def test_an_unknown_job_is_a_sentence(open_page: OpenPage) -> None:
    page = open_page("app.py", job="no-such-job")
    assert [e.value for e in page.error] == ["This batch is not known here. Add the files again."]


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
    table = listed(drop(open_page(PAGE), store, packed))
    outcomes = dict(zip(table["File"], table["Outcome"], strict=True))
    assert "Answered" in outcomes["film.dcm (disc.zip/disc)"]
    assert "Could not be read" in outcomes["notes.txt (disc.zip/disc)"]
