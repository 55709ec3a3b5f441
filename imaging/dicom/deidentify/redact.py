"""Parts of a picture made black in its stored pixels, whatever its kind of grey or colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from imaging.dicom.deidentify.rules import Box
from imaging.dicom.pixels import colour, decoding
from imaging.dicom.pixels.description import read_geometry
from imaging.dicom.pixels.overlay_planes import has_embedded

OFFSETS = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")  # of frames that were compressed


def blacken(ds: Dataset, boxes: Sequence[Box]) -> None:
    """Blacken boxes in every frame; the pixels are native from now on, luma and chroma RGB.

    Parameters
    ----------
    ds : Dataset
        Changed in place.
    boxes : sequence of Box
        Top, left, bottom, right in pixels, the last two not included.
    """
    geometry = read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))
    frames = [decoding.decode_frame(ds, geometry, frame) for frame in range(geometry.frames)]
    array = np.stack(frames) if len(frames) > 1 else frames[0].copy()
    in_colour = geometry.samples_per_pixel > 1
    photometric = "RGB" if in_colour else geometry.photometric_interpretation
    ink = 0 if in_colour else _ink(ds, array, photometric)
    for top, left, bottom, right in boxes:
        where = (..., slice(top, bottom), slice(left, right))
        array[(*where, slice(None)) if in_colour else where] = ink
    bits = int(ds.BitsStored)
    if not in_colour:  # a codestream may hold deeper values than its header says
        bits = max(bits, int(array.max()).bit_length() + int(ds.PixelRepresentation))
    ds.set_pixel_data(array, photometric, bits, generate_instance_uid=False)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds["PixelData"].is_undefined_length = False
    for keyword in OFFSETS:
        ds.pop(keyword, None)


def store_native(ds: Dataset) -> None:
    """Decode every frame and store it without compression, in place; nothing else is kept."""
    blacken(ds, ())


def drop_overlay_bits(ds: Dataset) -> bool:
    """Clear the bits of overlay planes that lie among those of the pixels; True where some do.

    They may spell a name as OverlayData may, which is removed (PS3.15 E.1.1). The pixels are native
    from now on. To be called while the planes are still described.
    """
    stored, allocated = int(ds.get("BitsStored") or 0), int(ds.get("BitsAllocated") or 0)
    if "PixelData" not in ds or allocated not in (8, 16, 32) or not has_embedded(ds, stored):
        return False
    if ds.file_meta.TransferSyntaxUID.is_encapsulated:
        ds.decompress(generate_instance_uid=False)
    order = "<" if ds.file_meta.TransferSyntaxUID.is_little_endian else ">"
    data = ds.PixelData[: len(ds.PixelData) // (allocated // 8) * (allocated // 8)]
    words = np.frombuffer(data, f"{order}u{allocated // 8}") & (2**stored - 1)
    ds.PixelData = words.astype(f"{order}u{allocated // 8}").tobytes()
    return True


def _ink(ds: Dataset, array: NDArray[np.generic], photometric: str) -> int:
    """The stored value that is shown darkest, of those the picture has (PS3.3 C.7.6.3.1.2)."""
    if photometric == "PALETTE COLOR":
        present = np.unique(array)
        shown = colour.look_up(colour.read_palette(ds), present)
        return int(present[shown.sum(axis=-1).argmin()])
    return int(array.max() if photometric == "MONOCHROME1" else array.min())
