"""What is made good in an odd file is made good rightly, and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import peers
from bench.disagreements import explain
from imaging.dicom import read_image
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
        read_image(make_dicom_bytes(HighBit=13))


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
