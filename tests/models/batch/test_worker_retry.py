"""Files that failed are tried again: whatever lies at their place by then is what is stored."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from imaging.entities import Status
from imaging.errors import PixelDataError
from imaging.jobs import JobKind, Result
from imaging.settings import Settings
from imaging.store import Repository
from models.batch.worker import drain
from models.inference.outcomes import failed_outcome
from tests.factories import make_dicom_bytes


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.1, 0.9])  # no header; a header without all of its pixels
def test_a_file_that_was_completed_since_is_stored_under_its_own_hash(
    repository: Repository, tiny_settings: Settings, tmp_path: Path, part: float
) -> None:
    film, place = make_dicom_bytes(), tmp_path / "film.dcm"
    place.write_bytes(film[: int(part * len(film))])
    job = repository.jobs.open(JobKind.FOLDER, str(tmp_path))
    repository.jobs.add_files(job, [("film.dcm", str(place))])
    repository.jobs.end_listing(job)
    assert drain(repository, tiny_settings) == 1
    assert repository.jobs.progress(job).counts == {Status.ERROR: 1}

    place.write_bytes(film)
    assert repository.jobs.retry_failed(job) == 1
    assert drain(repository, tiny_settings) == 1
    (file,) = repository.jobs.files(job)
    assert file.status is Status.OK
    identity = repository.studies.get(file.study_instance_uid).instances[0].identity
    assert identity.sha256 == hashlib.sha256(film).hexdigest()
    assert repository.originals.content(identity.sha256) == film


@pytest.mark.slow
def test_an_upload_is_tried_again_where_its_process_died(
    repository: Repository, tiny_settings: Settings
) -> None:
    film = make_dicom_bytes()
    job = repository.jobs.add([("film.dcm", film), ("notes.txt", b"no film")])
    task = repository.claims.claim_files("dead", 1)[0]
    died = failed_outcome(task.file_name, PixelDataError("The process died."))
    repository.claims.finish_files("dead", [Result(task, task.sha256, died, fault=True)], "f")
    drain(repository, tiny_settings)
    assert repository.jobs.progress(job).counts == {Status.ERROR: 2}

    assert repository.jobs.retryable(job) == 1  # what was no film is not kept
    assert repository.jobs.retry_failed(job) == 1
    assert drain(repository, tiny_settings) == 1
    assert [f.status for f in repository.jobs.files(job)] == [Status.OK, Status.ERROR]
    assert repository.jobs.retryable(job) == 0
