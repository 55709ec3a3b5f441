"""Documents in the store: kept with their study, found again, gone with it; on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from imaging.delivery.study import deliver
from imaging.documents import Document, DocumentKind
from imaging.entities import Status
from imaging.errors import ExportError, NotFoundError, StoreError
from imaging.priors import Priors
from imaging.review.records import AuditEvent
from imaging.store import Repository
from imaging.worklist.order import ROUTINE
from tests.imaging.store.test_repository import instance
from tests.stored import NETWORKS, announce, outcome_of, store

BYTES = b"a report"


@pytest.fixture
def repository(tmp_path: Path, database: str) -> Iterator[Repository]:
    """An empty store on each kind of database in turn."""
    opened = Repository.open(tmp_path / "home", database)
    yield opened
    opened.close()


def document(number: int = 1, sha256: str = "") -> Document:
    """A report of the study of `instance()`."""
    film = instance()
    identity = replace(film.identity, sop_instance_uid=f"1.2.6.{number}", sha256=sha256)
    return Document(
        identity, film.patient, film.acquisition, DocumentKind.REPORT,
        "Report", "Dr A", "20260304", "1331", "sr.dcm",
    )  # fmt: skip


def keep(repository: Repository) -> Document:
    """Store one report and its bytes."""
    found = document(sha256=hashlib.sha256(BYTES).hexdigest())
    (file,) = store(repository, outcome_of(found), contents=[BYTES], account="anna").files
    assert (file.status, file.study_instance_uid) == (Status.DOCUMENT, "1.2.3")
    return found


def test_a_document_comes_back_beside_the_films(repository: Repository) -> None:
    kept = [document(2), document(1)]
    store(repository, outcome_of(instance()), *map(outcome_of, kept))
    record = repository.studies.get("1.2.3")
    assert record.documents == tuple(kept) and record.instances == (instance(),)
    assert record.files == (instance(), *kept)


def test_a_document_alone_makes_a_study_that_stays_in_the_worklist(repository: Repository) -> None:
    found = keep(repository)
    (item,) = repository.worklist.page().items
    assert (item.status, item.priority, item.read) == (Status.DOCUMENT, ROUTINE, False)
    assert item.patient == found.patient and item.instances == 0 and item.file_name == "sr.dcm"
    assert repository.studies.priors("1.2.3") == Priors()
    assert repository.originals.content(found.identity.sha256) == BYTES


def test_the_film_that_comes_later_joins_its_report(repository: Repository) -> None:
    keep(repository)
    announce(repository, instance())
    (item,) = repository.worklist.page().items
    assert item.status is None and item.instances == 1
    store(repository, outcome_of(instance()))
    (item,) = repository.worklist.page().items
    assert item.status is Status.OK and item.instances == 1
    assert len(repository.studies.get("1.2.3").documents) == 1


def test_a_document_is_received_once_and_the_trail_knows(repository: Repository) -> None:
    found = keep(repository)
    for networks in (NETWORKS, "others"):  # documents are for none of them
        store(repository, outcome_of(found), contents=[BYTES], account="berta", networks=networks)
    assert repository.studies.get("1.2.3").documents == (found,)
    (line,) = repository.audit.entries("1.2.3")
    assert (line.deed, line.account) == (AuditEvent.RECEIVE, "anna")
    assert line.detail == f"report {found.identity.sha256}"
    assert repository.audit.verify().intact


def test_another_document_of_the_same_uid_is_told_and_kept_beside(repository: Repository) -> None:
    found = keep(repository)
    (file,) = store(repository, outcome_of(document(sha256="other"))).files
    assert file.status is Status.DOCUMENT and "same SOP Instance UID" in file.message
    first, second = repository.studies.get("1.2.3").documents
    assert first == found and second.identity.sha256 == "other"


def test_a_document_goes_with_its_study(repository: Repository) -> None:
    found = keep(repository)
    with pytest.raises(StoreError, match="Leave the patient's name"):
        repository.studies.delete("1.2.3", account="anna", reason="Jane asked")
    repository.studies.delete("1.2.3", account="anna", reason="test data")
    assert repository.worklist.page().items == ()
    with pytest.raises(NotFoundError):
        repository.originals.content(found.identity.sha256)


def test_a_queued_document_keeps_its_bytes_and_names_its_study(repository: Repository) -> None:
    found = keep(repository)
    job = store(repository, outcome_of(found), contents=[BYTES])  # again, known by now
    (file,) = job.files
    assert (file.status, file.study_instance_uid) == (Status.DOCUMENT, "1.2.3")
    assert file.sop_instance_uid == found.identity.sop_instance_uid
    assert repository.originals.content(found.identity.sha256) == BYTES


def test_a_study_without_a_film_has_nothing_to_export(repository: Repository) -> None:
    keep(repository)
    with pytest.raises(ExportError, match="no image"):
        deliver(repository, "1.2.3", ["sr"], account="anna")
