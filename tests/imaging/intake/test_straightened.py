"""A film cut out of a photograph: it joins the study, goes with it, and says who made it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from imaging.decoding import DistantImage, read_image
from imaging.entities import Answer, Assessment, ModelIdentity, Status
from imaging.errors import ConflictError, NotFoundError
from imaging.intake.straightened import SIGNED, Queued, is_photograph, use_picture
from imaging.jobs import URGENT, Result
from imaging.photograph.straighten import Cut, straighten, whole
from imaging.review.records import Account, AuditEvent, Review, Stage
from imaging.store import Repository
from imaging.study import FileOutcome
from tests.factories import make_dicom_bytes, make_film_bytes
from tests.photographs import chest
from tests.stored import outcome_of, store

READER = Account("anna", "Dr A")
PHOTO = np.stack([chest(90, 80, 1), chest(90, 80, 1) // 2, chest(90, 80, 1) // 3], 2)
MODEL = ModelIdentity("tiny", "1", "ab" * 32)


@pytest.fixture
def photograph(repository: Repository) -> DistantImage:
    """A stored photograph that was refused."""
    content = make_film_bytes(PHOTO, "JPEG", quality=95)
    image = read_image(content, file_name="IMG_1.jpg")
    uid = image.instance.identity.sop_instance_uid
    refused = Assessment(uid, Status.REFUSED, MODEL, answer=Answer.UNSUITABLE)
    store(repository, outcome_of(image.instance, refused), contents=[content])
    return image


def study_of(image: DistantImage) -> str:
    return image.instance.identity.study_instance_uid


def cut_of(image: DistantImage, turns: int = 0, *, mirrored: bool = False) -> Cut:
    geometry = image.instance.geometry
    return Cut(whole((geometry.rows, geometry.columns)), turns, mirrored)


def work_off(repository: Repository, queued: Queued) -> None:
    """What a worker does with the queued film."""
    (task,) = repository.claims.claim_files("tests", 1, jobs=[queued.job_id])
    assert task.urgent and task.account == READER.name
    film = read_image(repository.originals.content(task.sha256), file_name=task.file_name).instance
    warned = Assessment(film.identity.sop_instance_uid, Status.WARNED, MODEL)
    outcome = FileOutcome(task.file_name, warned, film)
    repository.claims.finish_files("tests", [Result(task, task.sha256, outcome)], "networks")


def test_the_film_joins_the_study_behind_its_photograph(
    repository: Repository, photograph: DistantImage
) -> None:
    before = repository.originals.content(photograph.instance.identity.sha256)
    queued = use_picture(repository, photograph, cut_of(photograph, 1), reader=READER)
    assert repository.studies.get(study_of(photograph)).waiting == (queued.film,)
    work_off(repository, queued)
    record = repository.studies.get(study_of(photograph))
    assert record.instances == (photograph.instance, queued.film) and not record.waiting
    assert repository.originals.content(photograph.instance.identity.sha256) == before
    derived = read_image(repository.originals.content(queued.film.identity.sha256))
    expected = straighten(photograph.stored_values(0), cut_of(photograph, 1))
    assert np.array_equal(derived.stored_values(0), expected)
    assert repository.jobs.progress(queued.job_id).priority == URGENT


def test_who_made_it_of_what_and_how_is_written_down(
    repository: Repository, photograph: DistantImage
) -> None:
    queued = use_picture(repository, photograph, cut_of(photograph, 3), reader=READER)
    made = queued.film.derivation
    assert made is not None
    assert (made.source_sop_instance_uid, made.source_sha256) == (
        photograph.instance.identity.sop_instance_uid,
        photograph.instance.identity.sha256,
    )
    assert (made.quarter_turns, made.mirrored) == (3, False)
    assert (made.account, made.reader) == ("anna", "Dr A")
    line = repository.audit.entries(study_of(photograph))[-1]
    assert (line.deed, line.account) == (AuditEvent.DERIVE, "anna")
    assert made.source_sha256 in line.detail and queued.film.identity.sha256 in line.detail
    assert "turned by 270 degrees" in line.detail and "mirrored" not in line.detail
    assert "IMG_1" not in line.detail  # a file's name may be a patient's


def test_only_a_reader_mirrors(repository: Repository, photograph: DistantImage) -> None:
    queued = use_picture(repository, photograph, cut_of(photograph, mirrored=True), reader=READER)
    assert queued.film.derivation is not None and queued.film.derivation.mirrored
    assert repository.audit.entries(study_of(photograph))[-1].detail.endswith(", mirrored")


@pytest.mark.parametrize("answered", [True, False])
def test_it_is_deleted_with_its_study(
    repository: Repository, photograph: DistantImage, answered: bool
) -> None:
    queued = use_picture(repository, photograph, cut_of(photograph), reader=READER)
    if answered:
        work_off(repository, queued)
    repository.studies.delete(study_of(photograph), account="anna", reason="asked to")
    assert not repository.claims.claim_files("tests", 5)
    with pytest.raises(NotFoundError):
        repository.studies.get(study_of(photograph))
    for film in (photograph.instance, queued.film):
        with pytest.raises(NotFoundError):
            repository.originals.content(film.identity.sha256)


def test_a_signed_study_takes_none_without_an_amendment(
    repository: Repository, photograph: DistantImage
) -> None:
    now = datetime.now(UTC)
    signed = Review(study_of(photograph), 0, Stage.FINAL, "anna", "Dr A", now, note="normal")
    stored = repository.reviews.add(signed)
    with pytest.raises(ConflictError, match="Begin an amendment first"):
        use_picture(repository, photograph, cut_of(photograph), reader=READER)
    assert not repository.jobs.unfinished()
    assert "amendment" in SIGNED
    repository.reviews.add(replace(stored, stage=Stage.DRAFT))
    assert use_picture(repository, photograph, cut_of(photograph), reader=READER).film


def test_only_a_picture_without_a_header_is_a_photograph(
    repository: Repository, photograph: DistantImage
) -> None:
    assert is_photograph(photograph.instance)
    dicom = read_image(make_dicom_bytes())
    assert not is_photograph(dicom.instance)
    with pytest.raises(ValueError, match="without a header"):
        use_picture(repository, dicom, cut_of(dicom), reader=READER)
    queued = use_picture(repository, photograph, cut_of(photograph), reader=READER)
    assert not is_photograph(queued.film)  # nothing is cut out twice
