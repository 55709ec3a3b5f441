"""DICOMDIR: the names of the files on a disc (PS3.10 8.6, PS3.3 F.3)."""

from __future__ import annotations

from io import BytesIO

from pydicom import dcmread
from pydicom.uid import MediaStorageDirectoryStorage

from imaging.dicom.header.elements import sequence_items, text
from imaging.dicom.header.error_boundary import border
from imaging.errors import NotDicomError

FileId = tuple[str, ...]  # the components of a Referenced File ID (0004,1500)
_DAMAGED = "The directory of the disc (DICOMDIR) is damaged; add the files themselves."


def is_dicomdir(content: bytes) -> bool:
    """True when the file meta information names the class of directories."""
    return MediaStorageDirectoryStorage.encode() in content[:1024]


def referenced_files(content: bytes) -> tuple[FileId, ...]:
    """Where a disc's files lie, each once, in the order of its records.

    Components that could lead out of the disc's folder are no file IDs: those records are left out
    (PS3.10 8.2: upper case letters, digits and underscore).

    Raises
    ------
    NotDicomError
        If the directory cannot be read.
    """
    with border(NotDicomError, _DAMAGED):
        ds = dcmread(BytesIO(content))
        records = sequence_items(ds, "DirectoryRecordSequence")
        paths = [tuple(text(record, "ReferencedFileID").split("\\")) for record in records]
    sound = (parts for parts in paths if all(map(_is_component, parts)))
    return tuple(dict.fromkeys(sound))


def _is_component(part: str) -> bool:
    """A plain name; some writers use lower case, dots and dashes too."""
    return bool(part) and part not in (".", "..") and not set(part) & set('/\\:\0*?"<>|')
