"""The kind of a file, told by its first bytes and never by its name."""

from __future__ import annotations

from enum import StrEnum

from imaging.dicom.nifti import is_nifti
from imaging.errors import NotDicomError

_PREFIX_AT = 128
_KNOWN = (
    (b"\x1f\x8b", "The file is gzip-compressed; unpack it and add what is inside."),
    (b"PK\x03\x04", "The file is a ZIP archive; unpack it and add the files inside."),
    (b"7z\xbc\xaf", "The file is a 7-Zip archive; unpack it and add the files inside."),
    (b"Rar!", "The file is a RAR archive; unpack it and add the files inside."),
    (b"%PDF", "The file is a PDF document, not a picture; export the picture as DICOM or PNG."),
    (b"GIF8", "The file is a GIF; export the picture as DICOM, PNG or JPEG."),
    (b"BM", "The file is a BMP; export the picture as DICOM, PNG or JPEG."),
    (b"RIFF", "The file is a WebP or media file; export the picture as DICOM, PNG or JPEG."),
)
_PROGRAMS = (
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",  # Java's classes, and programs for several kinds of Mac
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\x00\x05\x16\x07",  # AppleDouble (RFC 1740): ._IM1.dcm
    b"\x00\x05\x16\x00",  # AppleSingle
)
_NOT_KNOWN = (
    "The file is neither DICOM nor a PNG, JPEG, TIFF or NIfTI picture. Export it as one of these."
)


class FileKind(StrEnum):
    """A kind of file this room reads."""

    DICOM = "dicom"
    PNG = "png"
    JPEG = "jpeg"
    TIFF = "tiff"
    NIFTI = "nifti"


def sniff(data: bytes) -> FileKind:
    """Tell what the bytes are.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    FileKind
        DICOM with its preamble (PS3.10 7.1) or without, PNG, JPEG, TIFF or NIfTI.

    Raises
    ------
    NotDicomError
        For anything else, with one sentence on what it is and what to do.
    """
    if not data:
        raise NotDicomError("The file is empty; ask for it to be sent again.")
    if data[_PREFIX_AT : _PREFIX_AT + 4] == b"DICM":
        return FileKind.DICOM
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileKind.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return FileKind.JPEG
    if data[:4] in (b"II*\0", b"MM\0*"):
        return FileKind.TIFF
    if is_nifti(data):
        return FileKind.NIFTI
    if _starts_like_a_dataset(data):
        return FileKind.DICOM
    for magic, sentence in _KNOWN:
        if data.startswith(magic):
            raise NotDicomError(sentence)
    if _is_text(data):
        raise NotDicomError("The file is text, not a picture; add DICOM, PNG or JPEG files.")
    raise NotDicomError(_NOT_KNOWN)


def may_be_film(data: bytes) -> bool:
    """True for a kind that is read here, and for a picture or archive of another kind.

    Parameters
    ----------
    data : bytes
        The whole file.
    """
    try:
        sniff(data)
    except NotDicomError:
        return data.startswith(tuple(magic for magic, _sentence in _KNOWN if magic != b"%PDF"))
    return True


def is_program(data: bytes) -> bool:
    """True for a program of Windows, Linux, a Mac or Java, and for a Mac's file of attributes."""
    if data[:2] == b"MZ":
        at = int.from_bytes(data[60:64], "little")
        return data[at : at + 4] == b"PE\0\0"
    return data.startswith(_PROGRAMS)


def _starts_like_a_dataset(data: bytes) -> bool:
    """True when the first element is one of group 0002 or 0008 in any encoding (PS3.5 7.1)."""
    head = data[:8]
    if len(head) < 8 or head[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    length = int.from_bytes(head[4:8], "little")
    return explicit or (head[0] != 0 and length < min(len(data), 1024))


def _is_text(data: bytes) -> bool:
    """True when the first kilobyte is UTF-8 without control characters."""
    head = data[:1024].decode("utf-8", "replace").rstrip("\ufffd")
    return bool(head) and all(c.isprintable() or c in "\r\n\t\f\ufeff" for c in head)
