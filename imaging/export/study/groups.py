"""Measurement groups of a structured report: a reader's finding, a network's answer, a mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CoordinatesForMeasurement,
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom import Dataset

from imaging.entities import RESEARCH_USE, Answer, Assessment, Finding, ModelIdentity
from imaging.export import codes, report_words, wording
from imaging.export.common import SOFTWARE, coded, derive_uid
from imaging.export.report import Answered
from imaging.review.records import Annotation, Call, Code, Compared, Measure, ReadFinding, Shape
from imaging.review.terms import SIDES, concept

Group = MeasurementsAndQualitativeEvaluations | PlanarROIMeasurementsAndQualitativeEvaluations
_REGIONS = (Shape.RECTANGLE, Shape.ELLIPSE, Shape.REGION)


def reader_group(
    finding: ReadFinding,
    marks: Mapping[str, Annotation],
    sources: Mapping[str, Dataset],
    compared: Compared | None = None,
) -> Group:
    """A reader's finding: present or absent, where, what became of it, and the sentence of it.

    Parameters
    ----------
    finding : ReadFinding
    marks : mapping
        Annotations by uid.
    sources : mapping
        Headers by SOP Instance UID.
    compared : Compared, optional
        The earlier study of which `finding.course` speaks.

    Notes
    -----
    Only what is present is the group's Finding (121071, DCM): who lists the findings of a report
    must not come upon one that is absent. That is said as "Pneumonia = Absent". Sides are the
    Laterality of a Finding Site (PS3.16 TID 1501, CID 244).
    """
    marked = [marks[uid].sop_instance_uid for uid in finding.regions if uid in marks]
    images = dict.fromkeys(uid for uid in marked or sources if uid in sources)
    study = next(iter(sources.values())).StudyInstanceUID
    presence = codes.PRESENT if finding.present else codes.ABSENT
    said = [
        (concept(finding.code), presence),
        (codes.CALL, codes.call_code(finding)),
    ]
    if finding.course is not None and compared is not None:
        said.append((codes.COURSE, codes.COURSES[finding.course]))
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking("Reader", finding.code, study),
        finding_type=coded(concept(finding.code)) if finding.present else None,
        finding_sites=[
            FindingSite(coded(site), coded(SIDES[finding.side]))
            for site in codes.sites_code(finding)
            if finding.side is not None
        ]
        or None,
        qualitative_evaluations=[
            QualitativeEvaluation(coded(name), coded(value)) for name, value in said
        ],
        source_images=[
            SourceImageForMeasurementGroup.from_source_image(sources[uid]) for uid in images
        ],
    )
    if finding.call is Call.EDITED:
        comment(group[0], f"Rewords the AI finding: {finding.replaces}")
    comment(group[0], report_words.finding_sentence(finding, compared))
    return group


def network_groups(assessment: Assessment, answered: Answered, source: Dataset) -> list[Group]:
    """The network's answer about one image: a group per finding, or why it said nothing.

    TID 1501 with the algorithm's name, version and weights (TID 4019) on each group; a finding that
    was explained says how far its map can be believed and where the evidence lies.
    """
    if assessment.model is None:
        return []
    if not assessment.findings:
        return [_refusal_group(assessment, assessment.model, source)]
    return [
        _network_group(f, assessment, assessment.model, source, answered) for f in answered.findings
    ]


def _network_group(
    finding: Finding,
    assessment: Assessment,
    model: ModelIdentity,
    source: Dataset,
    answered: Answered,
) -> Group:
    """A finding of the network; one that has an answer carries it."""
    leads = assessment.answers(finding)
    assessment = assessment.about(finding) if leads else assessment
    numbers = [
        (codes.PROBABILITY, finding.probability),
        (codes.OPERATING_POINT, finding.operating_point),
    ]
    said: list[tuple[Code, Code]] = []
    if leads:
        numbers += [
            (code, value)
            for code, value in (
                (codes.DISAGREEMENT, assessment.disagreement),
                (codes.ERROR_RATE, assessment.error_rate),
            )
            if value is not None
        ]
        if assessment.answer is not None:
            said = [(codes.ANSWER, codes.ANSWERS[assessment.answer])]
            if assessment.answer in (Answer.PRESENT, Answer.ABSENT):
                said.append(
                    (concept(finding.code, finding.label), codes.ANSWERS[assessment.answer])
                )
    absent = assessment.answer is Answer.ABSENT if leads else not finding.positive
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking("Network", finding.code, source.SOPInstanceUID),
        finding_type=None if absent else coded(concept(finding.code, finding.label)),
        algorithm_id=_algorithm(model, finding, assessment.engine),
        measurements=[_measurement(code, value, codes.NO_UNIT) for code, value in numbers],
        qualitative_evaluations=[
            QualitativeEvaluation(coded(name), coded(value)) for name, value in said
        ]
        or None,
        source_images=[SourceImageForMeasurementGroup.from_source_image(source)],
    )
    if leads:
        comment(group[0], f"AI: {report_words.answer_words(answered.about(finding))}.")
        comment(group[0], " ".join(assessment.remarks))
    for map_ in answered.maps:
        if map_.target == finding.code:
            comment(group[0], f"Map of the evidence, {wording.map_line(map_)}")
    if finding.exploratory:
        comment(group[0], "Exploratory finding: shown, never used to set a priority.")
    return group


def _refusal_group(assessment: Assessment, model: ModelIdentity, source: Dataset) -> Group:
    """The network's refusal, with its reasons."""
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking("Network", "refusal", source.SOPInstanceUID),
        finding_type=coded(codes.IMAGE_QUALITY),
        algorithm_id=_algorithm(model, None, assessment.engine),
        qualitative_evaluations=[_answer(assessment.answer or Answer.UNSUITABLE)],
        source_images=[SourceImageForMeasurementGroup.from_source_image(source)],
    )
    comment(group[0], " ".join(assessment.remarks))
    return group


def mark_group(mark: Annotation, source: Dataset, finding: str) -> Group:
    """An annotation with its measurements: TID 1410 for regions, TID 1501 for lines and points.

    Parameters
    ----------
    mark : Annotation
        Its points are SCOORD coordinates already (PS3.3 C.18.6.1.2).
    source : Dataset
        Header of the image it lies on.
    finding : str
        Code of the finding it marks, or "".
    """
    frames = [mark.frame + 1] if int(source.get("NumberOfFrames") or 1) > 1 else None
    image = SourceImageForRegion(source.SOPClassUID, source.SOPInstanceUID, frames)
    common: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(
            uid=derive_uid("mark", mark.uid), identifier=mark.label or mark.shape.value
        ),
        "finding_type": coded(concept(finding)) if finding else None,
    }
    if mark.shape in _REGIONS:
        kind, data = _graphic(mark)
        region = PlanarROIMeasurementsAndQualitativeEvaluations(
            referenced_region=ImageRegion(kind, data, image),
            measurements=[_mark_measurement(measure) for measure in mark.measures] or None,
            **common,
        )
        return _say_plane(region, mark)
    lines = [CoordinatesForMeasurement(kind, data, image) for kind, data in _lines(mark)]
    group = MeasurementsAndQualitativeEvaluations(
        measurements=[_mark_measurement(measure, lines) for measure in mark.measures] or None,
        source_images=[
            SourceImageForMeasurementGroup(source.SOPClassUID, source.SOPInstanceUID, frames)
        ],
        **common,
    )
    return _say_plane(group, mark)


def _say_plane(group: Group, mark: Annotation) -> Group:
    """Say in words, once, where the lengths of a mark hold: few viewers show the method."""
    planes = dict.fromkeys(filter(None, map(wording.measure_plane, mark.measures)))
    for words in planes:
        comment(group[0], f"Lengths in this group: {words}")
    return group


def comment(item: Dataset, text: str, name: Code = codes.COMMENT) -> None:
    """Add a text to a container, a comment unless it has another name; nothing for an empty one."""
    if text.strip():
        item.ContentSequence.append(
            TextContentItem(coded(name), text.strip(), RelationshipTypeValues.CONTAINS)
        )


def _tracking(who: str, *parts: str) -> TrackingIdentifier:
    """A readable and a unique identifier for one line of thought about one finding."""
    return TrackingIdentifier(
        uid=derive_uid("tracking", who, *parts), identifier=f"{who} {parts[0]}"
    )


def _answer(answer: Answer) -> QualitativeEvaluation:
    return QualitativeEvaluation(coded(codes.ANSWER), coded(codes.ANSWERS[answer]))


def _algorithm(
    model: ModelIdentity, finding: Finding | None, engine: str
) -> AlgorithmIdentification:
    """TID 4019: which network, what computed it, and how its probability becomes an answer."""
    parameters = [f"weights_sha256={model.weights_sha256}", RESEARCH_USE]
    if model.files_sha256:
        parameters.insert(1, f"model_sha256={model.files_sha256}")
    if finding is not None:
        parameters.insert(1, f"operating_point={finding.operating_point}")
    if engine:
        parameters.insert(1, f"engine={engine}")
    return AlgorithmIdentification(
        name=model.name,
        version=model.version,
        parameters=parameters,
        family=coded(codes.AI),
        manufacturer=SOFTWARE,
    )


def _measurement(code: Any, value: float, unit: Any, **options: Any) -> Measurement:
    return Measurement(name=coded(code), value=float(value), unit=coded(unit), **options)


def _mark_measurement(
    measure: Measure, lines: list[CoordinatesForMeasurement] | None = None
) -> Measurement:
    """A reader's measurement (TID 300), with the coordinates it was inferred from."""
    name, derivation = codes.measure_name(measure)
    return _measurement(
        name,
        measure.value,
        codes.measure_unit(measure),
        derivation=coded(derivation) if derivation else None,
        method=coded(codes.PLANES[measure.plane]) if measure.plane in codes.PLANES else None,
        referenced_coordinates=lines,
    )


def _graphic(mark: Annotation) -> tuple[GraphicTypeValues, np.ndarray]:
    """Graphic type and (points, 2) float64 of a region (PS3.3 C.18.6.1.2)."""
    points = np.array(mark.points, dtype=np.float64)
    if mark.shape is Shape.ELLIPSE:
        return GraphicTypeValues.ELLIPSE, points
    if mark.shape is Shape.RECTANGLE:
        (left, top), (right, bottom) = points
        points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    if not np.array_equal(points[0], points[-1]):
        points = np.vstack([points, points[:1]])
    return GraphicTypeValues.POLYLINE, points


def _lines(mark: Annotation) -> list[tuple[GraphicTypeValues, np.ndarray]]:
    """The lines or the point a measurement was taken along."""
    points = np.array(mark.points, dtype=np.float64)
    if mark.shape is Shape.POINT:
        return [(GraphicTypeValues.POINT, points)]
    parts = (points[:2], points[2:]) if mark.shape is Shape.RATIO else (points,)
    return [(GraphicTypeValues.POLYLINE, part) for part in parts]
