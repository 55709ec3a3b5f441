"""Documents that lie beside the films of a study: reports and display settings, as frozen records.

A document is kept like a film and never looked at by the network. Names follow DICOM (PS3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imaging.entities import Acquisition, Identity, Patient, SourceKind

NOT_AN_IMAGE = "Not an image; nothing to classify."


class DocumentKind(StrEnum):
    """Kinds of document."""

    REPORT = "report"  # a structured report (PS3.3 A.35)
    PRESENTATION = "presentation"  # a Grayscale Softcopy Presentation State (PS3.3 A.33.1)


@dataclass(frozen=True, slots=True)
class Document:
    """A document: what its header says, nothing of its content.

    ``title`` is a report's first heading or a presentation's label, ``author`` who wrote it,
    ``date`` (YYYYMMDD) and ``time`` (HHMMSS) when; empty strings where the file is silent.
    """

    identity: Identity
    patient: Patient
    acquisition: Acquisition
    kind: DocumentKind
    title: str = ""
    author: str = ""
    date: str = ""
    time: str = ""
    file_name: str = ""

    @property
    def source(self) -> SourceKind:
        """Always DICOM."""
        return SourceKind.DICOM


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A content item (PS3.3 C.17.3) in words.

    ``depth`` counts from 0; ``value`` is empty for a heading. ``refers`` is the SOP Instance UID
    of what the item points to, or empty.
    """

    depth: int
    name: str
    value: str
    refers: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A structured report as text.

    ``complete``, ``final`` and ``verified`` are its flags (PS3.3 C.17.2), None where the file is
    silent; ``verifiers`` are (name, organisation, moment) of who verified it. ``cut`` is True when
    it is longer than what is read.
    """

    title: str
    lines: tuple[ReportLine, ...]
    complete: bool | None = None
    final: bool | None = None
    verified: bool | None = None
    verifiers: tuple[tuple[str, str, str], ...] = ()
    cut: bool = False
