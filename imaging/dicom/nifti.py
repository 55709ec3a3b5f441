"""NIfTI volumes to an in-memory multi-frame Secondary Capture, in the radiologist's orientation.

A NIfTI file carries neither patient nor modality. What it does say, where left is, decides on
which side the patient's left is shown; a file that does not say gets no letters and a remark.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameGrayscaleWordSecondaryCaptureImageStorage

from imaging.dicom.header.header import derive_uid
from imaging.dicom.pixels.description import MAX_FRAME_SAMPLES
from imaging.errors import PixelDataError, UnsupportedImageError

_STEPS = 65535
_MAGIC_1, _MAGIC_2 = b"n+1\0", b"n+2\0\r\n\x1a\n"


def is_nifti(head: bytes) -> bool:
    """True for the first 352 bytes of a NIfTI-1 or NIfTI-2 file in one piece."""
    return head[344:348] == _MAGIC_1 or head[4:12] == _MAGIC_2


def volume_dataset(data: bytes, *, sha256: str) -> Dataset:
    """Turn a NIfTI volume into a Secondary Capture dataset of axial slices (PS3.3 A.8.4).

    Parameters
    ----------
    data : bytes
        The file.
    sha256 : str
        Hex digest of the file; its UIDs are derived from it.

    Returns
    -------
    pydicom.dataset.Dataset
        MONOCHROME2, 16 bits, one frame a slice from the feet up, the patient's right on the left;
        values rescaled where they are not whole numbers. No patient attributes.

    Raises
    ------
    UnsupportedImageError
        If it holds colours, or vectors.
    PixelDataError
        If it is larger than this tool accepts. Damage raises nibabel's own exceptions; the
        reader's border maps them.
    """
    import nibabel  # takes a while to import, and hardly any file needs it

    kind = nibabel.Nifti2Image if data[4:12] == _MAGIC_2 else nibabel.Nifti1Image
    image = kind.from_bytes(data)
    shape = image.header.get_data_shape()
    if len(shape) < 2 or image.header.get_data_dtype().kind not in "iuf":
        raise UnsupportedImageError("The NIfTI file holds no grey volume. Export one.")
    if np.prod(shape[:3], dtype=float) > MAX_FRAME_SAMPLES or min(shape) < 1:
        raise PixelDataError(
            "The NIfTI volume is larger than this tool accepts, or empty. Export it again."
        )
    is_oriented = bool(image.header["qform_code"] or image.header["sform_code"])
    upright = nibabel.as_closest_canonical(image) if is_oriented else image
    slices, spacing = _read_slices(upright)
    return _secondary_capture(slices, spacing, sha256, is_oriented=is_oriented)


def _read_slices(upright: Any) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """(slices, rows, columns), and (row, column) spacing in mm.

    Of an image nearest to RAS: its columns run from the patient's right to the left and its rows
    from front to back once both are turned round.
    """
    values = np.asarray(upright.dataobj, dtype=np.float64)
    values = values.reshape(*values.shape[:3], -1)[..., 0]  # of several, the first in time
    values = values.reshape(*values.shape, *[1] * (3 - values.ndim))
    zooms = [float(zoom) for zoom in upright.header.get_zooms()[:3]]
    return values[::-1, ::-1].transpose(2, 1, 0), (zooms[1], zooms[0])


def _secondary_capture(
    slices: NDArray[np.float64], spacing: tuple[float, float], sha256: str, *, is_oriented: bool
) -> Dataset:
    """A dataset around the slices."""
    finite = np.nan_to_num(slices, nan=0.0, posinf=0.0, neginf=0.0)
    stored, slope, intercept = _quantise(finite)
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(ds, keyword, derive_uid(sha256, keyword))
    ds.Modality, ds.ConversionType = "OT", "WSD"
    ds.NumberOfFrames, ds.Rows, ds.Columns = stored.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 0
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = slope, intercept, "US"
    if min(spacing) > 0:
        ds.PixelSpacing = [f"{length:.9g}" for length in spacing]
    if is_oriented:
        ds.PatientOrientation = ["L", "P"]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]  # planes in the body: lengths hold there
    ds.PixelData = stored.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def _quantise(values: NDArray[np.float64]) -> tuple[NDArray[np.uint16], float, float]:
    """Values as whole steps from the lowest: exact where they are whole and few enough."""
    low, high = float(values.min()), float(values.max())
    whole = high - low <= _STEPS and bool(np.array_equal(values, np.rint(values)))
    slope = 1.0 if whole or high == low else (high - low) / _STEPS
    return np.rint((values - low) / slope).astype(np.uint16), slope, low
