"""Structured reports as text: the content tree, item by item (PS3.3 C.17.3), without its UIDs.

Any template reads the same way: a concept name and its value, indented as the report nests them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from pydicom.dataset import Dataset

from imaging.dicom.header.document_header import person, report_title
from imaging.dicom.header.elements import first_item, lines, sequence_items, text, value
from imaging.dicom.header.error_boundary import border
from imaging.dicom.header.references import settle_references
from imaging.dicom.reader import parse
from imaging.documents import Report, ReportLine
from imaging.errors import NotDicomError

MOST_LINES, MOST_TEXT, _DEEPEST = 2000, 20_000, 32
_UNREADABLE = "The report is damaged and cannot be shown; ask for it to be sent again."
_NO_UNIT = ("1", "{")  # UCUM: no unit, and counted things, whose name says what they are


def read_report(content: bytes) -> Report:
    """Read a structured report.

    Parameters
    ----------
    content : bytes
        A DICOM file with a content tree.

    Returns
    -------
    Report
        Its text is data of a stranger: cleaned of control characters, not escaped.

    Raises
    ------
    NotDicomError
        If it cannot be read.
    """
    with border(NotDicomError, _UNREADABLE):
        ds = parse(content)
        settle_references(ds)
        report_lines = list(islice(_walk_items(ds, 0), MOST_LINES + 1))
        return Report(
            title=report_title(ds),
            lines=tuple(report_lines[:MOST_LINES]),
            complete=_read_flag(ds, "CompletionFlag", yes="COMPLETE", no="PARTIAL"),
            final=_read_flag(ds, "PreliminaryFlag", yes="FINAL", no="PRELIMINARY"),
            verified=_read_flag(ds, "VerificationFlag", yes="VERIFIED", no="UNVERIFIED"),
            verifiers=tuple(
                (
                    person(text(verifier, "VerifyingObserverName")),
                    text(verifier, "VerifyingOrganization"),
                    _format_moment(text(verifier, "VerificationDateTime")),
                )
                for verifier in sequence_items(ds, "VerifyingObserverSequence")
            ),
            cut=len(report_lines) > MOST_LINES,
        )


def _read_flag(ds: Dataset, keyword: str, *, yes: str, no: str) -> bool | None:
    """A flag of PS3.3 C.17.2; None when it says neither."""
    return {yes: True, no: False}.get(text(ds, keyword).upper())


def _walk_items(parent: Dataset, depth: int) -> Iterator[ReportLine]:
    """The items below a container, each followed by what modifies it."""
    if depth >= _DEEPEST:
        yield ReportLine(depth, "", "\u2026")
        return
    for item in sequence_items(parent, "ContentSequence"):
        kind = text(item, "ValueType").upper()
        if kind == "UIDREF":
            continue
        referred = first_item(item, "ReferencedSOPSequence") or Dataset()
        yield ReportLine(
            depth,
            _read_meaning(item, "ConceptNameCodeSequence"),
            _read_value(item, kind),
            text(referred, "ReferencedSOPInstanceUID"),
        )
        yield from _walk_items(item, depth + 1)


def _read_value(item: Dataset, kind: str) -> str:
    """The value of an item in words; "" for a container and for a reference to an object."""
    if kind == "TEXT":
        return lines(item, "TextValue", most=MOST_TEXT)
    if kind == "CODE":
        return _read_meaning(item, "ConceptCodeSequence")
    if kind == "NUM":
        return _read_number(item)
    if kind == "PNAME":
        return person(text(item, "PersonName"))
    if kind in ("DATE", "TIME", "DATETIME"):
        return _format_moment(text(item, "Date", "DateTime")) or _format_clock(text(item, "Time"))
    if kind in ("SCOORD", "SCOORD3D", "TCOORD"):
        return text(item, "GraphicType", "TemporalRangeType").lower()
    return ""


def _read_meaning(item: Dataset, keyword: str) -> str:
    """The meaning of a code, else the code itself."""
    code = first_item(item, keyword) or Dataset()
    return text(code, "CodeMeaning", "CodeValue", "LongCodeValue", "URNCodeValue")


def _read_number(item: Dataset) -> str:
    """A measured value with its unit, else why there is none (PS3.3 C.18.1)."""
    measured = first_item(item, "MeasuredValueSequence")
    if measured is None:
        return _read_meaning(item, "NumericValueQualifierCodeSequence") or "\u2013"
    unit = first_item(measured, "MeasurementUnitsCodeSequence") or Dataset()
    symbol = text(unit, "CodeValue")
    if symbol.startswith(_NO_UNIT):
        symbol = "" if symbol == "1" else text(unit, "CodeMeaning")
    elif symbol.startswith("["):  # UCUM's brackets mark units that are known by their names
        symbol = text(unit, "CodeMeaning") or symbol
    number = value(measured, "NumericValue")
    return f"{text(measured, 'NumericValue') if number is not None else '?'} {symbol}".strip()


def _format_moment(stamp: str) -> str:
    """A DA or DT (PS3.5 6.2) as YYYY-MM-DD and HH:MM where it goes that far."""
    digits = stamp.split(".")[0].split("+")[0].split("-")[0]
    if len(digits) < 8 or not digits.isdigit():
        return stamp
    day = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
    return f"{day} {_format_clock(digits[8:])}".strip()


def _format_clock(digits: str) -> str:
    """HHMM... as HH:MM; anything else as it is."""
    return f"{digits[:2]}:{digits[2:4]}" if digits[:4].isdigit() and len(digits) >= 4 else digits
