"""Bytes to `Image` or `Document`: tolerant of odd headers, strict about pixels."""

from __future__ import annotations

import hashlib
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from imaging.dicom import repair
from imaging.dicom.derived_film import with_derivation
from imaging.dicom.file_kind import FileKind, sniff
from imaging.dicom.header import header
from imaging.dicom.header.anatomy_codes import anatomy_remarks
from imaging.dicom.header.document_header import read_document
from imaging.dicom.header.elements import text
from imaging.dicom.header.error_boundary import border
from imaging.dicom.header.file_meta import with_sound_meta
from imaging.dicom.header.sop_classes import document_kind, name_object, name_syntax
from imaging.dicom.image import Image
from imaging.dicom.nifti import volume_dataset
from imaging.dicom.pixels import codecs, description, effective, grey_levels
from imaging.dicom.pixels.tint import READ_AS_GREY
from imaging.dicom.pixels.wrapping import ENCAPSULATED_UNCOMPRESSED
from imaging.dicom.raster_film import film_dataset
from imaging.dicom.region import with_region
from imaging.documents import Document
from imaging.entities import Geometry, Instance, SourceKind
from imaging.errors import (
    InputError,
    NotDicomError,
    PixelDataError,
    UnsupportedImageError,
    UnsupportedTransferSyntaxError,
)
from imaging.text import MAX_NAME, clean

MAX_FILE_BYTES = 2**30
MAX_HEADER_BYTES = 2**26
_PART = 2**24  # bytes
_UNREADABLE = (
    "The file looks like DICOM but is damaged or was cut short; ask for it to be sent again."
)
_UNDESCRIBED = (
    "The header's description of the picture cannot be read. Ask for it to be exported again."
)
_TOO_LARGE = "The file is larger than 1 GiB, more than this tool accepts. Export it in parts."
_UNPACKS = "The file unpacks to more than 1 GiB, more than this tool accepts. Export it in parts."
_LONG_HEADER = (
    "The header of this file is longer than any image's; ask for it to be exported again."
)
_MISSING_UIDS = "The file lacks valid identifiers (UIDs); stand-ins were made from its bytes."
_MALFORMED_UIDS = (
    "The file's identifiers (UIDs) are not well formed; stand-ins were made from what it "
    "says, so that the images of one study stay together."
)
_ENCAPSULATED = b"\xfe\xff\x00\xe0"  # an item where native pixels would start (PS3.5 A.4)


def read_image(source: bytes | Path, *, file_name: str = "") -> Image:
    """Read a DICOM file, a PNG, JPEG or TIFF film, or a NIfTI volume.

    Parameters
    ----------
    source : bytes or Path
        The file's content, or where it is. Its kind follows from its bytes, never from its name.
    file_name : str
        Name to show; a path's own name when empty.

    Returns
    -------
    Image
        Header read, size and length of the pixels checked; pixels decoded when asked for.

    Raises
    ------
    NotDicomError
        If the bytes are no DICOM object and no film, or the path cannot be opened.
    UnsupportedTransferSyntaxError
        If no decoder here reads the encoding.
    UnsupportedImageError
        If the object holds no picture, or a film says it is mirrored.
    PixelDataError
        If the pixels are missing, cut short, too large or contradict the header.

    Notes
    -----
    PS3.10 7 (file format); a missing preamble, file meta information or UID is made good.
    """
    parsed = read_object(source, file_name=file_name)
    if isinstance(parsed, Document):
        raise _no_picture_error(parsed.identity.sop_class_uid, parsed.acquisition.modality)
    return parsed


def read_object(source: bytes | Path, *, file_name: str = "", sha256: str = "") -> Image | Document:
    """Read whatever can be kept: a picture, or a document without one.

    Parameters
    ----------
    source, file_name
        As for `read_image`.
    sha256 : str
        Of the bytes, where it is known already.

    Returns
    -------
    Image or Document
        A document's header; its content is read by `read_report` or `read_presentation`.

    Raises
    ------
    InputError
        As `read_image`; `UnsupportedImageError` for an object that is neither.
    """
    if isinstance(source, Path):
        file_name = file_name or source.name
        source = _load(source)
    file_name = clean(file_name, MAX_NAME)
    kind = sniff(source)
    sha256 = sha256 or hashlib.sha256(source).hexdigest()
    if kind is FileKind.DICOM:
        with border(NotDicomError, _UNREADABLE):
            dataset = parse(source)
            document = read_document(dataset, sha256, file_name)
            return document or with_region(_build(dataset, sha256, SourceKind.DICOM, file_name))
    with border(PixelDataError, "The picture is damaged; export it again."):
        make = volume_dataset if kind is FileKind.NIFTI else film_dataset
        dataset = make(source, sha256=sha256)
        film = _build(dataset, sha256, SourceKind.FILM, file_name)
        return with_derivation(film, source) if kind is FileKind.PNG else film


def describe(source: bytes, *, file_name: str = "", sha256: str = "") -> Instance | None:
    """Read the header of a DICOM picture that `read_object` refuses for its pixels' sake.

    Its study must be found all the same. None where there is no header, or no picture is meant.
    """
    if sniff(source) is not FileKind.DICOM:
        return None
    sha256 = sha256 or hashlib.sha256(source).hexdigest()
    with suppress(InputError), border(NotDicomError, _UNREADABLE):
        ds = parse(source)
        repair.repair_dataset(ds)
        kind = text(ds, "SOPClassUID")
        if name_object(kind, "") or document_kind(kind) or not header.names_itself(ds):
            return None
        syntax = text(ds.file_meta, "TransferSyntaxUID")
        return Instance(
            identity=header.read_identity(ds, sha256=sha256, transfer_syntax_uid=syntax),
            patient=header.read_patient(ds),
            acquisition=header.read_acquisition(ds),
            geometry=description.stated_geometry(ds),
            source=SourceKind.DICOM,
            file_name=clean(file_name, MAX_NAME),
        )
    return None


def _load(path: Path) -> bytes:
    """All bytes of a file of sane size."""
    with border(NotDicomError, "The file cannot be opened; check that it still exists."):
        if path.stat().st_size > MAX_FILE_BYTES:
            raise PixelDataError(_TOO_LARGE)
        return path.read_bytes()


def parse(data: bytes) -> Dataset:
    """The dataset of a DICOM file, its file meta information made good.

    Raises
    ------
    NotDicomError
        If there is none; pydicom's own errors pass through, for `border` to catch.
    """
    data = with_sound_meta(data)
    _check_deflated(data)
    ds = dcmread(BytesIO(data), force=True)
    if not len(ds):  # pydicom's answer when the file ends within compressed pixels
        ds = dcmread(BytesIO(data), force=True, stop_before_pixels=True)
    if not len(ds):
        raise NotDicomError(_UNREADABLE)
    if not text(ds.file_meta, "TransferSyntaxUID"):
        ds.file_meta.TransferSyntaxUID = _guess_syntax(ds)
    return ds


def cut_before_pixels(data: bytes) -> bytes:
    """A DICOM file up to its pixels: another file, which says the same of itself.

    Raises
    ------
    NotDicomError
        If it cannot be read.
    PixelDataError
        If that alone is larger than `MAX_HEADER_BYTES`.
    """
    with border(NotDicomError, _UNREADABLE):
        _check_deflated(data)
        stream = BytesIO(data)
        ds = dcmread(stream, force=True, stop_before_pixels=True)
        if text(ds.file_meta, "TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            packed = BytesIO()
            ds.save_as(packed, enforce_file_format=True)
            size, data = sum(_length_of(element) for element in ds.values()), packed.getvalue()
        else:
            size, data = stream.tell(), data[: stream.tell()]
        if size > MAX_HEADER_BYTES:
            raise PixelDataError(_LONG_HEADER)
        return data


def _length_of(element: Any) -> int:
    """Bytes of an element's value as it was read, sequences left out."""
    return len(element.value or b"") if isinstance(element, RawDataElement) else 0


def _check_deflated(data: bytes) -> None:
    """Refuse a deflated dataset that would unpack to more than `MAX_FILE_BYTES`."""
    if DeflatedExplicitVRLittleEndian.encode() + b"\x00" not in data[:1024]:
        return
    meta_end = 144 + int.from_bytes(data[140:144], "little")
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    packed, room = data[meta_end:], MAX_FILE_BYTES
    while packed and not unpacker.eof:  # in parts: nobody needs the whole of it here
        room -= len(unpacker.decompress(packed, _PART))
        if room < 0:
            raise PixelDataError(_UNPACKS)
        packed = unpacker.unconsumed_tail


def _guess_syntax(ds: Dataset) -> UID:
    """The transfer syntax of a file that does not name it, from how its elements were encoded."""
    if (description.pixel_bytes(ds) or b"").startswith(_ENCAPSULATED):
        raise UnsupportedTransferSyntaxError(
            "The file does not say how its picture is compressed, so it cannot be decoded. Export "
            "it again, uncompressed."
        )
    implicit, little_endian = ds.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian


def _build(ds: Dataset, sha256: str, source: SourceKind, file_name: str) -> Image:
    """Entities from the dataset; refuses what cannot become a picture."""
    stated = text(ds.file_meta, "TransferSyntaxUID")
    repairs = repair.repair_dataset(ds)
    syntax = text(ds.file_meta, "TransferSyntaxUID")
    named = stated if stated == ENCAPSULATED_UNCOMPRESSED else syntax  # read as native
    identity = header.read_identity(ds, sha256=sha256, transfer_syntax_uid=named)
    acquisition = header.read_acquisition(ds)
    if description.pixel_keyword(ds) is None:
        raise _no_picture_error(identity.sop_class_uid, acquisition.modality)
    _check_syntax(syntax)
    with border(PixelDataError, _UNDESCRIBED):
        geometry = description.read_geometry(ds, syntax)
        presets = grey_levels.presets(ds, geometry)
        found = effective.find_deviations(ds, geometry)
        remarks = (*repairs.remarks, *_collect_remarks(ds, syntax, geometry))
    instance = Instance(
        identity=identity,
        patient=header.read_patient(ds),
        acquisition=acquisition,
        geometry=geometry,
        voi_presets=presets,
        source=source,
        file_name=file_name,
    )
    refusals = (one.words for one in found if one.is_doubtful)
    return Image(
        instance,
        ds,
        (*remarks, *(one.words for one in found)),
        (*repairs.refusals, *refusals),
    )


def _no_picture_error(sop_class_uid: str, modality: str) -> UnsupportedImageError | PixelDataError:
    """The error for an object without pixels: another kind of object, or a picture cut off."""
    words = name_object(sop_class_uid, modality)
    if words:
        return UnsupportedImageError(
            f"This file holds {words}, not a picture. Add the image itself."
        )
    if sop_class_uid:
        return PixelDataError(
            "The header describes a picture but the file holds none; it was cut short or "
            "stripped. Ask for it to be sent again."
        )
    return UnsupportedImageError("This DICOM file holds no picture. Add the image itself.")


def _check_syntax(transfer_syntax_uid: str) -> None:
    """Refuse an encoding for which no decoder is installed."""
    name = name_syntax(transfer_syntax_uid)
    try:
        available = codecs.decoder(UID(transfer_syntax_uid)).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise UnsupportedTransferSyntaxError(
            f"The picture is encoded as {name}, which cannot be decoded here; export it "
            "uncompressed or as JPEG 2000."
        )


def _collect_remarks(ds: Dataset, syntax: str, geometry: Geometry) -> tuple[str, ...]:
    """Sentences on what is odd about a file that can still be used."""
    remarks = []
    if not header.has_own_uids(ds):
        remarks.append(_MALFORMED_UIDS if header.names_itself(ds) else _MISSING_UIDS)
    if grey_levels.has_void_rescale(ds):
        remarks.append("The header's rescale slope is 0 or no number; it was ignored.")
    if not UID(syntax).is_encapsulated and description.excess_bytes(ds, geometry):
        remarks.append("The file holds more picture data than its header describes.")
    if text(ds, "DerivationDescription") == READ_AS_GREY:
        remarks.append(READ_AS_GREY)
    return (*remarks, *anatomy_remarks(ds))
