"""What of a header cannot be compared with its pixels is told; a fault of ours is not hidden."""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate

from imaging.dicom import read_image
from imaging.dicom.deidentify.profile import release
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.dicom.deidentify.rules import Profile
from imaging.dicom.pixels import effective
from imaging.errors import PixelDataError
from tests.factories import make_dataset, make_lut, to_bytes
from tests.imaging.dicom.test_colour_space import JXL_LOSSLESS, compressed, jpeg, jpeg2k, picture


def test_a_modality_lut_that_cannot_be_read_is_told() -> None:
    lut = make_lut(0, list(range(16)))
    lut.LUTDescriptor = [4096, 0, 16]
    image = read_image(to_bytes(make_dataset(ModalityLUTSequence=[lut])))
    assert "A look-up table of this file does not match its descriptor." in image.remarks[0]
    with pytest.raises(PixelDataError):
        image.display_values()


def test_a_palette_without_a_descriptor_is_told() -> None:
    ds = make_dataset(PhotometricInterpretation="PALETTE COLOR")
    assert "no usable descriptor" in read_image(to_bytes(ds)).remarks[0]


def test_a_frame_whose_colours_cannot_be_decoded_is_told_by_its_number() -> None:
    """Native YBR is decoded to be compared; of JPEG 2000 the second frame is cut."""
    frames = [jpeg2k(picture(), mct=False), jpeg2k(picture(), mct=False)[:-300]]
    ds = compressed(uid.JPEG2000Lossless, *frames, photometric="YBR_FULL")
    image = read_image(to_bytes(ds))
    assert [words for words in image.remarks if words.startswith("Frame 2 of this file is damaged")]
    assert image.display_values(0).shape == (48, 64, 3)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1])
def test_a_table_of_offsets_that_means_nothing_is_told(length: int) -> None:
    ds = compressed(uid.JPEGBaseline8Bit, jpeg(picture()), photometric="RGB")
    ds.ExtendedOffsetTable = struct.pack("<Q", length)
    ds.ExtendedOffsetTableLengths = struct.pack("<Q", length)
    image = read_image(to_bytes(ds))
    assert image.remarks[0].startswith("Frame 1 of this file is damaged")


ENCODERS: dict[uid.UID, Any] = {
    uid.JPEGLosslessSV1: lambda v: imagecodecs.jpeg8_encode(
        v, lossless=True, predictor=1, bitspersample=16
    ),
    uid.JPEGLSLossless: imagecodecs.jpegls_encode,
    uid.JPEG2000Lossless: lambda v: imagecodecs.jpeg2k_encode(
        v, level=0, codecformat="J2K", reversible=True
    ),
    uid.HTJ2KLossless: lambda v: imagecodecs.htj2k_encode(v, reversible=True),
    JXL_LOSSLESS: lambda v: imagecodecs.jpegxl_encode(v, lossless=True),
}


def grey(values: np.ndarray, syntax: uid.UID, stored: int, **attributes: Any) -> bytes:
    """A grey film of so many stored bits by its header."""
    ds = make_dataset(values, BitsStored=stored, HighBit=stored - 1, **attributes)
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax in ENCODERS:
        ds.PixelData = encapsulate([bytes(ENCODERS[syntax](values.view("u2")))])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    elif syntax == uid.RLELossless:
        ds.BitsStored, ds.HighBit = 16, 15
        ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        ds.compress(syntax, encoding_plugin="pydicom", generate_instance_uid=False)
        ds.BitsStored, ds.HighBit = stored, stored - 1
    elif not syntax.is_little_endian:
        ds.PixelData = values.astype(values.dtype.newbyteorder(">")).tobytes()
    return to_bytes(ds)


def ramp(bits: int) -> np.ndarray:
    return np.linspace(0, 2**bits - 1, 24 * 32).round().astype(np.uint16).reshape(24, 32)


@pytest.mark.parametrize("syntax", ENCODERS)
@pytest.mark.parametrize("stored", [8, 12, 15])
def test_a_codestream_that_is_deeper_than_its_header_is_followed(
    syntax: uid.UID, stored: int
) -> None:
    """PS3.5 8.2.1, 8.2.3, 8.2.4: the values used to begin again at 0 above the stored bits."""
    image = read_image(grey(ramp(16), syntax, stored))
    assert np.array_equal(image.stored_values(), ramp(16))
    assert np.all(np.diff(image.display_values().ravel().astype(int)) >= 0)
    assert len(image.remarks) == 1 and f"{stored} bits a sample" in image.remarks[0]
    assert not image.refusals


@pytest.mark.parametrize(
    "syntax",
    [
        *(uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian),
        *(uid.DeflatedExplicitVRLittleEndian, uid.RLELossless),
    ],
)
@pytest.mark.parametrize("signed", [False, True])
def test_deeper_values_that_no_codestream_vouches_for_silence_the_networks(
    syntax: uid.UID, signed: bool
) -> None:
    """PS3.5 8.1.1 leaves the bits above to overlays; without one they are in doubt."""
    values = (ramp(14).astype(int) - 8192 * signed).astype(np.int16 if signed else np.uint16)
    image = read_image(grey(values, syntax, 12))
    assert "the picture may be wrong" in image.remarks[0]
    assert image.refusals == image.remarks


@pytest.mark.parametrize("syntax", [*ENCODERS, uid.ExplicitVRLittleEndian, uid.RLELossless])
@pytest.mark.parametrize("padded", ["zeros", "sign"])
def test_what_lies_above_the_sign_is_no_depth(syntax: uid.UID, padded: str) -> None:
    values = ramp(12).astype(np.int16) - 2048
    words = values if padded == "sign" else values & 0x0FFF
    assert read_image(grey(words, syntax, 12)).remarks == ()


def test_a_masked_copy_keeps_deeper_values() -> None:
    content = grey(ramp(16), uid.JPEGLSLossless, 12)
    made = release(content, Project(b"k" * 32), Profile(masks=((0, 0, 2, 2),)))
    expected = ramp(16)
    expected[:2, :2] = 0
    masked = read_image(made.content)
    assert np.array_equal(masked.stored_values(), expected)
    assert masked.remarks == ()


def test_a_padding_value_that_is_endless_is_none() -> None:
    ds = make_dataset()
    ds.add_new(0x00280120, "DS", "inf")
    ds["PixelPaddingValue"]._value = "inf"
    content = to_bytes(ds)
    assert b"inf" in content
    assert read_image(content).remarks == ()


def test_a_fault_of_ours_is_not_taken_for_a_sound_header(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise TypeError("a fault of ours")

    image = read_image(to_bytes(make_dataset(np.zeros((4, 4), np.uint16))))
    monkeypatch.setattr(effective, "_CHECKS", (fails,))
    with pytest.raises(TypeError):
        effective.find_deviations(image._dataset, image.instance.geometry)
