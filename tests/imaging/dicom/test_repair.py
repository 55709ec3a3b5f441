"""What is made good in an odd file is made good rightly, and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import peers
from bench.disagreements import explain
from imaging.dicom import Image, read_image
from imaging.dicom.header.file_meta import with_sound_meta
from imaging.errors import PixelDataError
from tests.factories import make_dataset, make_dicom_bytes, to_bytes

ODD = {
    "conformance/d004_PrivateGEImplicitVRBigEndianTransferSynt.dcm": "GE's private encoding",
    "conformance/d251_GH340.dcm": "ACR-NEMA",
    "conformance/d252_CT_Implicit_Little_Headless_Retired.dcm": "ACR-NEMA",
    "conformance/d169_CTImage_dcm_JPEGProcess10_12TransferSynt.dcm": "",
    "conformance/d188_CTImage_dcm_JPEGProcess6_8TransferSyntax.dcm": "",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_have_the_pixels_gdcm_finds(data: Path, name: str) -> None:
    path = data / "dicom" / name
    np.testing.assert_array_equal(peers.lightbox(path), peers.gdcm(path))
    assert ODD[name] in " ".join(read_image(path).remarks)


def test_a_high_bit_that_cannot_be_is_ignored_and_one_that_could_be_is_not() -> None:
    image = read_image(make_dicom_bytes(HighBit=16))
    np.testing.assert_array_equal(
        image.stored_values(), read_image(make_dicom_bytes()).stored_values()
    )
    assert "HighBit" in image.remarks[0]
    with pytest.raises(PixelDataError, match="where the bits"):
        read_image(make_dicom_bytes(HighBit=10))


def test_twelve_bits_are_unpacked_in_acr_nema_alone() -> None:
    pixels = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) * 5
    first, second = pixels.ravel()[::2], pixels.ravel()[1::2]
    packed = np.stack([first & 0xFF, first >> 8 | (second & 0xF) << 4, second >> 4], axis=1)
    ds = make_dataset(pixels, BitsAllocated=12, PhotometricInterpretation=None)
    ds.PixelData = packed.astype(np.uint8).tobytes()
    with pytest.raises(PixelDataError):
        read_image(to_bytes(ds))
    ds.RecognitionCode = "ACR-NEMA 2.0"
    image = read_image(to_bytes(ds))
    np.testing.assert_array_equal(image.stored_values(), pixels)
    assert image.instance.geometry.photometric_interpretation == "MONOCHROME2"


def test_a_difference_is_explained_only_by_a_rule_that_fits() -> None:
    ours = np.arange(60.0).reshape(1, 6, 10)
    assert explain("gdcm", ours, ours + 1e-9) == ""
    assert "negative" in explain("simpleitk", ours, 255 - ours)
    wrong = ours.copy()
    wrong[0, 0, 0] = 7
    assert explain("simpleitk", ours, wrong) == "unexplained"
    assert explain("simpleitk", ours, 255 - wrong) == "unexplained"
    assert explain("gdcm", ours, ours[:, :5]) != ""
    over = ours.copy()
    over[0, 0, 0] = 256
    cut = np.where(over == 256, 0, over)
    for name, theirs in (("pydicom", cut), ("simpleitk", 255 - cut)):
        assert "beyond BitsStored" in explain(name, over, theirs)
    assert explain("pydicom", over, np.where(over == 256, 9, over)) == "unexplained"


def read_plain(**attributes: Any) -> Image:
    """The ramp of the factories, its header changed."""
    return read_image(make_dicom_bytes(**attributes))


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"SamplesPerPixel": None}, "samples per pixel"),
        ({"SamplesPerPixel": 3}, "samples per pixel"),
        ({"PhotometricInterpretation": "BANANA"}, "may be exchanged"),
        ({"PhotometricInterpretation": None}, "may be exchanged"),
        ({"HighBit": 13, "WindowCenter": "40", "WindowWidth": "400"}, "where the bits"),
        ({"NumberOfFrames": "7"}, "promises 7 frames, the file holds 1"),
    ],
)
def test_a_doubtful_header_is_shown_with_its_remark_and_silences_networks(
    attributes: dict[str, Any], words: str
) -> None:
    image = read_plain(**attributes)
    np.testing.assert_array_equal(image.stored_values(), read_plain().stored_values())
    (said,) = image.refusals
    assert words in said and said in image.remarks
    assert not image.instance.voi_presets or "HighBit" not in attributes


@pytest.mark.parametrize(
    "attributes",
    [
        {"SamplesPerPixel": None, "Rows": 20},
        {"SamplesPerPixel": None, "PhotometricInterpretation": "RGB"},
        {"PhotometricInterpretation": "BANANA", "Rows": 20},
        {"HighBit": 13, "PixelRepresentation": 1},
        {"NumberOfFrames": "7", "Rows": 60},
    ],
)
def test_what_the_length_does_not_prove_is_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(PixelDataError):
        read_plain(**attributes)


def test_whole_frames_of_a_cine_that_was_cut_are_shown() -> None:
    cine = np.stack([np.full((8, 10), at, np.uint16) for at in range(5)])
    ds = make_dataset(cine)
    ds.PixelData = ds.PixelData[:500]  # three frames and a part of the fourth
    image = read_image(to_bytes(ds))
    assert image.instance.geometry.frames == 3
    assert image.stored_values(2).min() == 2 and "holds 3" in image.refusals[0]


def test_a_meta_group_is_read_whatever_length_it_gives_itself() -> None:
    sound = make_dicom_bytes()
    for length in (1, 10_000_000):
        damaged = sound[:140] + length.to_bytes(4, "little") + sound[144:]
        assert with_sound_meta(damaged) == sound
        assert read_image(damaged).instance.geometry == read_image(sound).instance.geometry
    assert with_sound_meta(sound) is sound
    assert with_sound_meta(sound[:200]) == sound[:200]


def test_a_meta_element_without_a_kind_is_left_out(data: Path) -> None:
    for name in ("TC0393_meta_glen_one", "TC0397_meta_glen_huge"):
        image = read_image(data / "dicom" / "broken" / f"m_cat07_{name}.dcm")
        assert image.instance.identity.transfer_syntax_uid == "1.2.840.10008.1.2.1"


def test_the_last_tiles_of_a_slide_lie_where_they_belong(data: Path) -> None:
    path = data / "dicom" / "conformance" / "d156_multiframe.dcm"
    image, theirs = read_image(path), peers.dcmtk(path)
    np.testing.assert_array_equal(image.stored_values(0), theirs[0])
    tile = image.stored_values(13)  # 55 columns
    np.testing.assert_array_equal(tile[:, :55].ravel(), theirs[13].ravel()[: 240 * 55 * 3])
    assert not tile[:, 55:].any()
