"""The report as HL7 FHIR: a DiagnosticReport with its Observations and Device inside (R4, R5).

Only elements that R4 and R5 spell alike are used, but for one: R5 calls ``imagingStudy`` ``study``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from imaging.entities import RESEARCH_USE, Assessment, Finding, Instance, ModelIdentity
from imaging.export import codes, wording
from imaging.export.case import ExportCase, ExportedFile
from imaging.export.common import PRIVATE, SOFTWARE, VERSION, derive_uid, local, short
from imaging.review import Annotation, Code, Measure, ReadFinding, Stage
from imaging.terms import concept

_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    PRIVATE: "urn:lightbox:codes",
    "v2-0074": "http://terminology.hl7.org/CodeSystem/v2-0074",
}
_REPORT = Code("18748-4", "LN", "Diagnostic imaging study")
_IMAGING = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "imaging",
}
Json = dict[str, Any]


def diagnostic_report(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write the report as JSON.

    Notes
    -----
    Status: a final review is "final", or "amended" where it follows an earlier final one; a
    preliminary one "preliminary"; a draft, or no review, "partial". The network's Observations
    are "preliminary" whatever the reader does: nobody signs for them.
    """
    observations = [*_read(case), *_measured(case), *_said(case)]
    for number, one in enumerate(observations, 1):
        one["id"] = f"observation-{number}"
    models = dict.fromkeys(a.model for _, a in case.answers if a.model)
    written = case.review.created_at if case.review else now
    report: Json = {
        "resourceType": "DiagnosticReport",
        "id": derive_uid("fhir", case.record.study_instance_uid).split(".")[-1],
        "language": "en",
        "contained": [*observations, *(_device(m) for m in models)],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{_uid(case)}"}],
        "status": _status(case),
        "category": [_concept(Code("RAD", "v2-0074", "Radiology"))],
        "code": _concept(_REPORT),
        "subject": _subject(case),
        "effectiveDateTime": _taken(case),
        "issued": _instant(written),
        "performer": _performer(case),
        "resultsInterpreter": _performer(case) if case.final else None,
        "result": [{"reference": f"#{one['id']}"} for one in observations],
        "imagingStudy": [_study(case)],
        "conclusion": "\n".join(x for x in (_conclusion(case), f"{RESEARCH_USE}.") if x),
        "conclusionCode": [
            _concept(concept(f.code))
            for f in (case.review.findings if case.review and case.review.signed else ())
            if f.present
        ],
    }
    version = case.review.version if case.review else 0
    name = f"fhir-{short(f'{case.record.study_instance_uid}/{version}')}.json"
    text = json.dumps(_pruned(report), ensure_ascii=False, indent=1)
    return [ExportedFile(name, text.encode())]


def _status(case: ExportCase) -> str:
    """DiagnosticReport.status."""
    if case.review is None or case.review.stage is Stage.DRAFT:
        return "partial"
    if case.final:
        return "amended" if case.predecessor else "final"
    return "preliminary"


def _read(case: ExportCase) -> Iterator[Json]:
    """The reader's findings, present or absent."""
    review = case.review
    for finding in review.findings if review else ():
        yield {
            **_observation(case, _reader_status(case), concept(finding.code)),
            "performer": _performer(case),
            "issued": _instant(review.created_at) if review else None,
            "valueCodeableConcept": _concept(codes.PRESENT if finding.present else codes.ABSENT),
            "note": _notes(finding.note),
            "component": [_component(codes.CALL, _call(finding))],
        }


def _call(finding: ReadFinding) -> Json:
    return {"valueCodeableConcept": _concept(codes.CALLS[finding.call])}


def _measured(case: ExportCase) -> Iterator[Json]:
    """The reader's marks and what was measured along them."""
    review = case.review
    for mark in review.annotations if review else ():
        code = Code(mark.shape.value.upper()[:16], PRIVATE, f"Mark: {mark.shape.value}")
        yield {
            **_observation(case, _reader_status(case), code),
            "performer": _performer(case),
            "valueString": mark.label or mark.shape.value,
            "component": [*_where(mark), *(_measure(one) for one in mark.measures)],
        }


def _measure(measure: Measure) -> Json:
    """A number with its unit."""
    name, derivation = codes.measure_name(measure)
    shown = _component(
        name, {"valueQuantity": _quantity(measure.value, codes.measure_unit(measure))}
    )
    if derivation:
        shown["code"]["coding"].append(_coding(derivation))
        shown["code"]["text"] = f"{name.meaning}: {derivation.meaning}"
    return shown


def _where(mark: Annotation) -> Iterator[Json]:
    """On which image, which frame, where, and what it marks."""
    points = "; ".join(f"{x!r} {y!r}" for x, y in mark.points)
    frame = str(mark.frame + 1)
    yield _text_component("SOP_INSTANCE", "SOP Instance UID", mark.sop_instance_uid)
    yield _text_component("FRAME", "Frame, counted from 1", frame)
    yield _text_component("POINTS", "Column and row of its points, in pixels", points)
    if mark.finding:
        yield _component(
            Code("121071", "DCM", "Finding"),
            {"valueCodeableConcept": _concept(concept(mark.finding))},
        )


def _said(case: ExportCase) -> Iterator[Json]:
    """The network's findings; its refusal where it gave none."""
    for instance, said in case.answers:
        for finding in said.findings:
            yield _network(case, instance, said, finding)
        if not said.findings and said.model:
            yield {
                **_observation(case, "preliminary", codes.IMAGE_QUALITY),
                "device": {"reference": f"#{_device_id(said.model)}"},
                "valueCodeableConcept": _concept(codes.NOT_EVALUATED),
                "note": _notes(" ".join(said.messages), RESEARCH_USE),
            }


def _network(case: ExportCase, instance: Instance, said: Assessment, finding: Finding) -> Json:
    """One finding of the network: probability, operating point, and the answer as a whole."""
    numbers = [(codes.PROBABILITY, finding.probability)]
    numbers.append((codes.OPERATING_POINT, finding.operating_point))
    parts = [_component(c, {"valueQuantity": _quantity(v, codes.NO_UNIT)}) for c, v in numbers]
    uid = instance.identity.sop_instance_uid
    parts.append(_text_component("SOP_INSTANCE", "SOP Instance UID", uid))
    shown = _observation(case, "preliminary", concept(finding.code, finding.label))
    notes = ["AI-generated", RESEARCH_USE]
    if finding.exploratory:
        notes.insert(0, "Exploratory finding: never sets a priority")
    if finding is said.primary:
        if said.answer is not None:
            shown["valueCodeableConcept"] = _concept(codes.ANSWERS[said.answer])
        for code, value in (
            (codes.DISAGREEMENT, said.disagreement),
            (codes.ERROR_RATE, said.error_rate),
        ):
            if value is not None:
                parts.append(_component(code, {"valueQuantity": _quantity(value, codes.NO_UNIT)}))
        notes = [*notes, wording.conformal_line(said), *said.messages]
    if said.model is not None:
        shown["device"] = {"reference": f"#{_device_id(said.model)}"}
    issued = _instant(said.created_at) if said.created_at else None
    return {**shown, "issued": issued, "component": parts, "note": _notes(*notes)}


def _observation(case: ExportCase, status: str, code: Code) -> Json:
    """What every Observation of this study shares."""
    return {
        "resourceType": "Observation",
        "id": "",
        "status": status,
        "category": [{"coding": [_IMAGING]}],
        "code": _concept(code),
        "subject": _subject(case),
        "effectiveDateTime": _taken(case),
        "derivedFrom": [_study(case)],
    }


def _reader_status(case: ExportCase) -> str:
    """Observation.status of what the reader said."""
    found = _status(case)
    return "preliminary" if found == "partial" else found


def _device(model: ModelIdentity) -> Json:
    """The network as a Device; its weights are its version."""
    return {
        "resourceType": "Device",
        "id": _device_id(model),
        "identifier": [{"system": "urn:lightbox:weights-sha256", "value": model.weights_sha256}],
        "manufacturer": SOFTWARE,
        "modelNumber": model.name,
        "version": [{"value": model.version}, {"value": f"{SOFTWARE} {VERSION}"}],
        "note": _notes(RESEARCH_USE),
    }


def _device_id(model: ModelIdentity) -> str:
    return f"model-{model.short_hash}"


def _subject(case: ExportCase) -> Json:
    """The patient, by the identifier the film states; no Patient resource is made up."""
    patient = case.record.instances[0].patient
    name = " ".join(patient.name.split("=")[0].replace("^", " ").split())
    found: Json = {"type": "Patient", "display": name or "not stated in the image"}
    return {**found, "identifier": {"value": patient.patient_id}} if patient.patient_id else found


def _study(case: ExportCase) -> Json:
    """The imaging study, by its DICOM UID (FHIR R4, ImagingStudy, identifier)."""
    uid = f"urn:oid:{case.record.study_instance_uid}"
    return {"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": uid}}


def _performer(case: ExportCase) -> list[Json]:
    """Who signed, or nobody."""
    review = case.review
    return [{"type": "Practitioner", "display": review.reader}] if review and review.signed else []


def _conclusion(case: ExportCase) -> str:
    note = case.review.note if case.review else ""
    return "\n".join(x for x in (wording.status_line(case), note) if x)


def _taken(case: ExportCase) -> str | None:
    """Date of the study."""
    date = case.record.instances[0].acquisition.study_date
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else None


def _uid(case: ExportCase) -> str:
    """Names this version of the report."""
    version = case.review.version if case.review else 0
    return derive_uid("fhir", case.record.study_instance_uid, version)


def _instant(at: datetime) -> str:
    return local(at).isoformat(timespec="seconds")


def _quantity(value: float, unit: Code) -> Json:
    return {
        "value": value,
        "unit": unit.meaning,
        "system": _SYSTEMS["UCUM"],
        "code": unit.value,
    }


def _component(code: Code, value: Json) -> Json:
    return {"code": _concept(code), **value}


def _text_component(code: str, meaning: str, text: str) -> Json:
    return _component(Code(code, PRIVATE, meaning), {"valueString": text})


def _concept(code: Code) -> Json:
    return {"coding": [_coding(code)], "text": code.meaning}


def _coding(code: Code) -> Json:
    return {"system": _SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}


def _notes(*texts: str) -> list[Json]:
    return [{"text": text} for text in texts if text.strip()]


def _pruned(value: Any) -> Any:
    """Without what is empty: FHIR forbids empty lists, strings and nulls."""
    if isinstance(value, dict):
        kept = {key: _pruned(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one not in (None, "", [], {})}
    return [_pruned(one) for one in value] if isinstance(value, list) else value
