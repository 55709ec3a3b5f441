"""Entities to plain JSON values and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from imaging.derivation import derivation_from_json, derivation_to_json
from imaging.documents import Document, DocumentKind
from imaging.entities import (
    Acquisition,
    Answer,
    Assessment,
    Derivation,
    Finding,
    Geometry,
    Identity,
    Instance,
    LengthPlane,
    ModelIdentity,
    OtherPatientId,
    Patient,
    SourceKind,
    Status,
    TypedFacts,
    VoiPreset,
)
from imaging.review.records import (
    Annotation,
    Call,
    Compared,
    Course,
    FirstRead,
    Measure,
    Presentation,
    ReadFinding,
    Review,
    Shape,
    Side,
    Site,
    Stage,
    Trial,
)


def plain(text: str) -> str:
    """Text without NUL, which PostgreSQL cannot hold and no name needs."""
    return text.replace("\0", "")


def instance_to_json(instance: Instance) -> dict[str, Any]:
    """Plain values of an instance, without what was typed of it (a table of its own)."""
    values = asdict(instance)
    values.pop("typed")
    values["derivation"] = derivation_to_json(instance.derivation) if instance.derivation else None
    return values


def instance_from_json(values: dict[str, Any]) -> Instance:
    """Inverse of `instance_to_json`."""
    return Instance(
        identity=Identity(**values["identity"]),
        patient=patient_from_json(values["patient"]),
        acquisition=_acquisition(values["acquisition"]),
        geometry=_geometry(values["geometry"]),
        voi_presets=tuple(VoiPreset(**p) for p in values["voi_presets"]),
        source=SourceKind(values["source"]),
        file_name=values["file_name"],
        derivation=_derivation(values.get("derivation")),  # missing in older records
    )


def typed_facts_to_json(facts: TypedFacts) -> dict[str, Any]:
    """Plain values of typed facts, without their time and version (columns of their own)."""
    values = asdict(facts)
    values.pop("typed_at")
    values.pop("version")
    return {k: plain(v) if isinstance(v, str) else v for k, v in values.items()}


def typed_facts_from_json(values: dict[str, Any], typed_at: datetime, version: int) -> TypedFacts:
    """Inverse of `typed_facts_to_json`."""
    return TypedFacts(**values, typed_at=typed_at, version=version)


def _derivation(values: dict[str, Any] | None) -> Derivation | None:
    return derivation_from_json(values) if values else None


def _geometry(values: dict[str, Any]) -> Geometry:
    several = ("pixel_spacing", "image_position", "image_orientation")  # older records lack some
    found = {name: tuple(values[name]) for name in several if values.get(name) is not None}
    plane = LengthPlane(values.get("length_plane", LengthPlane.BODY))
    return Geometry(**{**values, **found, "length_plane": plane})


def document_to_json(document: Document) -> dict[str, Any]:
    """Plain values of a document."""
    return asdict(document)


def document_from_json(values: dict[str, Any]) -> Document:
    """Inverse of `document_to_json`."""
    return Document(
        **{
            **values,
            "identity": Identity(**values["identity"]),
            "patient": patient_from_json(values["patient"]),
            "acquisition": _acquisition(values["acquisition"]),
            "kind": DocumentKind(values["kind"]),
        }
    )


def patient_to_json(patient: Patient) -> dict[str, Any]:
    """Plain values of a patient."""
    return asdict(patient)


def patient_from_json(values: dict[str, Any]) -> Patient:
    """Inverse of `patient_to_json`; older records know no issuer and no other numbers."""
    others = tuple(OtherPatientId(**other) for other in values.get("other_ids", ()))
    return Patient(**{**values, "other_ids": others})


def _acquisition(values: dict[str, Any]) -> Acquisition:
    several = (  # all but the first are missing in older records
        *("patient_orientation", "image_type"),
        *("coded_body_parts", "coded_views", "view_modifiers"),
    )
    return Acquisition(**{**values, **{name: tuple(values.get(name, ())) for name in several}})


def assessment_to_json(assessment: Assessment) -> dict[str, Any]:
    """Plain values of an assessment, without its time (a column of its own)."""
    values = asdict(assessment)
    values.pop("created_at")
    return values


def assessment_from_json(values: dict[str, Any], created_at: datetime) -> Assessment:
    """Inverse of `assessment_to_json`."""
    return Assessment(
        sop_instance_uid=values["sop_instance_uid"],
        status=Status(values["status"]),
        model=ModelIdentity(**values["model"]) if values["model"] else None,
        findings=tuple(map(_network_finding, values["findings"])),
        messages=tuple(values["messages"]),
        answer=Answer(values["answer"]) if values.get("answer") else None,
        conformal_set=tuple(values.get("conformal_set", ())),
        error_rate=values.get("error_rate"),
        disagreement=values.get("disagreement"),
        probabilities=tuple((name, p) for name, p in values.get("probabilities", ())),
        grades=values.get("grades", ""),
        engine=values.get("engine", ""),
        view=_view(values.get("view")),  # missing in older records
        typed_version=values.get("typed_version", 0),
        choice=values.get("choice", ""),
        created_at=created_at,
    )


def _network_finding(values: dict[str, Any]) -> Finding:
    """A finding; older records know no answer of one by itself."""
    answer = Answer(values["answer"]) if values.get("answer") else None
    labels = tuple(values.get("conformal_set", ()))
    return Finding(**{**values, "answer": answer, "conformal_set": labels})


def _view(edges: Sequence[float] | None) -> tuple[float, float, float, float] | None:
    if edges is None:
        return None
    top, left, bottom, right = edges
    return top, left, bottom, right


def review_to_json(review: Review) -> dict[str, Any]:
    """Plain values of a review, without its time (a column of its own)."""
    values = asdict(review)
    values.pop("created_at")
    for trial in values["trials"]:
        trial["at"] = trial["at"].isoformat()
    return values


def review_from_json(values: dict[str, Any], created_at: datetime) -> Review:
    """Inverse of `review_to_json`."""
    return Review(
        study_instance_uid=values["study_instance_uid"],
        version=values["version"],
        stage=Stage(values["stage"]),
        account=values["account"],
        reader=values["reader"],
        created_at=created_at,
        findings=tuple(_finding(f) for f in values["findings"]),
        annotations=tuple(_annotation(a) for a in values["annotations"]),
        presentations=tuple(Presentation(**p) for p in values["presentations"]),
        note=values["note"],
        trials=tuple(_trial(t) for t in values.get("trials", ())),
        restores=values["restores"],
        ai_off=values.get("ai_off", False),
        # what follows is missing in versions of Lightbox 0.2 and before
        indication=values.get("indication"),
        impression=values.get("impression", ""),
        compared=Compared(**values["compared"]) if values.get("compared") else None,
    )


def _finding(values: dict[str, Any]) -> ReadFinding:
    side, course = values.get("side"), values.get("course")  # missing in older versions
    known = {
        "call": Call(values["call"]),
        "regions": tuple(values["regions"]),
        "side": Side(side) if side else None,
        "sites": tuple(map(Site, values.get("sites", ()))),
        "course": Course(course) if course else None,
    }
    return ReadFinding(**{**values, **known})


def _trial(values: dict[str, Any]) -> Trial:
    return Trial(
        **{
            **values,
            "regions": tuple(values["regions"]),
            "answer_before": Answer(values["answer_before"]),
            "answer_after": Answer(values["answer_after"]),
            "model": ModelIdentity(**values["model"]),
            "at": datetime.fromisoformat(values["at"]),
        }
    )


def _annotation(values: dict[str, Any]) -> Annotation:
    return Annotation(
        **{
            **values,
            "shape": Shape(values["shape"]),
            "points": tuple((column, row) for column, row in values["points"]),
            "measures": tuple(_measure(m) for m in values["measures"]),
        }
    )


def _measure(values: dict[str, Any]) -> Measure:
    plane = values.get("plane")  # missing in older records
    return Measure(**{**values, "plane": None if plane is None else LengthPlane(plane)})


def first_read_to_json(first_read: FirstRead) -> dict[str, Any]:
    """Plain values of a first read, without its time (a column of its own)."""
    values = asdict(first_read)
    values.pop("committed_at")
    return values


def first_read_from_json(values: dict[str, Any], committed_at: datetime) -> FirstRead:
    """Inverse of `first_read_to_json`."""
    model = ModelIdentity(**values["model"]) if values["model"] else None
    return FirstRead(**{**values, "model": model}, committed_at=committed_at)
