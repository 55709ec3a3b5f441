"""Pixels for a network's eyes only: any linear scale will do, and a film may come smaller.

Networks see a film at a few hundred pixels and by the ranks of its grey levels. So a rescale need
not be applied, MONOCHROME1 need not be turned, and a wavelet codestream need not be decoded down
to its last detail. What a reader sees is never read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset

from imaging.dicom.header.elements import integer
from imaging.dicom.pixels import decoding, grey_levels, overlay_planes
from imaging.dicom.pixels.codestream import check_codestream, is_reversible
from imaging.dicom.pixels.description import MONOCHROME, pixel_keyword
from imaging.dicom.pixels.tint import tint_of
from imaging.dicom.pixels.wavelet import block_means
from imaging.entities import Geometry

_HTJ2K = (uid.HTJ2K, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL)
_JPEG2K = (uid.JPEG2000, uid.JPEG2000Lossless)
_MOST_LEVELS = 3  # an eighth of the side


@dataclass(frozen=True, slots=True, eq=False)
class Quick:
    """A frame's brightness on some linear scale.

    Attributes
    ----------
    values : numpy.ndarray
        (rows', columns'), integers or float32.
    reversed : bool
        Larger is darker.
    tint : float or None
        How far a colour picture is from grey (`imaging.dicom.pixels.tint`); None for a grey one.
    """

    values: NDArray[Any]
    reversed: bool = False
    tint: float | None = None


def quick_values(ds: Dataset, geometry: Geometry, frame: int, *, enough: int) -> Quick:
    """Decode a frame as far as a network needs it.

    Parameters
    ----------
    enough : int
        Pixels that the shorter side must keep; 0 decodes everything.
    """
    if geometry.photometric_interpretation not in MONOCHROME:
        rgb = grey_levels.modality_values(ds, geometry, frame)
        return Quick(grey_levels.luma(rgb), tint=tint_of(rgb))
    if not _is_linear(ds, geometry, frame):
        return Quick(grey_levels.luminance_values(ds, geometry, frame))
    slope, _ = grey_levels.stated_rescale(ds, frame)
    darker = (geometry.photometric_interpretation == "MONOCHROME1") != (slope < 0)
    plain = _read_native(ds, geometry, frame)
    if plain is not None:
        return Quick(plain, darker)
    hidden = overlay_planes.has_embedded(ds, geometry.bits_stored)  # bits that a mean would mix in
    levels = 0 if hidden else _count_levels(geometry, enough)
    reduced = _decode_reduced(ds, geometry, frame, levels) if levels else None
    if reduced is None:
        return Quick(decoding.decode_frame(ds, geometry, frame), darker)
    return Quick(reduced, darker)


def _is_linear(ds: Dataset, geometry: Geometry, frame: int) -> bool:
    """True when brightness is a straight line of the stored integers."""
    return (
        geometry.photometric_interpretation in MONOCHROME
        and pixel_keyword(ds) == "PixelData"
        and geometry.bits_stored <= 16
        and not grey_levels.has_modality_lut(ds)
        and not grey_levels.has_void_rescale(ds, frame)
    )


def _read_native(ds: Dataset, geometry: Geometry, frame: int) -> NDArray[np.uint16] | None:
    """Uncompressed words as they lie in the file; None where there is anything to be done to them.

    pydicom clears the bits above the stored ones, which takes longer than all else about such a
    film; here they are looked at, and left to pydicom where one is set.
    """
    syntax = uid.UID(ds.file_meta.TransferSyntaxUID)
    if (
        syntax.is_encapsulated
        or not syntax.is_little_endian
        or syntax.is_deflated
        or integer(ds, "BitsAllocated") != 16
        or integer(ds, "PixelRepresentation") == 1
        or geometry.samples_per_pixel != 1
        or (integer(ds, "HighBit") or 0) + 1 != geometry.bits_stored
    ):
        return None
    size = geometry.rows * geometry.columns
    if len(ds.PixelData) < 2 * size * (frame + 1):
        return None
    values = np.frombuffer(ds.PixelData, "<u2", size, 2 * size * frame)
    if int(values.max()) >> geometry.bits_stored:
        return None
    return values.reshape(geometry.rows, geometry.columns)


def _count_levels(geometry: Geometry, enough: int) -> int:
    """How often the picture may be halved."""
    short, levels = min(geometry.rows, geometry.columns), 0
    while enough and levels < _MOST_LEVELS and short >= 2 * enough:
        short, levels = short // 2, levels + 1
    return levels


def _decode_reduced(
    ds: Dataset, geometry: Geometry, frame: int, levels: int
) -> NDArray[np.float32] | None:
    """A wavelet film without its finest levels; None where there is none to be had.

    Whatever is odd is left to the full decoder, which knows what to say about it.
    """
    syntax = uid.UID(ds.file_meta.TransferSyntaxUID)
    if syntax not in (*_HTJ2K, *_JPEG2K) or integer(ds, "PixelRepresentation") == 1:
        return None
    data = check_codestream(ds, geometry, frame)
    reversible = is_reversible(data)
    if reversible is None:
        return None
    try:
        if syntax in _HTJ2K:
            array = _decode_by_openjph(data, levels, geometry.bits_stored)
        else:
            array = _decode_by_pillow(data, levels)
    except (RuntimeError, ValueError, OSError, PIL.Image.DecompressionBombError):
        return None
    if array is None:
        return None
    side = 2**levels
    expected = (-(-geometry.rows // side), -(-geometry.columns // side))
    if array.shape != expected:
        return None
    return block_means(array, levels, reversible=reversible)


def _decode_by_openjph(data: bytes, levels: int, bits: int) -> NDArray[Any] | None:
    """High-throughput JPEG 2000.

    A low band swings a little beyond the values of the picture. OpenJPH hands out what lies below
    zero as very large numbers; where a sample has a bit to spare they are recognised and put right.
    """
    array = np.asarray(imagecodecs.htj2k_decode(data, skipres=levels))
    if array.dtype != np.uint16 or bits > 15:
        return None
    values = array.view(np.int16)
    if values.min() < -(2**bits):  # no swing is that wide: samples have more bits than stated
        return None
    return np.clip(values, 0, 2**bits - 1)


def _decode_by_pillow(data: bytes, levels: int) -> NDArray[Any]:
    """JPEG 2000 by Pillow, which alone hands out fewer levels; 12 bits come stretched to 16."""
    with PIL.Image.open(BytesIO(data), formats=("JPEG2000",)) as picture:
        picture.reduce = levels  # type: ignore[method-assign, assignment] # its documented switch
        picture.load()
        return np.asarray(picture)
