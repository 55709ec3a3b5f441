"""Patient and study as the reader was shown them, in DICOM's form; what changed on the way is told.

The records decide, not the header: what reading put right leaves as it was read. Whatever differs
from what the file says, by reading or because DICOM has no room for it, becomes a `Change`.
"""

from __future__ import annotations

import re

from pydicom import Dataset, config
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import Tag
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

from imaging.dicom.header.character_sets import declared_text, decode_text
from imaging.dicom.header.header import is_uid
from imaging.entities import Instance, SourceKind
from imaging.export.case import Change
from imaging.moments import parse_age, read_time, write_age
from imaging.text import clean, mend

TYPE_2 = (  # always present in what we write, empty where nothing is known
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",
)  # fmt: skip
_OPTIONAL = (  # Patient, Study and Patient Study modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2)
    "IssuerOfPatientID", "PatientBirthTime", "PatientComments", "QualityControlSubject",
    "StudyDescription", "BodyPartExamined", "PatientAge", "PatientSize", "PatientWeight",
    "InstitutionName", "Laterality",
)  # fmt: skip
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_IDENTIFYING = ("PatientID", "AccessionNumber", "StudyID", "IssuerOfPatientID", "PatientSex")
_LONGEST = {"SH": 16, "LO": 64, "LT": 10240}  # characters (PS3.5 6.2)
_GROUP = 64  # characters of each of the three groups of a name
_AS = re.compile(r"[0-9]{3}[DWMY]")


def add_shown(ds: Dataset, header: Dataset, instance: Instance) -> tuple[Change, ...]:
    """Put patient and study into a dataset.

    Parameters
    ----------
    ds : pydicom.Dataset
        Gets the attributes of the Patient, Study and Patient Study modules, type 2 ones always.
        Its text is Unicode.
    header : pydicom.Dataset
        The original's, none of its elements looked at yet; asked for what no record holds.
    instance : Instance
        The record: what the reader was shown.

    Returns
    -------
    tuple of Change
        What the file says otherwise than it is written now.
    """
    shown = _shown(instance)
    changes: list[Change | None] = []
    for keyword in (*TYPE_2, *_OPTIONAL):
        raw, declared, written = _as_written(header, keyword)
        text = shown.get(keyword, clean(written, _LONGEST["LT"]))
        if keyword == "PatientAge" and _AS.fullmatch(written) and parse_age(written) is not None:
            text = written
        sent = conform(keyword, text)
        if sent or keyword in TYPE_2:
            ds.add(DataElement(tag_for_keyword(keyword) or 0, dictionary_VR(keyword), sent))
        changes.append(_compare(keyword, raw, declared, written, sent))
    changes += [
        _compare(keyword, *_as_written(header, keyword), shown[keyword]) for keyword in _UIDS
    ]
    is_film = instance.source is SourceKind.FILM
    return () if is_film else tuple(change for change in changes if change)


def _shown(instance: Instance) -> dict[str, str]:
    """What a record says of each attribute; of a film without header, what it says at all."""
    identity, patient, acquisition = instance.identity, instance.patient, instance.acquisition
    shown = {
        "PatientName": patient.name,
        "PatientID": patient.patient_id,
        "IssuerOfPatientID": patient.issuer,
        "PatientBirthDate": patient.birth_date,
        "PatientSex": patient.sex,
        "PatientAge": "" if patient.age_years is None else write_age(patient.age_years),
        "StudyDate": acquisition.study_date,
        "StudyTime": acquisition.study_time,
        "StudyDescription": acquisition.study_description,
        "AccessionNumber": acquisition.accession_number,
        "BodyPartExamined": acquisition.body_part,
        "StudyInstanceUID": identity.study_instance_uid,
        "SeriesInstanceUID": identity.series_instance_uid,
        "SOPInstanceUID": identity.sop_instance_uid,
    }
    if instance.source is SourceKind.FILM:
        return {keyword: text for keyword, text in shown.items() if text}
    return shown


def _as_written(header: Dataset, keyword: str) -> tuple[bytes, str, str]:
    """The bytes of an element without their padding, the text they are declared to be, and are."""
    element = header.get_item(Tag(keyword))
    if not isinstance(element, RawDataElement):
        text = str(element.value or "") if element is not None else ""
        return b"", text, text
    raw = (element.value or b"").strip(b" \0")
    if dictionary_VR(keyword) not in CUSTOMIZABLE_CHARSET_VR:
        text = raw.decode("latin-1")
        return raw, text, text
    encodings = convert_encodings(header.get("SpecificCharacterSet"))
    return raw, declared_text(raw, encodings), decode_text(raw, encodings)


def conform(keyword: str, text: str) -> str:
    """A text as the attribute's value representation allows it (PS3.5 6.2); "" where it does not.

    Identifiers are never cut: what is left of one may be another's.
    """
    vr = dictionary_VR(keyword)
    if vr == "PN":
        sent = "=".join(group[:_GROUP] for group in text.replace("\\", " ").split("=")[:3])
    elif vr == "TM":
        sent = read_time(text)
    elif keyword in _IDENTIFYING:
        sent = text if len(text) <= _LONGEST.get(vr, 1) and "\\" not in text else ""
    elif vr in _LONGEST:
        plain = text if vr == "LT" else text.replace("\\", "/")
        sent = plain[: _LONGEST[vr]].rstrip()
    else:
        sent = text
    allowed = {"PatientSex": ("M", "F", "O"), "Laterality": ("L", "R")}.get(keyword, (sent,))
    return sent if sent in allowed and _is_valid(vr, sent) else ""


def _is_valid(vr: str, text: str) -> bool:
    """Whether pydicom would write it without a word."""
    try:
        DataElement(0x00080000, vr, text, validation_mode=config.RAISE)
    except Exception:
        return False
    return True


def _compare(keyword: str, raw: bytes, declared: str, text: str, sent: str) -> Change | None:
    """What is to be told of an attribute."""
    written = clean(text, _LONGEST["LT"])
    name, shown = dictionary_description(Tag(keyword)), clean(sent, _LONGEST["LT"])
    done = "put right"
    if written == shown:
        if _plain(declared) == _plain(sent):
            return None
        sentence = f'read as "{shown}", though the file names another character set, or none.'
        if mend(text) == declared:
            sentence = f'read as "{shown}", without the signs in it that cannot be seen.'
    elif not written:
        if keyword not in ("StudyDate", *_UIDS):
            return None
        sentence = f'the file leaves it empty; written here as "{shown}".'
    elif keyword in _UIDS and not is_uid(written):
        sentence = f'"{clean(written)}" in the file is no valid UID; "{shown}" stands in for it.'
    elif shown:
        sentence = f'"{clean(written)}" in the file becomes "{clean(shown)}".'
    else:
        room = _LONGEST.get(dictionary_VR(keyword), len(written))
        why = f"longer than the {room} characters" if len(written) > room else "no value"
        sentence = (
            f'"{clean(written)}" in the file is {why} that DICOM allows; left empty in DICOM.'
        )
        done = "left out"
    return Change(keyword, raw, f"{name}: {sentence}", f"{name}: {done}.")


def _plain(text: str) -> str:
    """Text on one line: blanks and control characters do not count as a difference."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
