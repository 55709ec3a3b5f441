"""De-identification by PS3.15 Annex E: the Basic Profile, and options a project may choose.

What is done to which attribute is table E.1-1 as `dicomanonymizer` carries it (Kitware, BSD); how
a value is replaced is decided here, for its own way draws UIDs at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

from dicomanonymizer.dicom_anonymization_databases import (  # type: ignore[import-untyped]
    dicomfields_2026c as table,
)
from pydicom import dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, ExplicitVRLittleEndian

from imaging.dicom import mending
from imaging.dicom.border import border
from imaging.dicom.elements import text
from imaging.dicom.reader import parse
from imaging.errors import PixelDataError
from imaging.plain_text import clean
from imaging.pseudonyms import Project, shifted

_CANNOT = "This file cannot be de-identified: it is damaged or oddly encoded. It was left out."
_LONGEST = 80  # characters of a value in the table of changes
_REMOVE, _EMPTY, _DUMMY, _UID = "removed", "emptied", "replaced", "new UID"
_SHIFTED, _PSEUDONYM, _MASKED, _RESIDUAL = "moved", "pseudonym", "masked", "found again"
_TEXTS = ("LO", "SH", "LT", "ST", "UC", "UT", "PN", "AE")
_CATEGORIES = {
    "X_TAGS": _REMOVE, "Z_TAGS": _EMPTY, "X_Z_TAGS": _EMPTY, "D_TAGS": _DUMMY,
    "Z_D_TAGS": _DUMMY, "X_D_TAGS": _DUMMY, "X_Z_D_TAGS": _DUMMY, "U_TAGS": _UID,
    "X_Z_U_STAR_TAGS": _DUMMY,
}  # fmt: skip
# Retain Device Identity Option: column of table E.1-1, the attributes of a device.
_DEVICE = frozenset(
    [
        *(0x00081010, 0x00181000, 0x00181002, 0x00181003, 0x00181004, 0x00181005, 0x00181006),
        *(0x00181007, 0x00181008, 0x00181009, 0x0018100B, 0x0018700A, 0x00081040, 0x00081090),
    ]
)
_DUMMIES: dict[str, Any] = {
    **dict.fromkeys(("AE", "LO", "SH", "LT", "ST", "UC", "UT", "CS"), "ANONYMIZED"),
    **dict.fromkeys(("FD", "FL", "SS", "US", "SL", "UL", "SV", "UV"), 0),
    **dict.fromkeys(("DS", "IS"), "0"),
    **{"PN": "Anonymous", "AS": "000Y", "DA": "19000101", "DT": "19000101000000", "TM": "000000"},
    **{"UR": "http://anonymized.invalid", "OB": b"\0\0", "OW": b"\0\0", "UN": b"\0\0"},
}
Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels
# CID 7050
_BASIC = ("113100", "Basic Application Confidentiality Profile")
_PIXELS = ("113101", "Clean Pixel Data Option")
_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_DEVICES = ("113109", "Retain Device Identity Option")


@dataclass(frozen=True, slots=True)
class Profile:
    """The Basic Profile with options.

    Attributes
    ----------
    dates : bool
        True moves all dates of a patient by the same days; False removes them.
    device : bool
        True keeps what identifies the device.
    masks : tuple of Box
        Parts of every frame to be blackened: text burned into the pixels.
    """

    dates: bool = True
    device: bool = False
    masks: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one attribute, at the top level or inside sequences."""

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


def release(content: bytes, project: Project, profile: Profile = Profile()) -> Released:
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
        ``left_over`` names the attributes that still hold a name, an identifier, an address or a
        UID of the original: empty, or the file must not leave.

    Raises
    ------
    InputError
        If it is no readable DICOM file, or cannot be written again.
    """
    with border(PixelDataError, _CANNOT):
        ds = parse(content)
        mending.mend(ds)
        secrets = _secrets(ds)
        cleaner = _Cleaner(project, profile, text(ds, "PatientID") or text(ds, "PatientName"))
        cleaner.clean(ds)
        ds.PatientName = ds.PatientID = cleaner.patient
        if profile.masks:
            cleaner.mask(ds)
        cleaner.scrub(ds, secrets)
        _declare(ds, profile)
        _rebuild_meta(ds, project)
    with border(PixelDataError, _CANNOT):
        buffer = BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        written = buffer.getvalue()
        left = tuple(sorted(set(_left_over(dcmread(BytesIO(written)), secrets))))
    return Released(written, tuple(cleaner.changes), str(ds.get("SOPInstanceUID", "")), left)


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
                self._note("private", _REMOVE, "", "")
                del ds[tag]
                continue
            try:
                element = ds[tag]
            except Exception:  # pydicom cannot make sense of the value, nor can we
                self._note(keyword_for_tag(tag), _REMOVE, "", "")
                del ds[tag]
                continue
            self._element(ds, element)

    def scrub(self, ds: Dataset, secrets: frozenset[str]) -> None:
        """Replace texts that table E.1-1 leaves, but in which a secret stands."""
        for element in ds.iterall():
            if element.VR in _TEXTS and _tells(element, secrets):
                before = _said(element)
                element.value = _DUMMIES[element.VR]
                self._note(element.keyword, _RESIDUAL, before, _said(element))

    def mask(self, ds: Dataset) -> None:
        """Blacken the masks in every frame; the pixels are native from now on."""
        if ds.file_meta.TransferSyntaxUID.is_encapsulated:
            ds.decompress(generate_instance_uid=False)
        array, colour = ds.pixel_array.copy(), int(ds.get("SamplesPerPixel", 1)) > 1
        photometric = str(ds.PhotometricInterpretation)
        ink = 0 if colour else array.max() if photometric == "MONOCHROME1" else array.min()
        for top, left, bottom, right in self._profile.masks:
            where = (..., slice(top, bottom), slice(left, right))
            array[(*where, slice(None)) if colour else where] = ink
        ds.set_pixel_data(array, photometric, int(ds.BitsStored), generate_instance_uid=False)
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        self._note("PixelData", _MASKED, "", f"{len(self._profile.masks)} parts")

    def _element(self, ds: Dataset, element: DataElement) -> None:
        what = self._rule(element)
        before = _said(element)
        if what == _PSEUDONYM and element.VR not in _TEXTS:  # not what the standard says it is
            what = _REMOVE
        if what == _REMOVE:
            del ds[element.tag]
        elif what == _EMPTY:
            element.value = [] if element.VR == "SQ" else None
        elif what == _PSEUDONYM:
            element.value = self.patient
        elif what == _UID:
            element.value = _each(element.value, self._project.uid)
        elif what == _SHIFTED:
            element.value = _each(element.value, lambda one: shifted(one, self._days))
        elif what == _DUMMY and element.VR != "SQ":
            dummy = _DUMMIES.get(element.VR)
            element.value = self._project.uid(str(element.value)) if element.VR == "UI" else dummy
        elif element.VR == "SQ":
            for item in element.value:
                self.clean(item)
            return
        else:
            return
        self._note(element.keyword, what, before, "" if what == _REMOVE else _said(element))

    def _rule(self, element: DataElement) -> str:
        """What table E.1-1 and the options say about an attribute."""
        tag = element.tag
        if tag in (0x00100010, 0x00100020):  # the patient's name and identifier
            return _PSEUDONYM
        if self._profile.device and tag in _DEVICE:
            return ""
        what = _rules().get(int(tag), "") or _masked_rule(tag)
        dated = element.VR in ("DA", "DT") and tag != 0x00100030
        if self._profile.dates and dated and element.value:
            return _SHIFTED
        if self._profile.dates and element.VR == "TM" and tag != 0x00100032:
            return ""
        if not what and (element.VR == "UN" or (element.VR == "UI" and _is_instance(element))):
            return _REMOVE if element.VR == "UN" else _UID
        if not what and dated and element.value:
            return _DUMMY
        return what

    def _note(self, keyword: str, what: str, before: str, after: str) -> None:
        self.changes.append(Change(keyword or "unknown", what, before, after))


@cache
def _rules() -> dict[int, str]:
    """Tag -> what is done with it."""
    found: dict[int, str] = {}
    for name, what in _CATEGORIES.items():
        found.update({g << 16 | e: what for g, e in _pairs(getattr(table, name))})
    return found


def _pairs(tags: list[tuple[int, ...]]) -> Iterator[tuple[int, int]]:
    """The tags that are one attribute; repeating groups have a mask (`_masked_rule`)."""
    return ((tag[0], tag[1]) for tag in tags if len(tag) == 2)


def _masked_rule(tag: BaseTag) -> str:
    """Curves and overlays, whose groups repeat (PS3.5 7.6)."""
    for found in table.X_TAGS:
        if len(found) == 4:
            group, element, group_mask, element_mask = found
            if tag.group & group_mask == group and tag.elem & element_mask == element:
                return _REMOVE
    return ""


def _is_instance(element: DataElement) -> bool:
    """True for a UID that is of this object and not of the standard: those name kinds of things."""
    return not str(element.value).startswith("1.2.840.10008.")


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """One value, or each of several."""
    if isinstance(value, MultiValue | list | tuple):
        return [change(str(one)) for one in value]
    return change(str(value)) if value else value


def _said(element: DataElement) -> str:
    """A value for the table of changes."""
    if element.VR == "SQ":
        return f"{len(element.value)} items"
    if isinstance(element.value, bytes):
        return f"{len(element.value)} bytes"
    return clean(str(element.value if element.value is not None else ""), _LONGEST)


def _declare(ds: Dataset, profile: Profile) -> None:
    """Say what was done (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1)."""
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Lightbox, PS3.15 Annex E, Basic Profile"
    chosen = [_BASIC]
    chosen += [_PIXELS] if profile.masks else []
    chosen += [_DATES] if profile.dates else []
    chosen += [_DEVICES] if profile.device else []
    ds.DeidentificationMethodCodeSequence = [_code(*one) for one in chosen]
    ds.LongitudinalTemporalInformationModified = "MODIFIED" if profile.dates else "REMOVED"
    if profile.masks:
        ds.BurnedInAnnotation = "NO"


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


def _secrets(ds: Dataset) -> frozenset[str]:
    """What must not be found again: who it is, where it was, when they were born, which it is."""
    keywords = (
        *("PatientID", "PatientName", "PatientBirthDate", "AccessionNumber", "InstitutionName"),
        *("InstitutionAddress", "ReferringPhysicianName", "PatientAddress", "OtherPatientIDs"),
        *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "OperatorsName"),
        *("PerformingPhysicianName", "PatientTelephoneNumbers", "FrameOfReferenceUID"),
    )
    found = {str(ds.get(keyword) or "").strip() for keyword in keywords}
    parts = {part for one in found for part in one.replace("^", " ").replace("=", " ").split()}
    return frozenset(one for one in found | parts if len(one) > 2 and one.upper() not in _COMMON)


_COMMON = frozenset(("ANONYMIZED", "ANONYMOUS", "NONE", "UNKNOWN", "CHEST", "HOSPITAL", "DEFAULT"))


def _left_over(ds: Dataset, secrets: frozenset[str]) -> Iterator[str]:
    """Attributes in which a secret still stands."""
    return (one.keyword or "unknown" for one in ds.iterall() if _tells(one, secrets))


def _tells(element: DataElement, secrets: frozenset[str]) -> bool:
    """True when a secret stands in a value: as a word of its own or, if it is long, anywhere."""
    if element.VR in ("SQ", "IS", "DS") or element.value is None or element.tag.group == 0x7FE0:
        return False
    value = element.value
    said = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    words = set(said.replace("^", " ").replace("\\", " ").split())
    return bool(words & secrets) or any(len(one) > 7 and one in said for one in secrets)
