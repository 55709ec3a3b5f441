"""Who is typed of a photograph is the patient of the film cut out of it, on screen and outside."""

from __future__ import annotations

import csv
import io
from datetime import date

import numpy as np
import pydicom
import pytest
from streamlit.testing.v1 import AppTest

from imaging.delivery.study import deliver
from imaging.entities import Answer, Status, TypedFacts
from imaging.review.records import Account
from imaging.store import Repository
from tests.factories import make_film_bytes
from tests.pages.conftest import OpenPage, listed, wait_for_queue, words
from tests.pages.test_who import fill
from tests.photographs import chest, photograph
from tests.served import TakeIn

PAGE, TRIAGE = "pages/review.py", "pages/triage.py"
CORNERS = np.array([(120, 60), (480, 80), (470, 420), (110, 400)], float)
BOTH = "holds for the photograph and for every film cut out of it"


@pytest.fixture
def study(store: Repository, take_in: TakeIn) -> str:
    """UID of a study that is a tinted photograph of a film, which was refused for its colour."""
    shot = photograph(chest(340, 360, 5), CORNERS, size=(480, 640))
    outcome = take_in(store, make_film_bytes(shot.picture, "JPEG", quality=92), file_name="IMG.jpg")
    assert outcome.instance is not None
    return outcome.instance.identity.study_instance_uid


def press(page: AppTest, label: str) -> AppTest:
    return next(b for b in page.button if b.label == label).click().run()


def straighten(page: AppTest, store: Repository) -> AppTest:
    """Cut the film out, and look at it once it is answered."""
    page = press(press(page, "Crop and straighten"), "Use this picture")
    assert not page.exception
    wait_for_queue(store)
    return page.run()


@pytest.mark.parametrize("typed_first", [True, False])
def test_an_adult_is_not_suitable_whichever_came_first(
    open_page: OpenPage, study: str, store: Repository, typed_first: bool
) -> None:
    page = open_page(PAGE, study=study)
    if not typed_first:
        page = straighten(page, store)
        assert BOTH in words(page)
        assert store.studies.get(study).assessments[1].status is Status.WARNED  # type: ignore[union-attr]
    page = fill(page, name="Beta, Bruno", number="B-2", age=77, view="AP", taken=date(2026, 3, 2))
    wait_for_queue(store)
    page = page.run()
    if typed_first:
        page = straighten(page, store)
    photo, film = store.studies.get(study).instances
    answer = store.studies.get(study).assessments[1]
    assert photo.derivation is None and film.derivation is not None
    assert photo.patient == film.patient and film.acquisition.view_position == "AP"
    assert answer is not None and answer.answer is Answer.UNSUITABLE
    assert "this patient is 77" in " ".join(answer.messages)
    said = words(page)
    assert "Beta, Bruno (typed), 77 years" in said and "Not suitable" in said
    assert "runs again with what was typed" not in said, "nothing is awaited any more"
    table = listed(open_page(TRIAGE))
    assert list(table["Patient"]) == ["Beta, Bruno (typed)"]


def test_exports_name_one_person_for_both(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    straighten(open_page(PAGE, study=study), store)
    photo, _film = store.studies.get(study).instances
    facts = TypedFacts("Beta^Bruno", "B-2", age_years=4.0, view_position="AP")
    store.typed_facts.save({photo.identity.sop_instance_uid: facts}, Account("b", "Dr B"))
    open_page(PAGE, study=study)
    wait_for_queue(store)
    made = deliver(store, study, ["csv", "sr", "pdf"], account="b")
    table = next(file for file in made if file.name.endswith(".csv"))
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    typed = {row["sop_instance_uid"] for row in rows if row["kind"] == "typed"}
    assert typed == {f.identity.sop_instance_uid for f in store.studies.get(study).instances}
    dicom = [pydicom.dcmread(io.BytesIO(f.content)) for f in made if f.name.endswith(".dcm")]
    assert len(dicom) >= 2
    for ds in dicom:
        assert (str(ds.PatientName), ds.PatientID, ds.PatientAge) == ("Beta^Bruno", "B-2", "004Y")
        assert "Typed by Dr B" in ds.PatientComments


def test_a_photograph_and_its_film_are_named_once_among_several(
    open_page: OpenPage, study: str, store: Repository
) -> None:
    straighten(open_page(PAGE, study=study), store)
    page = open_page(TRIAGE)
    next(t for t in page.toggle if t.label == "Name several images").set_value(True).run()
    page.session_state["worklist-several"] = {"selection": {"rows": [0], "columns": []}}
    page.run()
    assert "Who is on this image?" in words(page)
    page = fill(page, name="Beta, Bruno")
    assert not page.error and not page.exception
    films = store.studies.get(study).instances
    assert [film.patient.name for film in films] == ["Beta^Bruno"] * 2
