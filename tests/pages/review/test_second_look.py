"""The second look at sign-off: asked once, where a sure answer contradicts what is signed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imaging.entities import Answer, Status
from imaging.review.events import Moment
from imaging.review.records import Stage
from imaging.store import Repository
from pages.ui import resources
from tests import stored
from tests.factories import make_dicom_bytes
from tests.pages.conftest import OpenPage, words
from tests.pages.test_review import newest, press, state_present
from tests.stored import outcome_of

PAGE, QUESTION = "pages/review.py", "A second look?"


@pytest.fixture
def sure(store: Repository, study: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A study whose answer is sure that pneumonia is there."""
    record = store.studies.get(study)
    (film,), (said,) = record.instances, record.assessments
    assert said is not None
    lead = replace(said.findings[0], probability=0.99, operating_point=0.5)
    answer = replace(
        said,
        status=Status.OK,
        messages=(),
        findings=(lead,),
        answer=Answer.PRESENT,
        error_rate=0.05,
    )
    newer = outcome_of(film, answer)
    stored.store(store, newer, contents=[make_dicom_bytes()], networks="newer")
    monkeypatch.setattr(resources, "sure_from", lambda _model: 0.97)
    return study


def moments(store: Repository, study: str) -> list[tuple[Moment, object]]:
    """What is kept of the second look."""
    looks = (Moment.SECOND_LOOK, Moment.AFTER_SECOND_LOOK)
    events = [e for e in store.reading.of_study(study) if e.kind in looks]
    return [(e.kind, e.detail.get("did")) for e in events]


def test_it_is_asked_once_and_the_next_press_signs(
    open_page: OpenPage, store: Repository, sure: str
) -> None:
    page = state_present(open_page(PAGE, study=sure), "absent")
    press(page, "Sign final")
    said = words(page)
    assert QUESTION in said and "Pneumonia absent" in said and "sure of the opposite" in said
    assert newest(store, sure).stage is Stage.DRAFT and moments(store, sure) == [
        (Moment.SECOND_LOOK, None)
    ]
    press(page, "Sign final")
    assert newest(store, sure).stage is Stage.FINAL and QUESTION not in words(page)
    assert moments(store, sure)[1:] == [(Moment.AFTER_SECOND_LOOK, "kept")]
    press(page, "Amend")
    press(page, "Sign amendment")
    assert newest(store, sure).stage is Stage.FINAL and len(moments(store, sure)) == 2


def test_a_finding_that_was_changed_is_signed_without_another_word(
    open_page: OpenPage, store: Repository, sure: str
) -> None:
    page = state_present(open_page(PAGE, study=sure), "absent")
    press(page, "Sign final")
    state_present(page, "present")
    assert QUESTION not in words(page)
    press(page, "Sign final")
    assert newest(store, sure).stage is Stage.FINAL
    assert moments(store, sure)[1:] == [(Moment.AFTER_SECOND_LOOK, "changed")]


def test_who_agrees_is_not_asked_nor_who_has_switched_ai_off(
    open_page: OpenPage, store: Repository, sure: str
) -> None:
    page = open_page(PAGE, study=sure)
    press(page, "Switch AI off for this study")
    press(state_present(page, "absent"), "Sign final")
    assert newest(store, sure).stage is Stage.FINAL and moments(store, sure) == []
