"""Pixel spacing: where lengths hold, over every combination of what headers say (PS3.3 10.7.1)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from imaging.dicom import inspect_image, read_image
from imaging.dicom.pixels.spacing import read_spacing
from imaging.entities import LengthPlane
from imaging.fidelity import PROJECTIONS
from imaging.lengths import plane_words
from tests.factories import make_dicom_bytes

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
PROJECTED = ("CR", "DX", "RF", "XA", "MG")
UNSPECIFIC = ("", "OT", "SC")
lengths = st.floats(0.05, 2.0).map(lambda length: round(length, 4))
pairs = st.tuples(lengths, lengths)


def header(modality: str = "CR", **attributes: Any) -> Dataset:
    ds = Dataset()
    ds.Modality = modality
    for keyword, value in attributes.items():
        if value is not None:
            setattr(ds, keyword, list(value) if isinstance(value, tuple) else value)
    return ds


@calm
@given(
    modality=st.sampled_from((*PROJECTED, *UNSPECIFIC, "CT", "MR")),
    own=st.none() | pairs,
    detector=st.none() | pairs | st.just("equal"),
    kind=st.sampled_from([None, "GEOMETRY", "FIDUCIAL", "geometry", ""]),
    factor=st.none() | st.floats(1.01, 3.0).map(lambda value: round(value, 3)),
)
def test_every_combination_says_where_its_lengths_hold(
    modality: str, own: Any, detector: Any, kind: str | None, factor: float | None
) -> None:
    detector = own if detector == "equal" else detector
    found = read_spacing(
        header(
            modality,
            PixelSpacing=own,
            ImagerPixelSpacing=detector,
            PixelSpacingCalibrationType=kind,
            EstimatedRadiographicMagnificationFactor=factor,
        )
    )
    if own is None and detector is None:
        assert (found.pair, found.plane) == (None, LengthPlane.BODY)
        return
    assert found.pair is not None
    at_detector = detector if own is None else own
    corrected = tuple(length / (factor or 1) for length in at_detector)
    same = own is None or (
        detector is not None
        and all(abs(a - b) <= 5e-3 * b for a, b in zip(own, detector, strict=True))
    )
    if own is not None and kind and kind.upper() in ("GEOMETRY", "FIDUCIAL"):
        assert (found.plane, found.pair) == (LengthPlane.CALIBRATED, own)
    elif own is not None and detector is None:
        slices = modality in ("CT", "MR")
        expected = LengthPlane.BODY if slices else LengthPlane.UNKNOWN
        assert (found.plane, found.pair) == (expected, own)
    elif not same:
        larger = any(a > b for a, b in zip(own, detector, strict=True))
        expected = LengthPlane.UNKNOWN if larger else LengthPlane.CALIBRATED
        assert (found.plane, found.pair, bool(found.odd)) == (expected, own, larger)
    elif factor is None:
        assert (found.plane, found.pair) == (LengthPlane.DETECTOR, at_detector)
        assert plane_words(found.plane) == "at the detector"
    else:
        assert found.plane is LengthPlane.CORRECTED
        assert found.pair == pytest.approx(corrected)
        assert plane_words(found.plane, factor) == f"at the detector / {factor:.4g}"


@calm
@given(st.sampled_from(PROJECTIONS), pairs, st.floats(-0.002, 0.002))
def test_decimals_that_were_cut_make_no_other_plane(
    modality: str, own: tuple[float, float], off: float
) -> None:
    detector = tuple(length * (1 + off) for length in own)
    found = read_spacing(header(modality, PixelSpacing=own, ImagerPixelSpacing=detector))
    assert found.plane is LengthPlane.DETECTOR


@pytest.mark.parametrize("factor", [0, -1.5, 0.7, 150])
def test_an_impossible_magnification_corrects_nothing_and_is_told(factor: float) -> None:
    image = read_image(
        make_dicom_bytes(
            ImagerPixelSpacing=[0.2, 0.2], EstimatedRadiographicMagnificationFactor=factor
        )
    )
    assert image.instance.geometry.pixel_spacing == (0.2, 0.2)
    assert image.instance.geometry.length_plane is LengthPlane.DETECTOR
    assert "impossible" in caution(image)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"PixelSpacing": [0.2, 0.2]}, "does not say whether"),
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2]}, "at the detector"),
        (
            {
                "PixelSpacing": [0.2, 0.2],
                "ImagerPixelSpacing": [0.2, 0.2],
                "EstimatedRadiographicMagnificationFactor": 1.5,
            },
            "divided by the magnification of 1.5",
        ),
        ({"PixelSpacing": [0.3, 0.3], "ImagerPixelSpacing": [0.2, 0.2]}, "larger than"),
        (
            {
                "PixelSpacing": [0.2, 0.2],
                "ImagerPixelSpacing": [0.2, 0.2],
                "PixelSpacingCalibrationType": "FIDUCIAL",
            },
            "calls its pixel spacing calibrated",
        ),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, "scanned film"),
    ],
)
def test_the_reader_is_told_what_it_means(attributes: dict[str, Any], words: str) -> None:
    assert words in caution(read_image(make_dicom_bytes(**attributes)))


@pytest.mark.parametrize("modality", UNSPECIFIC)
def test_a_film_of_no_modality_is_not_measured_in_the_body(modality: str) -> None:
    """A radiograph captured from a screen; a volume of unknown making has planes in the body."""
    own = {"PixelSpacing": (0.2, 0.2)}
    assert read_spacing(header(modality, **own)).plane is LengthPlane.UNKNOWN
    placed = header(modality, ImageOrientationPatient=(1, 0, 0, 0, 1, 0), **own)
    assert read_spacing(placed).plane is LengthPlane.BODY


def test_a_slice_of_the_body_needs_no_word() -> None:
    image = read_image(make_dicom_bytes(Modality="CT", PixelSpacing=[0.7, 0.7]))
    assert image.instance.geometry.length_plane is LengthPlane.BODY
    assert "spacing" not in [one.code for one in inspect_image(image).cautions]


def test_an_enhanced_angiogram_is_read_where_it_says_it() -> None:
    inner, outer = Dataset(), Dataset()
    inner.ImagerPixelSpacing = [0.3, 0.3]
    outer.FramePixelDataPropertiesSequence = [inner]
    ds = header("XA", SharedFunctionalGroupsSequence=[outer])
    found = read_spacing(ds)
    assert (found.pair, found.plane) == ((0.3, 0.3), LengthPlane.DETECTOR)


def caution(image: Any) -> str:
    return next(one.words for one in inspect_image(image).cautions if one.code == "spacing")
