"""Parts of a picture made black in its stored pixels, whatever its kind of grey or colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import ExplicitVRLittleEndian

from imaging.dicom.deidentify.rules import Box

_AS_RGB = ("YBR_FULL", "YBR_FULL_422")  # what pydicom turns into RGB as it reads


def blacken(ds: Dataset, boxes: Sequence[Box]) -> None:
    """Blacken boxes in every frame; the pixels are native from now on, luma and chroma RGB.

    Parameters
    ----------
    ds : Dataset
        Changed in place.
    boxes : sequence of Box
        Top, left, bottom, right in pixels, the last two not included.
    """
    if ds.file_meta.TransferSyntaxUID.is_encapsulated:
        ds.decompress(generate_instance_uid=False)
    array, photometric = ds.pixel_array.copy(), str(ds.PhotometricInterpretation)
    colour = int(ds.get("SamplesPerPixel", 1)) > 1
    photometric = "RGB" if photometric in _AS_RGB else photometric
    ink = 0 if colour else _ink(ds, array, photometric)
    for top, left, bottom, right in boxes:
        where = (..., slice(top, bottom), slice(left, right))
        array[(*where, slice(None)) if colour else where] = ink
    ds.set_pixel_data(array, photometric, int(ds.BitsStored), generate_instance_uid=False)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def _ink(ds: Dataset, array: NDArray[np.generic], photometric: str) -> int:
    """The stored value that is shown darkest, of those the picture has (PS3.3 C.7.6.3.1.2)."""
    if photometric == "PALETTE COLOR":
        present = np.unique(array)
        return int(present[apply_color_lut(present, ds).sum(axis=-1).argmin()])
    return int(array.max() if photometric == "MONOCHROME1" else array.min())
