"""Where the site asks two doctors to sign, nobody signs off alone: asked of the store itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imaging.errors import ConflictError
from imaging.review.records import Call, ReadFinding, Review, Stage
from imaging.store import Repository
from tests.imaging.store.test_audit import film
from tests.stored import outcome_of, store

UID = "1.2.3"


@pytest.fixture
def repository(tmp_path: Path, database: str) -> Iterator[Repository]:
    """One study at a site that asks for two."""
    opened = Repository.open(tmp_path / "home", database)
    store(opened, outcome_of(film()), account="anna")
    opened.site.set_two_doctors(True, account="boss")
    yield opened
    opened.close()


def save(repository: Repository, account: str, stage: Stage) -> Review:
    """The next version, in that account's name."""
    stated = ReadFinding("pneumonia", True, Call.ADDED)
    version = len(repository.studies.get(UID).reviews)
    now = datetime.now(UTC)
    return repository.reviews.add(
        Review(UID, version, stage, account, f"Dr {account}", now, (stated,))
    )


def test_one_doctor_alone_signs_nothing_off(repository: Repository) -> None:
    for before in (None, Stage.DRAFT, Stage.PRELIMINARY):
        if before is not None:
            save(repository, "anna", before)
        with pytest.raises(ConflictError, match="two doctors"):
            save(repository, "anna", Stage.FINAL)
    assert repository.studies.get(UID).final is None


def test_another_doctor_signs_off_what_one_wrote_and_changed(repository: Repository) -> None:
    save(repository, "anna", Stage.PRELIMINARY)
    save(repository, "bert", Stage.DRAFT)
    assert save(repository, "bert", Stage.FINAL).stage is Stage.FINAL


def test_an_amendment_needs_two_again(repository: Repository) -> None:
    save(repository, "anna", Stage.PRELIMINARY)
    save(repository, "bert", Stage.FINAL)
    for account in ("anna", "bert", "carl"):
        with pytest.raises(ConflictError, match="two doctors"):
            save(repository, account, Stage.FINAL)
    save(repository, "bert", Stage.PRELIMINARY)
    assert save(repository, "anna", Stage.FINAL).reader == "Dr anna"


def test_switched_off_one_doctor_is_enough(repository: Repository) -> None:
    repository.site.set_two_doctors(False, account="boss")
    assert save(repository, "anna", Stage.FINAL).stage is Stage.FINAL
