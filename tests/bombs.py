"""Small files that are large: what a decoder makes of them takes up to a GiB, within the limits.

Made by code, at the limit of 2^27 samples a frame (`imaging.dicom.pixels.description`).
"""

from __future__ import annotations

import zlib
from functools import cache
from io import BytesIO
from struct import pack

import imagecodecs
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from tests.factories import make_dicom_bytes

_LONGEST = 128  # bytes that two bytes of PackBits stand for (PS3.5 G.3.1)


@cache
def rle_bomb(side: int = 11585, number: int = 1) -> bytes:
    """A film of one grey in 8 bits, 2.1 MB: PackBits, PS3.5 Annex G."""
    runs, rest = divmod(side * side, _LONGEST)
    body = bytes([257 - _LONGEST, 7]) * runs
    if rest:
        body += bytes([257 - rest, 7]) if rest > 1 else bytes([0, 7])
    body += b"\0" * (len(body) % 2)
    frame = pack("<16I", 1, 64, *(0,) * 14) + body
    return _compressed(frame, side, 8, RLELossless, number)


@cache
def j2k_bomb(side: int = 11500, number: int = 2) -> bytes:
    """A film of one grey as JPEG 2000, 26 KB."""
    frame = imagecodecs.jpeg2k_encode(
        np.full((side, side), 7, np.uint8), level=0, reversible=True, codecformat="j2k"
    )
    return _compressed(bytes(frame), side, 8, JPEG2000Lossless, number)


@cache
def deflated_bomb(side: int = 10600, number: int = 3) -> bytes:
    """A film in float64 that unpacks to 900 MB, 0.9 MB: PS3.5 A.5."""
    ds = _header(side, 64, number)
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation", "PixelData"):
        del ds[keyword]
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    plain = BytesIO()
    ds.save_as(plain, enforce_file_format=True)
    content = plain.getvalue()
    meta_end = 144 + int.from_bytes(content[140:144], "little")
    parts = [packer.compress(content[meta_end:])]
    size = side * side * 8
    parts.append(packer.compress(pack("<HH2sHI", 0x7FE0, 0x0009, b"OD", 0, size)))
    zeros = bytes(2**20)
    parts += [
        packer.compress(zeros[: min(len(zeros), size - at)]) for at in range(0, size, len(zeros))
    ]
    parts.append(packer.flush())
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    head = BytesIO()
    ds.save_as(head, enforce_file_format=True)
    whole = head.getvalue()
    return whole[: 144 + int.from_bytes(whole[140:144], "little")] + b"".join(parts)


def _header(side: int, bits: int, number: int) -> Dataset:
    """A film of that size without its pixels."""
    ds = dcmread(BytesIO(make_dicom_bytes(patient_id=f"BOMB-{number}")))
    ds.Rows = ds.Columns = side
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(ds, keyword, f"2.25.{7700 + number}{len(keyword)}")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def _compressed(frame: bytes, side: int, bits: int, syntax: UID, number: int) -> bytes:
    ds = _header(side, bits, number)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].is_undefined_length = True
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
