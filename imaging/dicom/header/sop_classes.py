"""DICOM objects and encodings in words, for messages about what cannot be shown."""

from __future__ import annotations

from pydicom.uid import UID, GrayscaleSoftcopyPresentationStateStorage

from imaging.documents import DocumentKind

_OBJECTS = (
    ("Media Storage Directory", "the directory of a disc (DICOMDIR)"),
    ("Key Object Selection", "a list of key pictures"),
    ("Radiation Dose SR", "a radiation dose report"),
    (" SR ", "a structured report"),
    ("Presentation State", "a display setting (presentation state)"),
    ("Waveform", "a waveform recording"),
    ("Structure Set", "radiotherapy contours"),
    ("RT ", "a radiotherapy plan or record"),
    ("Encapsulated PDF", "a PDF document"),
    ("Encapsulated", "an enclosed document"),
    ("Registration", "a registration between pictures"),
    ("Fiducials", "a set of marker points"),
    ("Real World Value", "a table of measurement units"),
    ("Annotations", "a set of annotations"),
    ("Segmentation", "a segmentation"),
    ("Spectroscopy", "spectroscopy data"),
    ("Raw Data", "raw scanner data"),
    ("Report", "a report"),
    ("Measurements", "a set of measurements"),
    ("Protocol", "an examination protocol"),
)
_MODALITIES = {
    "SR": "a structured report",
    "KO": "a list of key pictures",
    "PR": "a display setting (presentation state)",
    "ECG": "a waveform recording",
    "RTPLAN": "a radiotherapy plan or record",
    "RTRECORD": "a radiotherapy plan or record",
    "RTSTRUCT": "radiotherapy contours",
    "DOC": "a document",
    "REG": "a registration between pictures",
}
_SYNTAXES = {  # newer than pydicom's dictionary
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}


def name_object(sop_class_uid: str, modality: str) -> str | None:
    """Name an object without pixels in words; None when it should have been a picture."""
    name = UID(sop_class_uid).name
    by_class = next((words for part, words in _OBJECTS if part in name), None)
    return by_class or _MODALITIES.get(modality)


def document_kind(sop_class_uid: str) -> DocumentKind | None:
    """The kind of document that a class of objects is (PS3.4 B.5); None for all others.

    A report is any class with a content tree under a name of its own ("Basic Text SR Storage",
    "X-Ray Radiation Dose SR Storage").
    """
    if UID(sop_class_uid).name.endswith(" SR Storage"):
        return DocumentKind.REPORT
    if sop_class_uid == GrayscaleSoftcopyPresentationStateStorage:
        return DocumentKind.PRESENTATION
    return None


def name_syntax(transfer_syntax_uid: str) -> str:
    """The name of a transfer syntax (PS3.6 Annex A), or its UID when it has none here."""
    newer = _SYNTAXES.get(transfer_syntax_uid)
    return newer or str(UID(transfer_syntax_uid).name)
