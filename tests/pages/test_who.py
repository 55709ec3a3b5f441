"""A film without a header has a face: picture and file name in lists, and the form to name it."""

from __future__ import annotations

import inspect
from datetime import date
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from imaging.dicom import Image, read_object
from imaging.entities import TypedFacts
from imaging.review import drafting
from imaging.review.records import Account, Stage
from imaging.store import Repository
from pages.ui import study_table, who
from pages.ui.grid.component import Chosen
from tests.factories import make_dicom_bytes, make_film_bytes, make_pixels
from tests.pages.conftest import READER, OpenPage, listed, wait_for_queue, words
from tests.pages.test_upload import drop
from tests.served import TakeIn
from tests.stored import outcome_of
from tests.stored import store as put_in

TRIAGE, REVIEW, UPLOAD = "pages/triage.py", "pages/review.py", "pages/upload.py"
SAVE = "Save and run the AI"
BY = Account("by", "Dr Before")


def film_bytes(shade: int) -> bytes:
    return make_film_bytes(np.roll(make_pixels(64, 48, bits=8).astype(np.uint8), 9 * shade, axis=1))


def keep(store: Repository, take_in: TakeIn, shade: int = 0) -> tuple[str, str]:
    """A stored PNG: its study and its instance."""
    outcome = take_in(store, film_bytes(shade), file_name=f"disc/chest {shade}.png")
    assert outcome.instance is not None
    identity = outcome.instance.identity
    return identity.study_instance_uid, identity.sop_instance_uid


def field(page: AppTest, kind: str, label: str) -> list[Any]:
    return [widget for widget in page.get(kind) if getattr(widget, "label", "") == label]


def press(page: AppTest, label: str) -> AppTest:
    return next(b for b in page.button if b.label == label).click().run()


def fill(page: AppTest, **values: object) -> AppTest:
    """Type into the form; it is saved by its button."""
    labels = {
        "name": ("text_input", "Name (family name, given name)"),
        "number": ("text_input", "Number"),
        "age": ("number_input", "Age at the study"),
        "born": ("date_input", "Birth date"),
        "taken": ("date_input", "Study date"),
        "sex": ("selectbox", "Sex"),
        "view": ("selectbox", "View"),
    }
    for name, value in values.items():
        kind, label = labels[name]
        for widget in field(page, kind, label):
            widget.set_value(value)
    return press(page, SAVE)


def test_rows_of_unnamed_films_differ_by_picture_and_name(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    keep(store, take_in, 0), keep(store, take_in, 1)
    table = listed(open_page(TRIAGE))
    assert sorted(table["Patient"]) == [
        *("Unnamed: chest 0.png (disc)", "Unnamed: chest 1.png (disc)"),
    ]
    pictures = list(table["Image"])
    assert all(p.startswith("data:image/jpeg;base64,") for p in pictures)
    assert len(set(pictures)) == 2 and max(map(len, pictures)) < 8000
    assert list(table.columns)[:1] == ["Image"] and list(table.columns).index("Patient") < 7


def test_a_hidden_identity_hides_the_file_name_and_what_was_typed(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    _, sop = keep(store, take_in, 0)
    store.typed_facts.save({sop: TypedFacts("Diallo^Amina", sex="F")}, BY)
    keep(store, take_in, 1)
    page = open_page(TRIAGE)
    next(t for t in page.toggle if t.label == "Hide identity").set_value(True).run()
    table = listed(page)
    shown = " ".join(map(str, table.drop(columns="Image").to_numpy().ravel()))
    assert "chest" not in shown and "Diallo" not in shown and "(typed)" in shown


def test_the_form_names_a_film_and_has_the_network_asked_again(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    uid, _sop = keep(store, take_in)
    page = open_page(REVIEW, study=uid)
    assert "chest 0.png" in words(page)
    page = fill(
        page, name="Diallo, Amina", number="K-7", age=4, sex="F", view="AP", taken=date(2026, 3, 2)
    )
    assert not page.exception and "runs again" in words(page)
    wait_for_queue(store)
    (told,) = store.studies.get(uid).instances
    assert told.patient.name == "Diallo^Amina" and told.patient.age_years == 4.0
    assert told.typed is not None and told.typed.reader == READER
    page = open_page(REVIEW, study=uid)
    said = words(page)
    assert "Diallo, Amina (typed), 4 years" in said and f"Typed by {READER} on" in said
    assert "the modality is unknown" in said, "the answer was given with age and view"
    assert "Diallo, Amina (typed)" in list(listed(open_page(TRIAGE))["Patient"])


def test_a_typed_age_of_an_adult_is_out_of_scope_as_in_a_header(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    uid, _sop = keep(store, take_in)
    outcome = take_in(store, make_dicom_bytes(PatientAge="077Y"))
    fill(open_page(REVIEW, study=uid), age=77, view="AP")
    wait_for_queue(store)
    (typed,) = store.studies.get(uid).assessments
    assert typed is not None
    assert typed.status is outcome.assessment.status and typed.answer is outcome.assessment.answer
    assert any("age" in m or "77" in m for m in typed.messages if "No patient data" not in m)


def test_a_lateral_view_typed_is_not_suitable(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    uid, _sop = keep(store, take_in)
    fill(open_page(REVIEW, study=uid), view="LL")
    wait_for_queue(store)
    assert "Not suitable" in words(open_page(REVIEW, study=uid))


def test_what_cannot_be_true_is_said_and_not_stored(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    uid, sop = keep(store, take_in)
    page = fill(open_page(REVIEW, study=uid), born=date(2020, 1, 1), age=50, taken=date(2024, 1, 1))
    assert any("contradict" in e.value for e in page.error)
    page = fill(page, born=date(2025, 1, 1), age=None)
    assert any("before the birth date" in e.value for e in page.error)
    assert store.typed_facts.versions(sop) == ()


def test_a_film_of_an_older_folder_gets_its_picture_when_it_is_opened(
    open_page: OpenPage, store: Repository
) -> None:
    image = read_object(film_bytes(0), file_name="old.png")
    assert isinstance(image, Image)
    uid = image.instance.identity.study_instance_uid
    put_in(store, outcome_of(image.instance), contents=[film_bytes(0)])
    assert store.originals.study_thumbnails([uid]) == {}
    open_page(REVIEW, study=uid)
    assert store.originals.study_thumbnails([uid])[uid].startswith(b"\xff\xd8")


def test_what_was_typed_before_stays_to_be_seen(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    uid, sop = keep(store, take_in)
    store.typed_facts.save({sop: TypedFacts("Diallo^Amina", age_years=3.0)}, BY)
    store.typed_facts.save({sop: TypedFacts("Diallo^Aminata", version=1)}, BY)
    assert "Before: Diallo, Amina, 3 years" in words(open_page(REVIEW, study=uid))


def test_a_signed_study_says_that_an_amendment_comes_first(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    uid, sop = keep(store, take_in)
    store.typed_facts.save({sop: TypedFacts("Diallo^Amina")}, BY)
    store.reviews.add(drafting.sign(drafting.draft(uid, None, BY), Stage.FINAL))
    page = open_page(REVIEW, study=uid)
    assert "begin an amendment" in words(page) and "Typed by Dr Before" in words(page)
    assert SAVE not in [b.label for b in page.button]
    assert SAVE in [b.label for b in press(page, "Amend").button]


def test_nobody_signs_for_another_patient_than_is_on_screen(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    uid, sop = keep(store, take_in)
    page = open_page(REVIEW, study=uid)
    page.segmented_control(key=f"field-{uid}-says-pneumonia").set_value("absent").run()
    store.typed_facts.save({sop: TypedFacts("Diallo^Amina")}, BY)
    wait_for_queue(store)
    page = press(page, "Sign final")
    assert any("whose images these are" in e.value for e in page.error)
    assert store.studies.get(uid).final is None
    press(page, "Sign final")
    assert store.studies.get(uid).final is not None, "now it was seen"


def test_a_film_with_a_header_has_no_form(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    outcome = take_in(store, make_dicom_bytes())
    assert outcome.instance is not None
    page = open_page(REVIEW, study=outcome.instance.identity.study_instance_uid)
    assert SAVE not in [b.label for b in page.button]
    assert "Name several images" not in [t.label for t in open_page(TRIAGE).toggle]


def test_one_film_uploaded_shows_its_picture_its_file_and_the_form(
    open_page: OpenPage, store: Repository
) -> None:
    page = drop(open_page(UPLOAD), store, ("photo of mine.png", film_bytes(0), "image/png"))
    assert "photo of mine.png" in words(page) and SAVE in [b.label for b in page.button]
    assert "data:image/jpeg;base64," in words(page), "the image itself"


def test_a_table_of_uploads_has_pictures_and_patients(
    open_page: OpenPage, store: Repository
) -> None:
    files = [
        ("a.png", film_bytes(0), "image/png"),
        ("b.dcm", make_dicom_bytes(), "application/dicom"),
    ]
    table = listed(drop(open_page(UPLOAD), store, *files))
    assert dict(zip(table["File"], table["Patient"], strict=True)) == {
        "a.png": "Unnamed",
        "b.dcm": "SYNTHETIC, TEST",
    }
    assert all(p.startswith("data:image/jpeg") for p in table["Image"])


@pytest.mark.parametrize("number", ["K-7", ""])
def test_several_films_become_one_patient(
    open_page: OpenPage,
    store: Repository,
    take_in: TakeIn,
    number: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table says which rows are ticked: AppTest cannot press one."""
    films = [keep(store, take_in, 0), keep(store, take_in, 1)]
    page = open_page(TRIAGE)
    next(t for t in page.toggle if t.label == "Name several images").set_value(True).run()
    assert "Tick the images of one patient." in words(page)
    ticked = tuple(uid for uid, _sop in films)
    monkeypatch.setattr(study_table, "render_grid", lambda *_, **__: Chosen(ticked=ticked))
    page.run()
    assert "These 2 images are of one patient" in words(page)
    dates = field(page, "date_input", "Study date")
    assert len(dates) == 2
    fill(page, name="Diallo, Amina", number=number, age=4, taken=date(2026, 3, 2))
    told = [store.studies.get(uid).instances[0] for uid, _ in films]
    assert [film.patient.name for film in told] == ["Diallo^Amina"] * 2
    assert len({film.patient.patient_id for film in told}) == 1
    assert told[0].patient.patient_id == number or told[0].patient.patient_id.startswith("LB-")


def test_a_number_that_was_made_for_one_patient_is_not_another_s(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    films = [keep(store, take_in, 0), keep(store, take_in, 1)]
    amina = TypedFacts("Diallo^Amina", "LB-12AB34CD", "20220101")
    store.typed_facts.save({sop: amina for _, sop in films}, BY)
    uid, _ = films[1]
    fill(open_page(REVIEW, study=uid), name="Diallo, Aminata")
    assert store.studies.get(uid).patient.patient_id == "LB-12AB34CD", "a name mended"
    wait_for_queue(store)
    fill(open_page(REVIEW, study=uid), name="Beta, Bruno", born=date(2021, 2, 2))
    patient = store.studies.get(uid).patient
    assert (patient.name, patient.patient_id) == ("Beta^Bruno", "")


def test_an_answer_is_not_awaited_where_the_film_is_gone(
    store: Repository, take_in: TakeIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AgainError(Exception):
        pass

    def again() -> None:
        raise AgainError

    uid, sop = keep(store, take_in)
    monkeypatch.setattr(who.poll, "redraw", again)
    monkeypatch.setattr(who.resources, "repository", lambda: store)
    with pytest.raises(AgainError):
        inspect.unwrap(who._watch)(uid, "1.2.3")
    store.studies.delete(uid, account="a", reason="test data")
    with pytest.raises(AgainError):
        inspect.unwrap(who._watch)(uid, sop)


def test_a_network_that_gives_no_answer_is_not_waited_for(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    uid, sop = keep(store, take_in)
    facts = TypedFacts(name="Diallo^Amina", age_years=4.0)
    job = store.typed_facts.save({sop: facts}, store.accounts.alone(READER))
    store.jobs.cancel(job)
    said = words(open_page(REVIEW, study=uid))
    assert "gave no answer" in said and "runs again" not in said
