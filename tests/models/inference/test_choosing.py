"""Which of three networks answers, or why none does: what a doctor reads, film by film.

The scopes are those of the shipped task files; the networks' figures are set by hand.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imaging.entities import Assessment, Status, TypedFacts
from imaging.settings import ROOT
from imaging.worklist.order import OTHER_AGES
from models.batch.file_worker import FileWorker
from models.inference.assessor import Assessor, PreparedFilm, ServedModel
from models.inference.choosing import Candidate, Reached, asks_for_age, choose
from models.inference.scope import ScopeVerdict
from models.rules.gate_rules import REASONS
from models.training.config import read_config
from tests.conftest import tiny_card
from tests.factories import make_dicom_bytes, make_film_bytes
from tests.models.inference.test_next_steps import ends_in_a_step
from tests.served import FixedNetworks, Judge, fixed_model

TASKS = {"adult-tb": "adult_tb", "knee-kl": "knee_kl", "paediatric-cxr": "paediatric_cxr"}


def network(task: str, against: float = -1.0, name: str = "") -> ServedModel:
    """A network with the scope of a shipped task; `against` is its gate's word on every film."""
    scope = read_config(ROOT / f"models/configs/{TASKS[task]}.toml").scope
    card = replace(tiny_card(), name=name or task, scope=scope)
    return fixed_model(card, FixedNetworks(against=lambda film: against))


def panel(**against: float) -> list[ServedModel]:
    """All three, in the order they are installed in."""
    return [network(name, against.get(name.split("-")[0], -1.0)) for name in TASKS]


PIXELS = np.random.default_rng(7).integers(0, 4096, (64, 56)).astype(np.uint16)


def film(**attributes: Any) -> bytes:
    return make_dicom_bytes(PIXELS, **attributes)


def answered_by(assessment: Assessment) -> str:
    assert assessment.findings and assessment.model is not None, assessment.messages
    return assessment.model.name


def prepared(content: bytes) -> PreparedFilm:
    read = FileWorker(Assessor(tuple(panel())))._read(content, "film", "0" * 64)
    assert isinstance(read, PreparedFilm)
    return read


KNEE: dict[str, Any] = {"BodyPartExamined": "KNEE", "PatientAge": "060Y"}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ({"PatientAge": "003Y"}, "paediatric-cxr"),
        ({"PatientAge": "018M"}, "paediatric-cxr"),
        ({"PatientAge": "016Y"}, "adult-tb"),
        ({"PatientAge": "040Y", "ViewPosition": "PA"}, "adult-tb"),
        ({**KNEE}, "knee-kl"),
        ({**KNEE, "ImageLaterality": "L"}, "knee-kl"),
    ],
)
def test_the_header_routes_a_film(judge: Judge, header: dict[str, Any], name: str) -> None:
    assessment = judge(film(**header), models=panel()).assessment
    assert answered_by(assessment) == name
    assert assessment.status is Status.OK and not assessment.choice


@pytest.mark.parametrize(
    ("header", "sentence", "speaks"),
    [
        (
            {"BodyPartExamined": "HAND", "PatientAge": "030Y", "ImageLaterality": "L"},
            "None of the installed models reads this part of the body: HAND. They read CHEST / "
            "KNEE. Read this image without the AI.",
            "adult-tb",
        ),
        (
            {"PatientAge": "012Y"},
            "The models for this image were tested on ages 1 to 5 and 16 to 100; this patient is "
            "12. Read this image without the AI.",
            "adult-tb",
        ),
        (
            {"PatientAge": "003M"},
            "The models for this image were tested on ages 1 to 5 and 16 to 100; this patient is "
            "3 months. Read this image without the AI.",
            "adult-tb",
        ),
        (
            {"PatientAge": "000Y"},
            "The models for this image were tested on ages 1 to 5 and 16 to 100; this patient is "
            "0 days. Have the header corrected, or read this image without the AI.",
            "adult-tb",
        ),
        (
            {"ViewPosition": "LL", "PatientAge": "040Y"},
            "This is a lateral film; only frontal films can be read. Read this image without the "
            "AI.",
            "adult-tb",
        ),
        (
            {"BodyPartExamined": "KNEE", "PatientAge": "010Y"},
            "This AI was tested on adults of 45 to 80; this patient is 10. Read this image without "
            "the AI.",
            "knee-kl",
        ),
        (
            {"Modality": "CT", "PatientAge": "040Y", "ViewPosition": ""},
            "This is a CT image; the AI reads plain X-rays only. Read a CT as a whole series, all "
            "slices in their windows.",
            "adult-tb",
        ),
        (
            {"Modality": "MG", "BodyPartExamined": "BREAST", "ImageLaterality": "L"},
            "This is a MG image; the AI reads plain X-rays only. Read a mammogram with all views "
            "of both breasts.",
            "adult-tb",
        ),
    ],
    ids=["hand", "twelve years", "infant", "000Y", "lateral", "child's knee", "CT", "mammogram"],
)
def test_a_refusal_is_the_nearest_reason_alone(
    judge: Judge, header: dict[str, Any], sentence: str, speaks: str
) -> None:
    assessment = judge(film(**header), models=panel()).assessment
    assert assessment.status is Status.REFUSED and assessment.messages == (sentence,)
    assert assessment.model is not None and assessment.model.name == speaks
    assert ends_in_a_step(sentence)
    assert "this patient is" not in sentence or OTHER_AGES in sentence


def test_a_hand_that_some_code_calls_a_chest_asks_for_a_right_header(judge: Judge) -> None:
    (said,) = judge(film(BodyPartExamined="CHEST HAND"), models=panel()).assessment.messages
    assert said.startswith("None of the installed models reads this part of the body: CHEST HAND.")
    assert said.endswith("Read this image without the AI.")


def test_a_picture_of_nothing_known_is_refused_once(judge: Judge) -> None:
    """No header: every gate is asked, and all say the same."""
    png = make_film_bytes((PIXELS >> 4).astype(np.uint8))
    models = panel(adult=0.5, knee=0.5, paediatric=0.5)
    assert judge(png, models=models).assessment.messages == (REASONS["foreign"],)


@pytest.mark.parametrize(
    ("kind", "step"),
    [("PNG", "Enter the age beside the image"), ("DICOM", "Have the age put into the header")],
)
def test_where_the_age_decides_and_is_unknown_nobody_guesses(
    judge: Judge, kind: str, step: str
) -> None:
    png = make_film_bytes((PIXELS >> 4).astype(np.uint8))
    silent = {"PatientAge": "", "PatientBirthDate": "", "BodyPartExamined": "CHEST"}
    content = png if kind == "PNG" else film(**silent)
    assessment = judge(content, models=panel(knee=0.5)).assessment
    (said,) = assessment.messages
    assert assessment.status is Status.REFUSED and not assessment.findings
    assert said.startswith("The patient's age decides which model reads this image")
    assert "1 to 5, another on 16 to 100" in said and step in said and ends_in_a_step(said)


@pytest.mark.parametrize(("age", "name"), [(3.0, "paediatric-cxr"), (47.0, "adult-tb")])
def test_a_typed_age_decides(age: float, name: str) -> None:
    """The same film as in the test before, once somebody has typed the age."""
    content = make_film_bytes((PIXELS >> 4).astype(np.uint8))
    assessor = Assessor(tuple(panel(knee=0.5)))
    (answer,) = assessor.judge([replace(prepared(content), typed=TypedFacts(age_years=age))])
    assert answered_by(answer) == name


@pytest.mark.parametrize("letting", ["adult", "paediatric"])
def test_a_gate_knows_a_chest_and_no_age(judge: Judge, letting: str) -> None:
    """One chest network alone lets the film through: that tells the hospital, not the age."""
    png = make_film_bytes((PIXELS >> 4).astype(np.uint8))
    against = {name: -1.0 if name == letting else 0.5 for name in ("adult", "knee", "paediatric")}
    assessment = judge(png, models=panel(**against)).assessment
    assert assessment.status is Status.REFUSED and asks_for_age(assessment.messages)


def test_without_a_header_a_knee_is_known_by_its_gate(judge: Judge) -> None:
    png = make_film_bytes((PIXELS >> 4).astype(np.uint8))
    models = panel(adult=0.5, paediatric=0.5)
    assert answered_by(judge(png, models=models).assessment) == "knee-kl"


def test_which_other_could_have_answered_is_said_and_is_no_warning(judge: Judge) -> None:
    models = [network("adult-tb", -2.0), network("adult-tb", -3.0, "adult-other")]
    assessment = judge(film(PatientAge="040Y"), models=models).assessment
    assert answered_by(assessment) == "adult-other"
    assert assessment.status is Status.OK and not assessment.messages
    assert assessment.choice == (
        "Model adult-tb could read this image, too; adult-other answered, as it knows more images "
        "like this."
    )
    assert assessment.remarks == (assessment.choice,)


def test_a_network_that_no_film_needs_is_not_asked(judge: Judge) -> None:
    """Not its gate either, where the header says enough."""

    def never(picture: Any) -> Any:
        raise AssertionError("a network was asked that no film needs")

    silent = FixedNetworks(against=never, lungs=never, favours=never)
    models = panel()
    models[1:] = [replace(model, networks=silent) for model in models[1:]]
    assert answered_by(judge(film(PatientAge="040Y"), models=models).assessment) == "adult-tb"


def test_a_pile_of_all_kinds_is_judged_at_once() -> None:
    """One chunk: every film with its own network, in the order of the films."""
    headers: list[tuple[dict[str, Any], str]] = [
        ({"PatientAge": "003Y"}, "paediatric-cxr"),
        (KNEE, "knee-kl"),
        ({"PatientAge": "040Y"}, "adult-tb"),
        ({"BodyPartExamined": "HAND"}, ""),
    ]
    films = [prepared(film(**header)) for header, _name in headers]
    answers = Assessor(tuple(panel())).judge(films)
    for answer, (_header, name) in zip(answers, headers, strict=True):
        assert (answered_by(answer) if answer.findings else "") == name


@pytest.mark.parametrize(
    ("child", "adult", "answers"),
    [(0.6, 1.0, True), (0.8, 1.0, False), (1.0, 0.4, False), (0.0, 0.0, False)],
)
def test_without_an_age_a_picture_may_tell_a_child_and_never_an_adult(
    child: float, adult: float, answers: bool
) -> None:
    """Distances to the children's films and to those of adults; both gates let it pass."""
    instance = prepared(make_film_bytes(PIXELS.astype(np.uint8))).instance
    nothing = ScopeVerdict()
    candidates = [
        Candidate(model.card, nothing, Reached.OPEN, "fits", -1.0, distance)
        for model, distance in zip(panel()[::2], (adult, child), strict=True)
    ]
    choice = choose(instance, candidates)
    if answers:
        assert candidates[choice.at].card.name == "paediatric-cxr" and choice.refused is None
        assert choice.note.startswith("The age is not known") and "Check the age" in choice.note
    else:
        assert choice.refused is not None and "age decides" in choice.refused[0]
