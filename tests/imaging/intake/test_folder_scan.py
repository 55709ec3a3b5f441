"""Folders become jobs: allowed ones, whole, archives unpacked, arrivals once complete."""

from __future__ import annotations

import io
import os
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from imaging.entities import Status
from imaging.errors import SettingsError, StoreError
from imaging.intake import folder_scan
from imaging.intake.folder_scan import FolderScanner, allowed_folder
from imaging.intake.unpack_process import members_apart
from imaging.jobs import JobKind, JobState
from imaging.settings import Settings
from imaging.store import Repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "two.dcm").write_bytes(b"2")
    (folder / "one.dcm").write_bytes(b"1")
    (folder / ".hidden").write_bytes(b"no")
    return folder


@pytest.fixture
def settings(root: Path, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", roots=(str(root), "s3://films/new"))


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Callable[[str, bytes], None]]]:
    """An address, and what puts a file there."""
    fsspec = pytest.importorskip("fsspec")
    address, system = f"memory://{uuid.uuid4().hex}", fsspec.filesystem("memory")
    yield address, lambda name, content: system.pipe(f"{address}/{name}", content)
    if system.exists(address):
        system.rm(address, recursive=True)


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Repository]:
    """An empty store, in SQLite and in PostgreSQL."""
    with closing(Repository.open(tmp_path / "home", database)) as found:
        yield found


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is the same at two looks is complete, however young."""
    monkeypatch.setattr(folder_scan, "SETTLED", 0.0)


def ended(repository: Repository, job_id: str) -> bool:
    """True once nothing is looked for any more; a few seconds at most."""
    until = time.monotonic() + 20
    while repository.jobs.progress(job_id).state is JobState.LISTING:
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def reasons(repository: Repository, job_id: str) -> list[tuple[str, str]]:
    """What could not be read, and why."""
    found = repository.jobs.files(job_id, statuses=[Status.ERROR])
    return [(file.file_name, file.message) for file in found]


def listed(
    repository: Repository, job_id: str, folder_scanner: FolderScanner | None = None
) -> list[str]:
    """Names in the job after one look."""
    (folder_scanner or FolderScanner(repository, lambda: None)).look(
        repository.jobs.progress(job_id)
    )
    return [file.file_name for file in repository.jobs.files(job_id)]


def test_a_folder_below_a_root_is_allowed(root: Path, settings: Settings) -> None:
    assert allowed_folder(f" {root}/b ", settings) == str(root / "b")
    assert allowed_folder("s3://films/new/today/", settings) == "s3://films/new/today"


@pytest.mark.parametrize(
    "wanted",
    [
        *("/", "{root}/..", "{root}/../home", "{root}/one.dcm", "{root}/gone", "{root}/out", "\0"),
        *("s3://films/newer", "s3://films/new/../old", "s3://other/new", "file:///etc"),
        *("s3://films/new::http://169.254.169.254/", "s3://films/new/a::file:///etc"),
    ],
)
def test_nothing_else_is(root: Path, settings: Settings, wanted: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (root / "out").symlink_to(tmp_path / "home")
    with pytest.raises(SettingsError, match="not one that Lightbox may read"):
        allowed_folder(wanted.format(root=root), settings)


def test_without_roots_no_folder_is_allowed(root: Path, settings: Settings) -> None:
    with pytest.raises(SettingsError):
        allowed_folder(str(root), replace(settings, roots=()))


def test_a_folder_is_listed_whole_and_stays_where_it_is(repository: Repository, root: Path) -> None:
    job = repository.jobs.open(JobKind.FOLDER, str(root))
    assert listed(repository, job) == ["one.dcm", "two.dcm"]
    assert repository.jobs.progress(job).state is JobState.RUNNING
    tasks = repository.claims.claim_files("w", 9)
    assert [t.location for t in tasks] == [str(root / "one.dcm"), str(root / "b" / "two.dcm")]
    assert not list(repository.originals.path_of("0" * 64).parent.parent.glob("*/*"))


def test_a_link_out_of_the_folder_is_not_followed(
    repository: Repository, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    (root / "link.dcm").symlink_to(tmp_path / "secret")
    job = repository.jobs.open(JobKind.FOLDER, str(root))
    assert "link.dcm" not in listed(repository, job)


def test_a_folder_replaced_by_a_link_after_queueing_is_refused(
    repository: Repository, root: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "one.dcm").write_bytes(b"s")
    for kind in (JobKind.FOLDER, JobKind.WATCH):
        job = repository.jobs.open(kind, str(root))
        root.rename(tmp_path / "aside")
        root.symlink_to(secret)
        with pytest.raises(SettingsError, match="replaced by a link"):
            listed(repository, job)
        assert list(repository.jobs.files(job)) == []
        root.unlink()
        (tmp_path / "aside").rename(root)


def test_a_link_within_the_folder_is_queued_as_what_it_leads_to(
    repository: Repository, root: Path
) -> None:
    (root / "link.dcm").symlink_to(root / ".hidden")
    job = repository.jobs.open(JobKind.FOLDER, str(root))
    listed(repository, job)
    places = [t.location for t in repository.claims.claim_files("w", 9)]
    assert places == [str(root / name) for name in (".hidden", "one.dcm", "b/two.dcm")]


def test_an_archive_in_the_folder_is_a_row_for_each_member(
    repository: Repository, root: Path
) -> None:
    with zipfile.ZipFile(root / "disc.zip", "w") as archive:
        archive.writestr("x/three.dcm", b"3")
    job = repository.jobs.open(JobKind.FOLDER, str(root))
    names = listed(repository, job)
    assert len(names) == 3 and any("three.dcm" in name for name in names)
    kept = [t for t in repository.claims.claim_files("w", 9) if not t.location]
    assert [repository.originals.content(t.sha256) for t in kept] == [b"3"]


def test_parts_of_uploads_that_nobody_goes_on_with_are_deleted(
    repository: Repository, root: Path
) -> None:
    incoming = repository.originals.incoming
    incoming.mkdir(parents=True)
    old, young = incoming / "a-0", incoming / "b-0"
    for part in (old, young):
        part.write_bytes(b"x")
    os.utime(old, (0, 0))
    folder_scanner = FolderScanner(repository, lambda: None)
    folder_scanner.start()
    try:
        assert ended(repository, repository.jobs.open(JobKind.FOLDER, str(root)))
    finally:
        folder_scanner.stop()
    assert young.exists() and not old.exists()


def test_a_listing_that_was_interrupted_goes_on(repository: Repository, root: Path) -> None:
    job = repository.jobs.open(JobKind.FOLDER, str(root))
    repository.jobs.add_files(job, [("one.dcm", str(root / "one.dcm"))])
    assert listed(repository, job) == ["one.dcm", "two.dcm"]


def test_a_watched_file_is_taken_once_it_has_stopped_growing(
    repository: Repository, root: Path
) -> None:
    folder_scanner = FolderScanner(repository, lambda: None)
    job = repository.jobs.open(JobKind.WATCH, str(root))
    old = time.time() - 60
    for file in (root / "one.dcm", root / "b" / "two.dcm"):
        os.utime(file, (old, old))
    assert listed(repository, job, folder_scanner) == []  # seen once: perhaps it grows
    (root / "b" / "two.dcm").write_bytes(b"2222")  # it does
    assert listed(repository, job, folder_scanner) == ["one.dcm"]
    os.utime(root / "b" / "two.dcm", (old, old))
    listed(repository, job, folder_scanner)
    assert listed(repository, job, folder_scanner) == ["one.dcm", "two.dcm"]
    assert repository.jobs.progress(job).state is JobState.LISTING


def test_a_paused_job_is_not_listed_further(repository: Repository, root: Path) -> None:
    job = repository.jobs.open(JobKind.FOLDER, str(root))
    before = repository.jobs.progress(job)
    repository.jobs.pause(job)
    FolderScanner(repository, lambda: None).look(before)
    assert repository.jobs.files(job) == ()
    repository.jobs.resume(job)
    assert listed(repository, job) == ["one.dcm", "two.dcm"]


def test_links_in_circles_pipes_and_odd_names_stop_nobody(
    repository: Repository, root: Path
) -> None:
    (root / "circle.dcm").symlink_to(root / "back.dcm")
    (root / "back.dcm").symlink_to(root / "circle.dcm")
    (root / "lost.dcm").symlink_to(root / "gone.dcm")
    os.mkfifo(root / "pipe.dcm")
    Path(os.fsdecode(os.fsencode(root) + b"/M\xfcller.dcm")).write_bytes(b"odd")  # Latin-1
    job = repository.jobs.open(JobKind.FOLDER, str(root))
    assert listed(repository, job) == ["lost.dcm", "one.dcm", "two.dcm", "M\ufffdller.dcm"]
    (odd,) = [t for t in repository.claims.claim_files("w", 9) if not t.location]
    assert repository.originals.content(odd.sha256) == b"odd"


def test_one_job_that_cannot_be_listed_ends_with_its_reason_and_stops_no_other(
    repository: Repository,
    root: Path,
    files: tuple[str, Callable[[str, bytes], None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(folder_scan, "EVERY", 0.01)
    empty = repository.jobs.open(JobKind.FOLDER, files[0])
    gone = repository.jobs.open(JobKind.FOLDER, str(root / "moved away"))
    odd = repository.jobs.open(JobKind.FOLDER, "nothing-reads-this://x/films")
    good = repository.jobs.open(JobKind.FOLDER, str(root))
    folder_scanner = FolderScanner(repository, lambda: None)
    folder_scanner.start()
    try:
        assert all(ended(repository, job) for job in (good, empty, gone, odd))
    finally:
        folder_scanner.stop()
    assert [f.file_name for f in repository.jobs.files(good)] == ["one.dcm", "two.dcm"]
    ((name, sentence),) = reasons(repository, empty)
    assert name == files[0].removeprefix("memory://") and sentence.startswith("No files can be")
    ((name, sentence),) = reasons(repository, gone)
    assert name == "moved away" and sentence.startswith("This folder cannot be opened")
    ((_, sentence),) = reasons(repository, odd)
    assert "not installed" in sentence
    assert repository.jobs.progress(gone).finished


def test_a_fault_of_ours_in_one_job_ends_that_job_alone_and_logs_no_name(
    repository: Repository,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with zipfile.ZipFile(root / "b" / "Doe_John.zip", "w") as archive:
        archive.writestr("x.dcm", b"3")

    def failing(*_: object) -> Iterator[object]:
        raise KeyError("Doe_John")

    monkeypatch.setattr(folder_scan, "EVERY", 0.01)
    monkeypatch.setattr(folder_scan, "members_apart", failing)
    bad = repository.jobs.open(JobKind.FOLDER, str(root / "b"))
    folder_scanner = FolderScanner(repository, lambda: None)
    folder_scanner.start()
    try:
        assert ended(repository, bad)
        monkeypatch.setattr(folder_scan, "members_apart", members_apart)
        later = repository.jobs.open(JobKind.FOLDER, str(root))
        folder_scanner.wake()
        assert ended(repository, later)
    finally:
        folder_scanner.stop()
    ((_, sentence),) = reasons(repository, bad)
    assert sentence.startswith("The files of this folder could not all be found")
    assert len(repository.jobs.files(later)) == 3
    assert "KeyError" in caplog.text and "Doe" not in caplog.text


def test_a_place_that_is_away_for_a_moment_is_listed_all_the_same(
    repository: Repository, root: Path
) -> None:
    folder_scanner = FolderScanner(repository, lambda: None)
    job = repository.jobs.open(JobKind.FOLDER, str(root / "late"))
    assert "cannot be opened" in folder_scanner.attempt(repository.jobs.progress(job))
    (root / "late").mkdir()
    (root / "late" / "a.dcm").write_bytes(b"a")
    assert folder_scanner.attempt(repository.jobs.progress(job)) == ""
    assert [f.file_name for f in repository.jobs.files(job)] == ["a.dcm"]
    assert reasons(repository, job) == []


def test_a_watched_place_that_is_away_says_so_once_and_is_watched_on(
    repository: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_scanner = FolderScanner(repository, lambda: None)
    job = repository.jobs.open(JobKind.WATCH, str(root / "late"))
    for _ in range(20):
        folder_scanner.attempt(repository.jobs.progress(job))
    assert len(reasons(repository, job)) == 1
    (root / "late").mkdir()
    (root / "late" / "a.dcm").write_bytes(b"a")
    monkeypatch.setattr(folder_scan, "SETTLED", 0.0)
    for _ in range(2):
        folder_scanner.attempt(repository.jobs.progress(job))
    assert [f.file_name for f in repository.jobs.files(job)] == ["late", "a.dcm"]


def test_trouble_with_the_store_ends_no_job(
    repository: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_scanner = FolderScanner(repository, lambda: None)
    job = repository.jobs.open(JobKind.FOLDER, str(root))

    def failing(*_: object, **__: object) -> int:
        raise StoreError("The data folder cannot be written.")

    with monkeypatch.context() as patch:
        patch.setattr(repository.jobs, "add_files", failing)
        for _ in range(20):
            with pytest.raises(StoreError):
                folder_scanner.attempt(repository.jobs.progress(job))
    assert listed(repository, job, folder_scanner) == ["one.dcm", "two.dcm"]


def test_a_job_the_store_will_not_take_holds_up_no_other(
    repository: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = repository.jobs.open(JobKind.FOLDER, str(root))
    good = repository.jobs.open(JobKind.FOLDER, str(root))
    add = repository.jobs.add_files

    def failing(job_id: str, *args: object, **named: object) -> object:
        if job_id == bad:
            raise StoreError("The database cannot be written.")
        return add(job_id, *args, **named)  # type: ignore[arg-type]

    jobs = [repository.jobs.progress(job) for job in (bad, good)]
    monkeypatch.setattr(repository.jobs, "add_files", failing)
    monkeypatch.setattr(repository.jobs, "listings", lambda: jobs)
    monkeypatch.setattr(folder_scan, "EVERY", 0.01)
    folder_scanner = FolderScanner(repository, lambda: None)
    folder_scanner.start()
    try:
        assert ended(repository, good)
    finally:
        folder_scanner.stop()
    assert repository.jobs.progress(bad).state is JobState.LISTING


def test_a_reason_that_could_not_be_written_is_written_at_the_next_look(
    repository: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_scanner = FolderScanner(repository, lambda: None)
    job = repository.jobs.open(JobKind.FOLDER, str(root / "gone"))

    def failing(*_: object, **__: object) -> int:
        raise StoreError("The data folder cannot be written.")

    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(repository.jobs, "add_files", failing)
        folder_scanner.attempt(repository.jobs.progress(job), tries=1)
    folder_scanner.attempt(repository.jobs.progress(job), tries=1)
    assert len(reasons(repository, job)) == 1 and repository.jobs.progress(job).finished


def test_an_address_can_be_watched(
    repository: Repository, files: tuple[str, Callable[[str, bytes], None]]
) -> None:
    address, put = files
    folder_scanner = FolderScanner(repository, lambda: None)
    job = repository.jobs.open(JobKind.WATCH, address)
    assert (
        listed(repository, job, folder_scanner) == []
    )  # nothing has come yet, which is no trouble
    put("a.dcm", b"a")
    assert listed(repository, job, folder_scanner) == []
    put("a.dcm", b"aa")  # it grows
    put("empty.dcm", b"")
    assert listed(repository, job, folder_scanner) == []
    assert listed(repository, job, folder_scanner) == ["a.dcm"]
    put("b.dcm", b"b")
    assert [listed(repository, job, folder_scanner) for _ in range(2)][1] == ["a.dcm", "b.dcm"]
    assert repository.jobs.progress(job).state is JobState.LISTING


def test_a_look_that_finds_nothing_new_writes_nothing_and_unpacks_nothing(
    repository: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_scan, "SETTLED", 0.0)
    with zipfile.ZipFile(root / "disc.zip", "w") as archive:
        archive.writestr("three.dcm", b"3")
    asked: list[str] = []

    def heard(part: object, name: str) -> None:
        whole = getattr(part, name)

        def called(*args: object, **named: object) -> object:
            asked.append(name)
            return whole(*args, **named)

        monkeypatch.setattr(part, name, called)

    heard(repository.jobs, "add_files")
    heard(repository.originals, "keep")
    folder_scanner = FolderScanner(repository, lambda: None)
    job = repository.jobs.open(JobKind.WATCH, str(root))
    for _ in range(2):
        listed(repository, job, folder_scanner)
    assert asked == ["keep", "add_files"]
    for _ in range(3):
        assert len(listed(repository, job, folder_scanner)) == 3
    assert asked == ["keep", "add_files"]
    (root / "new.dcm").write_bytes(b"n")
    for _ in range(3):
        listed(repository, job, folder_scanner)
    assert asked == ["keep", "add_files", "add_files"]


def test_what_could_not_be_added_is_tried_at_the_next_look(
    repository: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_scan, "SETTLED", 0.0)
    folder_scanner = FolderScanner(repository, lambda: None)
    job = repository.jobs.open(JobKind.WATCH, str(root))
    listed(repository, job, folder_scanner)

    def failing(*_: object, **__: object) -> int:
        raise StoreError("The data folder cannot be written.")

    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(repository.jobs, "add_files", failing)
        listed(repository, job, folder_scanner)
    assert [listed(repository, job, folder_scanner) for _ in range(2)][1] == ["one.dcm", "two.dcm"]


def test_a_job_cancelled_while_an_archive_is_unpacked_gets_no_more(
    repository: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = repository.jobs.open(JobKind.FOLDER, str(root))
    monkeypatch.setattr(folder_scan, "_FIRST", 1)
    for name in ("a.zip", "c.zip"):  # before and after the plain files
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("x.dcm", name)
        (root / name).write_bytes(buffer.getvalue())
    keep, kept = repository.originals.keep, []

    def cancelling(content: bytes) -> str:
        kept.append(keep(content))
        repository.jobs.cancel(job)
        return kept[-1]

    monkeypatch.setattr(repository.originals, "keep", cancelling)
    assert listed(repository, job) == []
    assert len(kept) == 1 and not repository.originals.path_of(kept[0]).exists()
    assert repository.jobs.progress(job).state is JobState.CANCELLED


def looked(store: Repository, job_id: str, *folder_scanners: FolderScanner) -> list[str]:
    """Names in the job after as many looks as complete a file."""
    for _ in range(2):
        for folder_scanner in folder_scanners:
            names = listed(store, job_id, folder_scanner)
    return names


@pytest.mark.slow
@pytest.mark.usefixtures("at_once")
def test_another_file_under_an_old_name_is_taken_once_it_is_complete(
    store: Repository, root: Path
) -> None:
    folder_scanner = FolderScanner(store, lambda: None)
    job = store.jobs.open(JobKind.WATCH, str(root))
    assert looked(store, job, folder_scanner) == ["one.dcm", "two.dcm"]
    (root / "one.dcm").write_bytes(b"another")
    assert listed(store, job, folder_scanner) == ["one.dcm", "two.dcm"]  # perhaps it grows
    assert listed(store, job, folder_scanner) == ["one.dcm", "two.dcm", "one.dcm"]
    assert len(looked(store, job, folder_scanner)) == 3
    places = [task.location for task in store.claims.claim_files("w", 9)]
    assert places[0] == places[2] == str(root / "one.dcm")


@pytest.mark.usefixtures("at_once")
def test_a_file_of_the_same_size_is_told_apart_by_its_time(store: Repository, root: Path) -> None:
    folder_scanner = FolderScanner(store, lambda: None)
    job = store.jobs.open(JobKind.WATCH, str(root))
    looked(store, job, folder_scanner)
    old = (root / "one.dcm").stat()
    os.utime(root / "one.dcm", ns=(0, old.st_mtime_ns + 1_000_000_000))
    assert looked(store, job, folder_scanner) == ["one.dcm", "two.dcm", "one.dcm"]
    os.utime(root / "one.dcm", ns=(0, old.st_mtime_ns))  # the first one put back is not new
    assert len(looked(store, job, folder_scanner)) == 3


@pytest.mark.usefixtures("at_once")
def test_after_a_restart_only_what_was_replaced_meanwhile_is_taken(
    store: Repository, root: Path
) -> None:
    job = store.jobs.open(JobKind.WATCH, str(root))
    first = FolderScanner(store, lambda: None)
    looked(store, job, first)
    (root / "one.dcm").write_bytes(b"another")
    assert len(looked(store, job, first)) == 3
    assert len(looked(store, job, FolderScanner(store, lambda: None))) == 3
    (root / "b" / "two.dcm").write_bytes(b"another")
    assert looked(store, job, FolderScanner(store, lambda: None))[3:] == ["two.dcm"]


@pytest.mark.usefixtures("at_once")
def test_two_servers_take_another_file_under_an_old_name_once(
    store: Repository, root: Path, tmp_path: Path, database: str
) -> None:
    job = store.jobs.open(JobKind.WATCH, str(root))
    with closing(Repository.open(tmp_path / "home", database)) as other:
        folder_scanners = [FolderScanner(store, lambda: None), FolderScanner(other, lambda: None)]
        assert looked(store, job, *folder_scanners) == ["one.dcm", "two.dcm"]
        (root / "one.dcm").write_bytes(b"another")
        assert looked(store, job, *folder_scanners) == ["one.dcm", "two.dcm", "one.dcm"]
        (root / "one.dcm").write_bytes(b"one more")
        ready = threading.Barrier(2, timeout=20)

        def look(folder_scanner: FolderScanner) -> None:
            for _ in range(2):
                ready.wait()
                folder_scanner.look(store.jobs.progress(job))

        threads = [
            threading.Thread(target=look, args=[folder_scanner])
            for folder_scanner in folder_scanners
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [file.file_name for file in store.jobs.files(job)][3:] == ["one.dcm"]


@pytest.mark.usefixtures("at_once")
def test_files_queued_before_marks_were_kept_are_not_queued_again(
    store: Repository, root: Path
) -> None:
    job = store.jobs.open(JobKind.WATCH, str(root))
    store.jobs.add_files(
        job, [(p.name, str(p)) for p in (root / "one.dcm", root / "b" / "two.dcm")]
    )
    assert looked(store, job, FolderScanner(store, lambda: None)) == ["one.dcm", "two.dcm"]
    (root / "one.dcm").write_bytes(b"another")  # from now on they are told apart
    assert looked(store, job, FolderScanner(store, lambda: None))[2:] == ["one.dcm"]


def test_a_folder_that_is_not_watched_is_found_once_whatever_becomes_of_it(
    store: Repository, root: Path
) -> None:
    job = store.jobs.open(JobKind.FOLDER, str(root))
    listed(store, job)
    (root / "one.dcm").write_bytes(b"another")
    store.jobs.pause(job)
    store.jobs.resume(job)
    assert listed(store, job) == ["one.dcm", "two.dcm"]


def test_another_file_at_an_old_address_is_taken_once(
    store: Repository, files: tuple[str, Callable[[str, bytes], None]]
) -> None:
    address, put = files
    folder_scanner = FolderScanner(store, lambda: None)
    job = store.jobs.open(JobKind.WATCH, address)
    put("a.dcm", b"a")
    assert looked(store, job, folder_scanner) == ["a.dcm"]
    put("a.dcm", b"b")
    assert looked(store, job, folder_scanner) == ["a.dcm", "a.dcm"]
    assert len(looked(store, job, FolderScanner(store, lambda: None))) == 2
