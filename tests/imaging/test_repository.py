"""The store: what goes in comes back, decisions are appended, the queue survives."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imaging.entities import (
    Acquisition,
    Assessment,
    FileOutcome,
    Finding,
    Geometry,
    Identity,
    Instance,
    ModelIdentity,
    Patient,
    Status,
    VoiPreset,
)
from imaging.errors import ConflictError, NotFoundError, StoreError
from imaging.review import Call, ReadFinding, Review, Stage
from imaging.store import Repository
from imaging.worklist import RAISED

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MODEL = ModelIdentity("tiny", "1", "ab" * 32)


def instance(number: int = 1, study: str = "1.2.3", sha256: str = "") -> Instance:
    return Instance(
        identity=Identity(study, "1.2.4", f"1.2.5.{number}", "1.2", "1.2.840", sha256),
        patient=Patient("DOE^JANE", "42", "20220101", "F", 4.0),
        acquisition=Acquisition(modality="DX", patient_orientation=("L", "F")),
        geometry=Geometry(10, 20, 1, 1, "MONOCHROME1", 12, (0.1, 0.1), "PixelSpacing"),
        voi_presets=(VoiPreset("window", 0, "soft", 2048.0, 4096.0),),
    )


def assessment(number: int = 1, probability: float = 0.9) -> Assessment:
    finding = Finding("pneumonia", "Pneumonia", probability, 0.5)
    return Assessment(f"1.2.5.{number}", Status.OK, MODEL, (finding,), ("a reason",), NOW)


def review(version: int = 0, stage: Stage = Stage.DRAFT) -> Review:
    finding = ReadFinding("pneumonia", False, Call.OVERRULED, "clear", regions=("1.2.9",))
    return Review("1.2.3", version, stage, "anna", "Dr A", NOW, (finding,), note="note")


@pytest.fixture
def repository(tmp_path: Path, database: str) -> Iterator[Repository]:
    """An empty store on each kind of database in turn."""
    store = Repository.open(tmp_path / "home", database)
    yield store
    store.close()


@pytest.fixture
def filled(repository: Repository) -> Repository:
    repository.add_instance(instance())
    repository.add_assessment(assessment())
    return repository


def test_round_trip(filled: Repository) -> None:
    record = filled.study("1.2.3")
    assert record.instances == (instance(),)
    assert record.assessments == (assessment(),)
    assert record.review is None


def test_reopening_finds_everything(filled: Repository, tmp_path: Path, database: str) -> None:
    filled.add_review(review())
    again = Repository.open(tmp_path / "home", database)
    assert again.study("1.2.3") == filled.study("1.2.3")
    again.close()


def test_the_same_film_twice_is_one_record(filled: Repository) -> None:
    assert filled.add_instance(instance()) is False
    assert len(filled.study("1.2.3").instances) == 1


def test_another_film_with_the_same_uid_is_a_conflict(filled: Repository) -> None:
    with pytest.raises(ConflictError):
        filled.add_instance(instance(sha256="cd" * 32))


def test_reviews_are_appended_and_a_late_writer_is_told(filled: Repository) -> None:
    first = filled.add_review(review())
    filled.add_review(replace(first, stage=Stage.FINAL))
    with pytest.raises(ConflictError, match="first"):
        filled.add_review(replace(first, note="too late"))
    assert [r.signed for r in filled.study("1.2.3").reviews] == [False, True]
    assert [r.version for r in filled.study("1.2.3").reviews] == [1, 2]


def test_unknown_names_are_not_found(repository: Repository) -> None:
    with pytest.raises(NotFoundError):
        repository.study("9.9")
    with pytest.raises(NotFoundError):
        repository.job("9")
    with pytest.raises(NotFoundError):
        repository.content("00" * 32)


def test_altered_bytes_are_noticed(repository: Repository, tmp_path: Path) -> None:
    sha256 = repository.keep(b"film")
    assert repository.content(sha256) == b"film"
    (tmp_path / "home" / "objects" / sha256[:2] / sha256).write_bytes(b"fake")
    with pytest.raises(StoreError, match="altered"):
        repository.content(sha256)


def test_urgent_first_then_longest_waiting_and_nothing_is_lost(repository: Repository) -> None:
    for number, probability in [(1, 0.1), (2, 0.9), (3, 0.2), (4, 0.8)]:
        repository.add_instance(instance(number, study=f"1.{number}"))
        repository.add_assessment(assessment(number, probability))
    repository.add_instance(instance(5, study="1.5"))  # never answered
    assert [i.study_instance_uid for i in repository.worklist()] == [
        "1.2",
        "1.4",
        "1.1",
        "1.3",
        "1.5",
    ]


def test_only_a_signature_takes_a_study_off_the_top(filled: Repository) -> None:
    filled.add_assessment(assessment(probability=0.1))
    assert filled.worklist()[0].priority == 0
    filled.add_assessment(assessment(probability=0.9))
    filled.add_review(review())
    assert filled.worklist()[0].priority == RAISED
    filled.add_review(review(1, Stage.FINAL))
    assert filled.worklist()[0].priority == -1


def test_the_queue_survives_a_restart(
    repository: Repository, tmp_path: Path, database: str
) -> None:
    job_id = repository.add_job([("a.dcm", b"one"), ("b.txt", b"two")], account="anna")
    repository.close()
    again = Repository.open(tmp_path / "home", database)
    waiting = again.next_file()
    assert waiting is not None and waiting[0] == job_id and waiting[2] == b"one"
    assert again.job(job_id).done == 0 and not again.job(job_id).finished
    assert again.job(job_id).account == "anna"
    again.close()


def test_a_finished_file_leaves_the_queue_and_its_bytes_unless_recorded(
    repository: Repository,
) -> None:
    job_id = repository.add_job([("a.dcm", b"film"), ("b.txt", b"text")])
    kept = instance(sha256=repository.keep(b"film"))
    repository.add_instance(kept)
    repository.finish_file(job_id, 0, FileOutcome("a.dcm", assessment(), kept))
    refused = Assessment("", Status.ERROR, messages=("The file is empty.",))
    repository.finish_file(job_id, 1, FileOutcome("b.txt", refused))
    job = repository.job(job_id)
    assert job.finished and [f.status for f in job.files] == [Status.OK, Status.ERROR]
    assert job.files[1].message == "The file is empty." and repository.next_file() is None
    assert repository.content(kept.identity.sha256) == b"film"
    assert len(list(repository._objects.root.rglob("*/*"))) == 1


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="data folder cannot be opened or written"):
        Repository.open(tmp_path / "file" / "home")


@pytest.fixture
def unplugged(tmp_path: Path) -> Iterator[Path]:
    """A home that was used and whose disk can no longer be written."""
    disk = tmp_path / "disk"
    disk.mkdir()
    as_root = os.geteuid() == 0  # root writes through file modes, so a real mount is needed
    if as_root:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "none", str(disk)], check=False)
        if mounted.returncode:
            pytest.skip("this machine lets nobody mount a disk")
    Repository.open(disk / "home").close()
    if as_root:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    else:
        for path in [*disk.rglob("*"), disk]:
            path.chmod(0o555 if path.is_dir() else 0o444)
    yield disk / "home"
    if as_root:
        subprocess.run(["umount", str(disk)], check=True)
    else:
        for path in [disk, *disk.rglob("*")]:
            path.chmod(0o755)


def test_an_unplugged_disk_is_one_sentence(unplugged: Path) -> None:
    with pytest.raises(StoreError, match="data folder cannot be opened or written"):
        Repository.open(unplugged).add_instance(instance())
    with pytest.raises(StoreError, match="cannot be"):
        Repository.open(unplugged / "new")
