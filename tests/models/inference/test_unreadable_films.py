"""A film whose header can be read and whose pixels cannot: its study must not be missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from imaging.delivery.batch_rows import job_batch, stored_batch
from imaging.entities import Status
from imaging.jobs import JobKind
from imaging.settings import Settings
from imaging.store import Repository
from imaging.store.schema.tables import JobFileTable
from imaging.worklist.order import ONE_UNREADABLE, ROUTINE
from models.batch.worker import drain
from models.inference.image_selection import because
from tests.factories import make_dicom_bytes

STUDY = "1.2.3.4"


def film(number: int) -> bytes:
    return make_dicom_bytes(StudyInstanceUID=STUDY, SOPInstanceUID=f"{STUDY}.{number}")


def cut(content: bytes) -> bytes:
    """A film that lost its end on the way."""
    return content[: len(content) // 2]


def queued(store: Repository, settings: Settings, *contents: bytes) -> str:
    job = store.jobs.add([(f"{i}.dcm", content) for i, content in enumerate(contents)])
    drain(store, settings)
    return job


def test_its_study_is_listed_with_the_reason(
    repository: Repository, tiny_settings: Settings
) -> None:
    job = queued(repository, tiny_settings, cut(film(1)))
    (listed,) = repository.worklist.page().items
    assert (listed.status, listed.priority) == (Status.ERROR, ROUTINE)
    assert "before its end" in listed.message or "damaged" in listed.message
    assert repository.jobs.progress(job).counts == {Status.ERROR: 1}
    record = repository.studies.get(STUDY)
    (lost,) = record.unreadable
    assert record.instances == () and lost.reason == listed.message
    assert repository.originals.content(lost.instance.identity.sha256) == cut(film(1))


def test_with_its_study_it_can_be_deleted(repository: Repository, tiny_settings: Settings) -> None:
    queued(repository, tiny_settings, cut(film(1)))
    (lost,) = repository.studies.get(STUDY).unreadable
    repository.studies.delete(STUDY, account="a", reason="sent again")
    assert not repository.originals.path_of(lost.instance.identity.sha256).exists()
    assert repository.worklist.page().items == ()


def test_a_table_of_results_names_it(
    repository: Repository, tiny_settings: Settings, tmp_path: Path
) -> None:
    """Once by the job that brought it, once among all that is stored."""
    job = queued(repository, tiny_settings, film(1), cut(film(2)))
    for batch in (
        job_batch(repository, repository.jobs.get(job), because),
        stored_batch(repository, because),
    ):
        rows = list(batch.rows(False))
        assert rows[-1].status == Status.ERROR.value and len(rows) == 2
        assert rows[1].study_instance_uid == STUDY and "No AI answer" in rows[1].selection


def test_beside_a_film_that_was_answered_it_is_mentioned(
    repository: Repository, tiny_settings: Settings
) -> None:
    queued(repository, tiny_settings, film(1), cut(film(2)))
    (listed,) = repository.worklist.page().items
    assert listed.status is not Status.ERROR and ONE_UNREADABLE in listed.message


@pytest.mark.slow
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two jobs"])
def test_a_readable_film_takes_its_place(
    repository: Repository, tiny_settings: Settings, together: bool
) -> None:
    if together:
        queued(repository, tiny_settings, cut(film(1)), film(1))
    else:
        queued(repository, tiny_settings, cut(film(1)))
        queued(repository, tiny_settings, film(1))
    (listed,) = repository.worklist.page().items
    assert listed.status in (Status.OK, Status.WARNED, Status.REFUSED)
    (instance,) = repository.studies.get(STUDY).instances
    assert repository.originals.content(instance.identity.sha256) == film(1)


@pytest.mark.slow
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two jobs"])
def test_it_takes_no_readable_film_away(
    repository: Repository, tiny_settings: Settings, together: bool
) -> None:
    if together:
        job = queued(repository, tiny_settings, film(1), cut(film(1)))
    else:
        queued(repository, tiny_settings, film(1))
        job = queued(repository, tiny_settings, cut(film(1)))
    (listed,) = repository.worklist.page().items
    assert listed.status is not Status.ERROR and listed.message == ""
    assert repository.jobs.progress(job).counts[Status.ERROR] == 1
    (instance,) = repository.studies.get(STUDY).instances
    assert repository.originals.content(instance.identity.sha256) == film(1)


@pytest.mark.slow
def test_a_file_that_changed_is_not_answered_under_the_old_hash(
    repository: Repository, tiny_settings: Settings, tmp_path: Path
) -> None:
    place = tmp_path / "film.dcm"
    place.write_bytes(film(1))
    job = repository.jobs.open(JobKind.FOLDER, str(tmp_path))
    repository.jobs.add_files(job, [("film.dcm", str(place))])
    repository.jobs.end_listing(job)
    drain(repository, tiny_settings)
    before = repository.studies.get(STUDY)
    place.write_bytes(
        make_dicom_bytes(
            np.zeros((40, 40), np.uint16), StudyInstanceUID=STUDY, SOPInstanceUID=f"{STUDY}.1"
        )
    )
    again = repository.jobs.add_rescore([STUDY])
    drain(repository, tiny_settings)
    assert repository.jobs.progress(again).counts == {Status.REFUSED: 1}
    (first, second) = (record := repository.studies.get(STUDY)).instances
    assert record.assessments[:1] == before.assessments and first == before.instances[0]
    assert first.identity.sop_instance_uid != second.identity.sop_instance_uid
    assert record.assessments[1] and "same SOP" in record.assessments[1].messages[-1]


def test_a_study_waits_since_its_file_was_queued(
    repository: Repository, tiny_settings: Settings, tmp_path: Path
) -> None:
    place = tmp_path / "film.dcm"
    place.write_bytes(film(1))
    friday = datetime.now(UTC) - timedelta(days=3)
    job = repository.jobs.open(JobKind.FOLDER, str(tmp_path))
    repository.jobs.add_files(job, [("film.dcm", str(place))])
    with repository._database.writing() as session:
        session.execute(update(JobFileTable).values(added_at=friday))
    drain(repository, tiny_settings)
    (listed,) = repository.worklist.page().items
    assert listed.received_at == friday
