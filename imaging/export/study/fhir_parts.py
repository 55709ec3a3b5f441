"""Small pieces of FHIR JSON: codes, quantities, components, notes (HL7 FHIR R4, datatypes)."""

from __future__ import annotations

from typing import Any

from imaging.export.common import PRIVATE
from imaging.review.records import Code

Json = dict[str, Any]
_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    PRIVATE: "urn:lightbox:codes",
    "v2-0074": "http://terminology.hl7.org/CodeSystem/v2-0074",
}
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def quantity(value: float, unit: Code) -> Json:
    """A number with its UCUM unit."""
    return {
        "value": value,
        "unit": unit.meaning,
        "system": _SYSTEMS["UCUM"],
        "code": unit.value,
    }


def component(code: Code, value: Json) -> Json:
    """A part of an Observation; `value` is its value[x]."""
    return {"code": concept_of(code), **value}


def text_component(code: str, meaning: str, text: str) -> Json:
    """A part of an Observation that is text, under a code of ours."""
    return component(Code(code, PRIVATE, meaning), {"valueString": text})


def concept_of(code: Code) -> Json:
    """A CodeableConcept."""
    return {"coding": [coding(code)], "text": code.meaning}


def coding(code: Code) -> Json:
    """A Coding."""
    return {"system": _SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}


def notes(*texts: str) -> list[Json]:
    """Annotations, one for each text that is not empty."""
    return [{"text": text} for text in texts if text.strip()]


def prune(value: Any) -> Any:
    """Drop what is empty: FHIR forbids empty lists, strings and nulls."""
    if isinstance(value, dict):
        values = {key: prune(item) for key, item in value.items()}
        return {key: item for key, item in values.items() if item not in _EMPTY}
    if isinstance(value, list):
        return [item for item in map(prune, value) if item not in _EMPTY]
    return value
