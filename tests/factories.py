"""Made-up data for tests: datasets and files by attribute, nobody's picture."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image as PilImage
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid


def make_pixels(rows: int = 24, columns: int = 32, *, bits: int = 12) -> np.ndarray:
    """(rows, columns) uint16: a diagonal ramp from 0 to 2**bits - 1."""
    ramp = np.add.outer(np.arange(rows), np.arange(columns)) / (rows + columns - 2)
    return np.rint(ramp * (2**bits - 1)).astype(np.uint16)


def make_dataset(pixels: np.ndarray | None = None, **attributes: Any) -> Dataset:
    """A complete CR dataset; keyword attributes replace its own, None removes one.

    `pixels` is (rows, columns), (frames, rows, columns) or (rows, columns, 3).
    """
    array = make_pixels() if pixels is None else pixels
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ComputedRadiographyImageStorage
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(ds, keyword, generate_uid(entropy_srcs=["lightbox test", keyword]))
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID, ds.PatientAge = "SYNTHETIC^TEST", "T-1", "004Y"
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "CR", "CHEST", "AP"
    ds.StudyDate, ds.StudyTime = "20250101", "120000"
    _describe(ds, array)
    for keyword, value in attributes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def make_dicom_bytes(pixels: np.ndarray | None = None, **attributes: Any) -> bytes:
    """`make_dataset` as a DICOM file."""
    return to_bytes(make_dataset(pixels, **attributes))


def to_bytes(ds: Dataset) -> bytes:
    """A dataset as a DICOM file (PS3.10)."""
    buffer = BytesIO()
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "1.2.3")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "1.2.3")
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def make_film_bytes(array: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """An array as a PNG or JPEG file."""
    buffer = BytesIO()
    PilImage.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def make_lut(first: int, table: list[int], *, bits: int = 16, explanation: str = "") -> Dataset:
    """An item of ModalityLUTSequence or VOILUTSequence."""
    item = Dataset()
    item.LUTDescriptor = [len(table), first, bits]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item.LUTExplanation = explanation
    item.LUTData = np.array(table, dtype="<u2").tobytes()
    item["LUTData"].VR = "OW"
    return item


def make_overlay(
    bits: np.ndarray,
    *,
    group: int = 0x6000,
    origin: tuple[int, int] = (1, 1),
    kind: str = "G",
    bit: int = 0,
    frame_origin: int = 0,
    vr: str = "OW",
) -> dict[int, DataElement]:
    """The elements of an overlay plane, by their number within its group (PS3.3 C.9.2).

    `bits` is (rows, columns) or (frames, rows, columns) bool; with `bit` they lie among those of
    the pixels, and are not among the elements.
    """
    rows, columns = bits.shape[-2:]
    found: dict[int, Any] = {
        0x0010: ("US", rows), 0x0011: ("US", columns), 0x0040: ("CS", kind),
        0x0050: ("SS", list(origin)), 0x0100: ("US", 16 if bit else 1), 0x0102: ("US", bit),
    }  # fmt: skip
    if bits.ndim == 3:
        found[0x0015] = ("IS", bits.shape[0])
        found[0x0051] = ("US", frame_origin or 1)
    if not bit:
        packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
        found[0x3000] = (vr, packed + b"\0" * (len(packed) % 2))
    return {at: DataElement(group << 16 | at, vr, value) for at, (vr, value) in found.items()}


def _describe(ds: Dataset, array: np.ndarray) -> None:
    """Image Pixel module for an array."""
    colour = array.ndim == 3 and array.shape[-1] == 3
    bits = 8 * array.dtype.itemsize
    if array.ndim == 3 and not colour:
        ds.NumberOfFrames = array.shape[0]
    ds.Rows, ds.Columns = array.shape[:2] if colour else array.shape[-2:]
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.PixelRepresentation = bits, int(array.dtype.kind == "i")
    ds.BitsStored = 12 if array.dtype == np.uint16 else bits
    ds.HighBit = ds.BitsStored - 1
    ds.PixelData = array.astype(array.dtype.newbyteorder("<")).tobytes()
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"
