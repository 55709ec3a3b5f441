"""Regions of a film join its study, each with its side, and say who marked them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from imaging.decoding import DistantImage, read_image
from imaging.entities import Answer, Assessment, ModelIdentity, SourceKind, Status
from imaging.errors import ConflictError, NotFoundError, UnsupportedImageError
from imaging.intake.region import Region, ask_about
from imaging.jobs import URGENT, Result
from imaging.review.records import Account, AuditEvent, Review, Stage
from imaging.store import Repository
from imaging.study import FileOutcome
from tests.factories import make_dicom_bytes, make_film_bytes
from tests.knees import ROWS, box_of, draw_knees, whole_film
from tests.photographs import chest
from tests.stored import outcome_of, store

READER = Account("anna", "Dr A")
MODEL = ModelIdentity("tiny", "1", "ab" * 32)
BOTH = (Region(box_of("left"), "R"), Region(box_of("right"), "L"))


def keep(repository: Repository, content: bytes, name: str = "KNEES.dcm") -> DistantImage:
    image = read_image(content, file_name=name)
    uid = image.instance.identity.sop_instance_uid
    refused = Assessment(uid, Status.REFUSED, MODEL, answer=Answer.UNSUITABLE)
    store(repository, outcome_of(image.instance, refused), contents=[content])
    return image


@pytest.fixture
def film(repository: Repository) -> DistantImage:
    """A stored film of two knees that was refused."""
    return keep(repository, whole_film())


def study_of(image: DistantImage) -> str:
    return image.instance.identity.study_instance_uid


def work_off(repository: Repository, job_id: str) -> None:
    """What a worker does with what is queued."""
    for task in repository.claims.claim_files("tests", 5, jobs=[job_id]):
        assert task.urgent and task.account == READER.name
        content = repository.originals.content(task.sha256)
        part = read_image(content, file_name=task.file_name).instance
        answer = Assessment(part.identity.sop_instance_uid, Status.OK, MODEL)
        outcome = FileOutcome(task.file_name, answer, part)
        repository.claims.finish_files("tests", [Result(task, task.sha256, outcome)], "networks")


def test_two_knees_join_their_study_with_one_press(
    repository: Repository, film: DistantImage
) -> None:
    queued = ask_about(repository, film, BOTH, reader=READER)
    (job_id,) = {one.job_id for one in queued}
    assert repository.jobs.progress(job_id).priority == URGENT
    parts = tuple(one.film for one in queued)
    assert repository.studies.get(study_of(film)).waiting == parts
    work_off(repository, job_id)
    record = repository.studies.get(study_of(film))
    assert record.instances == (film.instance, *parts) and not record.waiting
    assert [part.acquisition.laterality for part in parts] == ["R", "L"]
    assert len({part.identity.series_instance_uid for part in record.instances}) == 3
    for part, region in zip(parts, BOTH, strict=True):
        left, top, right, bottom = region.box
        image = read_image(repository.originals.content(part.identity.sha256))
        assert np.array_equal(image.stored_values(), draw_knees()[top:bottom, left:right])
        assert part.patient == film.instance.patient and part.source is SourceKind.DICOM


def test_who_marked_what_is_written_down(repository: Repository, film: DistantImage) -> None:
    queued = ask_about(repository, film, BOTH, reader=READER)
    for one, region in zip(queued, BOTH, strict=True):
        made = one.film.derivation
        assert made is not None and made.is_region
        assert (made.box, made.side, made.account, made.reader) == (
            *(region.box, region.side, "anna", "Dr A"),
        )
        assert made.source_sha256 == film.instance.identity.sha256
    lines = repository.audit.entries(study_of(film))[-2:]
    assert [(line.deed, line.account) for line in lines] == [(AuditEvent.DERIVE, "anna")] * 2
    assert ", right, columns 121 to 420, rows 231 to 530" in lines[0].detail
    assert queued[1].film.identity.sha256 in lines[1].detail and ", left, " in lines[1].detail
    assert "KNEES" not in lines[0].detail  # a file's name may be a patient's


@pytest.mark.parametrize("answered", [True, False])
def test_they_are_deleted_with_their_study(
    repository: Repository, film: DistantImage, answered: bool
) -> None:
    queued = ask_about(repository, film, BOTH, reader=READER)
    if answered:
        work_off(repository, queued[0].job_id)
    repository.studies.delete(study_of(film), account="anna", reason="asked to")
    assert not repository.claims.claim_files("tests", 5)
    for part in (film.instance, *(one.film for one in queued)):
        with pytest.raises(NotFoundError):
            repository.originals.content(part.identity.sha256)


def test_a_signed_study_takes_none_without_an_amendment(
    repository: Repository, film: DistantImage
) -> None:
    now = datetime.now(UTC)
    signed = Review(study_of(film), 0, Stage.FINAL, "anna", "Dr A", now, note="normal")
    stored = repository.reviews.add(signed)
    with pytest.raises(ConflictError, match="Begin an amendment first"):
        ask_about(repository, film, BOTH, reader=READER)
    assert not repository.jobs.unfinished()
    repository.reviews.add(replace(stored, stage=Stage.DRAFT))
    assert len(ask_about(repository, film, BOTH, reader=READER)) == 2


@pytest.mark.parametrize(
    "regions",
    [
        [Region(box_of("left"), "")],  # a knee is paired
        [Region(box_of("left"), "R"), Region(box_of("right"), "R")],
        [Region(box_of("left"), "B")],
        [Region((0, 0, 31, 300), "R")],
        [Region((0, ROWS - 100, 300, ROWS + 1), "R")],
        [Region((-1, 0, 300, 300), "R")],
    ],
)
def test_what_makes_no_region(
    repository: Repository, film: DistantImage, regions: list[Region]
) -> None:
    with pytest.raises(ValueError):
        ask_about(repository, film, regions, reader=READER)
    assert not repository.jobs.unfinished()


def test_nothing_is_cut_out_of_a_region(repository: Repository, film: DistantImage) -> None:
    queued = ask_about(repository, film, BOTH[:1], reader=READER)
    part = read_image(repository.originals.content(queued[0].film.identity.sha256))
    with pytest.raises(ValueError, match="not made here"):
        ask_about(repository, part, [Region((0, 0, 100, 100), "R")], reader=READER)


def test_a_doubtful_file_has_no_region(repository: Repository) -> None:
    image = keep(repository, whole_film(PhotometricInterpretation="NONSENSE"))
    assert image.refusals
    with pytest.raises(UnsupportedImageError, match="doubtful"):
        ask_about(repository, image, BOTH, reader=READER)


def test_a_colour_image_has_no_region(repository: Repository) -> None:
    colour = np.zeros((100, 100, 3), np.uint8)
    colour[..., 0] = 200
    image = keep(repository, make_dicom_bytes(colour))
    with pytest.raises(UnsupportedImageError, match="grey levels"):
        ask_about(repository, image, [Region((0, 0, 50, 50), "")], reader=READER)


def test_a_picture_without_a_header_keeps_what_is_typed_of_it(repository: Repository) -> None:
    image = keep(repository, make_film_bytes(chest(200, 240, 1)), "knee.png")
    (one,) = ask_about(repository, image, [Region((10, 20, 150, 160), "L")], reader=READER)
    work_off(repository, one.job_id)
    record = repository.studies.get(study_of(image))
    part = record.instances[1]
    assert part.source is SourceKind.FILM and part.acquisition.laterality == "L"
    assert part.file_name == "knee region left.png"
