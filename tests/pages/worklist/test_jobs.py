"""Jobs on a page: a server's folder is queued, a job is paused, ended, tried again, paged."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from imaging.dicom import describe
from imaging.entities import Assessment, Status
from imaging.jobs import LOW, NORMAL, URGENT, JobKind, JobProgress, JobState, Result
from imaging.review.records import AuditEvent
from imaging.store import Repository
from imaging.study import FileOutcome
from models.batch.worker import Worker
from pages.ui import session
from pages.ui.worklist.jobs import how_far, summary
from tests import stored
from tests.factories import make_dicom_bytes
from tests.imaging.intake.test_header_scan import answered
from tests.pages.conftest import OpenPage, listed, wait_for_queue, words

PAGE = "pages/triage.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the server with one film and one text."""
    found = tmp_path / "ward" / "monday"
    found.mkdir(parents=True)
    (found / "film.dcm").write_bytes(make_dicom_bytes())
    (found / "notes.txt").write_bytes(b"no film")
    monkeypatch.setenv("LIGHTBOX_ROOTS", str(tmp_path / "ward"))
    return found


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody works."""
    monkeypatch.setattr(Worker, "start", lambda _self: None)
    monkeypatch.setattr(Worker, "wake", lambda _self: None)


def press(page: AppTest, label: str) -> AppTest:
    return next(b for b in page.button if b.label == label).click().run()


def queue_folder(page: AppTest, wanted: str) -> AppTest:
    page.text_input(key="server-folder-path").set_value(wanted)
    return press(page, "Add the folder")


def failed(store: Repository, count: int) -> str:
    """A folder's job whose files could not be read."""
    job = store.jobs.open(JobKind.FOLDER, "/ward")
    store.jobs.add_files(job, [(f"{n}.dcm", f"/ward/{n}.dcm") for n in range(count)])
    store.jobs.end_listing(job)
    said = Assessment("", Status.ERROR, messages=("The file is empty.",))
    while tasks := store.claims.claim_files("w", 50):
        store.claims.finish_files("w", [Result(t, "", FileOutcome("x", said)) for t in tasks], "f")
    return job


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("own", [False, True], ids=["somebody's", "one's own"])
def test_a_job_that_ends_while_the_list_is_read_leaves_none_of_its_studies_out(
    open_page: OpenPage, store: Repository, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    film = make_dicom_bytes()
    job = store.jobs.add([("film.dcm", film)])
    read = type(store.worklist).page

    def read_just_before_the_end(part: object, query: object) -> object:
        page = read(part, query)  # type: ignore[arg-type]
        monkeypatch.setattr(type(store.worklist), "page", read)
        for task in store.claims.claim_files("w", 50):
            store.claims.finish_files("w", [answered(task, film)], "f")
        return page

    monkeypatch.setattr(type(store.worklist), "page", read_just_before_the_end)
    page = open_page(PAGE, **({"job": job} if own else {}))
    assert page.subheader[0].value == "1 unread of 1 studies"


@pytest.mark.slow
def test_a_folder_of_the_server_is_queued_and_read(
    open_page: OpenPage, store: Repository, folder: Path
) -> None:
    page = queue_folder(open_page(PAGE), str(folder))
    wait_for_queue(store)
    again = open_page(PAGE, job=page.query_params["job"])
    assert any(
        "2 files done" in e.label and "could not be read: 1" in e.label.lower()
        for e in again.expander
    )
    (item,) = store.worklist.page().items
    assert item.file_name == "film.dcm"
    record = store.studies.get(item.study_instance_uid)
    assert store.originals.content(record.instances[0].identity.sha256) == make_dicom_bytes()
    assert not list((store.originals.path_of("0" * 64).parent.parent).rglob("*.dcm"))


@pytest.mark.parametrize("wanted", ["/", "{folder}/../..", "{folder}/gone"])
def test_no_other_folder_is(
    open_page: OpenPage, store: Repository, folder: Path, wanted: str, idle: None
) -> None:
    page = queue_folder(open_page(PAGE), wanted.format(folder=folder))
    assert "not one that Lightbox may read" in words(page)
    assert not store.jobs.unfinished()


def test_without_roots_the_page_says_how_to_get_them(open_page: OpenPage) -> None:
    assert "ask whoever runs Lightbox to allow it" in words(open_page(PAGE))


def test_a_job_is_paused_and_goes_on(open_page: OpenPage, store: Repository, idle: None) -> None:
    job = store.jobs.add([("a.dcm", b"1"), ("b.dcm", b"2")])
    page = press(open_page(PAGE, job=job), "Pause")
    assert store.jobs.progress(job).state is JobState.PAUSED and not store.claims.claim_files(
        "w", 1
    )
    press(open_page(PAGE, job=job), "Resume")
    assert store.jobs.progress(job).state is JobState.RUNNING and store.claims.claim_files("w", 1)
    assert page.get("progress")


def test_a_cancelled_job_leaves_no_waiting_file(
    open_page: OpenPage, store: Repository, idle: None
) -> None:
    job = store.jobs.add([("a.dcm", b"1"), ("b.dcm", b"2")])
    press(open_page(PAGE, job=job), "Cancel")
    assert store.jobs.progress(job).finished and not store.jobs.files(job)
    assert not list(store.originals.path_of("0" * 64).parent.parent.rglob("*/*"))


def test_failed_files_are_tried_again(open_page: OpenPage, store: Repository, idle: None) -> None:
    job = failed(store, 3)
    press(open_page(PAGE, job=job), "Try 3 files again")
    assert len(store.claims.claim_files("w", 9)) == 3


def test_an_upload_offers_again_what_is_still_kept(
    open_page: OpenPage, store: Repository, idle: None
) -> None:
    job = store.jobs.add([("a.dcm", b"1"), ("b.dcm", b"2")])
    said = Assessment("", Status.ERROR, messages=("The process died.",))
    tasks = store.claims.claim_files("w", 2)
    died = [Result(t, t.sha256, FileOutcome("x", said), fault=t.position == 0) for t in tasks]
    store.claims.finish_files("w", died, "f")
    press(open_page("pages/upload.py", job=job), "Try 1 file again")
    assert [t.file_name for t in store.claims.claim_files("w", 9)] == ["a.dcm"]


def test_many_outcomes_come_in_pages(open_page: OpenPage, store: Repository, idle: None) -> None:
    job = failed(store, 120)
    page = open_page("pages/upload.py", job=job)
    assert len(listed(page)) == 100 and "1 to 100 of 120" in words(page)
    page.number_input[0].set_value(2).run()
    assert list(listed(page)["File"])[:1] == ["100.dcm"]


@pytest.mark.slow
def test_the_listed_studies_are_asked_about_again(open_page: OpenPage, store: Repository) -> None:
    content = make_dicom_bytes()
    film = describe(content, file_name="film.dcm")
    assert film is not None
    stored.store(store, stored.outcome_of(film), contents=[content], networks="former networks")
    page = press(open_page(PAGE), "Re-run AI on 1 study")
    wait_for_queue(store)
    done = store.jobs.progress(page.query_params["job"])
    assert done.kind is JobKind.RESCORE and done.counts == {Status.OK: 1}
    assert [line.deed for line in store.audit.entries()].count(AuditEvent.SCORE) == 2
    assert not page.exception


def test_a_job_is_put_before_others(open_page: OpenPage, store: Repository, idle: None) -> None:
    job = store.jobs.add([("a.dcm", b"1"), ("b.dcm", b"2")])
    page = open_page(PAGE)  # not in the address
    priority = page.selectbox(key=f"priority-{job}")
    assert priority.options == ["Urgent", "Normal", "Low"] and priority.value == NORMAL
    page = priority.set_value(URGENT).run()
    assert store.jobs.progress(job).priority == URGENT
    assert page.selectbox(key=f"priority-{job}").value == URGENT


def test_a_priority_that_somebody_else_changed_is_shown_and_stays(
    open_page: OpenPage, store: Repository, idle: None
) -> None:
    job = store.jobs.add([("a.dcm", b"1"), ("b.dcm", b"2")])
    page = open_page(PAGE, job=job)
    store.jobs.set_priority(job, LOW - 1)
    st.cache_data.clear()  # what one look serves all who watch
    assert page.run().selectbox(key=f"priority-{job}").value == LOW
    assert store.jobs.progress(job).priority == LOW - 1


def watched(store: Repository) -> str:
    """A watched folder's job with a file that could not be read and one that waits."""
    job = store.jobs.open(JobKind.WATCH, "/ward")
    store.jobs.add_files(job, [("a.dcm", "/ward/a.dcm"), ("b.dcm", "/ward/b.dcm")])
    said = Assessment("", Status.ERROR, messages=("The file is empty.",))
    tasks = store.claims.claim_files("w", 1)
    store.claims.finish_files("w", [Result(t, "", FileOutcome("x", said)) for t in tasks], "f")
    return job


def test_the_files_of_a_watched_folder_can_be_seen(
    open_page: OpenPage, store: Repository, idle: None
) -> None:
    job = watched(store)
    page = press(open_page(PAGE), "Files")
    assert page.query_params["job"] == job
    shown = dict(listed(page)[["File", "Outcome"]].values)
    assert "Could not be read" in shown["a.dcm"] and "Waiting" in shown["b.dcm"]
    press(page, "Try 1 file again")
    assert store.jobs.progress(job).counts == {}


def test_a_choice_of_outcome_stays_while_the_job_goes_on(
    open_page: OpenPage, store: Repository, idle: None
) -> None:
    job = failed(store, 120)
    store.jobs.add_files(job, [("late.dcm", "/ward/late.dcm")])
    page = press(open_page(PAGE, find="x"), "Files")
    page = page.selectbox(key=f"job-status-{job}").set_value(Status.ERROR).run()
    assert "1 to 100 of 120" in words(page)
    (task,) = store.claims.claim_files("w", 1)
    said = Assessment("", Status.ERROR, messages=("The file is empty.",))
    store.jobs.add_files(job, [("later.dcm", "/ward/later.dcm")])
    store.claims.finish_files("w", [Result(task, "", FileOutcome("x", said))], "f")
    page = press(page, "Look again")
    assert page.selectbox(key=f"job-status-{job}").value == Status.ERROR
    assert "1 to 100 of 121" in words(page)


def test_a_finished_job_is_found_without_its_address(
    open_page: OpenPage, store: Repository, idle: None
) -> None:
    job = failed(store, 2)
    page = open_page("pages/upload.py")
    assert "2 files done" not in words(page)
    page.session_state["recent-jobs"] = True
    page = page.run()
    assert "Folder \u00b7 /ward \u00b7 2 files done." in words(page)
    page = page.button(key=f"recent-{job}").click().run()
    assert page.query_params["job"] == job and len(listed(page)) == 2


def test_an_upload_is_found_by_its_first_file(
    open_page: OpenPage, store: Repository, idle: None
) -> None:
    store.jobs.add([("chest Amina.jpg", b"1"), ("b.jpg", b"2")])
    page = open_page("pages/upload.py")
    page.session_state["recent-jobs"] = True
    assert "chest Amina.jpg and 1 more" in words(page.run())
    page.session_state[session.HIDE_IDENTITY] = True
    assert "Amina" not in words(page.run()), "a file is often named after its patient"


def progress(**change: object) -> JobProgress:
    values: dict[str, object] = {
        "job_id": "j",
        "kind": JobKind.FOLDER,
        "state": JobState.RUNNING,
        "source": "/ward",
        "priority": 0,
        "account": "",
        "created_at": datetime(2026, 3, 1, tzinfo=UTC),
        "total": 1000,
        "counts": {Status.OK: 100, Status.ERROR: 1},
        "rate": 10.0,
    }
    return JobProgress(**{**values, **change})  # type: ignore[arg-type]


def test_rate_and_time_left_are_told() -> None:
    said = how_far(progress())
    assert "101 of 1000 files done" in said and "10.0 a second" in said
    assert "about 90 s left" in said or "about 2 min left" in said


def test_a_paused_job_promises_no_time() -> None:
    said = how_far(progress(state=JobState.PAUSED))
    assert "paused" in said and "left" not in said


def test_a_job_whose_files_are_still_being_found_promises_no_time() -> None:
    said = how_far(progress(state=JobState.LISTING))
    assert "still looking for files" in said and "left" not in said and "a second" not in said


def test_a_summary_counts_each_outcome() -> None:
    said = summary(progress(total=101))
    assert said.startswith("101 files done.") and "Could not be read: 1" in said
