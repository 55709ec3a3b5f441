"""A photograph on Review: the way on from a refusal, the tool, and the film that comes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from imaging.entities import Status
from imaging.review.records import AuditEvent, Review, Stage
from imaging.store import Repository
from models.inference.assessments import FROM_PHOTOGRAPH
from pages.ui.review.straighten import origin
from tests.factories import make_dicom_bytes, make_film_bytes
from tests.imaging.test_derivation import MADE
from tests.pages.conftest import READER, OpenPage, listed, wait_for_queue, words
from tests.photographs import chest, photograph
from tests.served import TakeIn

PAGE = "pages/review.py"
CORNERS = np.array([(120, 60), (480, 80), (470, 420), (110, 400)], float)


@pytest.fixture
def study(store: Repository, take_in: TakeIn) -> str:
    """UID of a study that is a tinted photograph of a film, which was refused for its colour."""
    shot = photograph(chest(340, 360, 5), CORNERS, size=(480, 640))
    outcome = take_in(store, make_film_bytes(shot.picture, "JPEG", quality=92), file_name="IMG.jpg")
    assert outcome.assessment.status is Status.REFUSED and outcome.instance is not None
    return outcome.instance.identity.study_instance_uid


def button(page: AppTest, label: str) -> Button:
    return next(b for b in page.button if b.label == label)


def test_a_refused_photograph_offers_the_way_on(open_page: OpenPage, study: str) -> None:
    page = open_page(PAGE, study=study)
    assert "runs the AI again" in words(page)
    page = button(page, "Crop and straighten").click().run()
    assert not page.exception
    assert "The film was looked for" in words(page)
    assert not button(page, "Use this picture").disabled


def test_a_dicom_film_offers_none(open_page: OpenPage, store: Repository, take_in: TakeIn) -> None:
    outcome = take_in(store, make_dicom_bytes(Modality="CT"))
    assert outcome.instance is not None
    page = open_page(PAGE, study=outcome.instance.identity.study_instance_uid)
    assert "Crop and straighten" not in [b.label for b in page.button]


def test_the_film_is_answered_from_a_photograph(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    page = open_page(PAGE, study=study)
    page = button(page, "Crop and straighten").click().run()
    page = button(page, "Rotate right").click().run()
    page = button(page, "Rotate right").click().run()
    page = button(page, "Use this picture").click().run()
    assert not page.exception
    wait_for_queue(store)
    page = page.run()
    photo, film = store.studies.get(study).instances  # the photograph first, and as it was
    made = film.derivation
    assert made is not None and made.source_sha256 == photo.identity.sha256
    assert (made.quarter_turns, made.mirrored, made.reader) == (2, False, READER)
    found = np.asarray(made.corners)
    assert np.hypot(*(found - CORNERS).T).max() < 5
    said = unescape(words(page))
    assert FROM_PHOTOGRAPH in said and "not a probability for this image" in said
    assert "%" not in said.split("lb-headline")[1].split("</div>")[0]
    assert "get this answer" not in said
    assert f"cropped and straightened by {READER}" in said
    deeds = [line.deed for line in store.audit.entries(study)]
    assert AuditEvent.DERIVE in deeds


def test_only_the_readers_tick_mirrors(open_page: OpenPage, study: str, store: Repository) -> None:
    page = open_page(PAGE, study=study)
    page = button(page, "Crop and straighten").click().run()
    assert "Left and right are swapped" not in words(page)
    box = next(c for c in page.checkbox if c.label.startswith("Mirror"))
    page = box.set_value(True).run()
    assert "Left and right are swapped" in words(page)
    page = button(page, "Use this picture").click().run()
    wait_for_queue(store)
    film = store.studies.get(study).instances[-1]
    assert film.derivation is not None and film.derivation.mirrored
    assert "MIRRORED" in words(page.run())


def test_the_tool_can_be_left(open_page: OpenPage, study: str, store: Repository) -> None:
    page = open_page(PAGE, study=study)
    page = button(page, "Crop and straighten").click().run()
    page = button(page, "Cancel").click().run()
    assert "The film was looked for" not in words(page)
    assert len(store.studies.get(study).instances) == 1


def test_a_signed_study_asks_for_an_amendment_first(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    now = datetime.now(UTC)
    store.reviews.add(Review(study, 0, Stage.FINAL, "anna", "Dr A", now, note="normal"))
    page = open_page(PAGE, study=study)
    offer = button(page, "Crop and straighten")
    assert offer.disabled and "amendment" in (offer.help or "")
    page = button(page, "Amend").click().run()
    assert not button(page, "Crop and straighten").disabled


def test_a_study_that_was_signed_meanwhile_takes_no_film(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    page = open_page(PAGE, study=study)
    page = button(page, "Crop and straighten").click().run()
    now = datetime.now(UTC)
    store.reviews.add(Review(study, 0, Stage.FINAL, "anna", "Dr A", now, note="normal"))
    page = button(page, "Use this picture").click().run()
    assert "Begin an amendment first" in words(page)
    assert len(store.studies.get(study).files) == 1


def test_a_mirrored_origin_is_said_in_capitals() -> None:
    assert "MIRRORED by" in origin(MADE)
    assert "MIRRORED" not in origin(replace(MADE, mirrored=False))


def test_the_worklist_shows_no_percentage_of_it(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    page = open_page(PAGE, study=study)
    page = button(page, "Crop and straighten").click().run()
    button(page, "Use this picture").click().run()
    wait_for_queue(store)
    rows = listed(open_page("pages/triage.py"))
    assert rows["AI finding"][0] and "Score" not in rows, "no column where no row has one"
