"""Documents in Review: a report is read, a presentation applied, strangers' text escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import pytest
from pydicom import dcmread
from streamlit.testing.v1 import AppTest

from imaging.delivery.study import deliver
from imaging.review.records import Annotation, Presentation, Review, Shape, Stage
from imaging.store import Repository
from pages.ui.review import documents
from pages.ui.viewer import Scene
from tests.factories import to_bytes
from tests.pages.conftest import OpenPage, listed, words
from tests.served import TakeIn

PAGE = "pages/review.py"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def scenes(monkeypatch: pytest.MonkeyPatch) -> list[Scene]:
    """What the viewer was asked to show as a presentation."""
    seen: list[Scene] = []
    monkeypatch.setattr(documents, "render_viewer", lambda scene, **_: seen.append(scene))
    return seen


def signed(store: Repository, study: str) -> Review:
    """The study, signed with a window and a mark."""
    (film,) = store.studies.get(study).instances
    uid = film.identity.sop_instance_uid
    line = Annotation("1.2", uid, Shape.LENGTH, ((2.0, 3.0), (9.0, 3.0)), label="vessel")
    left = Presentation(uid, 0, 900.0, 1200.0, inverted=True, flipped=True, rotation=90)
    made = Review(
        study, 0, Stage.FINAL, "ada", "Dr Ada", datetime.now(UTC),
        annotations=(line,), presentations=(left,), note=HOSTILE,
    )  # fmt: skip
    return store.reviews.add(made)


def export(store: Repository, study: str, kind: str) -> bytes:
    """The one exported file of a kind."""
    return deliver(store, study, [kind], account="ada")[0].content


def take_in_document(store: Repository, take_in: TakeIn, content: bytes) -> None:
    """Hand a document in."""
    assert take_in(store, content, file_name="document.dcm").document is not None


def choose(page: AppTest, study: str, at: int = 1) -> AppTest:
    """Choose a presentation."""
    return page.selectbox(key=f"presentation-{study}").set_value(at).run()


def test_an_exported_report_is_read_beside_its_film(
    open_page: OpenPage, store: Repository, study: str, take_in: TakeIn
) -> None:
    signed(store, study)
    take_in_document(store, take_in, export(store, study, "sr"))
    page = open_page(PAGE, study=study)
    said = words(page)
    assert not page.error and "Imaging Measurement Report" in said
    assert "Person Observer Name: Dr Ada" in said and "Final \u00b7 Verified" in said
    assert "operating_point=" in said and "Research use" in said
    assert "&lt;img src=x" in said and HOSTILE not in said


def test_a_report_alone_opens_its_study_and_stays_in_the_worklist(
    open_page: OpenPage, store: Repository, study: str, take_in: TakeIn
) -> None:
    signed(store, study)
    content = export(store, study, "sr")
    store.studies.delete(study, account="ada", reason="only the report is here")
    take_in_document(store, take_in, content)
    page = open_page(PAGE, study=study)
    assert not page.error and not page.segmented_control
    assert "has no image that can be shown" in words(
        page
    ) and "Imaging Measurement Report" in words(page)
    page = open_page("pages/triage.py")
    assert not page.error and len(listed(page)) == 1
    assert "Not an image; nothing to classify." in listed(page).to_string()


def test_a_hidden_identity_hides_what_a_report_might_name(
    open_page: OpenPage, store: Repository, study: str, take_in: TakeIn
) -> None:
    signed(store, study)
    take_in_document(store, take_in, export(store, study, "sr"))
    page = open_page(PAGE, study=study)
    next(t for t in page.toggle if t.label == "Hide identity").set_value(True).run()
    assert "Imaging Measurement Report" not in words(page)


def test_a_presentation_is_applied_where_it_was(
    open_page: OpenPage,
    store: Repository,
    study: str,
    take_in: TakeIn,
    scenes: list[Scene],
) -> None:
    review = signed(store, study)
    take_in_document(store, take_in, export(store, study, "gsps"))
    page = open_page(PAGE, study=study)
    assert not scenes
    page = choose(page, study)
    (scene,) = scenes
    assert not page.error and not scene.editable
    assert scene.presentations == review.presentations
    (mark,), (drawn,) = review.annotations, scene.annotations
    assert (drawn.shape, drawn.points, drawn.label) == (mark.shape, mark.points, mark.label)
    assert "vessel" in words(page)
    assert store.studies.get(study).review == review
    choose(page, study, 0)
    assert len(scenes) == 1


def test_a_presentation_without_its_film_is_a_sentence(
    open_page: OpenPage,
    store: Repository,
    study: str,
    take_in: TakeIn,
    scenes: list[Scene],
) -> None:
    signed(store, study)
    ds = dcmread(BytesIO(export(store, study, "gsps")))
    ds.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    take_in_document(store, take_in, to_bytes(ds))
    page = choose(open_page(PAGE, study=study), study)
    assert "is not in this study" in words(page) and not page.error and not scenes


def test_a_blind_reader_sees_no_document_before_the_own_call(
    open_page: OpenPage, store: Repository, study: str, take_in: TakeIn
) -> None:
    take_in_document(store, take_in, export(store, study, "sr"))
    take_in_document(store, take_in, export(store, study, "gsps"))
    open_page(PAGE, study=study)  # the account of single-reader mode is made on first use
    store.accounts.set_blind("single-reader", True)
    page = open_page(PAGE, study=study)
    assert "Blind first read" in words(page)
    assert "Imaging Measurement Report" not in words(page) and "operating_point" not in words(page)
    assert not [s for s in page.selectbox if s.key == f"presentation-{study}"]
