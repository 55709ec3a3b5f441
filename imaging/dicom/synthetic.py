"""Writing: the synthetic example films that ship with Lightbox, as strict DICOM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

from imaging.dicom.header.header import derive_uid
from imaging.moments import parse_age

BITS_STORED = 12
_WHITE = 2**BITS_STORED - 1
_REGIONS = {"CHEST": "51185008", "KNEE": "72696002"}  # CID 4009


def write_synthetic_film(
    pixels: NDArray[np.uint16],
    *,
    path: Path,
    description: str,
    number: int = 1,
    view_position: str = "AP",
    patient_age: str = "004Y",
    pixel_spacing: tuple[float, float] = (0.2, 0.2),
    burned_in: bool = False,
    body_part: str = "CHEST",
    laterality: str = "U",
) -> None:
    """Write a made-up film as a Digital X-Ray Image for presentation (PS3.3 A.26).

    Parameters
    ----------
    pixels : numpy.ndarray
        (rows, columns), uint16, 0 (black) to 4095 (white); MONOCHROME2.
    path : Path
        Where to write; overwritten.
    description : str
        StudyDescription, 1 to 64 characters.
    number : int
        1 to 99: patient "SYNTHETIC^EXAMPLE 01", ID "SYNTHETIC-01", and the seed of the UIDs.
    view_position : str
        AP or PA; anything else counts as a lateral view.
    patient_age : str
        AS, such as 004Y.
    pixel_spacing : tuple[float, float]
        Row and column ImagerPixelSpacing in mm.
    burned_in : bool
        True when text is drawn into the pixels.
    body_part : str
        CHEST or KNEE (PS3.16 Annex L).
    laterality : str
        ImageLaterality: R, L, U (unpaired) or B (both).

    Raises
    ------
    ValueError
        If pixels, number, description or age are outside what is stated above.

    Notes
    -----
    Explicit VR Little Endian, 12 of 16 bits, SyntheticData (0008,001C) YES. The same arguments
    give the same UIDs (root 2.25) and, in one version of pydicom, the same bytes.
    """
    _check(pixels, number, description, patient_age)
    ds = Dataset()
    _set_names(ds, number, description, patient_age)
    _set_acquisition(ds, view_position, pixel_spacing, burned_in)
    ds.BodyPartExamined, ds.ImageLaterality = body_part, laterality
    ds.AnatomicRegionSequence = [_code(_REGIONS[body_part], "SCT", body_part.capitalize())]
    _set_pixels(ds, pixels)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    ds.save_as(path, enforce_file_format=True)


def _check(pixels: NDArray[np.uint16], number: int, description: str, patient_age: str) -> None:
    """Write strictly: refuse what the standard or the promise above forbids."""
    if pixels.ndim != 2 or pixels.dtype != np.uint16 or not pixels.size or pixels.max() > _WHITE:
        raise ValueError("pixels must be rows x columns of uint16, 0 to 4095")
    if not 1 <= number <= 99 or not 0 < len(description) <= 64:
        raise ValueError("number must be 1 to 99, description 1 to 64 characters")
    if parse_age(patient_age) is None:
        raise ValueError("patient_age must look like 004Y")


def _set_names(ds: Dataset, number: int, description: str, patient_age: str) -> None:
    """Patient, General Study, General Series, General Equipment, SOP Common modules."""
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(ds, keyword, derive_uid(f"lightbox synthetic film {number}", keyword))
    ds.SyntheticData = "YES"
    ds.PatientName = f"SYNTHETIC^EXAMPLE {number:02d}"
    ds.PatientID = f"SYNTHETIC-{number:02d}"
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.PatientAge = patient_age
    ds.PatientComments = "Computer generated; shows no person."
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20250101"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "120000"
    ds.StudyID = ds.AccessionNumber = f"SYN{number:02d}"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = description
    ds.SeriesDescription = "Synthetic example"
    ds.Modality = "DX"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.SeriesNumber = ds.InstanceNumber = 1
    ds.Manufacturer = "Lightbox"
    ds.ManufacturerModelName = "Synthetic film generator"


def _set_acquisition(
    ds: Dataset, view_position: str, pixel_spacing: tuple[float, float], burned_in: bool
) -> None:
    """DX Anatomy Imaged, DX Image, DX Detector, DX Positioning, Acquisition Context modules."""
    ds.ImageType = ["DERIVED", "PRIMARY", ""]
    ds.DerivationDescription = "Computer generated"
    ds.ViewPosition = view_position
    ds.PatientOrientation = ["L" if view_position in ("AP", "PA") else "P", "F"]
    ds.PositionerType = "NONE"
    ds.DetectorType = "DIRECT"
    ds.ImagerPixelSpacing = [f"{length:g}" for length in pixel_spacing]
    ds.BurnedInAnnotation = "YES" if burned_in else "NO"
    ds.AcquisitionContextSequence = []


def _set_pixels(ds: Dataset, pixels: NDArray[np.uint16]) -> None:
    """Image Pixel, DX Image and VOI LUT modules."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, BITS_STORED, BITS_STORED - 1
    ds.PixelRepresentation = 0
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.PresentationLUTShape = "IDENTITY"
    ds.LossyImageCompression = "00"
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    ds.WindowCenterWidthExplanation = "Full range"
    ds.VOILUTFunction = "LINEAR"
    ds.PixelData = pixels.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"


def _code(code: str, scheme: str, meaning: str) -> Dataset:
    """A coded entry (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, scheme, meaning
    return item
