"""The attribution itself: a Parametric Map where the source has a place in space, else a SEG.

Why two: docs/adr/0010-exports.md.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
from highdicom.content import AlgorithmIdentificationSequence, VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.seg import Segmentation, SegmentDescription
from pydicom import Dataset

from imaging.entities import RESEARCH_USE, ModelIdentity
from imaging.errors import ExportError
from imaging.export import codes, wording
from imaging.export.case import AttributionMap, ExportCase, ExportedFile
from imaging.export.common import (
    SOFTWARE,
    coded,
    complete,
    derive_uid,
    digest,
    equipment,
    local,
    series,
    stamp,
    to_file,
)
from imaging.export.source import one_frame, point_to, source_dataset, stand_in
from imaging.review.records import Code

THRESHOLD = 0.5  # of the magnitude that gets the full colour: the region a segmentation keeps
_IN_SPACE = (
    "FrameOfReferenceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
)
_CATEGORY = Code("309825002", "SCT", "Spatial and Relational Concept")


def attribution_maps(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write every map: float32 values of slices in space, else the region that speaks for it.

    Raises
    ------
    ExportError
        If there is no map, one is not as large as its film, or no part of any reaches the
        threshold of the region.
    """
    if not case.maps:
        raise ExportError("There is no explanation of the network's answer to write.")
    files = []
    for number, one in enumerate(case.maps, 1):
        source = source_dataset(case, case.instance(one.sop_instance_uid))
        if one.values.shape != (source.Rows, source.Columns):
            raise ExportError("An explanation does not have the size of its film.")
        in_space = all(keyword in source for keyword in _IN_SPACE)
        if in_space and int(source.get("NumberOfFrames") or 1) == 1:
            files.append(_parametric_map(case, one, source, number, now))
        elif (one.values >= THRESHOLD * one.limit).any():
            files.append(_segmentation(case, one, source, number, now))
    if not files:
        raise ExportError(
            "No part of the film speaks for the finding strongly enough to be marked as a region."
        )
    return files


def _parametric_map(
    case: ExportCase, one: AttributionMap, source: Dataset, number: int, now: datetime
) -> ExportedFile:
    """Signed values, float32, unit 1 (PS3.3 A.75)."""
    values = np.nan_to_num(one.values.astype(np.float32))
    written = local(now)
    study = case.record.study_instance_uid
    ds = ParametricMap(
        source_images=[stand_in(source)],
        pixel_array=values,
        sop_instance_uid=_uid("pm", one),
        instance_number=number,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label="ATTRIBUTION",
                lut_explanation=f"{one.method}: positive speaks for {one.target}"[:64],
                unit=coded(codes.NO_UNIT),
                value_range=(float(values.min()), float(values.max())),
                quantity_definition=coded(codes.method_code(one.method)),
            )
        ],
        voi_lut_transformations=[
            VOILUTTransformation(window_center=0.0, window_width=float(2 * one.limit))
        ],
        content_label="ATTRIBUTION",
        content_description=f"{wording.model_line(one.model)}"[:64],
        content_date=written.date(),
        content_time=written.time(),
        **series("map", study),
        **equipment(one.model),
    )
    point_to(ds, source, None)
    return to_file("map", complete(ds, source, now))


def _segmentation(
    case: ExportCase, one: AttributionMap, source: Dataset, number: int, now: datetime
) -> ExportedFile:
    """The part whose value reaches `THRESHOLD` of the limit, as a binary segment (PS3.3 A.51)."""
    image = one_frame(source, one.frame)
    for keyword in _IN_SPACE:
        if keyword in image:
            del image[keyword]
    mask = one.values >= THRESHOLD * one.limit
    written = local(now)
    ds = Segmentation(
        source_images=[image],
        pixel_array=mask,
        segmentation_type="BINARY",
        segment_descriptions=[_segment(one)],
        sop_instance_uid=_uid("seg", one),
        instance_number=number,
        content_label="ATTRIBUTION",
        content_description=wording.model_line(one.model)[:64],
        content_date=written.date(),
        content_time=written.time(),
        **series("map", case.record.study_instance_uid),
        **equipment(one.model),
    )
    # Type 2C where no plane says how the patient lay; a segmentation has no body side.
    ds.PatientOrientation = source.get("PatientOrientation", "")
    point_to(ds, source, one.frame)
    return to_file("map", stamp(ds, now))


def _segment(one: AttributionMap) -> SegmentDescription:
    """What the segment is, and which algorithm drew it."""
    return SegmentDescription(
        segment_number=1,
        segment_label=f"{wording.finding_label(one.target)}, {one.method}"[:64],
        segmented_property_category=coded(_CATEGORY),
        segmented_property_type=coded(codes.method_code(one.method)),
        algorithm_type="AUTOMATIC",
        algorithm_identification=_algorithm(one.model, one),
        tracking_id=f"{one.method} {one.target}",
        tracking_uid=_uid("segment", one),
    )


def _algorithm(model: ModelIdentity, one: AttributionMap) -> AlgorithmIdentificationSequence:
    """PS3.3 10.16: the network, its weights, and how the region was cut."""
    return AlgorithmIdentificationSequence(
        name=model.name,
        family=coded(codes.AI),
        version=model.version,
        source=SOFTWARE,
        parameters={
            "weights_sha256": model.weights_sha256,
            "method": one.method,
            "threshold": f"{THRESHOLD} of {one.limit:g}",
            "use": RESEARCH_USE,
        },
    )


def _uid(kind: str, one: AttributionMap) -> str:
    """A UID for what is made from a map's values."""
    drawn = digest(np.ascontiguousarray(one.values).tobytes())
    return derive_uid(kind, one.sop_instance_uid, one.frame, one.method, one.target, drawn)
