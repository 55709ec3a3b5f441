"""Pixels that are nothing but pixels: cut to their length, streams without notes, frames re-packed.

Whatever stands behind a picture, beside it in its stream, or in gaps between frames does not leave.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from imaging.dicom.deidentify.redact import OFFSETS, store_native
from imaging.dicom.deidentify.streams import jpeg, jpeg2000, rle
from imaging.dicom.deidentify.traces import Traces
from imaging.dicom.header.elements import integer
from imaging.dicom.header.sop_classes import name_syntax
from imaging.dicom.pixels.codestream import frame_bytes
from imaging.dicom.pixels.decoding import decode_frame
from imaging.dicom.pixels.description import (
    PIXEL_KEYWORDS,
    cut_to_length,
    pixel_keyword,
    read_geometry,
)
from imaging.dicom.pixels.markers import JPEG_XL_SYNTAXES
from imaging.entities import Geometry
from imaging.errors import PixelDataError, UnsupportedTransferSyntaxError

_RETIRED_JPEG = ("1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55")
_LARGEST_TABLE = 2**32 - 2**16  # what offsets of 32 bits reach
_CHANGED = (
    "The picture cannot be separated from what stands beside it in its file, so it was left "
    "out. Export it as a picture file instead."
)
_Clean = Callable[[bytes], bytes]


def clean_pixels(ds: Dataset) -> str:
    """Clean all pixels, in place.

    Returns
    -------
    str
        What was done, for the table of changes; "" where nothing had to be.

    Raises
    ------
    PixelDataError
        If a frame cannot be decoded, or would not decode to the same picture.
    UnsupportedTransferSyntaxError
        If nothing here walks the encoding.

    Notes
    -----
    PS3.5 8.1.1 (length), A.4 (fragments: one a frame from now on, the offset table rebuilt). A
    stream that has to be changed is decoded before and after; what does not come out alike, and
    JPEG XL, whose frames cannot be walked, is stored without compression.
    """
    used = pixel_keyword(ds)
    if used is None:
        return ""
    for keyword in {*PIXEL_KEYWORDS} - {used}:
        ds.pop(keyword, None)
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    geometry = read_geometry(ds, syntax)
    if not syntax.is_encapsulated:
        return "bytes behind the picture" if cut_to_length(ds, geometry) else ""
    if syntax in JPEG_XL_SYNTAXES:
        store_native(ds)
        return "stored without compression"
    clean = _cleaner(ds, syntax, geometry)
    frames, changed = [], False
    for frame in range(geometry.frames):
        before = frame_bytes(ds, geometry, frame)
        try:
            after = clean(before)
        except ValueError as exc:
            raise PixelDataError(_CHANGED) from exc
        changed = changed or after.rstrip(b"\0") != before.rstrip(b"\0")
        frames.append(after)
    repacked = _packed(ds, frames)
    if changed and not _is_same_picture(ds, repacked, geometry):
        store_native(ds)
        return "stored without compression"
    _take_over(ds, repacked)
    return "what stood beside the picture" if changed else ""


def holds_traces(ds: Dataset, traces: Traces) -> bool:
    """Whether compressed frames still hold a trace; native ones are samples from end to end."""
    if "PixelData" not in ds or not UID(ds.file_meta.TransferSyntaxUID).is_encapsulated:
        return False
    return traces.are_in_bytes(ds.PixelData)


def _cleaner(ds: Dataset, syntax: UID, geometry: Geometry) -> _Clean:
    if syntax in JPEG2000TransferSyntaxes:  # HTJ2K among them
        return jpeg2000.clean
    if syntax in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *_RETIRED_JPEG):
        return jpeg.clean
    if syntax == RLELossless:
        segments = geometry.samples_per_pixel * (integer(ds, "BitsAllocated") or 8) // 8
        return partial(rle.clean, length=geometry.rows * geometry.columns, segments=segments)
    raise UnsupportedTransferSyntaxError(
        f"The picture is encoded as {name_syntax(syntax)}, in which notes about the patient cannot "
        "be found and removed. It was left out; export it uncompressed."
    )


def _packed(ds: Dataset, frames: list[bytes]) -> Dataset:
    """The description of the pixels with other frames."""
    copy = Dataset()
    copy.file_meta = ds.file_meta
    copy.update({tag: ds[tag] for tag in ds.keys() if tag.group == 0x0028})  # noqa: SIM118
    for keyword in ("SOPClassUID", "TotalPixelMatrixRows", "TotalPixelMatrixColumns"):
        if keyword in ds:
            copy[keyword] = ds[keyword]
    small = sum(map(len, frames)) < _LARGEST_TABLE
    copy.PixelData = encapsulate(frames, has_bot=small)
    copy["PixelData"].VR, copy["PixelData"].is_undefined_length = "OB", True
    return copy


def _is_same_picture(ds: Dataset, repacked: Dataset, geometry: Geometry) -> bool:
    """Whether each frame decodes to the same samples."""
    return all(
        np.array_equal(decode_frame(ds, geometry, frame), decode_frame(repacked, geometry, frame))
        for frame in range(geometry.frames)
    )


def _take_over(ds: Dataset, repacked: Dataset) -> None:
    ds["PixelData"] = repacked["PixelData"]
    for keyword in OFFSETS:
        ds.pop(keyword, None)
