"""Export of a study as SR, SC, GSPS, parametric map, PDF, HTML, FHIR and CSV.

Rule of the room: it writes what `case.ExportCase` holds and decides nothing clinical; it knows
`entities`, `review`, `worklist`, `errors` and `rendering`, of `dicom` only how a header's bytes
become text, and no other room. Every file says that it is for research, and only a final review is
marked verified.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module

from imaging.entities import SourceKind
from imaging.errors import ExportError
from imaging.export.case import AttributionMap, Change, ExportCase, ExportedFile, Picture
from imaging.export.common import border
from imaging.export.named_person import insist_on_named_person
from imaging.export.source import film_capture, find_changes, region_file
from imaging.language import speaking, spoken
from imaging.language.catalogue import SOURCE

__all__ = [
    "FORMATS",
    "LEFT_OUT",
    "AttributionMap",
    "Change",
    "ExportCase",
    "ExportedFile",
    "Picture",
    "export_case",
    "find_changes",
]

Writer = Callable[[ExportCase, datetime], list[ExportedFile]]
_WRITERS = {  # imported when asked for: highdicom and reportlab take a second
    "sr": "structured_report.structured_report",
    "sc": "secondary_capture.secondary_captures",
    "gsps": "presentation_state.presentation_states",
    "map": "attribution_map.attribution_maps",
    "pdf": "pdf.pdf_report",
    "html": "page.html_report",
    "fhir": "fhir.diagnostic_report",
    "csv": "table.findings_table",
}
FORMATS = tuple(_WRITERS)
_DICOM = ("sr", "sc", "gsps", "map")
_FOR_PEOPLE = ("pdf", "html")  # what machines read says the same in English
LEFT_OUT = "not-exported.txt"


def export_case(
    case: ExportCase, formats: Collection[str], now: datetime | None = None
) -> tuple[ExportedFile, ...]:
    """Write a study in the forms asked for.

    Parameters
    ----------
    case : ExportCase
        Study, review, originals, pictures and maps; see `imaging.delivery.study`.
    formats : collection of str
        Some of `FORMATS`.
    now : datetime, optional
        The moment of export, with a time zone; by default now.

    Returns
    -------
    tuple[ExportedFile, ...]
        The files, in the order of `FORMATS`; led by the film itself as DICOM where the source is
        a PNG or JPEG, or a region that was marked here, and a DICOM form was asked for. Where some
        of the forms cannot be made, the last file is `LEFT_OUT`, a text that says which and why.

    Raises
    ------
    ExportError
        If nothing asked for can be made.
    HeldStudyError
        While the study's files name two patients.
    ValueError
        If a format is unknown.
    """
    case.record.insist_on_one_patient()
    unknown = set(formats) - set(FORMATS)
    if unknown or not formats:
        raise ValueError(f"formats must be some of {', '.join(FORMATS)}")
    at = now or datetime.now(UTC)
    case = replace(case, changes=find_changes(case))
    files: list[ExportedFile] = []
    refusals: list[str] = []
    for name in FORMATS:
        if name in formats:
            try:
                files += _write(name, case, at)
            except ExportError as exc:
                refusals.append(f"{name}: {exc}")
    if not files:
        raise ExportError("\n".join(refusals))
    if any(name in formats for name in _DICOM):
        try:
            files = _write_films(case) + files
        except ExportError as exc:
            refusals.append(f"film: {exc}")
    if refusals:
        files.append(ExportedFile(LEFT_OUT, ("\n".join(refusals) + "\n").encode()))
    return tuple(files)


def _write(name: str, case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write one format."""
    module, _, function = _WRITERS[name].partition(".")
    writer: Writer = getattr(import_module(f"imaging.export.study.{module}"), function)
    language = spoken() if name in _FOR_PEOPLE else SOURCE
    with border("This study's data cannot be written in this form."), speaking(language):
        files = writer(case, now)
    for file in files:
        insist_on_named_person(case, file)
    return files


def _write_films(case: ExportCase) -> list[ExportedFile]:
    """PNG and JPEG films as DICOM, and regions, so that what refers to them finds them."""
    with border("The image cannot be written as DICOM."):
        return [
            film_capture(case, film) if film.source is SourceKind.FILM else region_file(case, film)
            for film in case.record.instances
            if film.source is SourceKind.FILM or film.derivation is not None
        ]
