"""A study whose films wait: listed, opened, put before all others, shown once it is answered."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from imaging.intake import header_scan as module
from imaging.intake.header_scan import HeaderScanner
from imaging.jobs import URGENT, JobKind, JobProgress
from imaging.settings import Settings
from imaging.store import Repository
from imaging.store.schema.tables import JobTable
from models.batch.worker import Worker, drain
from pages.ui import resources
from tests.factories import make_dicom_bytes
from tests.pages.conftest import PATIENCE, OpenPage, listed, words

STUDY = "1.2.826.0.1.3680043.8.498.7"
WAITS = "waits for the AI"


@pytest.fixture(autouse=True)
def waiting(store: Repository, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder's film that nobody has judged; returns its job."""
    film = make_dicom_bytes(StudyInstanceUID=STUDY, SOPInstanceUID=f"{STUDY}.1", PatientID="T-1")
    job = store.jobs.add([("1.dcm", film)])
    monkeypatch.setattr(module, "PATIENCE", timedelta(0))
    scanner = HeaderScanner(store)
    assert scanner.look() == 1
    scanner.stop()
    return job


def test_it_is_on_the_worklist(open_page: OpenPage) -> None:
    page = open_page("pages/triage.py")
    assert not page.exception
    table = listed(page)
    assert "Waiting for the AI" in str(table.to_dict())


def hastened(store: Repository) -> list[JobProgress]:
    """Jobs that came of opening a study."""
    with store._database.reading() as session:
        query = select(JobTable.job_id).where(JobTable.kind == JobKind.OPENED.value)
        return [store.jobs.progress(job_id) for job_id in session.scalars(query)]


@pytest.mark.slow
def test_who_opens_it_has_it_asked_about_first(
    store: Repository, open_page: OpenPage, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Worker.start
    monkeypatch.setattr(Worker, "start", lambda _worker: None)  # else it may be answered by now
    page = open_page("pages/review.py", study=STUDY)
    assert not page.exception and WAITS in words(page) and "T-1" in words(page)
    page.run()
    (urgent,) = hastened(store)  # once, however often the page is drawn
    assert urgent.priority == URGENT and urgent.total == 1
    assert [job.job_id for job in store.jobs.recent()] == [waiting]
    start(resources.worker())
    ends = time.monotonic() + PATIENCE
    while store.pending.films_waiting(STUDY) and time.monotonic() < ends:
        time.sleep(0.1)  # the page's own worker is at it
    page.run()
    assert not page.exception and WAITS not in words(page)
    assert len(store.studies.get(STUDY).instances) == 1


@pytest.mark.slow
def test_beside_films_that_are_shown_it_is_said(
    store: Repository, open_page: OpenPage, tiny_settings: Settings, waiting: str
) -> None:
    drain(store, tiny_settings)
    later = make_dicom_bytes(StudyInstanceUID=STUDY, SOPInstanceUID=f"{STUDY}.2", PatientID="T-1")
    store.jobs.add([("2.dcm", later)])
    scanner = HeaderScanner(store)
    assert scanner.look() == 1
    scanner.stop()
    page = open_page("pages/review.py", study=STUDY)
    assert not page.exception and WAITS in words(page)


@pytest.mark.slow
def test_cancelled_while_it_is_looked_at(
    store: Repository, open_page: OpenPage, waiting: str
) -> None:
    page = open_page("pages/review.py", study=STUDY)
    for job_id in (waiting, *(job.job_id for job in hastened(store))):
        store.jobs.cancel(job_id)
    page.run()
    assert not page.exception
    assert "not in the data folder" in " ".join(box.value for box in page.error)
