"""The header of a document: which report or presentation state it is, by whom and when."""

from __future__ import annotations

from pydicom.dataset import Dataset

from imaging.dicom.header import header
from imaging.dicom.header.elements import first_item, sequence_items, text
from imaging.dicom.header.sop_classes import document_kind
from imaging.documents import Document, DocumentKind
from imaging.moments import read_date, read_time

_PERSON_OBSERVER = "121008"  # PS3.16 TID 1003, Person Observer Name (DCM)


def read_document(ds: Dataset, sha256: str, file_name: str) -> Document | None:
    """Read the header of a document.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        The whole object.
    sha256 : str
        Hex digest of the file.
    file_name : str
        Name to show.

    Returns
    -------
    Document or None
        None for a picture, for other kinds of objects, and for a report without content.
    """
    syntax = text(ds.file_meta, "TransferSyntaxUID")
    identity = header.read_identity(ds, sha256=sha256, transfer_syntax_uid=syntax)
    kind = document_kind(identity.sop_class_uid)
    if kind is None or (kind is DocumentKind.REPORT and not sequence_items(ds, "ContentSequence")):
        return None
    report = kind is DocumentKind.REPORT
    prefix = "Content" if report else "PresentationCreation"
    return Document(
        identity=identity,
        patient=header.read_patient(ds),
        acquisition=header.read_acquisition(ds),
        kind=kind,
        title=report_title(ds) if report else text(ds, "ContentDescription", "ContentLabel"),
        author=_read_author(ds) if report else person(text(ds, "ContentCreatorName")),
        date=read_date(text(ds, f"{prefix}Date")),
        time=read_time(text(ds, f"{prefix}Time")),
        file_name=file_name,
    )


def report_title(ds: Dataset) -> str:
    """The heading of a report: the meaning of its root's concept name (PS3.3 C.18.8)."""
    return text(first_item(ds, "ConceptNameCodeSequence") or Dataset(), "CodeMeaning")


def person(name: str) -> str:
    """A person's name (PN, PS3.5 6.2) as one line, its first group of components."""
    return " ".join(name.split("=")[0].replace("^", " ").split())


def _read_author(ds: Dataset) -> str:
    """Who observed, else who verified the report."""
    for item in sequence_items(ds, "ContentSequence"):
        concept = first_item(item, "ConceptNameCodeSequence") or Dataset()
        if text(concept, "CodeValue") == _PERSON_OBSERVER:
            return person(text(item, "PersonName"))
    verifier = first_item(ds, "VerifyingObserverSequence") or Dataset()
    return person(text(verifier, "VerifyingObserverName"))
