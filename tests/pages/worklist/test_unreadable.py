"""A study with a film that cannot be read: listed, opened, told; the others of it are shown."""

from __future__ import annotations

import pytest

from imaging.settings import Settings
from imaging.store import Repository
from models.batch.worker import drain
from tests.factories import make_dicom_bytes
from tests.pages.conftest import OpenPage, listed, words

STUDY = "1.2.826.0.1.3680043.8.498.7"
WHY = "damaged or was cut short"


def _queued(store: Repository, settings: Settings, *, whole: int, cut: int) -> None:
    films = [
        make_dicom_bytes(StudyInstanceUID=STUDY, SOPInstanceUID=f"{STUDY}.{i}", PatientID="T-1")
        for i in range(whole + cut)
    ]
    films[whole:] = [film[: len(film) // 2] for film in films[whole:]]
    store.jobs.add([(f"{i}.dcm", film) for i, film in enumerate(films)])
    drain(store, settings)


@pytest.mark.parametrize(("whole", "cut"), [(0, 1), (1, 1), (2, 1)])
def test_a_study_with_an_unreadable_film_can_be_opened(
    store: Repository, open_page: OpenPage, tiny_settings: Settings, whole: int, cut: int
) -> None:
    _queued(store, tiny_settings, whole=whole, cut=cut)
    page = open_page("pages/review.py", study=STUDY)
    assert not page.exception
    assert WHY in " ".join(box.value for box in page.warning)
    assert "T-1" in words(page)


def test_handed_in_alone_it_tells_its_reason_and_can_be_tried_again(
    store: Repository, open_page: OpenPage, tiny_settings: Settings
) -> None:
    _queued(store, tiny_settings, whole=0, cut=1)
    (job,) = store.jobs.recent()
    page = open_page("pages/upload.py", job=job.job_id)
    assert not page.exception
    table = listed(page)
    assert WHY in str(table.to_dict())
    assert "Try 1 file again" in [button.label for button in page.button]


def test_it_is_on_the_worklist_with_its_reason(
    store: Repository, open_page: OpenPage, tiny_settings: Settings
) -> None:
    _queued(store, tiny_settings, whole=0, cut=1)
    page = open_page("pages/triage.py")
    assert not page.exception
    table = listed(page)
    assert WHY in str(table.to_dict())
