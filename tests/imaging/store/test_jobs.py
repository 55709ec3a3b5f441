"""Jobs in the store: what is claimed, by whom, in which order, and what is written down once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from imaging.dicom import read_image
from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status
from imaging.errors import ConflictError, NotFoundError
from imaging.jobs import LOW, URGENT, JobKind, JobState, Result, Task
from imaging.review.records import AuditEvent
from imaging.store import Repository, claims, jobs
from imaging.study import FileOutcome
from tests.factories import make_dicom_bytes

NETWORKS = "fingerprint"
MODEL = ModelIdentity("tiny", "1", "0" * 64)


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Repository]:
    """An empty store, in SQLite and in PostgreSQL."""
    found = Repository.open(tmp_path / "home", database)
    yield found
    found.close()


def film(number: int, study: int = 0) -> bytes:
    """A film of its own, of a study of its own unless told otherwise."""
    study = study or number
    return make_dicom_bytes(
        SOPInstanceUID=f"1.2.3.{number}", StudyInstanceUID=f"1.2.4.{study}", PatientID=f"P{study}"
    )


def answered(task: Task, content: bytes) -> Result:
    """What a worker hands back about a film."""
    sha256 = hashlib.sha256(content).hexdigest()
    instance = read_image(content, file_name=task.file_name).instance
    finding = Finding("pneumonia", "Pneumonia", 0.9, 0.5)
    said = Assessment(
        instance.identity.sop_instance_uid, Status.OK, MODEL, (finding,), answer=Answer.PRESENT
    )
    return Result(task, sha256, FileOutcome(task.file_name, said, instance))


def failed(task: Task) -> Result:
    """What a worker hands back about a file that is no film."""
    said = Assessment("", Status.ERROR, None, (), ("The file is empty.",))
    return Result(task, task.sha256, FileOutcome(task.file_name, said))


def queued(store: Repository, *films: bytes, priority: int = 0) -> str:
    """Queue some films."""
    return store.jobs.add([(f"{i}.dcm", one) for i, one in enumerate(films)], priority=priority)


def positions(tasks: Sequence[Task]) -> list[int]:
    """Places of the files in their job."""
    return [task.position for task in tasks]


def test_a_file_is_claimed_by_one_worker_only(store: Repository) -> None:
    queued(store, film(1), film(2), film(3))
    assert positions(store.claims.claim_files("one", 2)) == [0, 1]
    assert positions(store.claims.claim_files("two", 9)) == [2]
    assert store.claims.claim_files("three", 9) == ()
    assert sorted(store.claims.claimants()) == ["one", "two"]


def test_urgent_jobs_go_first_and_then_the_oldest(store: Repository) -> None:
    old = queued(store, film(1), priority=LOW)
    second = queued(store, film(2))
    third = queued(store, film(3))
    urgent = queued(store, film(4), priority=URGENT)
    taken = [store.claims.claim_files("one", 1)[0].job_id for _ in range(2)]
    assert taken == [urgent, second]
    store.jobs.set_priority(old, URGENT)
    assert [task.job_id for task in store.claims.claim_files("one", 9)] == [old, third]


def test_a_worker_may_ask_for_some_jobs_alone(store: Repository) -> None:
    queued(store, film(1))
    wanted = queued(store, film(2))
    assert [task.job_id for task in store.claims.claim_files("one", 9, jobs=[wanted])] == [wanted]


def test_a_claim_lapses_and_the_first_outcome_counts(
    store: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = film(1)
    job_id = queued(store, content)
    slow = store.claims.claim_files("slow", 1)
    assert store.claims.claim_files("quick", 1) == ()
    monkeypatch.setattr(claims, "STALLED", timedelta(0))
    quick = store.claims.claim_files("quick", 1)
    assert positions(quick) == [0]
    assert store.claims.finish_files("slow", [failed(slow[0])], NETWORKS) == ()
    assert len(store.claims.finish_files("quick", [answered(quick[0], content)], NETWORKS)) == 1
    assert store.claims.finish_files("slow", [failed(slow[0])], NETWORKS) == ()
    assert store.jobs.get(job_id).files[0].status is Status.OK


def test_the_same_outcome_twice_is_written_once(store: Repository) -> None:
    content = film(1)
    queued(store, content)
    result = answered(store.claims.claim_files("one", 1)[0], content)
    assert store.claims.finish_files("one", [result], NETWORKS) == (result,)
    assert store.claims.finish_files("one", [result], NETWORKS) == ()
    assert deeds(store) == [AuditEvent.RECEIVE, AuditEvent.SCORE]
    assert store.audit.verify().intact


@pytest.mark.slow
def test_a_late_answer_counts_while_nobody_else_has_claimed(
    store: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = film(1)
    job_id = queued(store, content)
    task = store.claims.claim_files("slow", 1)[0]
    monkeypatch.setattr(claims, "STALLED", timedelta(0))
    assert store.claims.finish_files("slow", [answered(task, content)], NETWORKS)
    assert store.jobs.get(job_id).finished
    assert store.claims.claim_files("other", 1) == ()


def test_claims_of_the_dead_are_given_back(store: Repository) -> None:
    queued(store, film(1), film(2))
    store.claims.claim_files("dead", 1)
    store.claims.claim_files("alive", 1)
    store.claims.release_claims(["dead"])
    assert positions(store.claims.claim_files("next", 9)) == [0]
    assert sorted(store.claims.claimants()) == ["alive", "next"]


def test_the_same_bytes_are_scored_once_in_a_batch_and_across_jobs(store: Repository) -> None:
    content = film(1)
    first = queued(store, content, content)
    tasks = store.claims.claim_files("one", 9)
    store.claims.finish_files("one", [answered(task, content) for task in tasks], NETWORKS)
    second = queued(store, content)
    sha256 = hashlib.sha256(content).hexdigest()
    assert store.claims.known_results([sha256, "f" * 64], NETWORKS) == {sha256}
    assert store.claims.known_results([sha256], "other models") == frozenset()
    task = store.claims.claim_files("one", 9)[0]
    assert store.claims.finish_files("one", [Result(task, sha256, None)], NETWORKS)

    files = [*store.jobs.get(first).files, *store.jobs.get(second).files]
    assert [(f.status, f.sop_instance_uid) for f in files] == [(Status.OK, "1.2.3.1")] * 3
    assert deeds(store) == [AuditEvent.RECEIVE, AuditEvent.SCORE]


def test_other_networks_answer_the_same_bytes_again(store: Repository) -> None:
    content = film(1)
    for networks in ("old", "new"):
        queued(store, content)
        store.claims.finish_files(
            "one", [answered(store.claims.claim_files("one", 1)[0], content)], networks
        )
    assert deeds(store) == [AuditEvent.RECEIVE, AuditEvent.SCORE, AuditEvent.SCORE]


def test_a_file_known_when_asked_and_deleted_since_is_read_again(store: Repository) -> None:
    content = film(1)
    queued(store, content)
    store.claims.finish_files(
        "one", [answered(store.claims.claim_files("one", 1)[0], content)], NETWORKS
    )
    job_id = queued(store, content)
    task = store.claims.claim_files("one", 1)[0]
    assert store.claims.known_results([task.sha256], NETWORKS)
    store.studies.delete("1.2.4.1", account="anna", reason="sent twice")
    assert store.claims.finish_files("one", [Result(task, task.sha256, None)], NETWORKS) == ()

    again = store.claims.claim_files("two", 1)
    assert [(t.job_id, t.sha256) for t in again] == [(job_id, task.sha256)]
    assert store.originals.content(task.sha256) == content
    assert store.claims.finish_files("two", [answered(again[0], content)], NETWORKS)
    assert store.studies.get("1.2.4.1").assessments[0] is not None


def test_another_content_under_the_same_uid_is_told_and_both_are_kept(
    store: Repository,
) -> None:
    films = [film(1), film(1, study=2), film(3)]
    job_id = queued(store, *films)
    tasks = store.claims.claim_files("one", 9)
    store.claims.finish_files(
        "one", [answered(*one) for one in zip(tasks, films, strict=True)], NETWORKS
    )
    files = store.jobs.get(job_id).files
    assert [f.status for f in files] == [Status.OK, Status.WARNED, Status.OK]
    assert "same SOP Instance UID" in files[1].message
    assert len({f.sop_instance_uid for f in files}) == 3
    for content, file in zip(films, files, strict=True):
        (kept,) = store.studies.get(file.study_instance_uid).instances
        assert kept.identity.sop_instance_uid == file.sop_instance_uid
        assert kept.identity.sha256 == hashlib.sha256(content).hexdigest()
        assert store.originals.content(kept.identity.sha256) == content


def test_a_paused_job_is_left_alone_until_it_goes_on(store: Repository) -> None:
    films = [film(1), film(2)]
    job_id = queued(store, *films)
    in_hand = store.claims.claim_files("one", 1)
    store.jobs.pause(job_id)
    assert store.claims.claim_files("two", 9) == ()
    assert store.claims.finish_files("one", [answered(in_hand[0], films[0])], NETWORKS)
    assert store.jobs.progress(job_id).state is JobState.PAUSED
    assert [job.job_id for job in store.jobs.unfinished()] == [job_id]
    store.jobs.resume(job_id)
    assert positions(store.claims.claim_files("two", 9)) == [1]


def test_a_folder_that_goes_on_is_listed_again(store: Repository) -> None:
    job_id = store.jobs.open(JobKind.FOLDER, "/films")
    assert store.jobs.add_files(job_id, [("a", "/films/a"), ("b", "/films/b")]) == 2
    store.jobs.pause(job_id)
    store.jobs.end_listing(job_id)  # the lister's word comes too late
    assert store.jobs.progress(job_id).state is JobState.PAUSED
    store.jobs.resume(job_id)
    assert [job.job_id for job in store.jobs.listings()] == [job_id]
    assert store.jobs.add_files(job_id, [("a", "/films/a"), ("c", "/films/c")]) == 1
    store.jobs.end_listing(job_id)
    assert positions(store.claims.claim_files("one", 9)) == [0, 1, 2]


def test_a_place_is_in_a_job_once_for_each_mark(store: Repository) -> None:
    job_id = store.jobs.open(JobKind.WATCH, "/films")
    files = [("a", "/films/a"), ("b", "/films/b")]
    said: tuple[dict[str, str], ...] = (
        {},
        {"/films/a": "1 x"},
        {"/films/a": "1 y", "/films/b": "1 x"},
        {"/films/a": "1 x"},
    )
    added = [store.jobs.add_files(job_id, files, marks=marks) for marks in said]
    assert added == [2, 0, 1, 0]  # a file of unknown mark takes the first it is told
    assert [f.file_name for f in store.jobs.get(job_id).files] == ["a", "b", "a"]
    assert store.jobs.add_files(job_id, files) == 0


def test_two_files_of_one_place_have_an_outcome_each(store: Repository) -> None:
    job_id = store.jobs.open(JobKind.WATCH, "/films")
    for mark in ("1 x", "2 y", "3 z"):
        store.jobs.add_files(job_id, [("a", "/films/a")], marks={"/films/a": mark})
    content = film(1)
    tasks = store.claims.claim_files("one", 9)
    results = [failed(tasks[0]), answered(tasks[1], content), answered(tasks[2], content)]
    assert len(store.claims.finish_files("one", results, NETWORKS)) == 3
    assert store.jobs.retry_failed(job_id) == 1  # what lies there now is what was read already
    (again,) = store.claims.claim_files("one", 9)
    store.claims.finish_files("one", [answered(again, content)], NETWORKS)
    assert store.jobs.progress(job_id).counts == {Status.OK: 3}
    assert len(store.studies.get("1.2.4.1").instances) == 1
    rescored = store.jobs.add_rescore(["1.2.4.1"])
    assert [t.location for t in store.claims.claim_files("one", 9)] == ["/films/a"]
    assert store.jobs.progress(rescored).total == 1


def test_a_cancelled_job_keeps_its_outcomes_and_forgets_the_rest(store: Repository) -> None:
    films = [film(1), film(2), film(3)]
    job_id = queued(store, *films)
    tasks = store.claims.claim_files("one", 2)
    store.claims.finish_files("one", [answered(tasks[0], films[0])], NETWORKS)
    store.jobs.cancel(job_id)
    assert store.claims.finish_files("one", [answered(tasks[1], films[1])], NETWORKS) == ()
    assert [f.sop_instance_uid for f in store.jobs.get(job_id).files] == ["1.2.3.1"]
    kept = [store.originals.path_of(hashlib.sha256(one).hexdigest()).exists() for one in films]
    assert kept == [True, False, False]
    assert store.jobs.progress(job_id).finished and store.jobs.unfinished() == ()
    assert store.jobs.retryable(job_id) == 0
    with pytest.raises(ConflictError):
        store.jobs.retry_failed(job_id)


def test_what_a_folder_scanner_finds_too_late_is_not_added_to_a_cancelled_job(
    store: Repository,
) -> None:
    job_id = store.jobs.open(JobKind.FOLDER, "/films")
    waited_for, alone = film(1), film(2)
    queued(store, waited_for)
    store.jobs.cancel(job_id)
    kept = [
        (f"z/{n}", store.originals.keep(content)) for n, content in enumerate([waited_for, alone])
    ]
    lost = [("z/c", "Damaged.")]
    assert store.jobs.add_files(job_id, [("a", "/films/a")], kept=kept, refused=lost) == 0
    assert store.jobs.get(job_id).files == ()
    assert [store.originals.path_of(sha256).exists() for _, sha256 in kept] == [True, False]


def test_bytes_another_job_waits_for_survive_a_cancelled_one(store: Repository) -> None:
    content = film(1)
    first, second = queued(store, content), queued(store, content)
    store.jobs.cancel(first)
    assert store.originals.path_of(hashlib.sha256(content).hexdigest()).exists()
    assert [task.job_id for task in store.claims.claim_files("one", 9)] == [second]


def test_failed_files_of_a_folder_are_tried_again(store: Repository) -> None:
    content = film(1)
    job_id = store.jobs.open(JobKind.FOLDER, "/films")
    store.jobs.add_files(
        job_id, [("a", "/films/a"), ("b", "/films/b")], refused=[("z/c", "Damaged.")]
    )
    store.jobs.end_listing(job_id)
    tasks = store.claims.claim_files("one", 9)
    store.claims.finish_files("one", [answered(tasks[0], content), failed(tasks[1])], NETWORKS)
    assert store.jobs.progress(job_id).counts == {Status.OK: 1, Status.ERROR: 2}

    assert store.jobs.retryable(job_id) == 1  # what an archive could not give has no place to read
    assert store.jobs.retry_failed(job_id) == 1 and store.jobs.retryable(job_id) == 0
    assert store.jobs.progress(job_id).counts == {Status.OK: 1, Status.ERROR: 1}
    again = store.claims.claim_files("one", 9)
    assert positions(again) == [1]
    store.claims.finish_files("one", [answered(again[0], film(2))], NETWORKS)
    assert store.jobs.progress(job_id).counts == {Status.OK: 2, Status.ERROR: 1}
    assert [f.file_name for f in store.jobs.files(job_id, statuses=[Status.ERROR])] == ["z/c"]


def test_stored_films_are_asked_about_again(store: Repository) -> None:
    content = film(1)
    queued(store, content)
    store.claims.finish_files(
        "one", [answered(store.claims.claim_files("one", 1)[0], content)], "old"
    )
    job_id = store.jobs.add_rescore(["1.2.4.1"], account="anna")
    task = store.claims.claim_files("one", 9)[0]
    assert (task.job_id, task.account) == (job_id, "anna")
    second = replace(answered(task, content), sha256=task.sha256)
    assert store.claims.finish_files("one", [second], "new")
    assert deeds(store) == [AuditEvent.RECEIVE, AuditEvent.SCORE, AuditEvent.SCORE]


def stored(store: Repository, count: int) -> list[str]:
    """Films with their answers, each in a study of its own; the studies' UIDs."""
    films = [film(n) for n in range(1, count + 1)]
    queued(store, *films)
    tasks = store.claims.claim_files("one", count)
    store.claims.finish_files(
        "one", [answered(*one) for one in zip(tasks, films, strict=True)], "old"
    )
    return [f"1.2.4.{n}" for n in range(1, count + 1)]


def test_films_to_be_asked_about_again_are_added_part_by_part(
    store: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = stored(store, 3)
    seen: list[tuple[int, JobState, object]] = []
    add = jobs._add_films

    def told(session: Session, job_id: str, part: Sequence[str], *, start: int) -> int:
        before = store.jobs.progress(job_id)
        seen.append((before.total, before.state, store.jobs.listings()))
        return add(session, job_id, part, start=start)

    monkeypatch.setattr(jobs, "_FEW", 1)
    monkeypatch.setattr(jobs, "_add_films", told)
    job_id = store.jobs.add_rescore(uids)
    assert seen == [(n, JobState.LISTING, ()) for n in range(3)]  # no lister looks for them
    assert store.jobs.progress(job_id).state is JobState.RUNNING
    assert positions(store.claims.claim_files("one", 9)) == [0, 1, 2]


def test_a_cancelled_job_is_given_no_more_films(
    store: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cancelled(list[str]):
        """Studies whose job is cancelled before the second of them is looked at."""

        def __getitem__(self, part: Any) -> Any:
            if part.start == 1:
                store.jobs.cancel(store.jobs.unfinished()[0].job_id)
            return super().__getitem__(part)

    uids = Cancelled(stored(store, 3))
    monkeypatch.setattr(jobs, "_FEW", 1)
    job_id = store.jobs.add_rescore(uids)
    assert store.jobs.progress(job_id).state is JobState.CANCELLED
    assert store.jobs.get(job_id).files == () and store.claims.claim_files("one", 9) == ()


def test_the_rate_is_that_of_the_last_minute(
    store: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = queued(store, *(film(n) for n in range(1, 10)))
    start = datetime(2026, 3, 1, tzinfo=UTC)

    def finish(count: int, seconds: float) -> float | None:
        clock = type("Clock", (datetime,), {"now": lambda _: start + timedelta(seconds=seconds)})
        monkeypatch.setattr(claims, "datetime", clock)
        tasks = store.claims.claim_files("one", count)
        store.claims.finish_files("one", [failed(task) for task in tasks], NETWORKS)
        return store.jobs.progress(job_id).rate

    assert finish(2, 0) is None  # one moment tells no rate
    assert finish(2, 4) == pytest.approx(0.5)
    assert finish(1, 12 * 3600) is None  # a night's pause is no work
    assert finish(3, 12 * 3600 + 6) == pytest.approx(0.5)
    assert finish(1, 12 * 3600 + 8) is None  # nothing waits any more


def test_recent_jobs_are_the_newest_of_everybody_or_of_one(store: Repository) -> None:
    mine, other = (store.jobs.add([("a", film(1))], account=name) for name in ("me", "other"))
    store.jobs.cancel(other)
    assert [job.job_id for job in store.jobs.recent()] == [other, mine]
    assert [job.job_id for job in store.jobs.recent(account="me")] == [mine]
    assert [job.job_id for job in store.jobs.recent(limit=1)] == [other]


def test_an_unknown_job_is_said_to_be_unknown(store: Repository) -> None:
    for asked in (
        store.jobs.get,
        store.jobs.progress,
        store.jobs.resume,
        store.jobs.cancel,
        store.jobs.retry_failed,
    ):
        with pytest.raises(NotFoundError):
            asked("nothing")


def deeds(store: Repository) -> list[AuditEvent]:
    """What the audit trail says came in and was scored, in its order."""
    return [
        line.deed
        for line in store.audit.entries()
        if line.deed in (AuditEvent.RECEIVE, AuditEvent.SCORE)
    ]


def test_a_question_about_stored_films_that_was_cut_off_ends_and_says_so(
    store: Repository,
) -> None:
    uids = stored(store, 2)
    begun = store.jobs.open(JobKind.RESCORE, "")  # as `add_rescore` does before it was killed
    whole = store.jobs.add_rescore(uids)
    now = datetime.now(UTC)
    assert store.jobs.end_interrupted(now - timedelta(minutes=10)) == 0  # somebody may be at it
    assert store.jobs.end_interrupted(now + timedelta(seconds=1)) == 1
    (told,) = store.jobs.get(begun).files
    assert told.status is Status.ERROR and "run the AI on the list again" in told.message
    assert store.jobs.progress(begun).finished
    assert not store.jobs.progress(whole).finished and store.jobs.progress(whole).total == 2
    assert store.jobs.end_interrupted(now + timedelta(seconds=1)) == 0


def test_jobs_of_the_past_cost_a_claim_nothing(store: Repository) -> None:
    statements: list[str] = []
    event.listen(
        store._database.engine, "before_cursor_execute", lambda *told: statements.append(told[2])
    )

    def asked() -> int:
        statements.clear()
        (task,) = store.claims.claim_files("w", 8)
        store.claims.finish_files("w", [failed(task)], NETWORKS)
        return len(statements)

    queued(store, film(0))
    alone = asked()
    for number in range(1, 12):
        queued(store, film(number))
        asked()
    queued(store, film(20))
    assert asked() == alone
