"""Whoever saw a patient's film stands in the trail: opened, as a prior, in a list; once each."""

from __future__ import annotations

from pydicom.uid import generate_uid

from imaging.entities import Status
from imaging.jobs import JobKind
from imaging.review.records import AuditEvent
from imaging.store import Repository
from imaging.store.access.account_rows import ALONE
from tests.pages.conftest import OpenPage, keep_film
from tests.served import TakeIn

PATIENT = {"PatientName": "DOE^JANE", "PatientID": "4711-42", "PatientBirthDate": "20220101"}


def lines(store: Repository, event: AuditEvent) -> list[tuple[str, str]]:
    return [
        (line.study_instance_uid, line.detail)
        for line in store.audit.entries()
        if line.deed is event
    ]


def test_a_prior_that_hangs_beside_was_seen_too(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    uids = {f"{kind}InstanceUID": generate_uid() for kind in ("Study", "Series", "SOP")}
    prior = keep_film(store, take_in, StudyDate="20240101", **PATIENT, **uids)
    study = keep_film(store, take_in, StudyDate="20260101", **PATIENT)
    page = open_page("pages/review.py", study=study)
    page.run()
    assert lines(store, AuditEvent.VIEW) == [(study, ""), (prior, "as a prior")]


def test_a_page_of_the_worklist_is_one_line(
    open_page: OpenPage, store: Repository, study: str, take_in: TakeIn
) -> None:
    uids = {f"{kind}InstanceUID": generate_uid() for kind in ("Study", "Series", "SOP")}
    page = open_page("pages/triage.py")
    page.run()
    assert lines(store, AuditEvent.LIST) == [("", f"worklist, 1 studies: {study}")]
    other = keep_film(store, take_in, **uids)
    page.run()
    assert lines(store, AuditEvent.LIST)[1:] == [("", f"worklist, 1 studies: {other}")]
    assert AuditEvent.LIST in [line.deed for line in store.audit.entries(study)]
    assert store.audit.entries(study[:-1]) == ()


def test_what_is_done_to_a_job_is_told(store: Repository) -> None:
    job = store.jobs.open(JobKind.FOLDER, "/ward/DOE^JANE", account=ALONE)
    store.jobs.pause(job, account="anna")
    store.jobs.pause(job, account="berta")  # paused already: nothing was done
    store.jobs.resume(job, account="anna")
    store.jobs.set_priority(job, 5, account="anna")
    store.jobs.add_files(job, [], refused=[("a.zip", "It cannot be unpacked.")])
    assert store.jobs.files(job)[0].status is Status.ERROR
    store.jobs.cancel(job, account="anna")
    told = [(line.account, line.detail.partition(": ")[2]) for line in store.audit.entries()]
    assert told == [
        (ALONE, "folder queued"),
        ("anna", "paused"),
        ("anna", "resumed"),
        ("anna", "priority 5"),
        ("anna", "cancelled"),
    ]
    assert "DOE" not in str(store.audit.entries())


def test_the_end_of_a_sign_in_is_told(store: Repository) -> None:
    store.accounts.create("anna", "Dr A", "correct horse", by="terminal")
    _, first = store.accounts.sign_in("anna", "correct horse")
    store.accounts.sign_in("anna", "correct horse")
    store.accounts.sign_out(first)
    store.accounts.sign_out(first)  # ended already
    store.accounts.reset_password("anna", "battery staple")
    assert lines(store, AuditEvent.SIGN_OUT) == [
        ("", ""),
        ("", "1 sessions ended with the password"),
    ]
