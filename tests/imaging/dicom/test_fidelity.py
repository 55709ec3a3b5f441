"""The fidelity report: the chain in its order, and every caution raised and withheld."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import SecondaryCaptureImageStorage

from bench.inverted import read_grey, sets
from imaging.dicom import inspect_image, read_image
from imaging.dicom.fidelity.steps import read_chain
from imaging.entities import Acquisition
from imaging.fidelity import Fidelity, check_pixels, judge_age, lines, looks_inverted
from tests.factories import make_dicom_bytes, make_film_bytes, make_lut, make_pixels

PLAIN: dict[str, Any] = {
    "PatientOrientation": ["L", "F"],
    "PixelSpacing": [0.2, 0.2],
    "PixelSpacingCalibrationType": "GEOMETRY",
    "WindowCenter": 2048,
    "WindowWidth": 4096,
}
CHEST = Acquisition(modality="CR", body_part="CHEST", view_position="PA")


def inspected(pixels: np.ndarray | None = None, **attributes: Any) -> Fidelity:
    """The report on a made-up file that is beyond reproach but for `attributes`."""
    plain = {k: v for k, v in PLAIN.items() if attributes.get(k, v) is not None}
    own = {k: v for k, v in attributes.items() if v is not None or k not in PLAIN}
    return inspect_image(read_image(make_dicom_bytes(pixels, **plain | own)))


def codes(found: Fidelity) -> list[str]:
    return [caution.code for caution in found.cautions]


def chest(size: int = 128) -> np.ndarray:
    """A cartoon of a chest: dark corners and lungs, a bright body with a mediastinum."""
    film = np.full((size, size), 170, np.uint8)
    part = size // 8
    for rows in (slice(0, part), slice(-part, None)):
        film[rows, :part] = film[rows, -part:] = 5
    film[2 * part : 6 * part, part : 3 * part] = film[2 * part : 6 * part, 5 * part : 7 * part] = 50
    return film + np.arange(size, dtype=np.uint8) // 4


def test_nothing_is_said_about_a_file_beyond_reproach() -> None:
    assert codes(inspected()) == []


@pytest.mark.parametrize(
    ("attributes", "kinds"),
    [
        ({}, ["modality", "window", "polarity"]),
        ({"RescaleSlope": 2, "RescaleIntercept": -5}, ["rescale", "window", "polarity"]),
        (
            {"ModalityLUTSequence": [make_lut(0, list(range(4096)))], "PixelPaddingValue": 0},
            ["modality-lut", "padding", "window", "polarity"],
        ),
        (
            {"VOILUTSequence": [make_lut(0, list(range(4096)), bits=12)]},
            ["modality", "voi-lut", "polarity"],
        ),
        ({"PixelSpacing": [0.4, 0.2]}, ["modality", "window", "polarity", "aspect"]),
    ],
)
def test_the_chain_is_told_in_the_order_it_is_applied(
    attributes: dict[str, Any], kinds: list[str]
) -> None:
    assert [step.kind for step in inspected(**attributes).steps] == kinds


@pytest.mark.parametrize(
    ("attributes", "origin", "width"),
    [
        ({}, "file", 4096),
        ({"WindowCenter": None, "WindowWidth": None}, "automatic", 3791),
        ({"VOILUTSequence": [make_lut(0, list(range(4096)), bits=12)]}, "lut", None),
    ],
)
def test_the_window_names_its_origin(attributes: dict[str, Any], origin: str, width: Any) -> None:
    found = inspected(**attributes)
    assert (found.window_origin, found.window_width) == (origin, width)


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"ViewPosition": None}, "view"),
        ({"PatientOrientation": None}, "laterality"),
        ({"BurnedInAnnotation": "YES"}, "burned-in"),
        ({"SOPClassUID": SecondaryCaptureImageStorage}, "burned-in"),
        ({"PixelSpacing": None}, "spacing"),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.2, 0.2]}, "spacing"),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": [10, 2]}, "lossy"),
        ({"PresentationLUTShape": "INVERSE"}, "polarity"),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, "derived"),
        ({"PatientBirthDate": "20300101"}, "dates"),
        ({"PatientBirthDate": "19700101"}, "dates"),  # the age tag says 4 years
        ({"StudyDate": "29990101"}, "dates"),
        ({"AcquisitionDate": "20240101"}, "dates"),
        ({"RescaleSlope": 0}, "remark"),
    ],
)
def test_each_oddity_of_a_header_is_told_alone(attributes: dict[str, Any], code: str) -> None:
    assert codes(inspected(**attributes)) == [code]


def test_steps_of_lossy_compression_are_multiplied() -> None:
    found = inspected(LossyImageCompression="01", LossyImageCompressionRatio=[10, 2])
    assert "20 : 1" in found.cautions[0].words


def test_what_belongs_to_projections_is_not_asked_of_a_slice() -> None:
    slice_: dict[str, Any] = {"Modality": "MR", "ViewPosition": None, "PatientOrientation": None}
    assert codes(inspected(**slice_)) == []


def test_a_contradicted_polarity_follows_the_photometric_tag() -> None:
    shown = read_image(
        make_dicom_bytes(None, **PLAIN, PresentationLUTShape="INVERSE")
    ).display_values()
    assert shown[0, 0] == 0
    assert shown[-1, -1] == 255


def test_a_negative_with_the_wrong_tag_is_told() -> None:
    wide = {"WindowCenter": 128, "WindowWidth": 256}
    assert codes(inspected(chest(), **wide)) == []
    assert codes(inspected(255 - chest(), **wide)) == ["inverted"]
    tagged = {**wide, "PhotometricInterpretation": "MONOCHROME1"}
    assert codes(inspected(chest(), **tagged)) == ["inverted"]
    assert codes(inspected(255 - chest(), **tagged)) == []


def test_polarity_is_judged_of_frontal_chest_films_only() -> None:
    negative = 255 - chest()
    for other in (
        Acquisition("MR", "CHEST"),
        Acquisition("CR", "HAND"),
        Acquisition("CR", "CHEST", "LL"),
    ):
        judged = check_pixels(
            negative, negative, storable=(0, 255), taken=other, photometric="MONOCHROME2"
        )
        assert judged == ()


@pytest.mark.parametrize(
    ("stored", "codes_"),
    [
        (np.full((80, 80), 3), ["blank"]),
        (np.tile(np.arange(80) // 20, (80, 1)), ["few-levels"]),
        (np.tile(np.r_[np.arange(40), np.full(40, 255)], (80, 1)), ["clipped"]),
        (np.tile(np.arange(80) * 4, (80, 1)), ["outside-bits"]),
        (np.tile([0, 1], (80, 40)), []),  # a mask has two values by design
    ],
)
def test_unusual_values_are_told(stored: np.ndarray, codes_: list[str]) -> None:
    taken = Acquisition("CR", "HAND")
    found = check_pixels(
        stored, stored.astype(float), storable=(0, 255), taken=taken, photometric="MONOCHROME2"
    )
    assert [one.code for one in found] == codes_


@pytest.mark.parametrize(
    ("age", "words"),
    [(43.0, "43 years"), (0.5, "0.5 years"), (5.0, ""), (1.0, ""), (None, "")],
)
def test_an_age_outside_the_training_films_is_told(age: float | None, words: str) -> None:
    found = judge_age(age, (1.0, 5.99), "paediatric-cxr")
    assert bool(found) == bool(words)
    assert all(words in one.words and "1 to 5" in one.words for one in found)


def test_a_film_without_a_header_says_so_once() -> None:
    found = inspect_image(read_image(make_film_bytes(chest())))
    assert codes(found) == ["no-header"]
    assert "no DICOM" in lines(found)[0]


def test_the_decoder_and_encoding_are_named() -> None:
    path = get_testdata_file("MR_small_jp2klossless.dcm", download=False)
    found = inspect_image(read_image(Path(str(path))))
    assert found.decoder == "imagecodecs"
    assert "JPEG 2000" in lines(found)[0]
    assert "not compressed" in lines(inspected())[0]


def test_the_report_is_json_without_identifiers() -> None:
    said = json.dumps(inspected(PatientBirthDate="20300101").as_dict(), allow_nan=False)
    assert "SYNTHETIC" not in said
    assert "T-1" not in said
    assert "2030" not in said


def test_frames_are_inspected_one_by_one() -> None:
    frames = np.stack([np.zeros_like(make_pixels()), make_pixels()])
    image = read_image(make_dicom_bytes(frames, **PLAIN))
    assert codes(inspect_image(image)) == ["blank"]
    assert codes(inspect_image(image, frame=1)) == []
    with pytest.raises(ValueError, match="frame"):
        inspect_image(image, frame=2)


def test_colour_has_one_step() -> None:
    image = read_image(make_dicom_bytes(np.zeros((8, 8, 3), np.uint8)))
    steps = read_chain(image._dataset, image.instance.geometry, 0, None)
    assert [step.kind for step in steps] == ["colour"]


def test_hardly_any_open_film_is_taken_for_its_negative(data: Path) -> None:
    films = [film for name, found in sets(data).items() if "train" not in name for film in found]
    grey = [read_grey(film) for film in films[::12]]
    alarms = sum(looks_inverted(one) for one in grey)
    missed = sum(not looks_inverted(255 - one) for one in grey)
    assert len(grey) > 100
    assert alarms == 0
    assert missed <= 0.03 * len(grey)


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ({}, "the file gives none"),
        ({"WindowCenter": 1000, "WindowWidth": -5}, "none of the file can be used"),
        (
            {"WindowCenter": 1000, "WindowWidth": 500, "VOILUTFunction": "CUSTOM"},
            "none of the file can be used",
        ),
    ],
)
def test_a_window_that_is_left_out_is_not_called_none(stated: dict[str, Any], why: str) -> None:
    steps = inspect_image(read_image(make_dicom_bytes(**stated))).steps
    assert why in " ".join(step.words for step in steps)
