"""What becomes of a file that is handed in: kept with its answer, or one row with its reason."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from imaging.documents import NOT_AN_IMAGE, DocumentKind
from imaging.entities import Status
from imaging.export import export_case
from imaging.review.records import AuditEvent
from imaging.settings import Settings
from imaging.store import Repository
from models.batch.worker import drain
from tests.factories import make_dicom_bytes
from tests.imaging.export_cases import NOW, export_case_of
from tests.served import TakeIn


def test_only_readable_images_are_kept(
    take_in: TakeIn, repository: Repository, tmp_path: Path
) -> None:
    good, bad = make_dicom_bytes(), b"hello"
    for content in (good, bad):
        take_in(repository, content)
    (item,) = repository.worklist.page().items
    record = repository.studies.get(item.study_instance_uid)
    assert record.assessments[0] is not None and record.assessments[0].status is Status.OK
    assert repository.originals.content(hashlib.sha256(good).hexdigest()) == good
    assert len(list((tmp_path / "home" / "objects").rglob("*/*"))) == 1


def test_another_film_under_a_known_uid_is_told_and_kept_beside(
    take_in: TakeIn, repository: Repository
) -> None:
    first = make_dicom_bytes()
    assert take_in(repository, first).assessment.status is Status.OK
    second = make_dicom_bytes(np.eye(32, dtype=np.uint16))
    take_in(repository, second)
    (item,) = repository.worklist.page().items
    record = repository.studies.get(item.study_instance_uid)
    kept = [instance.identity.sha256 for instance in record.instances]
    assert kept == [hashlib.sha256(content).hexdigest() for content in (first, second)]
    assert record.assessments[0] and "same SOP" not in " ".join(record.assessments[0].messages)
    assert record.assessments[1] and "same SOP" in record.assessments[1].messages[-1]


def test_one_bad_file_never_stops_a_batch(tiny_settings: Settings, repository: Repository) -> None:
    files = [("a", b"hello"), ("b", make_dicom_bytes()), ("c", b"")]
    job_id = repository.jobs.add(files)
    assert drain(repository, tiny_settings) == 3
    assert [f.status for f in repository.jobs.get(job_id).files] == [
        Status.ERROR,
        Status.OK,
        Status.ERROR,
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("sr", DocumentKind.REPORT), ("gsps", DocumentKind.PRESENTATION)]
)
def test_an_exported_document_is_kept_and_never_classified(
    repository: Repository, tiny_settings: Settings, name: str, kind: DocumentKind
) -> None:
    content = next(f.content for f in export_case(export_case_of(), [name], NOW))
    repository.jobs.add([(f"{name}.dcm", content)], account="anna")
    assert drain(repository, tiny_settings) == 1
    (item,) = repository.worklist.page().items
    record = repository.studies.get(item.study_instance_uid)
    assert item.message == NOT_AN_IMAGE and item.status is Status.DOCUMENT
    assert [d.kind for d in record.documents] == [kind] and not record.instances
    assert repository.originals.content(record.documents[0].identity.sha256) == content
    assert [line.deed for line in repository.audit.entries()] == [AuditEvent.RECEIVE]
