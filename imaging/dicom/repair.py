"""Repairs of an odd dataset before it is read strictly, each with a remark.

Only where nothing is guessed about what is seen, or where the reader is told what was. A header
that had to be doubted about its pixels is no ground for a network's answer: such a remark is a
refusal too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian, UncompressedTransferSyntaxes

from imaging.dicom.header.elements import integer, text
from imaging.dicom.pixels.description import COLOURS, MONOCHROME, pixel_bytes, pixel_keyword
from imaging.dicom.pixels.wrapping import unwrap

_GE_PRIVATE = UID("1.2.840.113619.5.2")  # implicit little endian, pixels big endian


@dataclass(frozen=True, slots=True)
class Repairs:
    """A sentence for each thing made good; ``refusals`` are those that silence the networks."""

    remarks: tuple[str, ...]
    refusals: tuple[str, ...]


def repair_dataset(ds: Dataset) -> Repairs:
    """Make good what can be, in place.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        Just parsed, with its file meta information.

    Returns
    -------
    Repairs
        Sentences without patient data.
    """
    results = [(step(ds), step in _DOUBTFUL) for step in _REPAIRS]
    return Repairs(
        tuple(words for words, _ in results if words),
        tuple(words for words, doubtful in results if words and doubtful),
    )


def _repair_acr_nema(ds: Dataset) -> str:
    """ACR-NEMA 1.0 and 2.0, older than DICOM: one grey sample, packed where it has 12 bits."""
    if not text(ds, "RecognitionCode").upper().startswith("ACR-NEMA"):
        return ""
    if integer(ds, "BitsAllocated") == 12:
        _unpack_twelve(ds)
    if "SamplesPerPixel" not in ds:
        ds.SamplesPerPixel = 1
    if "PhotometricInterpretation" in ds:
        return ""
    ds.PhotometricInterpretation = "MONOCHROME2"
    return (
        "An ACR-NEMA file, older than DICOM: it does not say whether high values are bright or "
        "dark. They are shown bright; check that bone is white."
    )


def _unpack_twelve(ds: Dataset) -> None:
    """Two samples in three bytes, the first in the low bits, as words of 16 bits."""
    packed = np.frombuffer(pixel_bytes(ds) or b"", np.uint8)
    first, middle, last = packed[: packed.size // 3 * 3].reshape(-1, 3).astype(np.uint16).T
    pairs = np.stack([first | (middle & 0x0F) << 8, middle >> 4 | last << 4], axis=1)
    ds.PixelData = pairs.astype("<u2").tobytes()
    ds.BitsAllocated = 16


def _repair_high_bit(ds: Dataset) -> str:
    """HighBit (0028,0102) beyond the allocated bits, where no bit can be."""
    high, allocated, stored = (integer(ds, k) for k in ("HighBit", "BitsAllocated", "BitsStored"))
    if None in (high, allocated, stored) or (high or 0) < (allocated or 0):
        return ""
    ds.HighBit = (stored or 1) - 1
    return "The header's HighBit is impossible; it was ignored."


def _repair_pixel_bytes(ds: Dataset) -> str:
    """GE's private transfer syntax: everything as usual but the pixels."""
    pixels = pixel_bytes(ds)
    if text(ds.file_meta, "TransferSyntaxUID") != _GE_PRIVATE or pixels is None:
        return ""
    if integer(ds, "BitsAllocated") == 16:
        ds.PixelData = np.frombuffer(pixels[: len(pixels) // 2 * 2], ">u2").astype("<u2").tobytes()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return "The picture was stored in GE's private encoding, with the bytes of its pixels swapped."


def _repair_samples(ds: Dataset) -> str:
    """SamplesPerPixel (0028,0002) of a grey picture, where the length proves that it is 1."""
    if text(ds, "PhotometricInterpretation").upper() not in MONOCHROME:
        return ""
    if integer(ds, "SamplesPerPixel") == 1 or not _fills(ds):
        return ""
    ds.SamplesPerPixel = 1
    return (
        "The header's number of samples per pixel is missing or wrong; by the length of its data "
        "the picture has one grey value per pixel, and is shown so. Ask for it to be sent "
        "again."
    )


def _repair_polarity(ds: Dataset) -> str:
    """PhotometricInterpretation (0028,0004) that is none, of a picture of one sample."""
    stated = text(ds, "PhotometricInterpretation").upper()
    allowed = (*MONOCHROME, "PALETTE COLOR", *COLOURS)
    palette = "RedPaletteColorLookupTableDescriptor" in ds
    if stated in allowed or palette or integer(ds, "SamplesPerPixel") != 1 or not _fills(ds):
        return ""
    ds.PhotometricInterpretation = "MONOCHROME2"
    return (
        "The header does not say whether high values are bright or dark. They are shown bright: "
        "black and white may be exchanged. Check that bone is white."
    )


def _repair_bits(ds: Dataset) -> str:
    """HighBit (0028,0102) above BitsStored - 1: values as stored are right but for their scale."""
    high, stored = integer(ds, "HighBit"), integer(ds, "BitsStored")
    if high is None or stored is None or high < stored or integer(ds, "PixelRepresentation") != 0:
        return ""
    if high >= (integer(ds, "BitsAllocated") or 0) or not _fills(ds):
        return ""
    ds.BitsStored = high + 1
    for keyword in _SCALES:
        if keyword in ds:
            del ds[keyword]
    return (
        "The header contradicts itself on where the bits of a pixel lie. Values are shown as they "
        "are stored: do not measure grey values in this picture."
    )


def _repair_frame_count(ds: Dataset) -> str:
    """NumberOfFrames (0028,0008) that is no number, or larger than what the file holds."""
    size, length = _frame_size(ds), len(pixel_bytes(ds) or b"")
    whole = length // size if size else 0
    if not whole or "NumberOfFrames" not in ds:
        return ""
    stated = integer(ds, "NumberOfFrames")
    if stated is None:
        if length - whole * size > 1:  # a byte of padding
            return ""
        words = (
            f"The header's number of frames cannot be read; the file holds {whole}. Check that all "
            "are there."
        )
    elif stated > max(whole, 1):
        words = (
            f"The header promises {stated} frames, the file holds {whole}: the rest is missing. "
            "Ask for it to be sent again."
        )
    else:
        return ""
    ds.NumberOfFrames = whole
    return words


def _fills(ds: Dataset) -> bool:
    """True when the pixels are as long as one grey sample per pixel makes them, to the byte."""
    size, length = _frame_size(ds, samples=1), len(pixel_bytes(ds) or b"")
    expected = size * (integer(ds, "NumberOfFrames") or 1)
    return expected > 0 and length in (expected, expected + expected % 2)


def _frame_size(ds: Dataset, *, samples: int | None = None) -> int:
    """Bytes of a frame; 0 where they cannot be told, or lie compressed."""
    syntax = UID(text(ds.file_meta, "TransferSyntaxUID"))
    halved = text(ds, "PhotometricInterpretation").upper() == "YBR_FULL_422"
    if syntax not in UncompressedTransferSyntaxes or halved or pixel_keyword(ds) != "PixelData":
        return 0
    bits = samples or integer(ds, "SamplesPerPixel") or 0
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        bits *= max(0, integer(ds, keyword) or 0)
    return 0 if bits % 8 else bits // 8


_SCALES = (  # what gives values a meaning, and a grey level
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTSequence", "PixelPaddingValue"),
)
_REPAIRS: tuple[Callable[[Dataset], str], ...] = (
    unwrap,
    _repair_acr_nema,
    _repair_high_bit,
    _repair_pixel_bytes,
    _repair_frame_count,
    _repair_samples,
    _repair_polarity,
    _repair_bits,
)
_DOUBTFUL = (_repair_acr_nema, _repair_frame_count, _repair_samples, _repair_polarity, _repair_bits)
