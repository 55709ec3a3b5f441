"""De-identification by PS3.15 Annex E: values replaced, the result declared and searched again.

What is done to which attribute stands in `rules`; how a value is replaced is decided here: UIDs
and names follow from the project's key, where `dicomanonymizer` would draw them at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom import dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID

from imaging.dicom import repair
from imaging.dicom.deidentify import rules as rules
from imaging.dicom.deidentify.pseudonyms import Project, identity_key, shift_date
from imaging.dicom.deidentify.redact import blacken, drop_overlay_bits
from imaging.dicom.deidentify.rules import Profile, rule_of
from imaging.dicom.deidentify.traces import Traces
from imaging.dicom.header.elements import text
from imaging.dicom.header.error_boundary import border
from imaging.dicom.header.header import read_patient
from imaging.dicom.reader import parse
from imaging.errors import PixelDataError
from imaging.text import clean

_CANNOT = "This file cannot be de-identified: it is damaged or oddly encoded. It was left out."
_LONGEST = 80  # characters of a value in the table of changes
# CID 7050
_BASIC = ("113100", "Basic Application Confidentiality Profile")
_PIXELS = ("113101", "Clean Pixel Data Option")
_DESCRIPTIONS = ("113105", "Clean Descriptors Option")
_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_DEVICES = ("113109", "Retain Device Identity Option")


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one attribute, at the top level or inside sequences."""

    keyword: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Released:
    """A de-identified file; ``changes`` hold the original values and never leave the house."""

    content: bytes
    changes: tuple[Change, ...]
    sop_instance_uid: str
    left_over: tuple[str, ...]


def release(content: bytes, project: Project, profile: Profile = rules.BASIC) -> Released:
    """De-identify a DICOM file; the original is not touched.

    Parameters
    ----------
    content : bytes
        The file.
    project : Project
        Whose pseudonyms, UIDs and days are used.
    profile : Profile
        Options.

    Returns
    -------
    Released
        ``left_over`` names the attributes that still hold a trace of the original, in any spelling
        (`traces`): empty, or the file must not leave.

    Raises
    ------
    InputError
        If it is no readable DICOM file, or cannot be written again.
    """
    with border(PixelDataError, _CANNOT):
        ds = parse(content)
        repair.repair_dataset(ds)
        traces = Traces.of(ds)
        cleaner = _Cleaner(project, profile, identity_key(read_patient(ds), ds))
        cleaner.drop_overlay_bits(ds)
        cleaner.clean(ds)
        ds.PatientName = ds.PatientID = cleaner.patient
        if profile.masks:
            cleaner.mask(ds)
        cleaner.scrub(ds, traces)
        _declare(ds, profile)
        _rebuild_meta(ds, project)
    with border(PixelDataError, _CANNOT):
        buffer = BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        written = buffer.getvalue()
        left_over = tuple(sorted(set(cleaner.find_traces(dcmread(BytesIO(written)), traces))))
    return Released(written, tuple(cleaner.changes), str(ds.get("SOPInstanceUID", "")), left_over)


class _Cleaner:
    """Goes through a dataset and everything nested in it."""

    def __init__(self, project: Project, profile: Profile, patient: str) -> None:
        self._project, self._profile = project, profile
        self.patient, self._days = project.patient(patient), project.shift(patient)
        self.changes: list[Change] = []

    def clean(self, ds: Dataset) -> None:
        """Every element by its rule; sequences that stay are cleaned inside."""
        for tag in list(ds.keys()):
            if tag.is_private:
                self._note("private", rules.REMOVE, "", "")
                del ds[tag]
                continue
            try:
                element = ds[tag]
            except Exception:  # pydicom cannot make sense of the value, nor can we
                self._note(keyword_for_tag(tag), rules.REMOVE, "", "")
                del ds[tag]
                continue
            self._apply_rule(ds, element)

    def scrub(self, ds: Dataset, traces: Traces) -> None:
        """Replace texts that the rules leave, but in which a trace of the person stands."""
        for element in ds.iterall():
            if element.VR in (*rules.TEXTS, "CS", "UR") and self._holds(element, traces):
                before = _describe(element)
                element.value = rules.DUMMIES[element.VR]
                self._note(element.keyword, rules.RESIDUAL, before, _describe(element))

    def drop_overlay_bits(self, ds: Dataset) -> None:
        """Overlay planes in the words of the pixels: what OverlayData would hold."""
        if drop_overlay_bits(ds):
            self._note("PixelData", rules.REMOVE, "", "bits of an overlay")

    def find_traces(self, ds: Dataset, traces: Traces) -> Iterator[str]:
        """Attributes in which a trace still stands."""
        found = (element for element in ds.iterall() if self._holds(element, traces))
        return (element.keyword or "unknown" for element in found)

    def _holds(self, element: DataElement, traces: Traces) -> bool:
        """True for a trace of the original; the pseudonym is none."""
        return traces.stand_in(element) and str(element.value) != self.patient

    def mask(self, ds: Dataset) -> None:
        """Blacken the masks in every frame."""
        blacken(ds, self._profile.masks)
        self._note("PixelData", rules.MASKED, "", f"{len(self._profile.masks)} parts")

    def _apply_rule(self, ds: Dataset, element: DataElement) -> None:
        what = rule_of(element, self._profile)
        before = _describe(element)
        if what == rules.PSEUDONYM and element.VR not in rules.TEXTS:  # not as the standard says
            what = rules.REMOVE
        if what == rules.REMOVE:
            del ds[element.tag]
        elif what == rules.EMPTY:
            element.value = [] if element.VR == "SQ" else None
        elif what == rules.PSEUDONYM:
            element.value = self.patient
        elif what == rules.UID:
            element.value = _map_values(element.value, self._project.uid)
        elif what == rules.SHIFTED:
            element.value = _map_values(element.value, lambda date: shift_date(date, self._days))
        elif what == rules.DUMMY and element.VR != "SQ":
            dummy = rules.DUMMIES.get(element.VR)
            element.value = self._project.uid(str(element.value)) if element.VR == "UI" else dummy
        elif element.VR == "SQ":
            for item in element.value:
                self.clean(item)
            return
        else:
            return
        self._note(
            element.keyword, what, before, "" if what == rules.REMOVE else _describe(element)
        )

    def _note(self, keyword: str, what: str, before: str, after: str) -> None:
        self.changes.append(Change(keyword or "unknown", what, before, after))


def _map_values(value: Any, change: Callable[[str], str]) -> Any:
    """Change a value, or each of several."""
    if isinstance(value, MultiValue | list | tuple):
        return [change(str(item)) for item in value]
    return change(str(value)) if value else value


def _describe(element: DataElement) -> str:
    """Put a value in words for the table of changes."""
    if element.VR == "SQ":
        return f"{len(element.value)} items"
    if isinstance(element.value, bytes):
        return f"{len(element.value)} bytes"
    return clean(str(element.value if element.value is not None else ""), _LONGEST)


def _declare(ds: Dataset, profile: Profile) -> None:
    """Say what was done (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1)."""
    _declare_utf_8(ds)
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Lightbox, PS3.15 Annex E, Basic Profile"
    options = [_BASIC]
    options += [_PIXELS] if profile.masks else []
    options += [_DATES] if profile.dates else []
    options += [_DESCRIPTIONS] if profile.descriptions else []
    options += [_DEVICES] if profile.device else []
    ds.DeidentificationMethodCodeSequence = [_code(*option) for option in options]
    ds.LongitudinalTemporalInformationModified = "MODIFIED" if profile.dates else "REMOVED"
    if profile.masks:
        ds.BurnedInAnnotation = "NO"


def _declare_utf_8(ds: Dataset) -> None:
    """Text as it was read, whatever set the original named: a set of its own for no item."""
    for item in (item for element in ds.iterall() if element.VR == "SQ" for item in element.value):
        item.pop("SpecificCharacterSet", None)
    ds.SpecificCharacterSet = "ISO_IR 192"


def _code(value: str, meaning: str) -> Dataset:
    ds = Dataset()
    ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = value, "DCM", meaning
    return ds


def _rebuild_meta(ds: Dataset, project: Project) -> None:
    """File meta information that names nobody (PS3.10 7.1)."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ds.file_meta.TransferSyntaxUID
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    ds.file_meta, ds.preamble = meta, bytes(128)
    if not text(ds, "SOPInstanceUID"):
        ds.SOPInstanceUID = project.uid("none")
