"""Ask about this region: from a film of two knees to two answers with their sides."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from imaging.dicom import read_image
from imaging.entities import Answer, Status
from imaging.review.records import AuditEvent, Review, Side, Stage
from imaging.store import Repository
from models.checkpoint.card import ModelCard
from models.inference.assessments import FROM_PHOTOGRAPH
from models.inference.region_scope import SEVERAL
from pages.ui import resources
from pages.ui.regions.boxes import Drawn
from tests.factories import make_dicom_bytes, make_film_bytes
from tests.knees import box_of, draw_knees, knee_card, whole_film
from tests.pages.conftest import READER, OpenPage, listed, wait_for_queue, words
from tests.photographs import chest
from tests.served import TakeIn

PAGE = "pages/review.py"
ASK = "Ask about this region"
BOXES = (box_of("left"), box_of("right"))


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory, checkpoint_folder: Path) -> Path:
    """The tiny networks under the card of one that reads a knee joint."""
    folder = tmp_path_factory.mktemp("knees") / "tiny"
    shutil.copytree(checkpoint_folder, folder)
    card = folder / "card.json"
    knee_card(ModelCard.read(card)).write(card)
    return folder


def keep(store: Repository, take_in: TakeIn, content: bytes, name: str = "film.dcm") -> str:
    outcome = take_in(store, content, file_name=name)
    assert outcome.instance is not None
    return outcome.instance.identity.study_instance_uid


@pytest.fixture
def study(store: Repository, take_in: TakeIn) -> str:
    """UID of a study of two knees on one film, which was refused."""
    return keep(store, take_in, whole_film())


def button(page: AppTest, label: str) -> Button:
    return next(b for b in page.button if b.label == label)


def open_tool(open_page: OpenPage, study: str) -> AppTest:
    return button(open_page(PAGE, study=study), ASK).click().run()


def draw(page: AppTest, *boxes: Any) -> AppTest:
    """What the browser reports once a reader has put the boxes there."""
    draft = page.session_state["region-draft"]
    draft.drawn = Drawn(boxes or BOXES, (True,) * len(boxes or BOXES))
    return page.run()


def choose(page: AppTest, label: str, value: Any) -> AppTest:
    control = next(c for c in page.button_group if c.label == label)
    return control.set_value(value).run()


def test_a_film_of_two_knees_is_two_answers_with_their_sides(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    page = open_page(PAGE, study=study)
    assert SEVERAL in unescape(words(page))
    page = button(page, ASK).click().run()
    assert not page.exception
    ask = button(page, "Ask the AI about both")
    assert ask.disabled and "only a start" in words(page)
    page = draw(page)
    assert "Right: 12.0 x 12.0 cm" in words(page) and "Left: 12.0 x 12.0 cm" in words(page)
    page = button(page, "Ask the AI about both").click().run()
    assert not page.exception
    wait_for_queue(store)
    page = page.run()
    whole, *parts = (record := store.studies.get(study)).instances
    right, left = sorted(parts, key=lambda p: p.derivation.box if p.derivation else ())
    assert whole.derivation is None
    for part, side, box in ((right, "R", BOXES[0]), (left, "L", BOXES[1])):
        assert part.derivation is not None
        assert (part.derivation.side, part.derivation.box) == (side, box)
        assert part.derivation.reader == READER
        assert part.acquisition.laterality == side
    answers = [answer for answer in record.assessments if answer is not None]
    assert [answer.status for answer in answers] == [Status.REFUSED, Status.OK, Status.OK]
    said = unescape(words(page))
    assert f"Right knee, region, marked by {READER}" in said
    assert f"Region marked by {READER} on image 1" in said
    assert FROM_PHOTOGRAPH not in said and "%" in said, "its figures hold"
    deeds = [line.deed for line in store.audit.entries(study)]
    assert deeds.count(AuditEvent.DERIVE) == 2


def test_the_row_shows_the_most_urgent_of_the_answers(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    page = draw(open_tool(open_page, study))
    button(page, "Ask the AI about both").click().run()
    wait_for_queue(store)
    (row,) = listed(open_page("pages/triage.py")).to_dict("records")
    answered = [a for a in store.studies.get(study).assessments if a and a.findings]
    positive = any(f.positive for a in answered for f in a.findings if not f.exploratory)
    assert ("suspected" in str(row["AI finding"])) is positive


def test_the_sides_follow_the_reader_where_the_header_is_silent(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep(store, take_in, whole_film(PatientOrientation=None, ImageLaterality=None))
    page = draw(open_tool(open_page, study))
    assert button(page, "Ask the AI about both").disabled
    assert "Say which side of the patient it is" in words(page)
    page = choose(page, "Side of the patient at the left of the image", "L")
    page = button(page, "Ask the AI about both").click().run()
    wait_for_queue(store)
    parts = store.studies.get(study).instances[1:]  # in the order in which they were answered
    first, second = sorted(parts, key=lambda part: part.derivation.box if part.derivation else ())
    assert first.derivation is not None and first.derivation.box == BOXES[0]
    assert (first.acquisition.laterality, second.acquisition.laterality) == ("L", "R")


def test_one_region_needs_a_side_where_the_part_is_paired(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep(store, take_in, whole_film(PatientOrientation=None))
    page = choose(open_tool(open_page, study), "Regions", 1)
    page = draw(page, BOXES[0])
    assert button(page, "Ask the AI about it").disabled
    options = next(c for c in page.button_group if c.label == "Side").options
    assert len(options) == 2, "a knee is on a side"
    page = choose(page, "Side", "R")
    button(page, "Ask the AI about it").click().run()
    wait_for_queue(store)
    (part,) = store.studies.get(study).instances[1:]
    assert part.acquisition.laterality == "R"


def test_a_box_that_is_far_off_is_said_before_it_is_asked_about(
    open_page: OpenPage, study: str
) -> None:
    page = draw(open_tool(open_page, study), (0, 0, 499, 749), BOXES[1])
    assert "20 x 30 cm" in words(page) and "Mark a smaller box" in words(page)
    page = draw(page)
    assert "Mark a smaller box" not in words(page)


def test_who_agrees_states_the_sides_that_were_answered(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    button(draw(open_tool(open_page, study)), "Ask the AI about both").click().run()
    wait_for_queue(store)
    _whole, *parts = store.studies.get(study).assessments
    assert [one is not None and one.answer for one in parts] == [Answer.PRESENT] * 2
    page = choose(open_page(PAGE, study=study), "Pneumonia", "present")
    review = store.studies.get(study).review
    assert review is not None and review.findings[0].side is Side.BOTH
    assert "Say which side" not in unescape(words(page))
    page = choose(page, "Side of Pneumonia", None)
    assert "Say which side" in unescape(words(page))
    choose(page, "Pneumonia", "absent")
    review = store.studies.get(study).review
    assert review is not None and review.findings[0].side is None


def test_a_signature_for_one_knee_is_held_against_the_other(
    open_page: OpenPage, study: str, store: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    button(draw(open_tool(open_page, study)), "Ask the AI about both").click().run()
    wait_for_queue(store)
    monkeypatch.setattr(resources, "sure_from", lambda _model: 0.6)
    page = choose(open_page(PAGE, study=study), "Pneumonia", "present")
    page = choose(page, "Side of Pneumonia", Side.LEFT)
    said = words(button(page, "Sign final").click().run())
    assert "A second look?" in said and "Pneumonia (right) absent" in said
    review = store.studies.get(study).review
    assert review is not None and review.stage is Stage.DRAFT
    page = choose(page, "Side of Pneumonia", Side.BOTH)
    button(page, "Sign final").click().run()
    review = store.studies.get(study).review
    assert review is not None and review.stage is Stage.FINAL


def test_a_blind_read_takes_no_side_over(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    """The reader said "present" before seeing on which side a network sees it."""
    button(draw(open_tool(open_page, study)), "Ask the AI about both").click().run()
    wait_for_queue(store)
    store.accounts.set_blind(store.accounts.alone(READER).name, True)
    page = open_page(PAGE, study=study)
    page.segmented_control(key=f"first-{study}").set_value("present").run()
    button(page, "Save my read and show AI").click().run()
    review = store.studies.get(study).review
    assert review is not None and review.findings[0].present
    assert review.findings[0].side is None


def test_a_picture_without_a_header_is_asked_about_by_its_region(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    pixels = (draw_knees() >> 4).astype("uint8")
    study = keep(store, take_in, make_film_bytes(pixels), "knees.png")
    page = draw(open_tool(open_page, study), BOXES[0])
    assert len(next(c for c in page.button_group if c.label == "Side").options) == 3
    page = choose(page, "Side", "L")
    button(page, "Ask the AI about it").click().run()
    wait_for_queue(store)
    part = store.studies.get(study).instances[1]
    assert part.derivation is not None and part.derivation.side == "L"
    said = unescape(words(open_page(PAGE, study=study)))
    assert FROM_PHOTOGRAPH not in said


def test_a_doubtful_or_coloured_image_says_why_it_has_no_region(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep(store, take_in, whole_film(PhotometricInterpretation="NONSENSE"))
    page = open_tool(open_page, study)
    assert "The file of this image is doubtful" in words(page)
    page = button(page, "Cancel").click().run()
    assert "The file of this image is doubtful, so" not in words(page)


def test_what_is_no_single_frame_or_made_here_offers_none(
    open_page: OpenPage, store: Repository, take_in: TakeIn, study: str
) -> None:
    frames = make_dicom_bytes(draw_knees()[None].repeat(3, 0)[:, :40, :40],
                              SOPInstanceUID="1.2.3.1", StudyInstanceUID="1.2.3.2")  # fmt: skip
    page = open_page(PAGE, study=keep(store, take_in, frames, "frames.dcm"))
    assert ASK not in [b.label for b in page.button]
    page = draw(open_tool(open_page, study))
    button(page, "Ask the AI about both").click().run()
    wait_for_queue(store)
    part = store.studies.get(study).instances[1].identity.sop_instance_uid
    page = open_page(PAGE, study=study)
    page.session_state[f"image-{study}"] = part
    assert ASK not in [b.label for b in page.run().button]


def test_a_signed_study_asks_for_an_amendment_first(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    now = datetime.now(UTC)
    page = draw(open_tool(open_page, study))
    store.reviews.add(Review(study, 0, Stage.FINAL, "anna", "Dr A", now, note="normal"))
    page = button(page, "Ask the AI about both").click().run()
    assert "Begin an amendment first" in words(page)
    assert len(store.studies.get(study).files) == 1
    offer = button(open_page(PAGE, study=study), ASK)
    assert offer.disabled and "amendment" in (offer.help or "")


def test_a_draft_of_another_film_is_not_taken_over(
    open_page: OpenPage, study: str, store: Repository, take_in: TakeIn
) -> None:
    page = draw(open_tool(open_page, study))
    other = keep(store, take_in, make_film_bytes(chest(300, 320, 2)), "other.png")
    page.query_params["study"] = other
    page = button(page.run(), ASK).click().run()
    draft = page.session_state["region-draft"]
    assert draft.film.identity.study_instance_uid == other and draft.drawn.placed == (False,)


def test_the_tiny_network_reads_what_a_region_says(take_in: TakeIn, store: Repository) -> None:
    """The fixture is what it says: a whole film is refused for its size alone, a crop is not."""
    study = keep(store, take_in, whole_film(ImageLaterality=None))
    (answer,) = store.studies.get(study).assessments
    assert answer is not None and answer.messages == (SEVERAL,)
    left, top, right, bottom = BOXES[0]
    crop = whole_film(draw_knees()[top:bottom, left:right], ImageLaterality="R",
                      SOPInstanceUID="1.2.3.7", StudyInstanceUID="1.2.3.8")  # fmt: skip
    assert read_image(crop).instance.geometry.columns == 300
    (answer,) = store.studies.get(keep(store, take_in, crop, "crop.dcm")).assessments
    assert answer is not None and answer.status is Status.OK
    assert replace(answer, messages=()).findings
