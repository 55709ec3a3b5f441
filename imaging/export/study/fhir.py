"""The report as HL7 FHIR: a DiagnosticReport with its Observations and Device inside (R4, R5).

Only elements that R4 and R5 spell alike are used, but for one: R5 calls ``imagingStudy`` ``study``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from imaging.entities import (
    RESEARCH_USE,
    Assessment,
    Finding,
    ModelIdentity,
    Patient,
)
from imaging.export import codes, report_words, wording
from imaging.export.case import ExportCase, ExportedFile
from imaging.export.common import PRIVATE, SOFTWARE, VERSION, derive_uid, local, short
from imaging.export.photograph import origin_line
from imaging.export.report import Answered, Report, report_of
from imaging.export.study.fhir_parts import (
    Json,
    coding,
    component,
    concept_of,
    notes,
    prune,
    quantity,
    text_component,
)
from imaging.export.study.fhir_patient import as_date, patient_resource, subject
from imaging.review.records import Annotation, Code, Measure, ReadFinding, Stage
from imaging.review.terms import SIDES, concept

_REPORT = Code("18748-4", "LN", "Diagnostic imaging study")
_IMAGING = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "imaging",
}
_IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"


def diagnostic_report(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write the report as JSON.

    Notes
    -----
    Status: a final review is "final", or "amended" where it follows an earlier final one; a
    preliminary one "preliminary"; a draft, or no review, "partial". The network's Observations
    are "preliminary" whatever the reader does: nobody signs for them.
    """
    said = report_of(case)
    observations = [
        *_reader_observations(case, said),
        *_mark_observations(case),
        *_network_observations(case, said),
    ]
    for number, observation in enumerate(observations, 1):
        observation["id"] = f"observation-{number}"
    models = dict.fromkeys(a.model for _, a in case.answers if a.model)
    written = case.review.created_at if case.review else now
    report: Json = {
        "resourceType": "DiagnosticReport",
        "id": derive_uid("fhir", case.record.study_instance_uid).split(".")[-1],
        "language": "en",
        "contained": [
            patient_resource(_patient(case)),
            *observations,
            *(_device(m) for m in models),
        ],
        "extension": _extensions(case),
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{_uid(case)}"}],
        "basedOn": _order(case),
        "status": _status(case),
        "category": [concept_of(Code("RAD", "v2-0074", "Radiology"))],
        "code": concept_of(_REPORT),
        "subject": subject(_patient(case)),
        "effectiveDateTime": _study_date(case),
        "issued": _instant(written),
        "performer": _performer(case),
        "resultsInterpreter": _performer(case) if case.final else None,
        "result": [{"reference": f"#{observation['id']}"} for observation in observations],
        "imagingStudy": [_study(case)],
        "conclusion": "\n".join(
            x for x in (_conclusion(case, said), *_origins(case), f"{RESEARCH_USE}.") if x
        ),
        "conclusionCode": [
            concept_of(concept(f.code))
            for f in (case.review.findings if case.review and case.review.signed else ())
            if f.present
        ],
    }
    version = case.review.version if case.review else 0
    name = f"fhir-{short(f'{case.record.study_instance_uid}/{version}')}.json"
    text = json.dumps(prune(report), ensure_ascii=False, indent=1)
    return [ExportedFile(name, text.encode())]


def _status(case: ExportCase) -> str:
    """DiagnosticReport.status."""
    if case.review is None or case.review.stage is Stage.DRAFT:
        return "partial"
    if case.final:
        return "amended" if case.predecessor else "final"
    return "preliminary"


def _reader_observations(case: ExportCase, said: Report) -> Iterator[Json]:
    """The reader's findings, present or absent, where they are and what became of them."""
    for finding in said.findings:
        observation = _observation(case, _reader_status(case), concept(finding.code))
        sites = codes.sites_code(finding)
        where = report_words.place_words(finding.side, finding.sites)
        yield {
            **observation,
            "performer": _performer(case),
            "issued": _instant(said.written_at) if said.written_at else None,
            "valueCodeableConcept": concept_of(codes.PRESENT if finding.present else codes.ABSENT),
            "bodySite": {
                "coding": [coding(site) for site in sites[:1]] if len(sites) == 1 else [],
                "text": where,
            },
            "note": notes(report_words.finding_sentence(finding, said.compared)),
            "component": [
                component(codes.CALL, _coded_value(codes.call_code(finding))),
                *(component(codes.FINDING_SITE, _coded_value(site)) for site in sites),
                *_side_components(finding),
                *_course_components(finding, said),
            ],
        }


def _coded_value(code: Code) -> Json:
    return {"valueCodeableConcept": concept_of(code)}


def _side_components(finding: ReadFinding) -> Iterator[Json]:
    """The patient's side, where one is stated."""
    if finding.side is not None:
        yield component(codes.LATERALITY, _coded_value(SIDES[finding.side]))


def _course_components(finding: ReadFinding, said: Report) -> Iterator[Json]:
    """What became of it since which date."""
    if finding.course is not None and said.compared is not None:
        yield component(codes.COURSE, _coded_value(codes.COURSES[finding.course]))
        compared = report_words.comparison_line(said)
        yield component(codes.COMPARISON, {"valueString": compared})


def _mark_observations(case: ExportCase) -> Iterator[Json]:
    """The reader's marks and what was measured along them."""
    review = case.review
    for mark in review.annotations if review else ():
        code = Code(mark.shape.value.upper()[:16], PRIVATE, f"Mark: {mark.shape.value}")
        yield {
            **_observation(case, _reader_status(case), code),
            "performer": _performer(case),
            "valueString": mark.label or mark.shape.value,
            "component": [
                *_place_components(mark),
                *(_measure_component(measure) for measure in mark.measures),
                *_plane_components(mark),
            ],
        }


def _measure_component(measure: Measure) -> Json:
    """A number with its unit."""
    name, derivation = codes.measure_name(measure)
    part = component(name, {"valueQuantity": quantity(measure.value, codes.measure_unit(measure))})
    if derivation:
        part["code"]["coding"].append(coding(derivation))
        part["code"]["text"] = f"{name.meaning}: {derivation.meaning}"
    return part


def _plane_components(mark: Annotation) -> Iterator[Json]:
    """Where its lengths hold, once."""
    for words in dict.fromkeys(filter(None, map(wording.measure_plane, mark.measures))):
        yield component(codes.LENGTH_PLANE, {"valueString": words})


def _place_components(mark: Annotation) -> Iterator[Json]:
    """On which image, which frame, where, and what it marks."""
    points = "; ".join(f"{x!r} {y!r}" for x, y in mark.points)
    frame = str(mark.frame + 1)
    yield text_component("SOP_INSTANCE", "SOP Instance UID", mark.sop_instance_uid)
    yield text_component("FRAME", "Frame, counted from 1", frame)
    yield text_component("POINTS", "Column and row of its points, in pixels", points)
    if mark.finding:
        yield component(
            Code("121071", "DCM", "Finding"),
            {"valueCodeableConcept": concept_of(concept(mark.finding))},
        )


def _network_observations(case: ExportCase, said: Report) -> Iterator[Json]:
    """The network's findings; its refusal where it gave none."""
    for (_instance, assessment), answered in zip(case.answers, said.answers, strict=True):
        for finding in answered.findings:
            yield _network_observation(case, answered, assessment, finding)
        if not assessment.findings and assessment.model:
            yield {
                **_observation(case, "preliminary", codes.IMAGE_QUALITY),
                "device": {"reference": f"#{_device_id(assessment.model)}"},
                "valueCodeableConcept": concept_of(codes.NOT_EVALUATED),
                "note": notes(
                    " ".join(assessment.remarks), wording.engine_line(assessment), RESEARCH_USE
                ),
            }


def _network_observation(
    case: ExportCase, answered: Answered, assessment: Assessment, finding: Finding
) -> Json:
    """A finding of the network: probability, operating point, and the answer as a whole."""
    numbers = [(codes.PROBABILITY, finding.probability)]
    numbers.append((codes.OPERATING_POINT, finding.operating_point))
    parts = [component(c, {"valueQuantity": quantity(v, codes.NO_UNIT)}) for c, v in numbers]
    uid = answered.instance.identity.sop_instance_uid
    parts.append(text_component("SOP_INSTANCE", "SOP Instance UID", uid))
    observation = _observation(case, "preliminary", concept(finding.code, finding.label))
    remarks = ["AI-generated", RESEARCH_USE, wording.engine_line(assessment)]
    if finding.exploratory:
        remarks.insert(0, "Exploratory finding: never sets a priority")
    if assessment.answers(finding):
        assessment = assessment.about(finding)
        if assessment.answer is not None:
            observation["valueCodeableConcept"] = concept_of(codes.ANSWERS[assessment.answer])
        for code, value in (
            (codes.DISAGREEMENT, assessment.disagreement),
            (codes.ERROR_RATE, assessment.error_rate),
        ):
            if value is not None:
                parts.append(component(code, {"valueQuantity": quantity(value, codes.NO_UNIT)}))
        answer = f"AI: {report_words.answer_words(answered.about(finding))}."
        origin = origin_line(answered.instance, case.record.instances)
        remarks += [answer, origin, *assessment.remarks]
    remarks += [
        f"Map of the evidence, {wording.map_line(map_)}"
        for map_ in answered.maps
        if map_.target == finding.code
    ]
    if assessment.model is not None:
        observation["device"] = {"reference": f"#{_device_id(assessment.model)}"}
    issued = _instant(assessment.created_at) if assessment.created_at else None
    return {**observation, "issued": issued, "component": parts, "note": notes(*remarks)}


def _observation(case: ExportCase, status: str, code: Code) -> Json:
    """The part that every Observation of this study shares."""
    return {
        "resourceType": "Observation",
        "id": "",
        "status": status,
        "category": [{"coding": [_IMAGING]}],
        "code": concept_of(code),
        "subject": subject(_patient(case)),
        "effectiveDateTime": _study_date(case),
        "derivedFrom": [_study(case)],
    }


def _reader_status(case: ExportCase) -> str:
    """Observation.status of what the reader said."""
    status = _status(case)
    return "preliminary" if status == "partial" else status


def _device(model: ModelIdentity) -> Json:
    """The network as a Device; by the hash of its weights and of all its files."""
    return {
        "resourceType": "Device",
        "id": _device_id(model),
        "identifier": [
            {"system": "urn:lightbox:weights-sha256", "value": model.weights_sha256},
            {"system": "urn:lightbox:model-sha256", "value": model.sha256},
        ],
        "manufacturer": SOFTWARE,
        "modelNumber": model.name,
        "version": [{"value": model.version}, {"value": f"{SOFTWARE} {VERSION}"}],
        "note": notes(RESEARCH_USE),
    }


def _device_id(model: ModelIdentity) -> str:
    return f"model-{model.short_hash}"


def _patient(case: ExportCase) -> Patient:
    return case.record.instances[0].patient


def _order(case: ExportCase) -> list[Json]:
    """The order behind the study, by its accession number, whole however long it is."""
    number = case.record.instances[0].acquisition.accession_number
    if not number:
        return []
    kind = {"coding": [{"system": _IDENTIFIER_TYPES, "code": "ACSN"}]}
    return [{"type": "ServiceRequest", "identifier": {"type": kind, "value": number}}]


def _extensions(case: ExportCase) -> list[Json]:
    """What FHIR has no element for: age and time of day as shown, and what was changed."""
    age, time = _patient(case).age_years, case.record.instances[0].acquisition.study_time
    found: list[Json] = []
    if age is not None:
        years = quantity(round(age, 3), Code("a", "UCUM", "years"))
        found.append({"url": "urn:lightbox:age-at-study", "valueAge": years})
    if time:
        clock = f"{time[:2]}:{time[2:4] or '00'}:{time[4:] or '00'}"
        found.append({"url": "urn:lightbox:study-time", "valueTime": clock})
    for change in case.changes:
        said = {"url": "urn:lightbox:written-otherwise", "valueString": change.sentence}
        found.append(said)
    return found


def _study(case: ExportCase) -> Json:
    """The imaging study, by its DICOM UID (FHIR R4, ImagingStudy, identifier)."""
    uid = f"urn:oid:{case.record.study_instance_uid}"
    return {"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": uid}}


def _performer(case: ExportCase) -> list[Json]:
    """Who signed, or nobody."""
    review = case.review
    return [{"type": "Practitioner", "display": review.reader}] if review and review.signed else []


def _conclusion(case: ExportCase, said: Report) -> str:
    """The report in words, part by part as on paper."""
    words = report_words.WORDS
    parts = [report_words.status_line(said), *wording.typed_lines(case.record)]
    told = (
        (words["indication"], said.indication),
        (words["comparison"], report_words.comparison_line(said)),
    )
    parts += [f"{title}: {text}" for title, text in told if text]
    if case.review is not None:
        parts += [f"{words['findings']}:", *report_words.finding_lines(said)]
        parts += [f"{words['impression']}:", *report_words.impression_lines(said)]
    return "\n".join(part for part in (*parts, wording.changes_text(case)) if part)


def _origins(case: ExportCase) -> list[str]:
    """Which films were made out of photographs or are regions, and by whom."""
    return [origin_line(film, case.record.instances) for film in case.record.instances]


def _study_date(case: ExportCase) -> str | None:
    """Date of the study."""
    return as_date(case.record.instances[0].acquisition.study_date)


def _uid(case: ExportCase) -> str:
    """The UID of this version of the report."""
    version = case.review.version if case.review else 0
    return derive_uid("fhir", case.record.study_instance_uid, version)


def _instant(at: datetime) -> str:
    return local(at).isoformat(timespec="seconds")
