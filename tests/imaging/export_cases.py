"""Studies to export, made up from attributes: nobody's picture, every stage of a review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from imaging.decoding import Source
from imaging.delivery.study import make_case
from imaging.dicom import read_image
from imaging.entities import Answer, Assessment, Finding, ModelIdentity, SourceKind, Status
from imaging.export import AttributionMap, ExportCase
from imaging.review.records import (
    Annotation,
    Call,
    Measure,
    Presentation,
    ReadFinding,
    Review,
    Shape,
    Stage,
    Trial,
)
from imaging.study import StudyRecord
from tests.factories import make_dicom_bytes, make_film_bytes, make_pixels

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC)
SAID = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SIGNED = datetime(2026, 3, 4, 13, 30, tzinfo=UTC)
MODEL = ModelIdentity("paediatric-cxr", "0.3.0", "ab12cd34ef56" + "0" * 52)
CT: dict[str, Any] = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
    "Modality": "CT",
    "ViewPosition": None,
    "RescaleSlope": 1,
    "RescaleIntercept": -1024,
    "RescaleType": "HU",
    "FrameOfReferenceUID": "2.25.1234",
    "ImagePositionPatient": [-10.0, -12.5, 40.0],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [0.7, 0.7],
    "SliceThickness": 5,
}


def source_bytes(kind: str, **attributes: Any) -> bytes:
    """The original file of one kind of study; attributes replace those of "cr" and "ct"."""
    if kind == "dx":
        return (ROOT / "examples/synthetic_01_normal.dcm").read_bytes()
    makers = {
        "cr": lambda: make_dicom_bytes(**attributes),
        "ct": lambda: make_dicom_bytes(**{**CT, **attributes}),
        "monochrome1": lambda: make_dicom_bytes(
            PhotometricInterpretation="MONOCHROME1", WindowCenter=2000, WindowWidth=3000
        ),
        "multiframe": lambda: make_dicom_bytes(
            np.stack([make_pixels(), make_pixels()[::-1], make_pixels()[:, ::-1]]),
            SOPClassUID="1.2.840.10008.5.1.4.1.1.7.3",
            Modality="OT",
        ),
        "unicode": lambda: make_dicom_bytes(
            PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", StudyDescription="Thorax für Müller"
        ),
        "bare": lambda: make_dicom_bytes(
            PatientName=None,
            PatientID=None,
            PatientAge="4 years",
            StudyDate="yesterday",
            StudyTime=None,
            BodyPartExamined=None,
            ViewPosition=None,
            PatientSex="unknown",
        ),
        "png": lambda: make_film_bytes(make_pixels(bits=8).astype(np.uint8)),
        "jpeg": lambda: make_film_bytes(make_pixels(bits=8).astype(np.uint8), "JPEG"),
        "colour": lambda: make_film_bytes(
            np.stack([make_pixels(bits=8).astype(np.uint8)] * 2 + [np.zeros((24, 32), np.uint8)], 2)
        ),
    }
    return makers[kind]()


KINDS = (
    "dx", "cr", "ct", "monochrome1", "multiframe", "unicode", "bare", "png", "jpeg", "colour",
)  # fmt: skip
FILMS = ("png", "jpeg", "colour")


def assessment(sop_instance_uid: str) -> Assessment:
    """What the network said."""
    return Assessment(
        sop_instance_uid=sop_instance_uid,
        status=Status.OK,
        model=MODEL,
        findings=(
            Finding("pneumonia", "Pneumonia", 0.8312345678901234, 0.43),
            Finding("viral", "Viral pattern", 0.21, 0.5, exploratory=True),
        ),
        messages=("A message for the clinician.",),
        created_at=SAID,
        answer=Answer.PRESENT,
        conformal_set=("present",),
        error_rate=0.05,
        disagreement=0.031,
        engine="onnxruntime int8",
    )


def marks_on(uid: str, frame: int, columns: int, rows: int) -> tuple[Annotation, ...]:
    """One mark of every shape, within a picture of that size."""

    def at(*fractions: tuple[float, float]) -> tuple[tuple[float, float], ...]:
        return tuple((x * columns, y * rows) for x, y in fractions)

    def mark(
        shape: Shape, points: tuple[tuple[float, float], ...], *measures: Measure, finding: str = ""
    ) -> Annotation:
        return Annotation(
            f"mark-{shape}", uid, shape, points, frame, f"{shape} 1", finding, measures
        )

    mean = (Measure("mean", 101.5, "1"), Measure("deviation", 7.25, "1"))
    return (
        mark(Shape.POINT, at((0.5, 0.5)), Measure("value", 1234.0, "[hnsf'U]")),
        mark(Shape.LENGTH, at((0.1, 0.2), (0.7, 0.2)), Measure("length", 12.3456789, "mm")),
        mark(Shape.ANGLE, at((0.1, 0.1), (0.5, 0.5), (0.9, 0.1)), Measure("angle", 91.5, "deg")),
        mark(
            Shape.RECTANGLE, at((0.25, 0.25), (0.5, 0.75)), Measure("area", 64.0, "{pixels}"), *mean
        ),
        mark(Shape.ELLIPSE, at((0.2, 0.5), (0.8, 0.5), (0.5, 0.4), (0.5, 0.6)), *mean),
        mark(
            Shape.RATIO,
            at((0.4, 0.6), (0.6, 0.6), (0.1, 0.7), (0.9, 0.7)),
            Measure("ratio", 0.25, "1"),
        ),
        mark(Shape.REGION, at((0.6, 0.3), (0.8, 0.35), (0.7, 0.5)), finding="pneumonia"),
    )


def trial(uid: str) -> Trial:
    """What a reader tried with the eraser: two steps, and the answer falls."""
    return Trial(
        sop_instance_uid=uid,
        regions=("Without right lower (blur)", "=Only the ellipse (mean grey)"),
        fill="mean",
        kept=True,
        code="pneumonia",
        before=0.8312345678901234,
        after=0.123456789,
        answer_before=Answer.PRESENT,
        answer_after=Answer.UNSURE,
        model=MODEL,
        at=SIGNED,
    )


def review(
    kind: str, uid: str, frame: int, columns: int, rows: int, stage: Stage, version: int = 1
) -> Review:
    """A reader's work with one of everything."""
    grey = kind != "colour"
    return Review(
        study_instance_uid="",
        version=version,
        stage=stage,
        account="mueller",
        reader="Dr. Jürgen Müller",
        created_at=SIGNED.replace(minute=30 + version),
        findings=(
            ReadFinding("pneumonia", True, Call.ACCEPTED, regions=("mark-region",)),
            ReadFinding("bacterial", False, Call.EDITED, note="не вирус", replaces="viral"),
            ReadFinding("effusion", True, Call.ADDED, note="small <left> & blunt"),
        ),
        annotations=marks_on(uid, frame, columns, rows),
        presentations=(
            Presentation(uid, frame, 1800.25, 2500.5, "LINEAR", flipped=True, rotation=90),
        )
        if grey
        else (),
        note="Seen with\nDr. Иванов.",
        trials=(trial(uid),),
    )


def attribution(uid: str, frame: int, rows: int, columns: int) -> AttributionMap:
    """A map with evidence for (right) and against (left)."""
    values = np.tile(np.linspace(-1, 2, columns, dtype=np.float32), (rows, 1))
    seen = (0.1, 0.05, 0.9, 0.95)
    method, verdict = "Grad-CAM", "well supported"
    return AttributionMap(uid, frame, values, 2.0, method, "pneumonia", seen, MODEL, verdict)


def export_case_of(
    kind: str = "cr",
    stage: Stage | None = Stage.FINAL,
    *,
    amends: bool = False,
    said: bool = True,
    maps: bool = True,
    attributes: dict[str, Any] | None = None,
) -> ExportCase:
    """A study of one kind at one stage, with all that can be exported."""
    content = source_bytes(kind, **(attributes or {}))
    instance = read_image(content, file_name=f"{kind}.dcm").instance
    identity, geometry = instance.identity, instance.geometry
    uid, frame = identity.sop_instance_uid, geometry.frames - 1
    reviews: list[Review] = []
    if stage is not None:
        stages = [Stage.FINAL, stage] if amends else [stage]
        for version, one in enumerate(stages, 1):
            made = review(kind, uid, frame, geometry.columns, geometry.rows, one, version)
            reviews.append(replace(made, study_instance_uid=identity.study_instance_uid))
    record = StudyRecord(
        study_instance_uid=identity.study_instance_uid,
        instances=(instance,),
        assessments=(assessment(uid) if said else None,),
        reviews=tuple(reviews),
        received_at=SAID,
    )
    drawn = (attribution(uid, frame, geometry.rows, geometry.columns),) if maps else ()
    assert (instance.source is SourceKind.FILM) == (kind in FILMS)
    return case_with(record, {uid: content}, maps=drawn)


def case_with(
    record: StudyRecord, contents: Mapping[str, bytes], *, maps: Sequence[AttributionMap] = ()
) -> ExportCase:
    """`make_case` of files that are here; the case holds them whole."""
    sources = {uid: Source.of(content) for uid, content in contents.items()}
    return replace(make_case(record, sources, maps=maps), contents=contents)


def study_of(kind: str, **attributes: Any) -> tuple[StudyRecord, dict[str, bytes]]:
    """A study nobody has read or explained, and its files."""
    content = source_bytes(kind, **attributes)
    instance = read_image(content).instance
    identity = instance.identity
    record = StudyRecord(identity.study_instance_uid, (instance,), (None,), (), SAID)
    return record, {identity.sop_instance_uid: content}
