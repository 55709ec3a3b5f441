"""Review: whose film it is, what was answered, and statements that are kept as they are made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydicom.uid import generate_uid
from streamlit.testing.v1 import AppTest

from imaging.review.records import Annotation, AuditEvent, Call, ReadFinding, Review, Shape, Stage
from imaging.store import Repository
from models.inference.classifier_registry import ClassifierRegistry
from pages.ui.review import film_wall
from pages.ui.viewer import ViewerReport
from tests import stored
from tests.factories import make_dicom_bytes
from tests.pages.conftest import READER, OpenPage, keep_film, words
from tests.served import TakeIn
from tests.stored import outcome_of

PAGE = "pages/review.py"


def press(page: AppTest, label: str) -> AppTest:
    """Press the button of that label."""
    return next(b for b in page.button if b.label == label).click().run()


def state_present(page: AppTest, choice: str = "present") -> AppTest:
    """Decide about the network's first finding."""
    return page.segmented_control(key=_says(page)).set_value(choice).run()


def _says(page: AppTest) -> str:
    """The key that the control of the first finding has now (`pages.ui.session.settled`)."""
    name = f"field-{page.query_params['study']}-says-pneumonia"
    keys = [control.key or "" for control in page.segmented_control]
    return next(key for key in keys if key == name or key.startswith(f"{name}-turn-"))


def by_somebody_else(study: str, base: int = 0) -> Review:
    """A signed review on top of a version."""
    stated = ReadFinding("pneumonia", True, Call.ACCEPTED)
    now = datetime.now(UTC)
    return Review(study, base, Stage.FINAL, "else", "Dr Else", now, findings=(stated,))


def newest(store: Repository, study: str) -> Review:
    """The newest stored version."""
    review = store.studies.get(study).review
    assert review is not None
    return review


def test_the_panel_repeats_the_patients_id(open_page: OpenPage, study: str) -> None:
    assert "Patient ID T-1" in words(open_page(PAGE, study=study))


def test_identity_can_be_hidden(open_page: OpenPage, study: str) -> None:
    page = open_page(PAGE, study=study)
    next(t for t in page.toggle if t.label == "Hide identity").set_value(True).run()
    assert "T-1" not in words(page)


def test_header_text_cannot_become_markup(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    study = keep_film(store, take_in, PatientName="<img src=x>", PatientID="<b>1</b>")
    said = words(open_page(PAGE, study=study))
    assert "<img src=x>" not in said and "<b>1</b>" not in said


def test_every_score_stands_beside_its_model(
    open_page: OpenPage, study: str, tiny_panel: ClassifierRegistry
) -> None:
    said, model = words(open_page(PAGE, study=study)), tiny_panel.card().identity
    assert model.name in said and model.version in said and model.short_hash in said
    assert "Exploratory" in said and said.count("threshold") == 3


def test_outside_its_population_a_network_promises_nothing(
    open_page: OpenPage, store: Repository, take_in: TakeIn, tiny_panel: ClassifierRegistry
) -> None:
    """An older child: no error rate, no bar, no percentage; the network is named all the same."""
    said = words(open_page(PAGE, study=keep_film(store, take_in, PatientAge="006Y")))
    assert "none of its figures holds" in said and "not a probability for this image" in said
    assert "get this answer" not in said and 'class="lb-bar"' not in said
    assert "Exploratory" not in said and tiny_panel.card().identity.short_hash in said


def test_an_adult_is_not_suitable_with_the_age_and_what_to_do(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    """No score, and nothing that could raise the study."""
    study = keep_film(store, take_in, PatientAge="077Y")
    said = words(open_page(PAGE, study=study))
    assert "tested on children of 1 to 5; this patient is 77. Read this image without" in said
    assert "threshold " not in said and "not a probability for this image" not in said
    (row,) = store.worklist.page().items
    assert row.finding is None and row.priority == 0


def test_what_computed_an_answer_is_said(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    record = store.studies.get(study)
    (film,), (said,) = record.instances, record.assessments
    assert said is not None
    newer = outcome_of(film, replace(said, engine="onnxruntime int8"))
    stored.store(store, newer, contents=[make_dicom_bytes()], networks="newer")
    assert "Computed with onnxruntime int8" in words(open_page(PAGE, study=study))


def test_a_refused_film_says_why_and_is_still_the_readers_to_decide(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    page = open_page(PAGE, study=keep_film(store, take_in, ViewPosition="LL"))
    assert "This is a lateral film" in words(page) and "Your decision needed" in words(page)
    state_present(page)
    stated = newest(store, page.query_params["study"]).findings
    assert [(f.call, f.present) for f in stated] == [(Call.UNAIDED, True)]


def test_of_another_part_of_the_body_nothing_is_asked(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    """A network of the chest has no question about a hand; the reader adds what there is."""
    page = open_page(PAGE, study=keep_film(store, take_in, BodyPartExamined="HAND"))
    assert "The body part is HAND" in words(page) and "Your decision needed" not in words(page)
    assert "Normal study" not in [button.label for button in page.button]
    assert any(box.label == "Add a finding" for box in page.selectbox)


def test_nothing_is_preselected(open_page: OpenPage, store: Repository, study: str) -> None:
    page = open_page(PAGE, study=study)
    assert page.segmented_control(key=_says(page)).value is None
    assert not store.studies.get(study).reviews


def test_a_statement_is_kept_without_a_save_button(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    state_present(open_page(PAGE, study=study), "absent")
    review = newest(store, study)
    assert review.stage is Stage.DRAFT and review.reader == READER
    assert [(f.code, f.present) for f in review.findings] == [("pneumonia", False)]
    again = open_page(PAGE, study=study)
    assert again.segmented_control(key=_says(again)).value == "absent"


def test_the_note_is_kept_and_comes_back(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    page.text_area[0].set_value("left base").run()
    assert newest(store, study).note == "left base"
    assert open_page(PAGE, study=study).text_area[0].value == "left base"


def test_a_finding_of_ones_own_is_added_and_removed(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    page.selectbox(key=f"field-{study}-add").set_value("effusion").run()
    assert [(f.code, f.call) for f in newest(store, study).findings] == [("effusion", Call.ADDED)]
    assert "Pleural effusion" in words(page)
    press(page, "\u2715")
    assert not newest(store, study).findings and len(store.studies.get(study).reviews) == 2


def test_a_finding_can_be_restated(open_page: OpenPage, store: Repository, study: str) -> None:
    page = open_page(PAGE, study=study)
    page.selectbox(key=f"field-{study}-other-pneumonia").set_value("consolidation").run()
    (stated,) = newest(store, study).findings
    assert (stated.code, stated.replaces) == ("consolidation", "pneumonia")
    assert "Reworded by you" in words(page)


def test_undo_takes_the_last_change_back_and_keeps_both(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = state_present(open_page(PAGE, study=study))
    page.text_area[0].set_value("typo").run()
    press(page, "Undo")
    assert [r.note for r in store.studies.get(study).reviews] == ["", "typo", ""]
    assert page.text_area[0].value == "" and newest(store, study).findings


def test_what_the_browser_sends_late_brings_no_text_back(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    """It tells the state of every field as it last drew them: here before it drew an undo."""
    page = state_present(open_page(PAGE, study=study))
    page.text_area(key=f"field-{study}-note").set_value("typo").run()
    page.text_area(key=f"field-{study}-impression").set_value("wrong").run()
    for field in (*page.text_area, *page.text_input, *page.segmented_control, *page.selectbox):
        field.set_value(field.value)
    drawn = page._tree
    press(page, "Undo")
    page._tree = drawn
    next(b for b in page.button if b.label == "Undo")._value = False
    page.run()
    last = newest(store, study)
    assert not page.exception and (last.version, last.note, last.impression) == (4, "typo", "")


def test_a_signature_needs_every_firm_finding_decided(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    page.text_area[0].set_value("seen").run()
    final = next(b for b in page.button if b.label == "Sign final")
    assert final.disabled
    press(state_present(page), "Sign final")
    assert newest(store, study).stage is Stage.FINAL


def test_preliminary_then_final_then_amendment(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = state_present(open_page(PAGE, study=study))
    press(page, "Sign preliminary")
    assert newest(store, study).stage is Stage.PRELIMINARY
    press(page, "Sign final")
    assert "Final, version 3" in words(page)
    assert page.segmented_control(key=_says(page)).disabled
    press(page, "Amend")
    state_present(page, "absent")
    press(page, "Sign amendment")
    stages = [r.stage for r in store.studies.get(study).reviews]
    assert stages[1:3] == [Stage.PRELIMINARY, Stage.FINAL] and stages[-1] is Stage.FINAL
    signed = [r.findings[0].present for r in store.studies.get(study).reviews if r.signed]
    assert signed == [True, True, False]


def test_the_second_writer_is_told(open_page: OpenPage, store: Repository, study: str) -> None:
    page = open_page(PAGE, study=study)
    store.reviews.add(by_somebody_else(study))
    state_present(page, "absent")
    said = words(page)
    assert "Dr Else saved this study in another window" in said and "not saved" in said
    assert len(store.studies.get(study).reviews) == 1
    assert page.segmented_control(key=_says(page)).value == "present"


def test_a_note_that_came_too_late_is_not_lost(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    draft = replace(by_somebody_else(study), stage=Stage.DRAFT, note="theirs")
    store.reviews.add(draft)
    page.text_area[0].set_value("mine").run()
    assert newest(store, study).note == "theirs" and page.text_area[0].value == "mine"
    page.text_area[0].set_value("mine, after theirs").run()
    assert newest(store, study).note == "mine, after theirs"


def test_nobody_signs_a_note_that_is_not_on_the_screen(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = open_page(PAGE, study=study)
    store.reviews.add(replace(by_somebody_else(study), stage=Stage.DRAFT, note="theirs"))
    page.run()
    assert page.text_area[0].value == "theirs"


def mark_on(sop_instance_uid: str, uid: str = "m") -> Annotation:
    """A length on an image."""
    return Annotation(uid, sop_instance_uid, Shape.LENGTH, ((1.0, 1.0), (5.0, 1.0)))


def draws(monkeypatch: pytest.MonkeyPatch, *marks: Annotation) -> None:
    """Let the viewer report these marks."""
    reading = ViewerReport(marks, (), 1)
    monkeypatch.setattr(film_wall, "render_viewer", lambda scene, **_: reading)


def test_a_mark_is_saved_as_it_is_drawn_and_only_once(
    open_page: OpenPage, store: Repository, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = store.studies.get(study).instances[0].identity.sop_instance_uid
    draws(monkeypatch, mark_on(image))
    page = open_page(PAGE, study=study)
    page.run()
    assert newest(store, study).annotations == (mark_on(image),)
    assert len(store.studies.get(study).reviews) == 1 and "elsewhere" not in words(page)


def test_a_mark_on_a_prior_does_not_enter_this_study(
    open_page: OpenPage, store: Repository, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported = iter([ViewerReport((mark_on("1.9.9"),), (), 1)])
    monkeypatch.setattr(film_wall, "render_viewer", lambda scene, **_: next(reported, None))
    page = open_page(PAGE, study=study)
    assert not store.studies.get(study).reviews and "annotation on the prior" in words(page)


def test_marks_changed_in_another_window_are_announced(
    open_page: OpenPage, store: Repository, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = store.studies.get(study).instances[0].identity.sop_instance_uid
    draws(monkeypatch, mark_on(image))
    page = open_page(PAGE, study=study)
    monkeypatch.setattr(
        film_wall, "render_viewer", lambda scene, **_: None
    )  # of a former generation
    mine = newest(store, study)
    store.reviews.add(replace(mine, annotations=(*mine.annotations, mark_on(image, "n"))))
    assert "changed elsewhere" in words(page.run())


def test_every_image_of_a_long_series_can_be_reached(
    open_page: OpenPage, store: Repository, take_in: TakeIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_wall, "_MOST_THUMBS", 2)
    uids = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    for number in range(3):
        study = keep_film(
            store, take_in, SOPInstanceUID=generate_uid(), InstanceNumber=number, **uids
        )
    page = open_page(PAGE, study=study)
    wanted = store.studies.get(study).instances[2]
    page.slider[0].set_value(3).run()
    assert page.session_state[f"image-{study}"] == wanted.identity.sop_instance_uid
    assert page.slider[0].value == 3 and not page.error


def test_every_version_is_listed(open_page: OpenPage, store: Repository, study: str) -> None:
    first = store.reviews.add(by_somebody_else(study))
    store.reviews.add(replace(first, stage=Stage.DRAFT, reader="Dr Test", note="second look"))
    said = words(open_page(PAGE, study=study))
    assert "Dr Else" in said and "second look" in said and "amends version 1" in said


def test_looking_is_recorded_once(open_page: OpenPage, store: Repository, study: str) -> None:
    page = open_page(PAGE, study=study)
    page.run()
    assert [line.deed for line in store.audit.entries(study)].count(AuditEvent.VIEW) == 1


@pytest.mark.parametrize("hidden", ["Pneumonia suspected", "No pneumonia seen", "threshold"])
def test_a_blind_reader_sees_no_answer_before_committing(
    open_page: OpenPage, store: Repository, study: str, hidden: str
) -> None:
    open_page("app.py")
    store.accounts.set_blind(store.accounts.alone(READER).name, True)
    page = open_page(PAGE, study=study)
    assert hidden not in words(page) and "Blind first read" in words(page)
    assert not page.text_area  # nothing to state before the call


def test_a_first_read_is_kept_beside_the_answer_it_did_not_see(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    open_page("app.py")
    me = store.accounts.alone(READER)
    store.accounts.set_blind(me.name, True)
    page = open_page(PAGE, study=study)
    page.segmented_control(key=f"first-{study}").set_value("absent").run()
    press(page, "Save my read and show AI")
    read = store.reviews.first_read(study, me.name)
    assert read is not None and not read.present and read.network_present is not None
    assert read.seconds >= 0 and read.model is not None
    assert "Your first read" in words(page) and "threshold" in words(page)
    assert newest(store, study).findings[0].present is False


def test_an_unknown_study_is_a_sentence(open_page: OpenPage) -> None:
    page = open_page(PAGE, study="1.2.3")
    assert [e.value for e in page.error] == [
        ("This study is not in the data folder. Go back to the worklist, or upload it again.")
    ]


def test_without_a_study_there_is_a_way_to_one(open_page: OpenPage, study: str) -> None:
    page = open_page(PAGE)
    assert "Choose a study" in words(page) and page.selectbox


def test_a_prior_of_the_patient_is_offered(
    open_page: OpenPage, store: Repository, take_in: TakeIn, study: str
) -> None:
    uids = {f"{kind}InstanceUID": generate_uid() for kind in ("Study", "Series", "SOP")}
    keep_film(store, take_in, StudyDate="20240101", **uids)
    page = open_page(PAGE, study=study)
    assert page.segmented_control(key=f"hanging-{study}").value == "prior"


def test_the_hanging_is_remembered_but_no_map_opens_unasked(
    open_page: OpenPage, store: Repository, take_in: TakeIn, study: str
) -> None:
    uids = {f"{kind}InstanceUID": generate_uid() for kind in ("Study", "Series", "SOP")}
    keep_film(store, take_in, StudyDate="20240101", **uids)
    page = open_page(PAGE, study=study)
    key = f"hanging-{study}"

    def again() -> str:
        """How the study hangs when it is opened anew in this session."""
        page.query_params["study"] = uids["StudyInstanceUID"]
        page.run()
        page.query_params["study"] = study
        page.run()
        return str(page.segmented_control(key=key).value)

    page.segmented_control(key=key).set_value("explained").run()
    assert again() == "prior"
    page.segmented_control(key=key).set_value("one").run()
    assert again() == "one"


def test_a_control_that_somebody_else_set_is_another_one(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    """A message that was under way says how the former one stood; it takes no finding back."""
    page = state_present(open_page(PAGE, study=study))
    before = _says(page)
    assert press(page, "Undo").segmented_control(key=f"{before}-turn-1").value is None
    late = {"absent": newest(store, study).version}
    page.session_state[before] = "absent"  # as the browser still has it
    page.run()
    assert newest(store, study).version == late["absent"]
    assert page.segmented_control(key=f"{before}-turn-1").value is None


def test_no_press_takes_a_statement_back_but_undo(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    page = state_present(open_page(PAGE, study=study))
    page.segmented_control(key=_says(page)).set_value(None).run()
    assert [f.present for f in newest(store, study).findings] == [True]
