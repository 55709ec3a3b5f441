"""A study is on the worklist while its films wait: by its header, at first-come place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from imaging.delivery.batch_rows import stored_batch
from imaging.entities import Assessment, Instance, Status
from imaging.errors import NotFoundError, PixelDataError
from imaging.intake import decode_process
from imaging.intake import header_scan as module
from imaging.intake.header_scan import HeaderScanner
from imaging.jobs import URGENT, JobKind, Result, Task
from imaging.store import Repository
from imaging.store.pending_files import _load_span
from imaging.store.schema.tables import AnnouncementTable, JobFileTable, StudyTable
from imaging.study import FileOutcome
from imaging.worklist.order import ONE_WAITS, ROUTINE
from imaging.worklist.query import WAITING, WorklistQuery
from tests.factories import make_dataset, make_dicom_bytes, to_bytes

FRIDAY = datetime(2026, 11, 20, 18, tzinfo=UTC)
STUDY = "1.2.3.4"


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Repository]:
    with closing(Repository.open(tmp_path / "home", database)) as found:
        yield found


@pytest.fixture
def scanner(store: Repository) -> Iterator[HeaderScanner]:
    found = HeaderScanner(store)
    yield found
    found.stop()


def film(number: int, *, study: str = STUDY) -> bytes:
    return make_dicom_bytes(
        StudyInstanceUID=study,
        SOPInstanceUID=f"{study}.{number}",
        PatientName="Doe^Jane",
        PatientID="T-1",
    )


def queued(store: Repository, *films: bytes) -> str:
    """An upload of Friday evening."""
    job = store.jobs.add([(f"{i}.dcm", content) for i, content in enumerate(films)])
    _since_friday(store)
    return job


def in_folder(store: Repository, folder: Path, *films: bytes) -> str:
    """The same, of files that stay where they are."""
    folder.mkdir(exist_ok=True)
    for i, content in enumerate(films):
        (folder / f"{i}.dcm").write_bytes(content)
    job = store.jobs.open(JobKind.FOLDER, str(folder))
    store.jobs.add_files(job, [(path.name, str(path)) for path in sorted(folder.iterdir())])
    store.jobs.end_listing(job)
    _since_friday(store)
    return job


def _since_friday(store: Repository) -> None:
    with store._database.writing() as session:
        session.execute(update(JobFileTable).values(added_at=FRIDAY))


def answered(task: Task, content: bytes, status: Status = Status.REFUSED) -> Result:
    """What comes back of a film that could be read."""
    from imaging.dicom import read_object
    from imaging.dicom.image import Image

    found = read_object(content, file_name=task.file_name)
    assert isinstance(found, Image)
    uid = found.instance.identity.sop_instance_uid
    said = Assessment(uid, status, messages=("no chest",), created_at=datetime.now(UTC))
    return Result(
        task, found.instance.identity.sha256, FileOutcome(task.file_name, said, found.instance)
    )


def lost(task: Task, sha256: str = "") -> Result:
    """What comes back of a file that killed its reader, or is gone."""
    said = Assessment("", Status.ERROR, messages=("it died",), created_at=datetime.now(UTC))
    return Result(task, sha256, FileOutcome(task.file_name, said), fault=True)


def announcements(store: Repository) -> int:
    with store._database.reading() as session:
        return len(list(session.scalars(select(AnnouncementTable))))


def test_a_study_is_listed_while_its_film_waits(store: Repository, scanner: HeaderScanner) -> None:
    queued(store, film(1))
    assert scanner.look() == 1
    (listed,) = store.worklist.page(WorklistQuery(status=WAITING)).items
    assert (listed.status, listed.priority, listed.message) == (None, ROUTINE, "")
    assert (listed.patient.name, listed.instances) == ("Doe^Jane", 1)
    assert listed.received_at == FRIDAY
    record = store.studies.get(STUDY)
    assert record.instances == () and len(record.waiting) == 1
    assert scanner.look() == 0  # told once


def test_of_a_file_elsewhere_the_first_bytes_are_enough(
    store: Repository, scanner: HeaderScanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_folder(store, tmp_path / "films", film(1) + b"\0" * 2**18)
    monkeypatch.setattr(
        decode_process, "read_queued", lambda *_: pytest.fail("the whole file was read")
    )
    (place,) = (tmp_path / "films").iterdir()
    assert decode_process._describe_file(str(place), b"", "a.dcm")
    assert scanner.look() == 1
    (waiting,) = store.studies.get(STUDY).waiting
    assert waiting.identity.sha256 == ""  # of what was not read nothing is known


def test_a_header_longer_than_the_first_bytes_is_read_whole(
    store: Repository, scanner: HeaderScanner, tmp_path: Path
) -> None:
    long = make_dataset(StudyInstanceUID=STUDY, SOPInstanceUID=f"{STUDY}.1", PatientID="T-1")
    long.add_new(0x00091010, "OB", b"\0" * 2**17)  # before the UIDs
    long.private_block(0x0009, "TEST", create=True)
    in_folder(store, tmp_path / "films", to_bytes(long))
    assert scanner.look() == 1


def test_what_is_no_film_or_cannot_be_read_is_left_to_its_turn(
    store: Repository, scanner: HeaderScanner, tmp_path: Path
) -> None:
    job = in_folder(store, tmp_path / "films", b"no film", b"", film(1), b"\0" * 2**17)
    (tmp_path / "films" / "gone.dcm").write_bytes(b"")
    store.jobs.add_files(job, [("gone.dcm", str(tmp_path / "nowhere.dcm"))])
    _since_friday(store)
    assert scanner.look() == 1
    assert store.worklist.page().total == 1


def test_a_file_that_was_queued_a_moment_ago_is_left_to_those_who_judge(
    store: Repository, scanner: HeaderScanner
) -> None:
    store.jobs.add([("a.dcm", film(1))])
    assert scanner.look() == 0 and store.worklist.page().total == 0


@pytest.mark.slow
def test_the_answer_takes_the_place_of_the_announcement(
    store: Repository, scanner: HeaderScanner
) -> None:
    queued(store, film(1))
    scanner.look()
    (task,) = store.claims.claim_files("w", 1)
    store.claims.finish_files("w", [answered(task, film(1))], "n")
    (listed,) = store.worklist.page().items
    assert (listed.status, listed.received_at) == (Status.REFUSED, FRIDAY)
    record = store.studies.get(STUDY)
    assert len(record.instances) == 1 and record.waiting == () and announcements(store) == 0


@pytest.mark.slow
def test_a_study_with_one_film_to_come_says_so(store: Repository, scanner: HeaderScanner) -> None:
    queued(store, film(1), film(2))
    scanner.look()
    (task,) = store.claims.claim_files("w", 1)
    store.claims.finish_files("w", [answered(task, film(1))], "n")
    (listed,) = store.worklist.page().items
    assert ONE_WAITS in listed.message and listed.instances == 2
    (task,) = store.claims.claim_files("w", 1)
    store.claims.finish_files("w", [answered(task, film(2))], "n")
    (listed,) = store.worklist.page().items
    assert ONE_WAITS not in listed.message and listed.instances == 2


@pytest.mark.parametrize("sha256", ["", "ab" * 32], ids=["never read", "read"])
def test_what_was_announced_does_not_vanish_when_its_file_cannot_be_read(
    store: Repository, scanner: HeaderScanner, tmp_path: Path, sha256: str
) -> None:
    in_folder(store, tmp_path / "films", film(1))
    scanner.look()
    (task,) = store.claims.claim_files("w", 1)
    store.claims.finish_files("w", [lost(task, sha256)], "n")
    (listed,) = store.worklist.page().items
    assert (listed.status, listed.message) == (Status.ERROR, "it died")
    (missing,) = store.studies.get(STUDY).unreadable
    assert missing.instance.patient.name == "Doe^Jane"


@pytest.mark.slow
def test_a_readable_file_takes_the_place_of_one_that_was_lost(
    store: Repository, scanner: HeaderScanner
) -> None:
    queued(store, film(1))
    scanner.look()
    (task,) = store.claims.claim_files("w", 1)
    store.claims.finish_files("w", [lost(task)], "n")
    queued(store, film(1))
    (task,) = store.claims.claim_files("w", 1)
    store.claims.finish_files("w", [answered(task, film(1))], "n")
    (listed,) = store.worklist.page().items
    assert listed.status is Status.REFUSED and store.studies.get(STUDY).unreadable == ()


def test_another_film_in_the_place_of_the_announced_one_takes_the_study_along(
    store: Repository, scanner: HeaderScanner, tmp_path: Path
) -> None:
    in_folder(store, tmp_path / "films", film(1))
    scanner.look()
    (task,) = store.claims.claim_files("w", 1)
    store.claims.finish_files("w", [answered(task, film(1, study="1.2.9"))], "n")
    (listed,) = store.worklist.page().items
    assert listed.study_instance_uid == "1.2.9"
    with pytest.raises(NotFoundError):
        store.studies.get(STUDY)


def test_a_cancelled_job_takes_its_announcements_along(
    store: Repository, scanner: HeaderScanner
) -> None:
    job = queued(store, film(1), film(1, study="1.2.9"), film(2, study="1.2.9"))
    scanner.look()
    claimed = store.claims.claim_files("w", 2)
    store.claims.finish_files("w", [answered(claimed[1], film(1, study="1.2.9"))], "n")
    store.jobs.cancel(job)
    (listed,) = store.worklist.page().items
    assert listed.study_instance_uid == "1.2.9" and ONE_WAITS not in listed.message
    with store._database.reading() as session:
        assert len(list(session.scalars(select(StudyTable)))) == 1
    assert announcements(store) == 0


def test_a_study_that_waits_can_be_deleted_with_its_files(
    store: Repository, scanner: HeaderScanner
) -> None:
    job = queued(store, film(1), film(1, study="1.2.9"))
    scanner.look()
    sha256 = store.studies.get(STUDY).waiting[0].identity.sha256
    store.studies.delete(STUDY, account="a", reason="wrong patient")
    assert [item.study_instance_uid for item in store.worklist.page().items] == ["1.2.9"]
    assert store.jobs.progress(job).total == 1 and not store.originals.path_of(sha256).exists()


def test_a_paused_job_is_told_and_a_cancelled_or_asked_again_one_is_not(
    store: Repository, scanner: HeaderScanner
) -> None:
    paused, cancelled = queued(store, film(1)), queued(store, film(1, study="1.2.9"))
    store.jobs.pause(paused)
    store.jobs.cancel(cancelled)
    assert scanner.look() == 1
    (task,) = store.claims.claim_files("w", 5) or [None]
    assert task is None
    store.jobs.resume(paused)
    (task,) = store.claims.claim_files("w", 5)
    store.claims.finish_files("w", [answered(task, film(1))], "n")
    store.jobs.add_rescore([STUDY])
    _since_friday(store)
    assert HeaderScanner(store).look() == 0 and announcements(store) == 0


def test_a_film_that_is_stored_is_not_announced_again(
    store: Repository, scanner: HeaderScanner
) -> None:
    queued(store, film(1))
    (task,) = store.claims.claim_files("w", 1)
    store.claims.finish_files("w", [answered(task, film(1))], "n")
    queued(store, film(1))
    assert scanner.look() == 0
    (listed,) = store.worklist.page().items
    assert listed.instances == 1


@pytest.mark.slow
def test_who_is_in_haste_goes_first_and_the_first_job_finds_it_answered(
    store: Repository, scanner: HeaderScanner
) -> None:
    first = queued(store, film(1, study="1.2.9"), film(1))
    scanner.look()
    assert store.pending.prioritise_study(
        STUDY, account="a"
    ) and not store.pending.prioritise_study(STUDY, account="a")
    (task,) = store.claims.claim_files("w", 1)
    assert task.urgent and task.job_id != first and task.account == "a"
    assert task.since == FRIDAY
    store.claims.finish_files("w", [answered(task, film(1))], "n")
    record = store.studies.get(STUDY)
    assert len(record.instances) == 1 and record.waiting == ()
    rest = store.claims.claim_files("w", 5)
    store.claims.finish_files(
        "w", [Result(t, t.sha256, None) for t in rest if t.position == 1], "n"
    )
    assert store.jobs.progress(first).counts == {Status.REFUSED: 1}
    assert not store.pending.prioritise_study(STUDY)
    assert store.jobs.progress(task.job_id).priority == URGENT


def test_of_a_long_series_a_handful_goes_first(store: Repository, scanner: HeaderScanner) -> None:
    queued(store, *(film(number) for number in range(25)))
    scanner.look()
    assert store.pending.prioritise_study(STUDY) and not store.pending.prioritise_study(STUDY)
    assert [task.urgent for task in store.claims.claim_files("w", 25)] == [True] * 20 + [False] * 5


def test_a_study_that_is_in_haste_and_deleted_does_not_come_back(
    store: Repository, scanner: HeaderScanner
) -> None:
    queued(store, film(1))
    scanner.look()
    assert store.pending.prioritise_study(STUDY)
    store.studies.delete(STUDY, account="a", reason="wrong patient")
    assert store.claims.claim_files("w", 5) == ()


@pytest.mark.slow
def test_a_pile_that_was_told_is_not_searched_again(
    store: Repository, scanner: HeaderScanner
) -> None:
    job = queued(store, *(film(number) for number in range(4)))
    monday = HeaderScanner(store)
    (last,) = store.pending.not_yet_scanned({}, until=datetime.now(UTC), limit=1)
    monday._announce([last])  # and the server was killed
    monday._decoder.close()
    again = store.pending.not_yet_scanned({}, until=datetime.now(UTC), limit=5)
    assert [task.position for task in again] == [2, 1, 0] and last.position == 3
    assert scanner.look() == 3
    with store._database.reading() as session:
        assert _load_span(session, job) == (0, 3)


def test_two_scanners_tell_a_film_once(store: Repository, scanner: HeaderScanner) -> None:
    queued(store, film(1))
    (task,) = store.pending.not_yet_scanned({}, until=datetime.now(UTC), limit=5)
    (seen,) = scanner._describe([(*scanner._place(task), task.file_name)])
    assert seen is not None
    looks = [(task, seen)]
    assert store.pending.add_pending(looks) == 1 and store.pending.add_pending(looks) == 0


def test_the_end_of_the_pile_is_told_first_and_then_what_came_since(
    store: Repository, scanner: HeaderScanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AHEAD", 2)
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    told: list[str] = []
    real = store.pending.add_pending

    def heard(looks: Sequence[tuple[Task, Instance]]) -> int:
        told.extend(seen.file_name for _, seen in looks)
        if len(told) == 2:  # meanwhile
            (tmp_path / "films" / "z.dcm").write_bytes(film(9))
            store.jobs.add_files(job, [("z.dcm", str(tmp_path / "films" / "z.dcm"))])
            _since_friday(store)
        return real(looks)

    monkeypatch.setattr(store.pending, "add_pending", heard)
    job = in_folder(store, tmp_path / "films", *(film(number) for number in range(5)))
    assert scanner.look() == 6
    assert told == ["4.dcm", "3.dcm", "z.dcm", "2.dcm", "1.dcm", "0.dcm"]


@pytest.mark.parametrize(("seconds", "rests"), [(0.0, False), (0.05, True)], ids=str)
def test_it_rests_where_it_met_a_reader(
    store: Repository, seconds: float, rests: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(store, film(1))
    scanner = HeaderScanner(store, yield_to_interactive=lambda: time.sleep(seconds))
    waited: list[float] = []
    monkeypatch.setattr(scanner._stopped, "wait", waited.append)
    assert scanner.look() == 1
    scanner._decoder.close()
    (rest,) = waited
    assert (rest > 3 * seconds) if rests else rest == 0.0


def test_after_a_restart_nothing_is_told_twice(store: Repository, scanner: HeaderScanner) -> None:
    queued(store, film(1), film(2))
    assert scanner.look() == 2
    assert store.pending.not_yet_scanned({}, until=datetime.now(UTC), limit=5) == ()


def test_a_table_of_results_says_that_it_waits(store: Repository, scanner: HeaderScanner) -> None:
    queued(store, film(1))
    scanner.look()
    (row,) = stored_batch(store, lambda _, said: "waits" if said is None else "").rows(False)
    assert (row.study_instance_uid, row.selection, row.status) == (STUDY, "waits", "waiting")


def test_many_films_of_one_study_are_one_row(store: Repository, scanner: HeaderScanner) -> None:
    queued(store, *(film(i) for i in range(60)))
    assert scanner.look() == 60
    (listed,) = store.worklist.page().items
    assert listed.instances == 60


def test_trouble_with_the_store_is_tried_again_and_names_nobody(
    store: Repository, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queued(store, film(1))
    monkeypatch.setattr(module, "EVERY", 0.01)
    monkeypatch.setattr(module, "_TROUBLE", 0.01)
    real: Callable[..., int] = store.pending.add_pending
    calls: list[int] = []

    def failing(looks: list[tuple[Task, object]]) -> int:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("Doe^Jane")
        return real(looks)

    monkeypatch.setattr(store.pending, "add_pending", failing)
    scanner = HeaderScanner(store)
    scanner.start()
    ends = datetime.now(UTC) + timedelta(seconds=20)
    while not announcements(store) and datetime.now(UTC) < ends:
        scanner._stopped.wait(0.05)
    scanner.stop()
    assert announcements(store) == 1
    assert "ValueError" in caplog.text and "Doe" not in caplog.text


def test_a_header_that_kills_its_reader_hides_no_other(
    store: Repository, scanner: HeaderScanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(store, film(1), film(2), film(3))
    real, guilty = scanner._decoder.describe, store.claims.claim_files("w", 3)[1].file_name
    store.claims.release_claims(["w"])

    def dying(files: Sequence[tuple[str, bytes, str]]) -> list[Instance | None]:
        if guilty in {name for *_, name in files}:
            raise PixelDataError(decode_process.CRASHED)
        return real(files)

    monkeypatch.setattr(scanner._decoder, "describe", dying)
    assert scanner.look() == 2
    assert {one.file_name for one in store.studies.get(STUDY).waiting} == {"0.dcm", "2.dcm"}
