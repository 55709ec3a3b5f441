"""Entities to plain JSON values and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from imaging.entities import (
    Acquisition,
    Answer,
    Assessment,
    Call,
    Finding,
    Geometry,
    Identity,
    Instance,
    ModelIdentity,
    Patient,
    Review,
    SourceKind,
    Status,
    VoiPreset,
)


def instance_to_json(instance: Instance) -> dict[str, Any]:
    """Plain values of an instance."""
    return asdict(instance)


def instance_from_json(values: dict[str, Any]) -> Instance:
    """Inverse of `instance_to_json`."""
    acquisition, geometry = dict(values["acquisition"]), dict(values["geometry"])
    acquisition["patient_orientation"] = tuple(acquisition["patient_orientation"])
    if geometry["pixel_spacing"] is not None:
        geometry["pixel_spacing"] = tuple(geometry["pixel_spacing"])
    return Instance(
        identity=Identity(**values["identity"]),
        patient=Patient(**values["patient"]),
        acquisition=Acquisition(**acquisition),
        geometry=Geometry(**geometry),
        voi_presets=tuple(VoiPreset(**p) for p in values["voi_presets"]),
        source=SourceKind(values["source"]),
        file_name=values["file_name"],
    )


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
        findings=tuple(Finding(**f) for f in values["findings"]),
        messages=tuple(values["messages"]),
        answer=Answer(values["answer"]) if values.get("answer") else None,
        conformal_set=tuple(values.get("conformal_set", ())),
        error_rate=values.get("error_rate"),
        disagreement=values.get("disagreement"),
        probabilities=tuple((name, p) for name, p in values.get("probabilities", ())),
        created_at=created_at,
    )


def review_to_json(review: Review) -> dict[str, Any]:
    """Plain values of a review, without its time (a column of its own)."""
    values = asdict(review)
    values.pop("created_at")
    return values


def review_from_json(values: dict[str, Any], created_at: datetime) -> Review:
    """Inverse of `review_to_json`."""
    return Review(**{**values, "call": Call(values["call"])}, created_at=created_at)
