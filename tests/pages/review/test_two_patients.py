"""A study of two patients on Review: both told, nothing signed, and the two ways on."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.uid import generate_uid
from streamlit.testing.v1 import AppTest

from imaging.store import Repository
from tests.pages.conftest import OpenPage, keep_film, listed, words
from tests.served import TakeIn

PAGE = "pages/review.py"
ALPHA = {"PatientName": "ALPHA^ANNA", "PatientID": "A-1", "PatientSex": "F"}
BETA = {"PatientName": "BETA^BRUNO", "PatientID": "B-2", "PatientSex": "M"}


def uid_of(name: str) -> dict[str, str]:
    """UIDs of another film, of the same study."""
    return {f"{kind}InstanceUID": generate_uid() for kind in name.split()}


@pytest.fixture
def mixed(store: Repository, take_in: TakeIn) -> str:
    """A study that names two patients."""
    keep_film(store, take_in, **ALPHA)
    return keep_film(store, take_in, **uid_of("Series SOP"), **BETA)


def labels_of(page: AppTest) -> set[str]:
    """What can be pressed."""
    return {button.label for button in page.button}


def press(page: AppTest, label: str) -> AppTest:
    """Press the button whose label begins so."""
    return next(b for b in page.button if b.label.startswith(label)).click().run()


def choose(page: AppTest, at: int) -> AppTest:
    """Say whose the study is."""
    return next(r for r in page.radio if r.label == "Whose study is it?").set_value(at).run()


def test_both_are_shown_and_nothing_can_be_signed_or_exported(
    open_page: OpenPage, mixed: str
) -> None:
    page = open_page(PAGE, study=mixed)
    said = words(page)
    assert "more than one patient" in page.error[0].value
    for stated in ("ALPHA, ANNA", "A-1", "BETA, BRUNO", "B-2", "female", "male"):
        assert stated in said
    assert not {"Sign final", "Sign preliminary", "Create files"} & labels_of(page)
    assert not any(folded.label == "De-identified originals" for folded in page.expander)
    assert "Computed with" in said or "threshold" in said  # the network may answer a film


def test_identities_can_be_hidden_there_too(open_page: OpenPage, mixed: str) -> None:
    page = open_page(PAGE, study=mixed)
    next(t for t in page.toggle if t.label == "Hide identity").set_value(True).run()
    assert not any(word in words(page) for word in ("ALPHA", "A-1", "BETA", "B-2"))


def test_separated_each_has_a_study_and_can_be_signed(
    open_page: OpenPage, store: Repository, mixed: str
) -> None:
    page = press(choose(open_page(PAGE, study=mixed), 1), "Separate")
    assert "new study is on the worklist" in words(page) and not page.error
    assert "Sign final" in labels_of(page)
    assert {item.patient.name for item in store.worklist.page().items} == {
        "ALPHA^ANNA",
        "BETA^BRUNO",
    }
    assert store.studies.get(mixed).patient.name == "BETA^BRUNO"


def test_one_identity_may_be_called_right(
    open_page: OpenPage, store: Repository, mixed: str
) -> None:
    page = press(choose(open_page(PAGE, study=mixed), 0), "All are one person's")
    assert "all files of this study are this patient's" in words(page) and not page.error
    assert "Sign final" in labels_of(page)
    assert "BETA" not in words(page) and len(store.studies.get(mixed).instances) == 2
    assert "more than one patient" in press(page, "Take this back").error[0].value
    assert store.studies.get(mixed).held


def separated_meanwhile(store: Repository, take_in: TakeIn, study: str) -> None:
    """Another reader gives the study to Bruno; Anna's film goes to a study of its own."""
    keep_film(store, take_in, **uid_of("Series SOP"), **BETA)
    groups = store.studies.get(study).patients
    store.studies.separate(study, groups[1][0], account="other")


def test_nobody_writes_about_another_patient_than_is_on_screen(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, **ALPHA)
    page = open_page(PAGE, study=study)
    separated_meanwhile(store, take_in, study)
    page.segmented_control(key=f"field-{study}-says-pneumonia").set_value("absent").run()
    assert any("whose images these are" in e.value for e in page.error)
    assert not store.studies.get(study).reviews
    page.segmented_control(key=f"field-{study}-says-pneumonia").set_value("absent").run()
    assert store.studies.get(study).reviews, "now Bruno's film was seen"


def test_nobody_signs_for_whom_a_study_was_given_to_meanwhile(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, **ALPHA)
    page = open_page(PAGE, study=study)
    page.segmented_control(key=f"field-{study}-says-pneumonia").set_value("absent").run()
    keep_film(store, take_in, **uid_of("Series SOP"), **BETA)
    bruno = store.studies.get(study).patients[1][0]
    store.studies.identify(study, bruno, account="other", reader="Dr Other")
    page = press(page, "Sign final")
    assert any("whose images these are" in e.value for e in page.error)
    assert store.studies.get(study).final is None


def offers_export(page: AppTest) -> bool:
    """Whether an export that was prepared can be saved."""
    parts = page.get("bidi_component")
    return any("download" in part.proto.component_name for part in parts)


def test_a_prepared_export_goes_with_its_patient(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, **ALPHA)
    page = open_page(PAGE, study=study)
    next(one for one in page.button_group if one.key == f"formats-{study}").set_value(["csv"])
    assert offers_export(press(page, "Create files"))
    separated_meanwhile(store, take_in, study)
    assert not offers_export(page.run())


def test_a_doubt_is_a_caution(open_page: OpenPage, store: Repository, take_in: TakeIn) -> None:
    keep_film(store, take_in, IssuerOfPatientID="WARD A")
    study = keep_film(store, take_in, **uid_of("Series SOP"), IssuerOfPatientID="WARD B")
    page = open_page(PAGE, study=study)
    assert any("Same number, other issuer: WARD A / WARD B" in w.value for w in page.warning)
    assert "Sign final" in labels_of(page)


def earlier(store: Repository, take_in: TakeIn, **attributes: Any) -> str:
    """An earlier study."""
    return keep_film(
        store, take_in, StudyDate="20240101", **uid_of("Study Series SOP"), **attributes
    )


def test_a_doubtful_prior_hangs_on_request_with_the_difference(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    other = earlier(store, take_in, IssuerOfPatientID="WARD B")
    study = keep_film(
        store,
        take_in,
        **uid_of("Study Series SOP"),
        IssuerOfPatientID="WARD A",
    )
    page = open_page(PAGE, study=study)
    hung = [c.value for c in page.segmented_control if c.key == f"hanging-{study}"]
    assert "prior" not in hung
    box = page.checkbox(key=f"doubtful-{study}-{other}")
    assert "Same number, other issuer: WARD A / WARD B" in box.label
    page = box.check().run()
    assert page.segmented_control(key=f"hanging-{study}").value == "prior"
    assert any("Perhaps another patient's image" in w.value for w in page.warning)


def test_a_stranger_is_not_even_offered(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    earlier(store, take_in, **BETA | {"PatientID": "A-1"}, IssuerOfPatientID="WARD B")
    study = keep_film(store, take_in, **ALPHA, IssuerOfPatientID="WARD A")
    page = open_page(PAGE, study=study)
    assert not [c for c in page.checkbox if str(c.key).startswith("doubtful")]
    assert "BETA" not in words(page)


def test_the_worklist_marks_it(open_page: OpenPage, mixed: str) -> None:
    row = listed(open_page("pages/triage.py")).iloc[0]
    assert "Held" in row["Reading"] and "more than one patient" in row["Reason"]
