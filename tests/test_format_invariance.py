"""One film, one answer: the same pixels in every lossless encoding a ward may send.

Real validation films go through the file, the reader and the shipped network. Where the encodings
hold the very same grey levels, nothing but rounding may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from imaging.settings import Settings
from models.data.dataset import read_luminance, read_manifest, select
from models.inference.answers import Prediction
from models.inference.classifier import Classifier
from tests.factories import make_dataset, make_film_bytes

Grey = NDArray[np.uint8]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
TOLERANCE = 1e-3
SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "RLE": RLELossless,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
    "JPEG lossless": JPEGLossless,
    "JPEG lossless, first order": JPEGLosslessSV1,
}
# GDCM is the one encoder here of JPEG lossless.
GDCM = {
    JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}


def write(
    path: Path, pixels: Pixels, syntax: UID = ExplicitVRLittleEndian, /, **header: Any
) -> None:
    """A DICOM film of these stored values."""
    ds = make_dataset(pixels, **header)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    if syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        ds.compress(syntax, generate_instance_uid=False)
    elif syntax not in GDCM:
        ds.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    ds.save_as(path, enforce_file_format=True)
    if syntax in GDCM:
        transcode(path, GDCM[syntax])


def transcode(path: Path, syntax: int) -> None:
    """Rewrite a file with GDCM."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def twelve(grey: Grey) -> NDArray[np.uint16]:
    """Twelve bits stored in sixteen: times 16."""
    return grey.astype(np.uint16) * 16


def sixteen(grey: Grey) -> NDArray[np.uint16]:
    """The whole of sixteen bits: times 257."""
    return grey.astype(np.uint16) * 257


def write_film(path: Path, pixels: Pixels) -> None:
    path.write_bytes(make_film_bytes(pixels))


FULL_8 = {"WindowCenter": 128, "WindowWidth": 256}
FULL_12 = {"WindowCenter": 2048, "WindowWidth": 4096}
NEGATIVE = {"PhotometricInterpretation": "MONOCHROME1"}
ALL_16 = {"BitsStored": 16, "HighBit": 15, "WindowCenter": 32768, "WindowWidth": 65536}
ENCODINGS: dict[str, Callable[[Path, Grey], None]] = {
    "PNG": lambda path, grey: write_film(path, grey),
    "PNG, 16 bits": lambda path, grey: write_film(path, sixteen(grey)),
    "8 bits": lambda path, grey: write(path, grey, **FULL_8),
    "16 bits": lambda path, grey: write(path, sixteen(grey), **ALL_16),
    "16 bits, MONOCHROME1": lambda path, grey: write(
        path, 65535 - sixteen(grey), **ALL_16, **NEGATIVE
    ),
    "rescaled": lambda path, grey: write(path, grey, RescaleSlope=0.5, RescaleIntercept=-1000),
    "narrow window": lambda path, grey: write(path, grey, WindowCenter=100, WindowWidth=40),
}


@pytest.fixture(scope="module")
def films() -> tuple[Path, ...]:
    """One validation film of every class and one more."""
    folder = Settings.from_environment().data
    if folder is None:
        pytest.skip("LIGHTBOX_DATA is not set")
    folder = folder / "kermany_cxr"
    validation = select(read_manifest(folder / "manifest.csv", folder / "images"), "val")
    first = {film.label: film.path for film in reversed(validation)}
    return (*first.values(), validation[len(validation) // 2].path)


@pytest.fixture(scope="module")
def references(
    films: tuple[Path, ...], shipped_classifier: Classifier
) -> list[tuple[Grey, Prediction]]:
    """The grey levels of the original files, and what the network says about those."""
    luminances = [read_luminance(path) for path in films]
    for luminance in luminances:  # whole numbers of eight bits, or nothing here is lossless
        np.testing.assert_array_equal(luminance, luminance.astype(np.uint8))
    return [(values.astype(np.uint8), shipped_classifier.predict(values)) for values in luminances]


def check(
    path: Path,
    references: list[tuple[Grey, Prediction]],
    classifier: Classifier,
    encode: Callable[[Path, Grey], None],
) -> None:
    """Every film, encoded and read again, gets the probabilities and the call of its original."""
    for grey, expected in references:
        encode(path, grey)
        found = classifier.predict(read_luminance(path))
        np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=TOLERANCE)
        assert [f.positive for f in found.findings] == [f.positive for f in expected.findings]
        assert found.answer == expected.answer


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_encoding_does_not_change_the_answer(
    encoding: str,
    references: list[tuple[Grey, Prediction]],
    shipped_classifier: Classifier,
    tmp_path: Path,
) -> None:
    check(tmp_path / "film", references, shipped_classifier, ENCODINGS[encoding])


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("bits", [8, 12])
def test_no_lossless_transfer_syntax_changes_the_answer(
    bits: int,
    syntax: str,
    references: list[tuple[Grey, Prediction]],
    shipped_classifier: Classifier,
    tmp_path: Path,
) -> None:
    """Twelve bits as they are; eight bits as a negative, MONOCHROME1."""
    path, uid = tmp_path / "film.dcm", SYNTAXES[syntax]

    def encode(path: Path, grey: Grey) -> None:
        if bits == 8:
            write(path, 255 - grey, uid, **FULL_8, **NEGATIVE)
        else:
            write(path, twelve(grey), uid, **FULL_12)
        assert dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID == uid

    check(path, references, shipped_classifier, encode)


def test_a_wrong_polarity_would_be_noticed(
    references: list[tuple[Grey, Prediction]], shipped_classifier: Classifier, tmp_path: Path
) -> None:
    """The tolerance is no empty promise: forgetting MONOCHROME1 moves the probabilities."""
    with pytest.raises(AssertionError):
        check(
            tmp_path / "film",
            references,
            shipped_classifier,
            lambda path, grey: write(path, 255 - grey),
        )
