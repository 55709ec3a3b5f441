"""Review: whose film it is, what the network says, and a decision that is never overwritten."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from PIL import Image as PilImage
from streamlit.testing.v1 import AppTest

from imaging.dicom import read_image
from imaging.entities import Call, Review
from imaging.store import Repository
from models.panel import Panel
from tests.factories import make_dicom_bytes
from tests.pages.conftest import OpenPage, keep_film, words

PAGE = "pages/review.py"


def button(page: AppTest, label: str) -> AppTest:
    """Press the button of that label."""
    return next(b for b in page.button if b.label == label).click().run()


def pictures(page: AppTest) -> Sequence[np.ndarray]:
    """The pictures on the page, decoded."""
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", words(page))
    return [np.asarray(PilImage.open(BytesIO(base64.b64decode(text)))) for text in found]


def fill_in(page: AppTest, choice: str, *, reader: str = "Dr Test", note: str = "") -> None:
    """Put a decision into the form."""
    page.radio[0].set_value(choice)
    page.text_area[0].set_value(note)
    page.text_input[0].set_value(reader)


def by_somebody_else(study: str) -> Review:
    """A decision on top of nothing."""
    now = datetime.now(UTC)
    return Review(study, Call.ACCEPTED, "pneumonia", True, "", "Dr Else", True, 0, now)


def test_the_banner_names_the_patient(open_page: OpenPage, study: str) -> None:
    said = words(open_page(PAGE, study=study))
    assert "SYNTHETIC, TEST" in said and "Patient ID T-1" in said and "2025-01-01" in said


def test_identity_can_be_hidden(open_page: OpenPage, study: str) -> None:
    page = open_page(PAGE, study=study)
    next(t for t in page.toggle if t.label == "Hide identity").set_value(True).run()
    assert "SYNTHETIC, TEST" not in words(page) and "T-1" not in words(page)


def test_header_text_cannot_become_markup(
    open_page: OpenPage, store: Repository, tiny_panel: Panel
) -> None:
    study = keep_film(store, tiny_panel, PatientName="<img src=x>", PatientID="<b>1</b>")
    said = words(open_page(PAGE, study=study))
    assert "<img src=x>" not in said and "<b>1</b>" not in said


def test_the_film_opens_without_explanation_and_without_loss(
    open_page: OpenPage, study: str
) -> None:
    (film,) = pictures(open_page(PAGE, study=study))
    expected = read_image(make_dicom_bytes()).display_values(0)
    np.testing.assert_array_equal(film, expected)


def test_the_explanation_is_laid_over_on_request(open_page: OpenPage, study: str) -> None:
    page = open_page(PAGE, study=study)
    (film,) = pictures(page)
    (overlay,) = pictures(button(page, "Show explanation"))
    assert overlay.shape == (*film.shape, 3) and page.query_params["finding"] == "pneumonia"
    assert "Grad-CAM" in words(page) and "not for diagnosis" in words(page)


def test_every_score_stands_beside_its_model(
    open_page: OpenPage, study: str, tiny_panel: Panel
) -> None:
    said, model = words(open_page(PAGE, study=study)), tiny_panel.first.card.identity
    assert model.name in said and model.version in said and model.short_hash in said
    assert "Exploratory" in said and said.count("operating point") == 3


def test_a_refused_film_says_why_and_offers_no_explanation(
    open_page: OpenPage, store: Repository, tiny_panel: Panel
) -> None:
    page = open_page(PAGE, study=keep_film(store, tiny_panel, BodyPartExamined="HAND"))
    assert "The body part is HAND" in words(page)
    assert "Show explanation" not in [b.label for b in page.button]
    assert pictures(page)


def test_signing_stores_the_decision(open_page: OpenPage, store: Repository, study: str) -> None:
    page = open_page(PAGE, study=study)
    assert page.radio[0].value is None  # the network's answer is not preselected
    fill_in(page, "absent", note="clear lungs")
    button(page, "Sign")
    review = store.study(study).review
    assert review is not None and review.signed and not review.finding_present
    assert (review.reader, review.note, review.version) == ("Dr Test", "clear lungs", 1)
    assert "Signed as version 1" in words(page)


def test_a_draft_is_there_after_a_reload(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    fill_in(page, "present", note="left base")
    button(page, "Save draft")
    again = open_page(PAGE, study=study)
    assert (again.radio[0].value, again.text_area[0].value) == ("present", "left base")
    assert not replace(store.study(study).reviews[0]).signed


def test_a_signed_decision_can_only_be_amended(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    store.add_review(by_somebody_else(study))
    page = open_page(PAGE, study=study)
    assert "Save draft" not in [b.label for b in page.button]
    fill_in(page, "absent")
    button(page, "Sign amendment")
    assert [r.finding_present for r in store.study(study).reviews] == [True, False]
    assert "Dr Else" in words(page)


def test_a_decision_made_meanwhile_is_not_overwritten(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    fill_in(page, "absent", note="my words")
    store.add_review(by_somebody_else(study))
    button(page, "Sign")
    assert "Somebody else saved a decision first" in words(page)
    assert len(store.study(study).reviews) == 1 and page.text_area[0].value == "my words"


def test_an_unnamed_reader_cannot_sign(open_page: OpenPage, store: Repository, study: str) -> None:
    page = open_page(PAGE, study=study)
    fill_in(page, "absent", reader=" ")
    button(page, "Sign")
    assert "enter your name" in words(page) and not store.study(study).reviews


def test_an_unknown_study_is_a_sentence(open_page: OpenPage) -> None:
    app = open_page("app.py")
    app.switch_page(PAGE)
    app.query_params["study"] = "1.2.3"
    assert [e.value for e in app.run().error] == ["This study is not in the data folder."]


def test_without_a_study_there_is_a_way_to_one(open_page: OpenPage, study: str) -> None:
    page = open_page(PAGE)
    assert "Choose a study" in words(page) and page.selectbox


def test_frames_can_be_stepped_through(
    open_page: OpenPage, store: Repository, tiny_panel: Panel
) -> None:
    stack = np.stack([np.arange(64, dtype=np.uint16).reshape(8, 8) * k for k in (60, 1)])
    content = make_dicom_bytes(stack, WindowCenter="2048", WindowWidth="4096")
    job = store.add_job([("stack.dcm", content)])
    from models.worker import drain

    drain(store, tiny_panel)
    page = open_page(PAGE, study=store.job(job).files[0].study_instance_uid)
    (first,) = pictures(page)
    page.slider[0].set_value(2).run()
    (second,) = pictures(page)
    assert first.max() > second.max()
