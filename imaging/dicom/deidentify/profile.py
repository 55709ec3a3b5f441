"""De-identification by PS3.15 Annex E: values replaced, the result declared and searched again.

Which objects are taken stands in `kinds`, what is done to which attribute in `rules`, to pixels in
`pixel_data`; how a value is replaced is decided here: UIDs and names follow from the project's key,
where `dicomanonymizer` would draw them at random.
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
from imaging.dicom.deidentify import pixel_data, rules, side_data
from imaging.dicom.deidentify.codes import clean_code, is_code
from imaging.dicom.deidentify.kinds import check_kind
from imaging.dicom.deidentify.pseudonyms import Project, identity_key, shift_date
from imaging.dicom.deidentify.redact import blacken, drop_overlay_bits
from imaging.dicom.deidentify.rules import Profile, rule_of
from imaging.dicom.deidentify.standard import Iod, Path, iod_of
from imaging.dicom.deidentify.traces import Traces
from imaging.dicom.deidentify.vocabulary import is_coded_term, keep_known_words
from imaging.dicom.header.anatomy_codes import region_term, view_term
from imaging.dicom.header.elements import text
from imaging.dicom.header.error_boundary import border
from imaging.dicom.header.header import read_patient
from imaging.dicom.reader import parse
from imaging.errors import PixelDataError
from imaging.text import clean

_CANNOT = (
    "This file cannot be de-identified: it is damaged or oddly encoded. It was left "
    "out. Ask for it to be sent again."
)
_LONGEST = 80  # characters of a value in the table of changes
# CID 7050
_BASIC = ("113100", "Basic Application Confidentiality Profile")
_PIXELS = ("113101", "Clean Pixel Data Option")
_CONTENT = ("113104", "Clean Structured Content Option")
_DESCRIPTIONS = ("113105", "Clean Descriptors Option")
_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_DEVICES = ("113109", "Retain Device Identity Option")
_ANATOMY: dict[str, Callable[[str], str]] = {
    "BodyPartExamined": region_term,
    "ViewPosition": view_term,
}
_LOOKED_INTO = (rules.TERMS, rules.WORDS, rules.STAND_IN, rules.COLOURS, rules.TABLE)
_OTHERS = {"Modality": "OT"}  # for a term that nobody knows


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one attribute, at the top level or inside sequences."""

    keyword: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Released:
    """A de-identified file.

    Attributes
    ----------
    content : bytes
        The file.
    changes : tuple of Change
        These hold the original values and never leave the house.
    kept : tuple of (str, str)
        Keyword and value, as it was and is, of each attribute that stayed; numbers, too.
    sop_instance_uid : str
        The new one.
    left_over : tuple of str
        Attributes that still hold a trace: empty, or the file must not leave.
    """

    content: bytes
    changes: tuple[Change, ...]
    kept: tuple[tuple[str, str], ...]
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
        ``left_over`` by a search in any spelling (`traces`), in pixel streams, too.

    Raises
    ------
    InputError
        If it is no readable DICOM file, cannot be written again, or is of a kind that is refused
        (`kinds.check_kind`); if its pixels cannot be separated from what stands beside them.
    """
    with border(PixelDataError, _CANNOT):
        ds = parse(content)
        repair.repair_dataset(ds)
        iod = iod_of(text(ds, "SOPClassUID"))
        check_kind(ds, iod, profile)
        traces = Traces.of(ds)
        who = identity_key(read_patient(ds), ds, punctuation=project.punctuation)
        cleaner = _Cleaner(project, profile, who, iod)
        cleaner.clean_pixels(ds)
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
        made = dcmread(BytesIO(written))
        left_over = tuple(sorted(set(cleaner.find_traces(made, traces))))
        kept = tuple(cleaner.list_kept(made))
    uid = str(ds.get("SOPInstanceUID", ""))
    return Released(written, tuple(cleaner.changes), kept, uid, left_over)


class _Cleaner:
    """Goes through a dataset and everything nested in it."""

    def __init__(self, project: Project, profile: Profile, patient: str, iod: Iod) -> None:
        self._project, self._profile, self._iod = project, profile, iod
        self.patient, self._days = project.patient(patient), project.shift(patient)
        self.changes: list[Change] = []

    def clean(self, ds: Dataset, path: Path = ()) -> None:
        """Every element by its rule; sequences that stay are cleaned inside."""
        if path and is_code(ds):
            before = text(ds, "CodeMeaning") or text(ds, "CodeValue")
            if clean_code(ds):
                self._note(path[-1], rules.CODE, before, text(ds, "CodeMeaning"))
        for tag in list(ds.keys()):
            if tag.is_private:
                self._note("private", rules.REMOVE, "", "")
                del ds[tag]
                continue
            try:
                element = ds[tag]
                str(element.value)
            except Exception:  # pydicom cannot make sense of the value, nor can we
                self._note(keyword_for_tag(tag), rules.REMOVE, "", "")
                del ds[tag]
                continue
            self._apply_rule(ds, element, path)

    def scrub(self, ds: Dataset, traces: Traces) -> None:
        """Replace texts that the rules leave, but in which a trace of the person stands."""
        for element in ds.iterall():
            if element.VR in (*rules.TEXTS, "CS", "UR", "IS") and self._holds(element, traces):
                before, dummy = _describe(element), rules.DUMMIES[element.VR]
                if element.VM > 1:  # the values that hold it; all of them, where it spans several
                    element.value = [
                        dummy if traces.are_in(str(one), coded=element.VR == "CS") else one
                        for one in element.value
                    ]
                if self._holds(element, traces):
                    element.value = dummy
                self._note(element.keyword, rules.RESIDUAL, before, _describe(element))

    def clean_pixels(self, ds: Dataset) -> None:
        """Take out of the pixels what is none: an overlay in their words, notes, a tail."""
        if drop_overlay_bits(ds):
            self._note("PixelData", rules.REMOVE, "", "bits of an overlay")
        if done := pixel_data.clean_pixels(ds):
            self._note("PixelData", rules.REMOVE, "", done)

    def find_traces(self, ds: Dataset, traces: Traces) -> Iterator[str]:
        """Attributes in which a trace still stands."""
        if pixel_data.holds_traces(ds, traces):
            yield "PixelData"
        for element in ds.iterall():
            if self._holds(element, traces):
                yield element.keyword or "unknown"

    def list_kept(self, ds: Dataset) -> Iterator[tuple[str, str]]:
        """Attributes of the copy that no change is told of, each once."""
        seen = {change.keyword for change in self.changes} | _ADDED
        for element in ds.iterall():
            if (
                element.VR != "SQ"
                and element.keyword not in seen
                and element.value not in ("", None)
            ):
                seen.add(element.keyword)
                yield element.keyword, _describe(element)

    def _holds(self, element: DataElement, traces: Traces) -> bool:
        """True for a trace of the original; the pseudonym is none."""
        return traces.stand_in(element) and str(element.value) != self.patient

    def mask(self, ds: Dataset) -> None:
        """Blacken the masks in every frame."""
        blacken(ds, self._profile.masks)
        self._note("PixelData", rules.MASKED, "", f"{len(self._profile.masks)} parts")

    def _apply_rule(self, ds: Dataset, element: DataElement, path: Path) -> None:
        what = rule_of(element, path, self._iod, self._profile)
        before = _describe(element)
        if what == rules.PSEUDONYM and element.VR not in rules.TEXTS:  # not as the standard says
            what = rules.REMOVE
        if what in _LOOKED_INTO:
            what = self._look_into(ds, element, what, path)
        elif not what or element.VR == "SQ":
            what = self._enter(element, what, path)
        if what in ("", rules.CODE, rules.PICTURE):
            return
        if what not in _LOOKED_INTO:
            self._replace(ds, element, what)
        after = _describe(element) if element.tag in ds else ""
        self._note(element.keyword, what, before, after)

    def _enter(self, element: DataElement, what: str, path: Path) -> str:
        """Clean what stays of a sequence; it goes with the last of its items' attributes."""
        if element.VR != "SQ" or what in (rules.REMOVE, rules.EMPTY):
            return what
        for item in element.value:
            self.clean(item, (*path, element.keyword))
        if any(len(item) for item in element.value):
            return ""
        without = rules.without(self._iod.type_of(path, element.keyword))
        return "" if without == rules.DUMMY else without

    def _look_into(self, ds: Dataset, element: DataElement, what: str, path: Path) -> str:
        """Keep of a value what is known; what was done, or "" where all of it was."""
        keyword, value = element.keyword, element.value
        if not value:
            return ""
        if what == rules.TERMS:
            element.value = _map_values(value, lambda term: _clean_term(keyword, term))
        elif what == rules.WORDS:
            element.value = _map_values(value, keep_known_words)
        elif what == rules.STAND_IN:
            element.value = _map_values(value, self._project.label)
        elif what == rules.COLOURS:
            element.value = side_data.rebuild_profile(value)
        elif side_data.is_table(keyword) and not side_data.cut_table(ds, keyword):
            element.value = None
        if not _says_anything(element):
            return rules.without(self._iod.type_of(path, keyword))
        return "" if element.value == value else what

    def _replace(self, ds: Dataset, element: DataElement, what: str) -> None:
        """Give an element the value that a rule wants."""
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
        elif what == rules.DUMMY:
            dummy = rules.DUMMIES.get(element.VR)
            element.value = self._project.uid(str(element.value)) if element.VR == "UI" else dummy

    def _note(self, keyword: str, what: str, before: str, after: str) -> None:
        self.changes.append(Change(keyword or "unknown", what, before, after))


def _map_values(value: Any, change: Callable[[str], str]) -> Any:
    """Change a value, or each of several."""
    if isinstance(value, MultiValue | list | tuple):
        return [change(str(item)) for item in value]
    return change(str(value)) if value else value


def _clean_term(keyword: str, term: str) -> str:
    """A term that stays, or what stands for one that nobody knows."""
    if is_coded_term(term):
        return term
    named = _ANATOMY[keyword](term) if keyword in _ANATOMY else ""  # a view or part in words
    if named and is_coded_term(named):
        return named
    return _OTHERS.get(keyword, str(rules.DUMMIES["CS"]))


def _says_anything(element: DataElement) -> bool:
    """False for empty texts, and for a lone term that was replaced."""
    values = element.value if element.VM > 1 else [element.value]
    if element.VM == 1 and element.VR == "CS" and element.value == rules.DUMMIES["CS"]:
        return False
    return any(value is not None and str(value) for value in values)


def _describe(element: DataElement) -> str:
    """Put a value in words for the table of changes."""
    if element.VR == "SQ":
        return f"{len(element.value)} items"
    if isinstance(element.value, bytes):
        return f"{len(element.value)} bytes"
    return clean(str(element.value if element.value is not None else ""), _LONGEST)


_ADDED = {
    "SpecificCharacterSet",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
}


def _declare(ds: Dataset, profile: Profile) -> None:
    """Say what was done (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1)."""
    _declare_utf_8(ds)
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Lightbox, PS3.15 Annex E, Basic Profile"
    options = [_BASIC]
    options += [_PIXELS] if profile.masks else []
    options += [_DATES] if profile.dates else []
    options += [_CONTENT] if profile.documents and "ContentSequence" in ds else []
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
