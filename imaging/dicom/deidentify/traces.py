"""What of a person must not be found again, and whether a text holds a trace of it.

Names, identifiers, birth date, places and UIDs are gathered from the whole original, and looked for
in whatever spelling (`spelling`) and form (`written_dates`). In doubt a text counts as a trace:
a lost word costs less than a name that leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from imaging.dicom.deidentify.spelling import is_unspaced, spellings, squeeze, words_of
from imaging.dicom.deidentify.written_dates import written_in
from imaging.dicom.header.elements import text
from imaging.moments import read_date

_IDENTIFIERS = (
    "PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "AdmissionID",
    "PatientTelephoneNumbers", "MedicalRecordLocator", "IssuerOfPatientID",
    "RequestedProcedureID", "ScheduledProcedureStepID", "PerformedProcedureStepID",
    "FillerOrderNumberImagingServiceRequest", "PlacerOrderNumberImagingServiceRequest",
)  # fmt: skip
_PLACES = ("InstitutionName", "InstitutionAddress", "PatientAddress", "InstitutionalDepartmentName")
_CALENDARS = ("PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar")
_DAYS = ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_NAMES_OF_NOBODY = frozenset(
    (
        *("anonymized", "anonymous", "none", "unknown", "default", "patient", "test", "chest"),
        *("hospital", "clinic", "klinik", "klinikum", "university", "universitat", "department"),
        *("radiology", "radiologie", "street", "strasse", "road", "medical", "imaging", "health"),
        *("center", "centre", "general", "saint", "institute", "image", "images", "systems"),
    )
)
# Of those, what people are called, too; looked for where it is in the patient's own name.
_SURNAMES = frozenset(("street", "road", "saint", "general", "health", "center", "centre"))
_TITLES = 3  # components of a name before its prefixes and suffixes (PS3.5 6.2.1.1)
_ANYWHERE = 6  # letters from which a word is looked for within others, too
_LONG_UID = 16
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
_IN_BYTES = 5  # likewise within values that are no text
_FIXED = (  # character set, modality, photometric interpretation; a report's kinds of items and
    *(0x00080005, 0x00080060, 0x00280004, 0x0040A040, 0x0040A010, 0x0040A050),
    *(0x00120063, 0x00120064),  # how they hang together; how it was de-identified
)


@dataclass(frozen=True, slots=True)
class Traces:
    """What to look for, reduced by `spellings`.

    Attributes
    ----------
    words : frozenset of str
        Found as words of their own.
    inside : frozenset of str
        Found anywhere in a text without its blanks and punctuation.
    numbers : frozenset of str
        Runs of digits, without zeros in front; found where no other digit touches them.
    uids : frozenset of str
        Found anywhere, as they are.
    days : frozenset of date
        Found as any written form of them.
    """

    words: frozenset[str]
    inside: frozenset[str]
    numbers: frozenset[str]
    uids: frozenset[str]
    days: frozenset[date]

    @classmethod
    def of(cls, ds: Dataset) -> Traces:
        """Gather them from an original, at any depth."""
        words: set[str] = set()
        inside: set[str] = set()
        numbers: set[str] = set()
        for element in _elements(ds):
            for value in _values(element):
                if element.VR == "PN":
                    _add_name(value, words, inside)
                elif element.keyword in _IDENTIFIERS:
                    _add_identifier(value, words, inside, numbers)
                elif element.keyword in _PLACES:
                    _add_place(value, words, inside)
                elif element.keyword in _CALENDARS:
                    inside |= {one for one in map(squeeze, spellings(value)) if len(one) > 4}
        nobody = _NAMES_OF_NOBODY - _own_surnames(ds)
        uids = {str(ds.get(keyword) or "") for keyword in _UIDS} - {""}
        return cls(
            frozenset(words - nobody),
            frozenset(inside - nobody),
            frozenset(numbers),
            frozenset(uids),
            frozenset(_days(ds)),
        )

    def stand_in(self, element: DataElement) -> bool:
        """Whether a value holds a trace; not asked of numbers, dates, times and pictures."""
        if element.VR in ("SQ", "DA", "DT") or element.value is None or element.tag in _FIXED:
            return False
        if element.tag.group == 0x7FE0:
            return False
        if isinstance(element.value, bytes):
            return self.are_in_bytes(element.value, numbers=not _is_table(element))
        whole = "\\".join(_values(element))
        if element.VR == "IS" and not self.numbers.isdisjoint(_long_numbers(whole)):
            return True
        if element.VR in ("IS", "DS", "TM", "AS") and re.fullmatch(r"[-+0-9.eE:\\ YMWD]*", whole):
            return False
        if element.VR == "UI":
            return self._is_uid_in(whole) or self._are_in_uid(whole)
        return self.are_in(whole, coded=element.VR == "CS")

    def are_in(self, written: str, *, coded: bool = False) -> bool:
        """Whether a text holds a trace; a ``coded`` string (PA, MONOCHROME2) as a longer word."""
        if self._is_uid_in(written):
            return True
        return any(self._are_in_spelling(one, coded) for one in spellings(written))

    def _is_uid_in(self, written: str) -> bool:
        """Whether a UID stands in a text: as a whole, or, if it is long, anywhere."""
        if not self.uids.isdisjoint(_UID.findall(written)):
            return True
        return any(uid in written for uid in self.uids if len(uid) >= _LONG_UID)

    def _are_in_spelling(self, spelling: str, coded: bool) -> bool:
        found = set(_joined_words(spelling))
        if coded:
            found = {word for word in found if len(word) > 2}
        tight = squeeze(spelling)
        return (
            not self.words.isdisjoint(found)
            or any(part in (found if coded else tight) for part in self.inside)
            or not self.numbers.isdisjoint(_numbers_in(spelling))
            or any(written_in(day, spelling) for day in self.days)
        )

    def _are_in_uid(self, whole: str) -> bool:
        """Whether an identifier is a component of a UID that was not made from the key here."""
        parts = [part.lstrip("0") for part in whole.replace("\\", ".").split(".")]
        return not whole.startswith("2.25.") and any(
            part in self.numbers for part in parts if len(part) >= _IN_BYTES
        )

    def are_in_bytes(self, value: bytes, *, numbers: bool = True) -> bool:
        """Whether longer traces stand in bytes, in the encodings that programs write.

        A look-up table that rises by one holds every row of digits: ``numbers`` leaves these out.
        """
        lowered = value.lower()
        whole = (*self.words, *self.inside, *(self.numbers if numbers else ()), *self.uids)
        sought = [part for part in whole if len(part.encode()) >= _IN_BYTES]
        return any(part.encode(way) in lowered for part in sought for way in _ENCODINGS)


def _is_table(element: DataElement) -> bool:
    return "Lookup" in element.keyword or element.keyword == "LUTData"


def _elements(ds: Dataset) -> Iterator[DataElement]:
    """All elements that can be read, at any depth."""
    for tag in ds.keys():  # noqa: SIM118 - a Dataset iterates over elements, which may fail
        try:
            element = ds[tag]
        except Exception:  # what cannot be read is removed
            continue
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)


def _values(element: DataElement) -> list[str]:
    """The values as text."""
    value = element.value
    if value is None or isinstance(value, bytes):
        return []
    if isinstance(value, MultiValue | list | tuple):
        return [str(one) for one in value]
    return [str(value)]


def _add_name(name: str, words: set[str], inside: set[str]) -> None:
    """Each part of a name as a word, the whole of it in both orders."""
    for spelling in spellings(name):
        for group in spelling.split("="):
            parts = group.split("^")[:_TITLES]
            for part in parts:
                _add_words(words_of(part), words, inside)
            named = [tight for part in parts if (tight := squeeze(part))]
            if len(named) > 1:
                wholes = {"".join(named), "".join(reversed(named)), "".join(named[:2])}
                wholes |= {named[1] + named[0]}
                inside |= {whole for whole in wholes if is_unspaced(whole) or len(whole) > 4}
                words |= wholes
                words |= {one for one in _with_initial(*named[:2]) if len(one) > 3}


def _with_initial(family: str, given: str) -> tuple[str, str]:
    """A name as people log in by it: jdoe, doej."""
    return given[0] + family, family + given[0]


def _own_surnames(ds: Dataset) -> frozenset[str]:
    """Words of the patient's own name that stand for nobody elsewhere."""
    found = {word for spelling in spellings(text(ds, "PatientName")) for word in words_of(spelling)}
    return _SURNAMES & found


def _add_words(found: list[str], words: set[str], inside: set[str]) -> None:
    """The words of one part of a name; "de", "van" and initials are none beside others."""
    several = len(found) > 1
    for word in found:
        if is_unspaced(word):
            inside.add(word)
        elif len(word) > 3 or (len(word) > 1 and not several):
            words.add(word)
            if len(word) >= _ANYWHERE:
                inside.add(word)
    if several:
        words.add("".join(found))
        inside |= {"".join(found)} if len("".join(found)) >= _ANYWHERE else set()


def _add_identifier(identifier: str, words: set[str], inside: set[str], numbers: set[str]) -> None:
    """An identifier without its punctuation, and the longer numbers in it."""
    for spelling in spellings(identifier.split("^")[0]):
        tight = squeeze(spelling)
        runs = re.findall(r"[0-9]+", spelling)
        long = {run.lstrip("0") for run in [*runs, tight] if run.isdecimal()}
        words |= {run for run in runs if len(run) > 2 >= len(run.lstrip("0")) > 0}  # 0042
        numbers |= {number for number in long if len(number) > (2 if len(runs) == 1 else 3)}
        if not tight.isdecimal() and len(tight) > (1 if runs else 2):
            (inside if len(tight) >= _ANYWHERE else words).add(tight)


def _add_place(place: str, words: set[str], inside: set[str]) -> None:
    """An institution or address as a whole, and its longer words."""
    for spelling in spellings(place):
        words |= {word for word in words_of(spelling) if len(word) > 4}
        inside |= {tight for tight in (squeeze(spelling),) if len(tight) > 4}


def _joined_words(spelling: str) -> Iterator[str]:
    """The words of a text, two together, without digits, and what is spelt in single letters."""
    found = words_of(spelling)
    yield from found
    yield from map("".join, pairwise(found))
    yield from re.findall(r"[^\W\d_]+", spelling)
    letters = "".join(word if len(word) == 1 else " " for word in found)
    yield from letters.split()


def _numbers_in(spelling: str) -> Iterator[str]:
    """Runs of digits, also across single blanks, dots and dashes; without zeros in front."""
    for run in re.findall(r"[0-9]+", spelling):
        yield run.lstrip("0")
    for run in re.findall(r"[0-9]+(?:[^\w]{1,2}[0-9]+)+", spelling):
        yield "".join(re.findall(r"[0-9]", run)).lstrip("0")


def _long_numbers(whole: str) -> set[str]:
    """Whole numbers that are too long to count anything by chance as an identifier does."""
    return {run.lstrip("0") for run in whole.split("\\") if len(run) > _IN_BYTES}


def _days(ds: Dataset) -> Iterator[date]:
    """The patient's birth date, and the days of the study, from which the days moved by follow."""
    for keyword in _DAYS:
        digits = read_date(text(ds, keyword))
        if digits:
            yield datetime.strptime(digits, "%Y%m%d").date()
