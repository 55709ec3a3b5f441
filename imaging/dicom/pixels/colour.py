"""Colour: palettes looked up, and any depth brought to the eight bits of a screen (PS3.3 C.7.9)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import UID

from imaging.dicom.header.elements import numbers
from imaging.entities import Geometry

_PALETTE = [f"{part}PaletteColorLookupTableData" for part in ("Red", "Green", "Blue")]


def to_rgb(ds: Dataset, geometry: Geometry, stored: NDArray[Any]) -> NDArray[Any]:
    """RGB in the depth of the samples or of the palette.

    Parameters
    ----------
    stored : numpy.ndarray
        (rows, columns) indices of a palette, or (rows, columns, 3) RGB, which is returned.
    """
    if geometry.photometric_interpretation == "PALETTE COLOR":
        return apply_color_lut(stored, _little_endian(ds))[..., :3]
    return stored


def to_8_bit(ds: Dataset, geometry: Geometry, rgb: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale colours to 8 bits by the depth the header states."""
    bits = geometry.bits_stored
    if geometry.photometric_interpretation == "PALETTE COLOR":
        bits = int(numbers(ds, "RedPaletteColorLookupTableDescriptor")[2])
    if bits == 8:
        return np.clip(rgb, 0, 255).astype(np.uint8)
    scaled = rgb.astype(np.float64) * (255 / (2**bits - 1))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _little_endian(ds: Dataset) -> Dataset:
    """The palette's words in little endian: pydicom reads them so, whatever the file.

    PS3.5 7.3: the words (OW) of a big endian file are swapped, a palette's included. pydicom
    minds that for segmented palettes alone.
    """
    if UID(ds.file_meta.TransferSyntaxUID).is_little_endian or _PALETTE[0] not in ds:
        return ds
    palette = Dataset()
    for element in ds.group_dataset(0x0028):
        palette[element.tag] = element
    for keyword in _PALETTE:
        words = np.frombuffer(palette[keyword].value, ">u2")
        palette.add_new(palette[keyword].tag, "OW", words.astype("<u2").tobytes())
    return palette
