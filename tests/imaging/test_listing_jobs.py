"""Folders become jobs: allowed ones, whole, archives unpacked, arrivals once complete."""

from __future__ import annotations

import os
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from imaging.errors import SettingsError
from imaging.jobs import JobKind, JobState
from imaging.listing_jobs import Lister, allowed_folder
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


def listed(repository: Repository, job_id: str, lister: Lister | None = None) -> list[str]:
    """Names in the job after one look."""
    (lister or Lister(repository, lambda: None)).look(repository.job_progress(job_id))
    return [file.file_name for file in repository.job_files(job_id)]


def test_a_folder_below_a_root_is_allowed(root: Path, settings: Settings) -> None:
    assert allowed_folder(f" {root}/b ", settings) == str(root / "b")
    assert allowed_folder("s3://films/new/today/", settings) == "s3://films/new/today"


@pytest.mark.parametrize(
    "wanted",
    [
        *("/", "{root}/..", "{root}/../home", "{root}/one.dcm", "{root}/gone", "{root}/out", "\0"),
        *("s3://films/newer", "s3://films/new/../old", "s3://other/new", "file:///etc"),
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
    job = repository.open_job(JobKind.FOLDER, str(root))
    assert listed(repository, job) == ["one.dcm", "two.dcm"]
    assert repository.job_progress(job).state is JobState.RUNNING
    tasks = repository.claim_files("w", 9)
    assert [t.location for t in tasks] == [str(root / "one.dcm"), str(root / "b" / "two.dcm")]
    assert not list(repository.kept_at("0" * 64).parent.parent.glob("*/*"))


def test_a_link_out_of_the_folder_is_not_followed(
    repository: Repository, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    (root / "link.dcm").symlink_to(tmp_path / "secret")
    job = repository.open_job(JobKind.FOLDER, str(root))
    assert "link.dcm" not in listed(repository, job)


def test_an_archive_in_the_folder_is_a_row_for_each_member(
    repository: Repository, root: Path
) -> None:
    with zipfile.ZipFile(root / "disc.zip", "w") as archive:
        archive.writestr("x/three.dcm", b"3")
    job = repository.open_job(JobKind.FOLDER, str(root))
    names = listed(repository, job)
    assert len(names) == 3 and any("three.dcm" in name for name in names)
    kept = [t for t in repository.claim_files("w", 9) if not t.location]
    assert [repository.content(t.sha256) for t in kept] == [b"3"]


def test_a_listing_that_was_interrupted_goes_on(repository: Repository, root: Path) -> None:
    job = repository.open_job(JobKind.FOLDER, str(root))
    repository.add_files(job, [("one.dcm", str(root / "one.dcm"))])
    assert listed(repository, job) == ["one.dcm", "two.dcm"]


def test_a_watched_file_is_taken_once_it_has_stopped_growing(
    repository: Repository, root: Path
) -> None:
    lister = Lister(repository, lambda: None)
    job = repository.open_job(JobKind.WATCH, str(root))
    old = time.time() - 60
    for file in (root / "one.dcm", root / "b" / "two.dcm"):
        os.utime(file, (old, old))
    assert listed(repository, job, lister) == []  # seen once: perhaps it grows
    (root / "b" / "two.dcm").write_bytes(b"2222")  # it does
    assert listed(repository, job, lister) == ["one.dcm"]
    os.utime(root / "b" / "two.dcm", (old, old))
    listed(repository, job, lister)
    assert listed(repository, job, lister) == ["one.dcm", "two.dcm"]
    assert repository.job_progress(job).state is JobState.LISTING


def test_a_paused_job_is_not_listed_further(repository: Repository, root: Path) -> None:
    job = repository.open_job(JobKind.FOLDER, str(root))
    before = repository.job_progress(job)
    repository.pause(job)
    Lister(repository, lambda: None).look(before)
    assert repository.job_files(job) == ()
    repository.resume(job)
    assert listed(repository, job) == ["one.dcm", "two.dcm"]
