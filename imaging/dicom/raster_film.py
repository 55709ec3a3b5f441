"""PNG, JPEG and TIFF films to an in-memory Secondary Capture, so that everything behind is uniform.

A film carries no patient data: whatever its metadata may say is left out.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageOps
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from imaging.dicom.header.header import derive_uid
from imaging.dicom.pixels.description import MAX_FRAME_SAMPLES
from imaging.dicom.pixels.tint import NEAR_GREY, READ_AS_GREY, tint_of
from imaging.errors import PixelDataError, UnsupportedImageError

_ROUNDING = 2  # largest difference between channels, of 255, that is none
_ORIENTATION = 0x0112  # EXIF 2.3, 4.6.4
_MIRRORED = (2, 4, 5, 7)
_PHOTOMETRIC, _BITS_PER_SAMPLE = 262, 258  # TIFF 6.0, section 8


def film_dataset(data: bytes, *, sha256: str) -> Dataset:
    """Turn a PNG, JPEG or TIFF into a Secondary Capture dataset (PS3.3 A.8).

    Parameters
    ----------
    data : bytes
        The file.
    sha256 : str
        Hex digest of the file; its UIDs are derived from it.

    Returns
    -------
    pydicom.dataset.Dataset
        MONOCHROME2 with 8 or 16 bits, or RGB with 8; no patient attributes.

    Raises
    ------
    UnsupportedImageError
        If EXIF says the picture is mirrored (undoing it silently could swap left and right
        where the tag is wrong), or it is animated.
    PixelDataError
        If the picture is too large. Damage raises Pillow's own exceptions; the reader's border
        maps them.

    Notes
    -----
    Transparency is flattened onto black; 16-bit colour is read at 8 bits, as Pillow does.
    Rotations that EXIF asks for are carried out. A colour picture with a tint of at most
    `NEAR_GREY` is taken as grey; DerivationDescription (0008,2111) then says so.
    """
    with PilImage.open(BytesIO(data), formats=("PNG", "JPEG", "TIFF")) as film:
        _check(film)
        upright = ImageOps.exif_transpose(film)
        array, was_tinted = _grey_or_rgb(upright)
        if upright.mode.startswith("I") and _is_white_zero(film):
            array = (_highest_value(film) - array).astype(np.uint16)
    ds = _secondary_capture(array, sha256)
    if was_tinted:
        ds.DerivationDescription = READ_AS_GREY
    return ds


def _check(film: PilImage.Image) -> None:
    """Refuse what must not be shown, before any pixel is decoded."""
    width, height = film.size
    if width * height * 3 > MAX_FRAME_SAMPLES or max(width, height) > 65535:
        raise PixelDataError(
            f"The picture has {width} x {height} pixels, more than this tool accepts. Save it "
            "smaller."
        )
    if getattr(film, "n_frames", 1) > 1:
        raise UnsupportedImageError(
            "The file holds several pictures (an animation, or pages); save one picture."
        )
    if film.getexif().get(_ORIENTATION) in _MIRRORED:
        raise UnsupportedImageError(
            "The picture says it is mirrored (left and right swapped); save it again upright and "
            "unmirrored."
        )


def _grey_or_rgb(film: PilImage.Image) -> tuple[NDArray[Any], bool]:
    """(rows, columns) uint8 or uint16 for grey, (rows, columns, 3) uint8 for colour.

    And whether a tint was taken from a grey one.
    """
    if film.mode.startswith("I"):
        return np.clip(np.asarray(film, dtype=np.int32), 0, 65535).astype(np.uint16), False
    if film.mode == "F":
        raise UnsupportedImageError("The TIFF holds decimal numbers; save it with 8 or 16 bits.")
    if film.mode in ("1", "L"):
        return np.asarray(film.convert("L")), False
    rgb = _flatten(film)
    channels = np.asarray(rgb)
    spread = int((channels.max(axis=2) - channels.min(axis=2)).max())
    if spread > _ROUNDING and tint_of(channels) > NEAR_GREY:
        return channels, False
    return np.asarray(rgb.convert("L")), spread > _ROUNDING


def _is_white_zero(film: PilImage.Image) -> bool:
    """True for a TIFF whose 0 is white (TIFF 6.0, section 3); Pillow turns only 8 bits round."""
    return getattr(film, "tag_v2", {}).get(_PHOTOMETRIC) == 0


def _highest_value(film: PilImage.Image) -> int:
    """The highest value of a TIFF's samples."""
    depth = getattr(film, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
    return int(2**depth) - 1


def _flatten(film: PilImage.Image) -> PilImage.Image:
    """RGB with transparent parts black."""
    if not film.has_transparency_data:
        return film.convert("RGB")
    rgba = film.convert("RGBA")
    black = PilImage.new("RGBA", rgba.size, (0, 0, 0, 255))
    return PilImage.alpha_composite(black, rgba).convert("RGB")


def _secondary_capture(array: NDArray[Any], sha256: str) -> Dataset:
    """A dataset around the pixels."""
    bits = 8 * array.dtype.itemsize
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = SecondaryCaptureImageStorage
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(ds, keyword, derive_uid(sha256, keyword))
    ds.Modality = "OT"
    ds.ConversionType = "WSD"
    ds.Rows, ds.Columns = array.shape[:2]
    ds.SamplesPerPixel = 1 if array.ndim == 2 else 3
    ds.PhotometricInterpretation = "MONOCHROME2" if array.ndim == 2 else "RGB"
    if array.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = 0
    ds.PixelData = array.astype(array.dtype.newbyteorder("<")).tobytes()
    ds["PixelData"].VR = "OW" if bits == 16 else "OB"
    return ds
