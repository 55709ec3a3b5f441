"""Whether a network may answer for a film, and which: every rule, asked of the way that serves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from imaging.dicom import derived_film, read_image, repair, write_derived
from imaging.dicom.pixels.tint import READ_AS_GREY
from imaging.documents import NOT_AN_IMAGE
from imaging.entities import Answer, Assessment, Status
from imaging.errors import CheckpointError
from imaging.export import export_case
from imaging.settings import Settings
from imaging.study import FileOutcome
from models.checkpoint.installed import CARD
from models.graphs.export import export
from models.inference.age_scope import OTHER_AGE
from models.inference.assessments import (
    BLANK,
    FROM_PHOTOGRAPH,
    LOST,
    NO_FIGURES,
    promises_nothing,
)
from models.inference.assessor import Assessor, ServedModel
from models.rules.crop_box import FramingSettings
from models.rules.gate_rules import REASONS
from tests.conftest import tiny_card
from tests.factories import make_dataset, make_dicom_bytes, make_film_bytes, to_bytes
from tests.imaging.dicom.test_colour_space import compressed, jpeg2k, picture
from tests.imaging.export_cases import NOW, export_case_of
from tests.imaging.test_derivation import MADE
from tests.planted import planted_checkpoint, planted_film, planted_gate, planted_localiser
from tests.served import Batch, FixedNetworks, Judge, fixed_model

# What had to be doubted -> how a header comes to it, and words of the sentence that says so.
DOUBTS: dict[str, tuple[dict[str, Any], str]] = {
    "polarity": ({"PhotometricInterpretation": "BANANA"}, "does not say whether high values"),
    "samples": ({"SamplesPerPixel": None}, "number of samples per pixel"),
    "bits": ({"HighBit": 13}, "contradicts itself on where the bits"),
    "frames": ({"NumberOfFrames": 3}, "promises 3 frames"),
    "age of the file": (
        {"RecognitionCode": "ACR-NEMA 2.0", "PhotometricInterpretation": None},
        "older than DICOM",
    ),
}
REMARKED: dict[str, Any] = {"HighBit": 16}  # made good without a doubt about what is seen
REMARK = "The header's HighBit is impossible; it was ignored."
ADULT: dict[str, Any] = {"PatientAge": "062Y"}
OLDER: dict[str, Any] = {"PatientAge": "006Y"}  # outside the studied ages, within their margin


def film(side: int = 64, **attributes: Any) -> bytes:
    """Noise at the size of a film, so that no check on the pixels refuses it."""
    pixels = np.random.default_rng(side).integers(0, 4096, (side, side - 8))
    return make_dicom_bytes(pixels.astype(np.uint16), **attributes)


def assert_refused(outcome: FileOutcome, *messages: str) -> Assessment:
    """No answer, for exactly these reasons."""
    assessment = outcome.assessment
    assert assessment.status is Status.REFUSED and assessment.answer is Answer.UNSUITABLE
    assert assessment.messages == messages
    assert not assessment.findings and not assessment.probabilities
    return assessment


def never(film: Batch) -> float:
    """For a network that must not be asked."""
    raise AssertionError("a network was asked about a film that was refused before")


def nowhere(film: Batch) -> Batch:
    """Lungs that cannot be found."""
    return np.zeros_like(film[0])


# -- an answer, and what stands beside it


def test_a_fitting_film_is_answered(judge: Judge, tiny_settings: Settings) -> None:
    outcome = judge(make_dicom_bytes())
    assessment = outcome.assessment
    assert outcome.instance is not None and outcome.file_name == "film.dcm"
    assert assessment.sop_instance_uid == outcome.instance.identity.sop_instance_uid
    assert assessment.status is Status.OK and not assessment.messages
    assert [f.code for f in assessment.findings] == ["pneumonia", "bacterial", "viral"]
    lead, bacterial, viral = (f.probability for f in assessment.findings)
    assert lead == pytest.approx(bacterial + viral)
    (model,) = Assessor.load(tiny_settings).models
    assert assessment.model == model.card.identity
    assert assessment.engine == "onnxruntime fp32"


def test_a_warning_of_the_scope_stands_beside_the_answer(judge: Judge) -> None:
    assessment = judge(make_dicom_bytes(**OLDER)).assessment
    assert assessment.status is Status.WARNED and assessment.findings
    assert assessment.messages == (NO_FIGURES, OTHER_AGE)


def test_a_remark_about_the_file_stands_beside_the_answer(judge: Judge) -> None:
    content = make_dicom_bytes(**REMARKED)
    assert read_image(content).remarks == (REMARK,)
    assessment = judge(content).assessment
    assert assessment.status is Status.WARNED and assessment.findings
    assert assessment.messages == (REMARK,)


def test_a_picture_whose_colours_nothing_settles_is_refused_for_that(judge: Judge) -> None:
    """Beside being in colour: what is grey enough to be read proves by its values what it is."""
    dull = (picture() // 16 + 120).astype(np.uint8)
    content = to_bytes(compressed(JPEG2000Lossless, jpeg2k(dull, mct=False), photometric="YBR_ICT"))
    (doubt,) = read_image(content).refusals
    assessment = judge(content).assessment
    assert assessment.status is Status.REFUSED and not assessment.findings
    assert assessment.messages[0] == doubt


def test_a_film_out_of_a_photograph_is_answered_without_promises(judge: Judge) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (64, 56)).astype(np.uint8)
    plain = judge(make_film_bytes(pixels)).assessment
    assert plain.findings and plain.error_rate is not None
    assert not promises_nothing(plain.messages)
    assessment = judge(write_derived(pixels, MADE)).assessment
    assert assessment.status is Status.WARNED and assessment.findings == plain.findings
    remarks = derived_film.FROM_PHOTOGRAPH, derived_film.MIRRORED
    assert assessment.messages[:3] == (FROM_PHOTOGRAPH, *remarks)
    assert not assessment.conformal_set and assessment.error_rate is None
    assert promises_nothing(assessment.messages)
    assert promises_nothing(" ".join(assessment.messages))  # as a row of the worklist has them


def test_remarks_and_warnings_stand_together_beside_the_answer(judge: Judge) -> None:
    assessment = judge(make_dicom_bytes(**REMARKED, **OLDER)).assessment
    assert assessment.findings and assessment.messages == (
        NO_FIGURES,
        REMARK,
        OTHER_AGE,
    )


def test_monochrome1_and_png_get_the_answer_of_their_twin(judge: Judge) -> None:
    ramp = np.add.outer(np.arange(40), np.arange(50) ** 2 % 97).astype(np.uint8)
    inverted = make_dicom_bytes(255 - ramp, PhotometricInterpretation="MONOCHROME1")
    answers = [
        judge(content).assessment.findings[0].probability
        for content in (make_dicom_bytes(ramp), inverted, make_film_bytes(ramp))
    ]
    assert answers == pytest.approx([answers[0]] * 3, abs=1e-4)


# -- the header


@pytest.mark.parametrize("doubt", DOUBTS)
def test_no_network_answers_for_a_header_that_had_to_be_doubted(judge: Judge, doubt: str) -> None:
    change, words = DOUBTS[doubt]
    content = make_dicom_bytes(**change)
    (sentence,) = read_image(content).refusals
    assert words in sentence
    assert_refused(judge(content), sentence)


def test_every_doubt_about_a_header_is_asked_about_here() -> None:
    assert len(DOUBTS) == len(repair._DOUBTFUL)


def test_a_doubtful_header_silences_every_model(judge: Judge) -> None:
    content = make_dicom_bytes(PhotometricInterpretation="BANANA")
    (sentence,) = read_image(content).refusals
    networks = FixedNetworks(against=never, favours=never)
    models = [fixed_model(replace(tiny_card(), name=n), networks) for n in ("one", "other")]
    assert_refused(judge(content, models=models), sentence)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"Modality": "CT"}, "CT image"), ({"ViewPosition": "LL"}, "a lateral film")],
)
def test_out_of_scope_is_refused_without_an_answer(
    judge: Judge, change: dict[str, Any], words: str
) -> None:
    outcome = judge(film(**change), models=[fixed_model(tiny_card(), FixedNetworks(never))])
    (sentence,) = outcome.assessment.messages
    assert words in sentence
    assert_refused(outcome, sentence)


# -- outside the population, when somebody asks all the same


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Modality": "MG"}, "MG image"),
        ({"BodyPartExamined": "KNEE"}, "The body part is KNEE"),
        ({"ViewPosition": "LL"}, "a lateral film"),
        ({"ImageLaterality": "L"}, "one side of the body"),
        (ADULT, "this patient is 62"),
    ],
)
def test_asked_outside_its_population_a_model_answers_and_promises_nothing(
    judge: Judge, change: dict[str, Any], words: str
) -> None:
    models = [fixed_model(tiny_card(), FixedNetworks())]
    assessment = judge(film(**change), models=models, outside_population=True).assessment
    assert assessment.status is Status.WARNED and assessment.findings
    assert assessment.messages[0] == NO_FIGURES
    assert any(words in message for message in assessment.messages[1:])
    assert not assessment.conformal_set and assessment.error_rate is None


def test_an_adult_is_not_for_a_network_of_children(judge: Judge) -> None:
    """No figure, no map, nothing that could raise the study."""
    models = [fixed_model(tiny_card(), FixedNetworks(against=never, favours=never))]
    outcome = judge(film(**ADULT), models=models)
    assert_refused(
        outcome,
        (
            "This AI was tested on children of 1 to 5; this patient is 62. Read this image "
            "without the AI."
        ),
    )


def test_a_film_of_a_neighbouring_age_is_answered_without_promises(judge: Judge) -> None:
    """Nobody had to ask for it: the header says that the patient is a little older."""
    models = [fixed_model(tiny_card(), FixedNetworks())]
    assessment = judge(film(**OLDER), models=models).assessment
    assert assessment.status is Status.WARNED and assessment.findings
    assert assessment.messages[0] == NO_FIGURES
    assert not assessment.conformal_set and assessment.error_rate is None


def test_a_film_of_unknown_age_keeps_its_promises(judge: Judge) -> None:
    """Silence is no contradiction: the answer is warned about, and its figures stand."""
    models = [fixed_model(tiny_card(), FixedNetworks())]
    assessment = judge(film(PatientAge="", PatientBirthDate=""), models=models).assessment
    assert assessment.status is Status.WARNED and NO_FIGURES not in assessment.messages
    assert assessment.conformal_set and assessment.error_rate is not None


def test_asked_outside_its_population_no_answer_of_a_model_has_figures(judge: Judge) -> None:
    """The header of a PNG, or of somebody careless, says nothing of the patient."""
    models = [fixed_model(tiny_card(), FixedNetworks())]
    assert judge(film(), models=models).assessment.conformal_set
    assessment = judge(film(), models=models, outside_population=True).assessment
    assert assessment.status is Status.WARNED and assessment.messages[0] == NO_FIGURES
    assert not assessment.conformal_set and assessment.error_rate is None


def test_asked_outside_its_population_the_gate_only_warns(judge: Judge) -> None:
    models = [fixed_model(tiny_card(), FixedNetworks(against=lambda film: 0.1))]
    assessment = judge(film(), models=models, outside_population=True).assessment
    assert assessment.status is Status.WARNED and assessment.findings
    assert REASONS["foreign"] in assessment.messages


@pytest.mark.parametrize(
    "change",
    [
        {"PhotometricInterpretation": "BANANA"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        {"PresentationIntentType": "FOR PROCESSING"},
    ],
)
def test_what_is_no_picture_to_be_read_is_refused_outside_the_population_too(
    judge: Judge, change: dict[str, Any]
) -> None:
    models = [fixed_model(tiny_card(), FixedNetworks(against=never, favours=never))]
    assessment = judge(film(**change), models=models, outside_population=True).assessment
    assert assessment.status is Status.REFUSED and not assessment.findings


def test_no_lungs_and_no_picture_are_refused_outside_the_population_too(judge: Judge) -> None:
    lost = [fixed_model(tiny_card(), FixedNetworks(lungs=nowhere, favours=never))]
    assert_refused(judge(film(), models=lost, outside_population=True), LOST)
    blank = make_dicom_bytes(np.full((24, 24), 9, np.uint16))
    assert_refused(judge(blank, outside_population=True), BLANK)


# -- the pixels


def test_a_blank_film_is_refused(judge: Judge) -> None:
    assert_refused(judge(make_dicom_bytes(np.full((24, 24), 9, np.uint16))), BLANK)


def test_a_blank_film_is_shown_to_no_network(judge: Judge) -> None:
    networks = FixedNetworks(against=never, favours=never)
    blank = make_dicom_bytes(np.full((64, 64), 9, np.uint16))
    assert_refused(judge(blank, models=[fixed_model(tiny_card(), networks)]), BLANK)


def test_a_film_that_the_gate_refuses_gets_its_sentence_and_no_answer(judge: Judge) -> None:
    refusing = FixedNetworks(against=lambda film: 0.1, lungs=nowhere, favours=never)
    model = fixed_model(tiny_card(), refusing)
    assessment = assert_refused(judge(film(), models=[model]), REASONS["foreign"])
    assert assessment.model == model.card.identity and assessment.engine == "by hand"
    passing = FixedNetworks(against=lambda film: -0.1)
    assert judge(film(), models=[replace(model, networks=passing)]).assessment.findings


def test_a_picture_too_small_to_be_a_film_is_refused_by_the_gate(judge: Judge) -> None:
    outcome = judge(make_dicom_bytes(), models=[fixed_model(tiny_card())])
    assert_refused(outcome, REASONS["small"])


def test_a_film_without_lungs_is_refused(judge: Judge) -> None:
    networks = FixedNetworks(lungs=nowhere, favours=never)
    assert_refused(judge(film(), models=[fixed_model(tiny_card(), networks)]), LOST)


def test_what_lies_around_the_lungs_is_not_looked_at(judge: Judge) -> None:
    shown: list[Batch] = []

    def favours(part: Batch) -> float:
        shown.append(part)
        return 0.0

    def right_half(whole: Batch) -> Batch:
        half = np.zeros_like(whole[0])
        half[:, half.shape[1] // 2 :] = 1
        return half

    card = replace(tiny_card(), framing=FramingSettings(margin=0.0))
    generator = np.random.default_rng(1)
    one, other = generator.integers(0, 4096, (2, 64, 80)).astype(np.uint16)
    other[:, 40:] = one[:, 40:]
    for lungs in (right_half, FixedNetworks().lungs):
        model = fixed_model(card, FixedNetworks(lungs=lungs, favours=favours))
        for pixels in (one, other):
            assert judge(make_dicom_bytes(pixels), models=[model]).assessment.findings
    assert np.array_equal(shown[0], shown[1]) and not np.allclose(shown[2], shown[3], atol=0.5)


# -- colour


def in_colour(tint: float) -> NDArray[np.uint8]:
    """Noise in grey whose red is this share brighter."""
    grey = np.random.default_rng(7).integers(0, 200, (64, 56, 1))
    return np.rint(grey * np.array([1 + tint, 1, 1])).astype(np.uint8)


@pytest.mark.parametrize("make", [make_dicom_bytes, make_film_bytes], ids=["DICOM", "PNG"])
def test_a_tint_is_read_as_grey_with_a_remark(
    judge: Judge, make: Callable[[NDArray[np.uint8]], bytes]
) -> None:
    models = [fixed_model(tiny_card(), FixedNetworks())]
    assessment = judge(make(in_colour(0.04)), models=models).assessment
    assert assessment.status is Status.WARNED and assessment.findings
    assert READ_AS_GREY in assessment.messages and "5%" in READ_AS_GREY


@pytest.mark.parametrize("make", [make_dicom_bytes, make_film_bytes], ids=["DICOM", "PNG"])
def test_a_picture_in_colour_is_refused(
    judge: Judge, make: Callable[[NDArray[np.uint8]], bytes]
) -> None:
    models = [fixed_model(tiny_card(), FixedNetworks(against=never, favours=never))]
    assessment = judge(make(in_colour(0.2)), models=models).assessment
    assert assessment.status is Status.REFUSED
    assert "Send the image in grey levels" in assessment.messages[0]


def test_grey_stored_in_three_channels_is_answered_without_a_word(judge: Judge) -> None:
    models = [fixed_model(tiny_card(), FixedNetworks())]
    assert judge(make_dicom_bytes(in_colour(0.0)), models=models).assessment.status is Status.OK


def test_a_tinted_film_gets_the_answer_of_its_grey_twin(judge: Judge) -> None:
    ramp = np.add.outer(np.arange(40), np.arange(50) ** 2 % 97).astype(np.uint8)
    tinted = np.stack([ramp, ramp, np.rint(ramp * 0.97).astype(np.uint8)], axis=2)
    answers = [
        judge(make_dicom_bytes(pixels)).assessment.findings[0].probability
        for pixels in (ramp, tinted)
    ]
    assert answers[0] == pytest.approx(answers[1], abs=0.02)


@pytest.mark.parametrize(("tint", "refused"), [(0.0, False), (0.5, True)])
def test_a_palette_is_judged_by_its_colours(judge: Judge, tint: float, refused: bool) -> None:
    pixels = np.random.default_rng(7).integers(0, 200, (64, 56)).astype(np.uint8)
    ds = make_dataset(pixels, PhotometricInterpretation="PALETTE COLOR")
    for channel, factor in (("Red", 1 + tint), ("Green", 1.0), ("Blue", 1.0)):
        table = np.clip(np.arange(256) * factor, 0, 255).astype(np.uint8)
        setattr(ds, f"{channel}PaletteColorLookupTableDescriptor", [256, 0, 8])
        setattr(ds, f"{channel}PaletteColorLookupTableData", table.tobytes())
    models = [fixed_model(tiny_card(), FixedNetworks())]
    assert (judge(to_bytes(ds), models=models).assessment.status is Status.REFUSED) == refused


# -- several models


def test_the_header_picks_the_model(judge: Judge) -> None:
    scope = replace(tiny_card().scope, modalities=("MR",), body_parts=("BRAIN",), views=())
    brain = replace(tiny_card(), name="brain-mri", scope=scope)
    models = [fixed_model(tiny_card()), fixed_model(brain)]
    chest: dict[str, Any] = {}
    mr: dict[str, Any] = {"Modality": "MR", "BodyPartExamined": "BRAIN", "ViewPosition": ""}
    for attributes, name in ((chest, "paediatric-cxr"), (mr, "brain-mri")):
        assessment = judge(film(**attributes), models=models).assessment
        assert assessment.findings and assessment.model and assessment.model.name == name


def chosen(outcome: FileOutcome) -> str:
    """Name of the model that answered."""
    assert outcome.assessment.findings and outcome.assessment.model
    return outcome.assessment.model.name


def candidate(name: str, *, against: float = -1.0, adults: bool = True) -> ServedModel:
    """A model that warns about an older child, or was made for adults, too."""
    card = replace(tiny_card(), name=name)
    if adults:
        card = replace(card, scope=replace(card.scope, age_years=(0, 99)))
    return fixed_model(card, FixedNetworks(against=lambda film: against))


@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_of_two_models_the_one_with_fewer_warnings_answers(judge: Judge, first: bool) -> None:
    """Even where the other's gate is surer."""
    models = [candidate("fits"), candidate("warns", against=-5.0, adults=False)]
    outcome = judge(film(**OLDER), models=models if first else models[::-1])
    assert chosen(outcome) == "fits" and outcome.assessment.status is Status.OK


@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_of_two_models_with_as_many_warnings_the_surer_gate_answers(
    judge: Judge, first: bool
) -> None:
    models = [candidate("surer", against=-2.0), candidate("less sure", against=-1.0)]
    assert chosen(judge(film(), models=models if first else models[::-1])) == "surer"


def test_of_two_models_that_fit_alike_the_first_answers(judge: Judge) -> None:
    assert chosen(judge(film(), models=[candidate("one"), candidate("other")])) == "one"


@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_a_model_that_warns_answers_where_the_other_refuses(judge: Judge, first: bool) -> None:
    models = [candidate("warns", adults=False), candidate("refuses", against=0.5)]
    outcome = judge(film(**OLDER), models=models if first else models[::-1])
    assert chosen(outcome) == "warns" and outcome.assessment.status is Status.WARNED


def test_where_no_model_fits_the_one_that_came_nearest_speaks(judge: Judge) -> None:
    """Of a brain's network nobody wants to hear that this chest is no MR."""
    scope = replace(tiny_card().scope, modalities=("MR",))
    models = [
        fixed_model(replace(tiny_card(), name="brain", scope=scope)),
        candidate("one", against=0.5),
        candidate("other", against=0.5),
    ]
    assessment = assert_refused(judge(film(), models=models), REASONS["foreign"])
    assert assessment.model and assessment.model.name == "one"


# -- what is no film, or cannot be read


def test_a_document_says_why_there_is_no_answer(judge: Judge) -> None:
    content = next(f.content for f in export_case(export_case_of(), ["sr"], NOW))
    outcome = judge(content, file_name="sr.dcm")
    assert outcome.assessment.status is Status.DOCUMENT and outcome.instance is None
    assert outcome.document is not None and outcome.assessment.messages == (NOT_AN_IMAGE,)
    assert outcome.assessment.answer is None and not outcome.assessment.findings


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\0" * 128 + b"DICM"])
def test_a_file_that_cannot_be_read_is_one_sentence(judge: Judge, content: bytes) -> None:
    outcome = judge(content, file_name="patient name.dcm")
    assert outcome.assessment.status is Status.ERROR and outcome.instance is None
    (sentence,) = outcome.assessment.messages
    assert sentence.endswith(".") and "patient name" not in sentence


def test_a_file_that_cannot_be_fetched_is_one_sentence(judge: Judge, tmp_path: Path) -> None:
    outcome = judge(tmp_path / "gone.dcm")
    assert outcome.assessment.status is Status.ERROR and len(outcome.assessment.messages) == 1


def _cut_short() -> bytes:
    ds = make_dataset()
    ds.PixelData = ds.PixelData[:100]
    return to_bytes(ds)


def _undecodable() -> bytes:
    ds = make_dataset()
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
    ds.PixelData = encapsulate([b"\xff\x4f\xff\x51" + b"\0" * 60])
    ds["PixelData"].is_undefined_length = True
    return to_bytes(ds)


@pytest.mark.parametrize("make", [_cut_short, _undecodable])
def test_pixels_that_cannot_be_read_are_an_error_of_a_film_that_is_known(
    judge: Judge, make: Callable[[], bytes]
) -> None:
    outcome = judge(make(), models=[fixed_model(tiny_card(), FixedNetworks(never))])
    assert outcome.assessment.status is Status.ERROR and outcome.instance is not None
    assert outcome.instance.patient.patient_id == "T-1"
    assert outcome.assessment.sop_instance_uid == outcome.instance.identity.sop_instance_uid
    assert len(outcome.assessment.messages) == 1 and outcome.assessment.answer is None


# -- a checkpoint's own gate and localiser


@pytest.fixture
def guarded(tmp_path: Path) -> Callable[..., Path]:
    """Weights folder of the planted model with a gate that refuses dark discs, and a localiser."""

    def make(*, sees_lungs: bool = True) -> Path:
        folder = tmp_path / f"weights-{sees_lungs}" / "planted"
        gate, localiser = planted_gate(folder), planted_localiser(folder, sees_lungs=sees_lungs)
        card = replace(tiny_card(), gate_sha256=gate, localiser_sha256=localiser)
        return planted_checkpoint(folder, card).parent

    return make


def marked(**discs: bool) -> bytes:
    pixels: NDArray[np.float32] = planted_film(**discs) * 4000
    return make_dicom_bytes(pixels.astype(np.uint16))


def test_a_checkpoint_serves_with_its_gate(judge: Judge, guarded: Callable[..., Path]) -> None:
    weights = guarded()
    assert judge(marked(bright=True), weights=weights).assessment.answer is Answer.PRESENT
    assert_refused(judge(marked(bright=True, dark=True), weights=weights), REASONS["foreign"])


def test_a_checkpoint_serves_with_its_localiser(judge: Judge, guarded: Callable[..., Path]) -> None:
    assert_refused(judge(marked(bright=True), weights=guarded(sees_lungs=False)), LOST)


@pytest.mark.parametrize("part", ["gate", "localiser"])
def test_a_part_that_the_card_names_must_be_there(
    guarded: Callable[..., Path], part: str, tmp_path: Path
) -> None:
    weights = guarded()
    (weights / "planted" / f"{part}.json").unlink()
    with pytest.raises(CheckpointError, match=part):
        Assessor.load(Settings(home=tmp_path, weights=weights))


@pytest.mark.slow
@pytest.mark.parametrize("part", ["gate", "localiser"])
def test_graphs_do_not_serve_with_a_part_that_the_card_does_not_name(
    guarded: Callable[..., Path], part: str, tmp_path: Path
) -> None:
    weights = guarded()
    export(weights / "planted")
    path = weights / "planted" / CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | {f"{part}_sha256": "0" * 64}))
    with pytest.raises(CheckpointError, match="not the one its card names"):
        Assessor.load(Settings(home=tmp_path, weights=weights))
