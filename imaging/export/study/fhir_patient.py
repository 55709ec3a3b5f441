"""Whose report it is, in FHIR: the Patient inside the report, its names in every writing.

A name has up to three groups (PS3.5 6.2.1): in letters, in ideographs, as it is spoken. Each is a
HumanName with its text, marked by HL7's extension for the kind of writing. R4 and R5 spell all of
it alike.
"""

from __future__ import annotations

from imaging.entities import Patient
from imaging.export import wording
from imaging.export.study.fhir_parts import Json

_KIND_OF_WRITING = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
_WRITINGS = ("ABC", "IDE", "SYL")
_GENDERS = {"M": "male", "F": "female", "O": "other"}
PATIENT_ID = "patient"


def patient_resource(patient: Patient) -> Json:
    """A Patient: identifier, names, gender and birth date, as far as the film states them."""
    return {
        "resourceType": "Patient",
        "id": PATIENT_ID,
        "identifier": [_identifier(patient)],
        "name": [_human_name(group, kind) for group, kind in _groups(patient.name)],
        "gender": _GENDERS.get(patient.sex),
        "birthDate": as_date(patient.birth_date),
    }


def subject(patient: Patient) -> Json:
    """A reference to the patient, with the first of its names."""
    names = [_in_words(group) for group, _kind in _groups(patient.name)]
    return {
        "reference": f"#{PATIENT_ID}",
        "type": "Patient",
        "display": next(iter(names), "not stated in the image"),
        "identifier": _identifier(patient),
    }


def _identifier(patient: Patient) -> Json:
    """The patient's number, with who issued it: it means nothing without (PS3.3 C.7.1.1)."""
    issued = bool(patient.patient_id and patient.issuer)
    return {
        "value": patient.patient_id,
        "assigner": {"display": patient.issuer} if issued else None,
    }


def as_date(digits: str) -> str | None:
    """YYYYMMDD as FHIR's date; None when nothing is known."""
    return wording.date_words(digits) if len(digits) == 8 else None


def _groups(name: str) -> list[tuple[str, str]]:
    """The groups that say something, each with its kind of writing."""
    pairs = zip(name.split("="), _WRITINGS, strict=False)
    return [(group, kind) for group, kind in pairs if _in_words(group)]


def _in_words(group: str) -> str:
    return " ".join(group.replace("^", " ").split())


def _human_name(group: str, kind: str) -> Json:
    """A group: family, given, middle, prefix and suffix (PS3.5 6.2.1.1)."""
    family, given, middle, prefix, suffix = (*group.split("^"), *[""] * 5)[:5]
    return {
        "extension": [{"url": _KIND_OF_WRITING, "valueCode": kind}],
        "text": _in_words(group),
        "family": family.strip(),
        "given": [part.strip() for part in (given, middle)],
        "prefix": [prefix.strip()],
        "suffix": [suffix.strip()],
    }
