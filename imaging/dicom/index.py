"""A file's line in an index: by the strict walker where it serves, else by pydicom."""

from __future__ import annotations

import os
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from imaging.dicom.border import border
from imaging.dicom.elements import integer, text
from imaging.dicom.sniff import FileKind, sniff
from imaging.dicom.walker import walk_header
from imaging.errors import NotDicomError
from imaging.listing import Listing

FIRST_READ = 16 * 1024  # most headers end sooner
LAST_READ = 4 * 1024 * 1024  # where a header is longer, pydicom may judge
_UNREADABLE = "The header is damaged or was cut short; ask for the file to be sent again."
_TEXTS = (
    *("ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "Modality", "SeriesDescription"),
    *("PatientID", "PatientAge", "BodyPartExamined", "ViewPosition"),
    *("StudyInstanceUID", "SeriesInstanceUID"),
)
_NUMBERS = ("InstanceNumber", "NumberOfFrames", "Rows", "Columns")


def read_listing(path: Path) -> Listing:
    """Read what an index says about a DICOM file; pixels are never read.

    Parameters
    ----------
    path : Path
        The file; with or without preamble, in any encoding pydicom reads.

    Raises
    ------
    NotDicomError
        If it cannot be opened or is no DICOM file.
    """
    try:
        found, head = _by_walker(path)
    except OSError as exc:
        raise NotDicomError("The file does not exist or cannot be opened.") from exc
    return found or _by_pydicom(path, head)


def _by_walker(path: Path) -> tuple[Listing | None, bytes]:
    """The line if the walker reads the file, and the file's first bytes."""
    handle = os.open(path, os.O_RDONLY)  # half the cost of a file object
    try:
        data, wanted = b"", FIRST_READ
        while True:
            data += os.read(handle, wanted - len(data))
            try:
                return walk_header(data, whole=len(data) < wanted), data
            except EOFError:
                if wanted >= LAST_READ:
                    return None, data
            wanted *= 16
    finally:
        os.close(handle)


def listing_of(ds: Dataset) -> Listing:
    """The same line from pydicom's reading of a header."""
    syntax = text(getattr(ds, "file_meta", None) or Dataset(), "TransferSyntaxUID")
    texts = (text(ds, keyword) for keyword in _TEXTS)
    return Listing(syntax, *texts, *(integer(ds, keyword) for keyword in _NUMBERS))  # type: ignore[arg-type]


def _by_pydicom(path: Path, head: bytes) -> Listing:
    """The line by pydicom, for whatever the walker declines."""
    if sniff(head) is not FileKind.DICOM:
        raise NotDicomError("The file is no DICOM file.")
    with border(NotDicomError, _UNREADABLE):
        ds = dcmread(path, force=True, stop_before_pixels=True)
        if not len(ds):
            raise NotDicomError(_UNREADABLE)
        return listing_of(ds)
