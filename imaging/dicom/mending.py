"""What is made good in an odd dataset before it is read strictly, each with a remark.

Only where nothing is guessed about what is seen, or where the reader is told what was.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian

from imaging.dicom.elements import integer, text
from imaging.dicom.layout import pixel_bytes

_GE_PRIVATE = UID("1.2.840.113619.5.2")  # implicit little endian, pixels big endian


def mend(ds: Dataset) -> tuple[str, ...]:
    """Make good what can be, in place.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        Just parsed, with its file meta information.

    Returns
    -------
    tuple of str
        One sentence for each thing made good; no patient data.
    """
    return tuple(remark for step in _STEPS if (remark := step(ds)))


def _old(ds: Dataset) -> str:
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
        "dark. They are shown bright."
    )


def _unpack_twelve(ds: Dataset) -> None:
    """Two samples in three bytes, the first in the low bits, as words of 16 bits."""
    packed = np.frombuffer(pixel_bytes(ds) or b"", np.uint8)
    first, middle, last = packed[: packed.size // 3 * 3].reshape(-1, 3).astype(np.uint16).T
    pairs = np.stack([first | (middle & 0x0F) << 8, middle >> 4 | last << 4], axis=1)
    ds.PixelData = pairs.astype("<u2").tobytes()
    ds.BitsAllocated = 16


def _high_bit(ds: Dataset) -> str:
    """HighBit (0028,0102) beyond the allocated bits, where no bit can be."""
    high, allocated, stored = (integer(ds, k) for k in ("HighBit", "BitsAllocated", "BitsStored"))
    if None in (high, allocated, stored) or (high or 0) < (allocated or 0):
        return ""
    ds.HighBit = (stored or 1) - 1
    return "The header's HighBit is impossible; it was ignored."


def _big_pixels(ds: Dataset) -> str:
    """GE's private transfer syntax: everything as usual but the pixels."""
    pixels = pixel_bytes(ds)
    if text(ds.file_meta, "TransferSyntaxUID") != _GE_PRIVATE or pixels is None:
        return ""
    if integer(ds, "BitsAllocated") == 16:
        ds.PixelData = np.frombuffer(pixels[: len(pixels) // 2 * 2], ">u2").astype("<u2").tobytes()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return "The picture was stored in GE's private encoding, with the bytes of its pixels swapped."


_STEPS: tuple[Callable[[Dataset], str], ...] = (_old, _high_bit, _big_pixels)
