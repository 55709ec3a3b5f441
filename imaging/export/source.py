"""The source of an export as a clean header: patient and study as shown, the picture as found.

Films (PNG, JPEG) have no header: they become a Secondary Capture of their own, under the UIDs by
which the records know them, so that reports and presentation states have something to refer to.
"""

from __future__ import annotations

import math
from contextlib import suppress
from copy import copy
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from imaging.entities import Instance, SourceKind
from imaging.errors import ExportError
from imaging.export import wording
from imaging.export.case import Change, ExportCase, ExportedFile
from imaging.export.common import SOFTWARE, UTF_8, border, to_file
from imaging.export.photograph import describe_origin
from imaging.export.shown import add_shown

_UNREADABLE = "The header of the original file cannot be read, so nothing can refer to it."
_PICTURE = (  # read from the source by highdicom; not patient data
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "Modality",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence",
    "WindowCenter", "WindowWidth", "VOILUTSequence", "VOILUTFunction",
    "FrameOfReferenceUID", "PositionReferenceIndicator", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "ImageType", "LossyImageCompression", "LossyImageCompressionRatio",
    "LossyImageCompressionMethod", "BurnedInAnnotation", "PatientOrientation",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
_SEVERAL = (
    "NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
RESCALE = ("RescaleSlope", "RescaleIntercept", "RescaleType")
_PNG = b"\x89PNG"


def source_dataset(case: ExportCase, instance: Instance) -> Dataset:
    """The header of an instance, with the UIDs by which the records know it.

    Parameters
    ----------
    case : ExportCase
    instance : Instance
        One of its instances.

    Returns
    -------
    pydicom.Dataset
        No pixels. Patient and study are those of the record (`shown.add_shown`), type 2 attributes
        empty where nothing is known; text is Unicode (ISO_IR 192).

    Raises
    ------
    ExportError
        If the original is missing or its header cannot be read.
    """
    header = _read_header(case, instance)
    ds = Dataset()
    ds.SpecificCharacterSet = UTF_8
    with border(_UNREADABLE):
        add_shown(ds, header, instance)
    for keyword in _PICTURE:
        with border(_UNREADABLE):
            if keyword in header and header[keyword].value not in (None, ""):
                ds[keyword] = header[keyword]
    if case.record.identity is not None:  # a reader said who it is; this is the file's own
        ds.pop("PatientBirthTime", None)
    _set_identity(ds, instance)
    return ds


def find_changes(case: ExportCase) -> tuple[Change, ...]:
    """What the exports of a case write otherwise than its files do, each change once.

    A file that is missing or cannot be read has none: what needs its header says so itself.
    """
    found: dict[Change, None] = {}
    for instance in case.record.instances:
        with suppress(ExportError), border(_UNREADABLE):
            found.update(
                dict.fromkeys(add_shown(Dataset(), _read_header(case, instance), instance))
            )
    return tuple(found)


def stand_in(source: Dataset) -> Dataset:
    """The header as that of a Secondary Capture: highdicom refuses classes and modalities."""
    ds = Dataset()
    for element in source:  # setting a value changes the element itself, so each is copied
        ds.add(copy(element))
    ds.SOPClassUID, ds.Modality = SecondaryCaptureImageStorage, "OT"
    return ds


def one_frame(source: Dataset, frame: int) -> Dataset:
    """A frame's header as if it were an image of its own, which is all highdicom can refer to.

    highdicom takes every image of a class that may have several frames for one with functional
    groups; ultrasound, angiography and multi-frame captures have none. What is written from this
    stand-in is led back to the source by `point_to`.

    Returns
    -------
    pydicom.Dataset
        The UIDs of `source`, the class of a Secondary Capture; rescale and VOI of the frame.
    """
    ds = stand_in(source)
    groups = [
        *source.get("SharedFunctionalGroupsSequence", []),
        *source.get("PerFrameFunctionalGroupsSequence", [])[frame : frame + 1],
    ]
    for group in groups:
        for macro in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
            for item in group.get(macro, [])[:1]:
                ds.update(item)
    for keyword in (*_SEVERAL, *(() if _has_rescale(ds) else RESCALE)):
        if keyword in ds:
            del ds[keyword]
    if "RescaleSlope" in ds and not ds.get("RescaleType"):
        ds.RescaleType = "US"  # unspecified (PS3.3 C.11.1.1.2)
    return ds


def point_to(dataset: Dataset, source: Dataset, frame: int | None) -> None:
    """Make every reference to a stand-in one to the source, in place.

    Parameters
    ----------
    dataset : pydicom.Dataset
        What was written from the stand-in.
    source : pydicom.Dataset
        As from `source_dataset`.
    frame : int or None
        The frame all of it is about, counted from 0; None leaves frame numbers as they are.
    """
    several = frame is not None and int(source.get("NumberOfFrames") or 1) > 1

    def correct(item: Dataset, element: DataElement) -> None:
        if element.keyword == "ReferencedSOPInstanceUID" and element.value == source.SOPInstanceUID:
            item.ReferencedSOPClassUID = source.SOPClassUID
            if several and frame is not None:
                item.ReferencedFrameNumber = frame + 1

    dataset.walk(correct)
    for series in dataset.get("ReferencedSeriesSequence", []):
        for item in series.get("ReferencedInstanceSequence", []):  # names whole objects
            item.pop("ReferencedFrameNumber", None)


def region_file(case: ExportCase, instance: Instance) -> ExportedFile:
    """A region of a DICOM film as it is stored, under the UIDs of the records.

    No archive has it, and what is written of it refers to it.
    """
    uid = instance.identity.sop_instance_uid
    if uid not in case.contents:
        raise ExportError(
            "An original of this study is missing from the data folder, or was altered there; "
            "upload the same file again."
        )
    with border(_UNREADABLE):
        ds = dcmread(BytesIO(case.contents[uid]), force=True)
        _set_identity(ds, instance)
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        return to_file("region", ds)


def _has_rescale(ds: Dataset) -> bool:
    """True unless the rescale would erase the picture; the viewer ignores such a one, too."""
    try:
        slope, intercept = float(ds.RescaleSlope), float(ds.RescaleIntercept)
    except (AttributeError, TypeError, ValueError):
        return False
    return slope != 0 and math.isfinite(slope) and math.isfinite(intercept)


def film_capture(case: ExportCase, instance: Instance) -> ExportedFile:
    """A film (PNG, JPEG) as a Secondary Capture (PS3.3 A.8), its pixels unchanged."""
    ds = source_dataset(case, instance)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    stored = case.picture(ds.SOPInstanceUID, 0).stored
    if stored is None:
        raise ExportError(
            "The picture of this image could not be prepared for the export. "
            "Export it without pictures, or ask for the file again."
        )
    ds.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    ds["PixelData"].VR = "OW" if ds.BitsAllocated == 16 else "OB"
    if instance.derivation is not None:
        describe_origin(ds, case, instance.derivation)
    return to_file("film", ds)


def _read_header(case: ExportCase, instance: Instance) -> Dataset:
    """The header as found, or made up for a film."""
    uid = instance.identity.sop_instance_uid
    if uid not in case.contents:
        raise ExportError(
            "An original of this study is missing from the data folder, or was altered there; "
            "upload the same file again."
        )
    content = case.contents[uid]
    if instance.source is SourceKind.FILM:
        return _make_film_header(instance, lossy=not content.startswith(_PNG))
    with border(_UNREADABLE):
        return dcmread(BytesIO(content), force=True, stop_before_pixels=True)


def _make_film_header(instance: Instance, *, lossy: bool) -> Dataset:
    """Attributes of a film: no patient is known but what a reader typed, and it says so.

    Without a number typed the PatientID is made from the film itself, so that no archive ever
    takes two films without identity for the same person.
    """
    geometry = instance.geometry
    ds = Dataset()
    if instance.typed is not None:  # `shown.add_shown` adds what was typed; this is by whom
        ds.PatientComments = wording.typed_line(instance.typed)
    origin = instance.derivation  # what was cut out of a photograph is the same person's
    sha256 = origin.source_sha256 if origin else instance.identity.sha256
    ds.PatientID = instance.patient.patient_id or f"FILM-{sha256[:12].upper()}"
    ds.Modality, ds.ConversionType = "OT", "WSD"
    ds.Manufacturer = SOFTWARE
    ds.Rows, ds.Columns = geometry.rows, geometry.columns
    ds.SamplesPerPixel = geometry.samples_per_pixel
    ds.PhotometricInterpretation = geometry.photometric_interpretation
    ds.BitsAllocated = ds.BitsStored = geometry.bits_stored
    ds.HighBit, ds.PixelRepresentation = geometry.bits_stored - 1, 0
    ds.ImageType = ["DERIVED", "SECONDARY"]
    if lossy:
        ds.LossyImageCompression, ds.LossyImageCompressionMethod = "01", "ISO_10918_1"
    return ds


def _set_identity(ds: Dataset, instance: Instance) -> None:
    """The UIDs of the records, and what a Secondary Capture of a film needs besides."""
    identity = instance.identity
    ds.StudyInstanceUID = identity.study_instance_uid
    ds.SeriesInstanceUID = identity.series_instance_uid
    ds.SOPInstanceUID = identity.sop_instance_uid
    ds.SOPClassUID = identity.sop_class_uid or SecondaryCaptureImageStorage
    if instance.source is SourceKind.FILM:
        ds.ConversionType, ds.Manufacturer = "WSD", SOFTWARE
        ds.SeriesNumber = ds.InstanceNumber = 1
        ds.PatientOrientation = ds.Laterality = ""
        if ds.SamplesPerPixel == 3:
            ds.PlanarConfiguration = 0
