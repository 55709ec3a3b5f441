"""What the viewer is sent to lay a prior over the image: boxes, or why there are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydicom.uid import generate_uid

from imaging.entities import Assessment, Status
from imaging.store import Repository
from imaging.study import StudyRecord
from pages.ui import session
from pages.ui.review import comparison, film_wall
from pages.ui.review.hanging_protocol import Hanging, Prior, hang
from pages.ui.viewer import Comparison, Scene
from tests import stored
from tests.factories import make_dicom_bytes
from tests.pages.conftest import READER, OpenPage
from tests.served import TakeIn
from tests.stored import outcome_of

PAGE = "pages/review.py"
HERE, THERE = (0.1, 0.2, 0.9, 0.8), (0.15, 0.1, 0.95, 0.7)


def keep(store: Repository, take_in: TakeIn, view: tuple[float, ...], **attributes: Any) -> str:
    """Store a film whose network saw that part of it; returns its study's UID."""
    content = make_dicom_bytes(**attributes)
    kept = take_in(store, content).instance
    assert kept is not None
    uid = kept.identity.study_instance_uid
    (said,) = store.studies.get(uid).assessments
    assert said is not None and len(view) == 4
    outcome = outcome_of(kept, replace(said, view=view))
    stored.store(store, outcome, contents=[content], networks="with a localiser")
    return uid


@pytest.fixture
def pair(store: Repository, take_in: TakeIn) -> tuple[str, str]:
    """UIDs of a study and of the patient's earlier one, both with lungs that were found."""
    uids = {f"{kind}InstanceUID": generate_uid() for kind in ("Study", "Series", "SOP")}
    study = keep(store, take_in, HERE)
    return study, keep(store, take_in, THERE, StudyDate="20240101", **uids)


@pytest.fixture
def sent(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> list[Scene]:
    """The scenes that the viewer is sent, the latest last."""
    scenes: list[Scene] = []
    monkeypatch.setattr(film_wall, "render_viewer", lambda scene, **_: scenes.append(scene))
    return scenes


def test_the_lungs_of_both_go_to_the_viewer_with_the_network(
    open_page: OpenPage, store: Repository, pair: tuple[str, str], sent: list[Scene]
) -> None:
    page = open_page(PAGE, study=pair[0])
    told = sent[-1].comparison
    assert told is not None and told.lungs == (HERE, THERE) and not told.reason
    (said,) = store.studies.get(pair[0]).assessments
    assert said is not None and said.model is not None
    for word in ("lungs the AI found", said.model.name, said.model.version, said.model.short_hash):
        assert word in told.aligned
    beside = next(pane for pane in sent[-1].panes if pane.key == told.prior)
    assert beside.title == "Prior, 2024-01-01"
    page.segmented_control(key=f"hanging-{pair[0]}").set_value("one").run()
    told = sent[-1].comparison
    assert told is not None and "With prior" in told.reason and not told.lungs


@pytest.mark.parametrize("kept_from", ["blind", "study", "prior", "account", "site"])
def test_no_box_is_sent_while_the_answer_is_hidden_or_off(
    open_page: OpenPage,
    store: Repository,
    pair: tuple[str, str],
    sent: list[Scene],
    kept_from: str,
) -> None:
    open_page("app.py")
    account = store.accounts.alone(READER).name
    if kept_from == "blind":
        store.accounts.set_blind(account, True)
    elif kept_from == "account":
        store.reading.switch_account(account, off=True)
    elif kept_from == "site":
        store.reading.switch_site(off=True, account=account)
    else:
        uid = pair[0] if kept_from == "study" else pair[1]
        store.reading.switch_study(uid, off=True, account=account)
    open_page(PAGE, study=pair[0])
    told = sent[-1].comparison
    assert told is not None and told.prior == "1"  # it hangs there all the same
    assert told == Comparison(prior="1", reason=told.reason) and told.reason
    assert ("opens after" if kept_from == "blind" else "AI is off") in told.reason


def compared(store: Repository, pair: tuple[str, str], **own: object) -> Comparison:
    """As the page compares two studies, of which something is otherwise."""
    record, earlier = map(store.studies.get, pair)
    prior = Prior(_saying(earlier, own), str(own.get("doubt", "")))
    record = _saying(record, own) if "here" in own else record
    hung = hang(Hanging.PRIOR, record, [prior], record.instances[0])
    found = comparison.compare(record, [prior], hung, hidden=False)
    assert found is not None
    return found


def _saying(record: StudyRecord, own: dict[str, object]) -> StudyRecord:
    said = own.get("said", record.assessments[0])
    assert said is None or isinstance(said, Assessment)
    return replace(record, assessments=(said,))


def test_it_says_which_of_the_two_lacks_its_lungs(
    store: Repository, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "may", lambda right: True)
    assert compared(store, pair).lungs == (HERE, THERE)
    assert "another patient" in compared(store, pair, doubt="Sex differs").reason
    whole = Assessment("1.2", Status.OK, view=(0.0, 0.0, 1.0, 1.0))  # no localiser looked for them
    for said in (None, Assessment("1.2", Status.REFUSED), whole):
        there = compared(store, pair, said=said)
        assert "no lungs in the prior" in there.reason and not there.lungs
        here = compared(store, pair, said=said, here=True)
        assert "no lungs in this image" in here.reason and not here.lungs
    monkeypatch.setattr(session, "may", lambda right: False)
    assert "not shown to you" in compared(store, pair).reason


def test_a_patient_without_a_prior_is_offered_nothing(
    open_page: OpenPage, study: str, sent: list[Scene]
) -> None:
    open_page(PAGE, study=study)
    assert sent[-1].comparison is None
