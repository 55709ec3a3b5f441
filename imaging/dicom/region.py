"""A region of a film as a file of its own: the film's pixels and header, and who marked it.

Nothing is resampled or windowed, so scope checks, lengths and exports hold for a region as for its
film. What was done stands in the file: by the standard's attributes for everybody, and as a record
in a private element (PS3.5 7.8.1) for Lightbox, wherever the bytes go.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    UID,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pydicom.valuerep import DT

from imaging.derivation import derivation_from_json, derivation_to_json
from imaging.dicom.derived_film import write_derived
from imaging.dicom.header.elements import numbers, text
from imaging.dicom.header.error_boundary import border
from imaging.dicom.header.header import derive_uid
from imaging.dicom.image import Image
from imaging.dicom.pixels.description import MONOCHROME
from imaging.entities import Derivation, SourceKind
from imaging.errors import PixelDataError

_GROUP, _CREATOR = 0x0099, "LIGHTBOX DERIVATION"
_NO_REGION = (
    "No region can be cut out of this image: its pixels are no grey levels. Read it without the AI."
)
_UNWRITABLE = "The region cannot be written as a file; ask for the image to be sent again."
# What speaks of the pixels that are left out or of the file as it was, and what is written anew.
_LEFT_BEHIND = frozenset(
    {
        *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "ImageType"),
        *("SeriesDescription", "Laterality", "ImageLaterality", "DerivationDescription"),
        *("DerivationCodeSequence", "SourceImageSequence", "Rows", "Columns", "NumberOfFrames"),
        *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
        "PhotometricInterpretation",
        *("PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
        *("SmallestImagePixelValue", "LargestImagePixelValue", "IconImageSequence"),
        *("SmallestPixelValueInSeries", "LargestPixelValueInSeries", "FrameIncrementPointer"),
        *("DigitalSignaturesSequence", "MACParametersSequence", "EncryptedAttributesSequence"),
        *("ShutterShape", "ShutterLeftVerticalEdge", "ShutterRightVerticalEdge"),
        *("ShutterUpperHorizontalEdge", "ShutterLowerHorizontalEdge", "CenterOfCircularShutter"),
        *("RadiusOfCircularShutter", "VerticesOfThePolygonalShutter", "ShutterOverlayGroup"),
        *("ShutterPresentationValue", "ShutterPresentationColorCIELabValue"),
        *("CollimatorShape", "CollimatorLeftVerticalEdge", "CollimatorRightVerticalEdge"),
        *("CollimatorUpperHorizontalEdge", "CollimatorLowerHorizontalEdge"),
        *("CenterOfCircularCollimator", "RadiusOfCircularCollimator"),
        "VerticesOfThePolygonalCollimator",
    }
)
_LOSSY = {  # PS3.3 C.7.6.1.1.5.1
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
}


def write_region(image: Image, derivation: Derivation) -> bytes:
    """The file of a region: DICOM where its film is one, else a PNG.

    Parameters
    ----------
    image : Image
        The film, of one frame in grey levels.
    derivation : Derivation
        Box and side, and who marked it.

    Returns
    -------
    bytes
        The stored values inside the box, unchanged; Explicit VR Little Endian, uncompressed.

    Raises
    ------
    PixelDataError
        If the film cannot be decoded, is in colour or of floating point.
    ValueError
        If the box reaches beyond the film.

    Notes
    -----
    PS3.3 C.7.6.1.1.2 (ImageType), C.7.6.1.1.3 and C.12.4.1 (derivation, source image), C.12.1
    (Contributing Equipment), C.7.6.1.1.5 (what was compressed lossily stays so), C.7.3.1 and
    C.8.11.2 (the side), C.7.6.2.1.1 (the first pixel's place in the patient).
    """
    geometry = image.instance.geometry
    left, top, right, bottom = derivation.box
    if not (0 <= left < right <= geometry.columns and 0 <= top < bottom <= geometry.rows):
        raise ValueError("the box reaches beyond the film")
    grey = geometry.samples_per_pixel == 1 and geometry.photometric_interpretation in MONOCHROME
    if not grey or geometry.frames != 1:
        raise PixelDataError(_NO_REGION)
    values = np.ascontiguousarray(image.stored_values(0)[top:bottom, left:right])
    if image.instance.source is SourceKind.FILM:
        return write_derived(values, derivation)
    if values.dtype.kind not in "iu":
        raise PixelDataError(_NO_REGION)
    with border(PixelDataError, _UNWRITABLE):
        return _to_file(_make_dataset(image, values, derivation))


def with_region(image: Image) -> Image:
    """The image as the region of a film, where its file says that it is one.

    A note that is damaged counts as none.
    """
    derivation = _read_note(image._dataset)
    if derivation is None:
        return image
    return replace(image, instance=replace(image.instance, derivation=derivation))


def _read_note(ds: Dataset) -> Derivation | None:
    with suppress(Exception):  # whatever pydicom finds wrong with somebody's private element
        note = ds.private_block(_GROUP, _CREATOR)[0x01].value
        derivation = derivation_from_json(json.loads(note))
        return derivation if derivation.is_region else None
    return None


def _make_dataset(image: Image, values: NDArray[np.generic], derivation: Derivation) -> Dataset:
    source, identity = image._dataset, image.instance.identity
    ds = Dataset()
    for element in _kept(source):
        ds.add(element)
    ds.SOPClassUID = identity.sop_class_uid or SecondaryCaptureImageStorage
    _set_names(ds, derivation)
    left, top, _right, _bottom = derivation.box
    _move_origin(ds, left, top)
    ds.Rows, ds.Columns = values.shape
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = image.instance.geometry.photometric_interpretation
    deepest = int(values.max()).bit_length() + int(values.dtype.kind == "i")
    ds.BitsAllocated = 8 * values.dtype.itemsize
    ds.BitsStored = min(max(image.instance.geometry.bits_stored, deepest), ds.BitsAllocated)
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(values.dtype.kind == "i")
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    vr = "OB" if ds.BitsAllocated == 8 else "OW"
    ds.add(DataElement(0x7FE00010, vr, data + b"\0" * (len(data) % 2)))
    _set_derivation(ds, source, derivation)
    method = _LOSSY.get(identity.transfer_syntax_uid)
    if method and text(ds, "LossyImageCompression") != "01":
        ds.LossyImageCompression, ds.LossyImageCompressionMethod = "01", method
    return ds


def _kept(source: Dataset) -> Iterator[DataElement]:
    """What holds for a region as for its film; an element that cannot be read is left out."""
    for tag in source.keys():  # noqa: SIM118 - a Dataset iterates over elements, which may fail
        if tag.is_private or tag.group == 2 or tag.group >> 8 in (0x50, 0x60):
            continue  # a maker's own, curves and overlays: they speak of the whole film
        with suppress(Exception):
            element = source[tag]
            if element.keyword in _LEFT_BEHIND:
                continue
            if element.VR == "SQ":
                for item in element.value:  # read now: the new file is encoded otherwise
                    list(item.iterall())
            yield copy.deepcopy(element)


def _set_names(ds: Dataset, derivation: Derivation) -> None:
    """UIDs of its own, made from the record: the same region has the same; and its side."""
    record = json.dumps(derivation_to_json(derivation))
    ds.StudyInstanceUID = derivation.study_instance_uid
    ds.SeriesInstanceUID = derive_uid(record, "SeriesInstanceUID")
    ds.SOPInstanceUID = derive_uid(record, "SOPInstanceUID")
    side = {"R": "right", "L": "left"}.get(derivation.side, "")
    ds.SeriesDescription = f"Region, {side}" if side else "Region"
    if side:  # in a series of its own both may say it (PS3.3 C.7.3.1)
        ds.Laterality = ds.ImageLaterality = derivation.side


def _move_origin(ds: Dataset, left: int, top: int) -> None:
    """ImagePositionPatient (0020,0032) of the box's first pixel; films without one have none."""
    position = numbers(ds, "ImagePositionPatient")
    cosines = numbers(ds, "ImageOrientationPatient")
    spacing = numbers(ds, "PixelSpacing")
    if (len(position), len(cosines), len(spacing)) != (3, 6, 2):
        return
    along, down = np.array(cosines[:3]), np.array(cosines[3:])
    moved = np.array(position) + left * spacing[1] * along + top * spacing[0] * down
    ds.ImagePositionPatient = [f"{number:.10g}"[:16] for number in moved]


def _set_derivation(ds: Dataset, film: Dataset, derivation: Derivation) -> None:
    old = text(film, "ImageType").upper().split("\\")
    ds.ImageType = ["DERIVED", old[1] if len(old) > 1 and old[1] else "PRIMARY", *old[2:]]
    left, top, right, bottom = derivation.box
    ds.DerivationDescription = (
        f"Region of {right - left} x {bottom - top} pixels at column {left + 1}, row {top + 1}, "
        f"marked by {derivation.reader}; values unchanged."
    )
    source = Dataset()
    source.ReferencedSOPClassUID = ds.SOPClassUID
    source.ReferencedSOPInstanceUID = derivation.source_sop_instance_uid
    source.SpatialLocationsPreserved = "NO"
    source.PurposeOfReferenceCodeSequence = [
        _code("121322", "Source image for image processing operation")
    ]
    ds.SourceImageSequence = [source]
    device = Dataset()
    device.PurposeOfReferenceCodeSequence = [_code("109103", "Modifying Equipment")]
    device.Manufacturer = "Lightbox"
    device.ContributionDateTime = DT(derivation.created_at)
    device.ContributionDescription = "Region marked by a reader"
    ds.ContributingEquipmentSequence = [*ds.get("ContributingEquipmentSequence", ()), device]
    note = json.dumps(derivation_to_json(derivation))  # ASCII, whatever the character set
    ds.private_block(_GROUP, _CREATOR, create=True).add_new(0x01, "UT", note)


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _to_file(ds: Dataset) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = UID(ds.SOPClassUID)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
