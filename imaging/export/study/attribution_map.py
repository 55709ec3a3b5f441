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
from imaging.export.case import AttributionMap, ExportCase, ExportedFile, why_no_map
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
    if not case.shown_maps:
        raise ExportError(why_no_map(case, "write"))
    files = []
    for number, map_ in enumerate(case.shown_maps, 1):
        source = source_dataset(case, case.instance(map_.sop_instance_uid))
        if map_.values.shape != (source.Rows, source.Columns):
            raise ExportError(
                "An explanation does not have the size of its image. Compute "
                "it again, or export without the map."
            )
        in_space = all(keyword in source for keyword in _IN_SPACE)
        if in_space and int(source.get("NumberOfFrames") or 1) == 1:
            files.append(_parametric_map(case, map_, source, number, now))
        elif (map_.values >= THRESHOLD * map_.limit).any():
            files.append(_segmentation(case, map_, source, number, now))
    if not files:
        raise ExportError(
            "No part of the image is evidence strong enough to be marked as a region. Export "
            "without the map."
        )
    return files


def _parametric_map(
    case: ExportCase, map_: AttributionMap, source: Dataset, number: int, now: datetime
) -> ExportedFile:
    """Signed values, float32, unit 1 (PS3.3 A.75)."""
    values = np.nan_to_num(map_.values.astype(np.float32))
    written = local(now)
    study = case.record.study_instance_uid
    ds = ParametricMap(
        source_images=[stand_in(source)],
        pixel_array=values,
        sop_instance_uid=_derive_uid("pm", map_),
        instance_number=number,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label="ATTRIBUTION",
                lut_explanation=f"{map_.method}: positive is for {map_.target}"[:64],
                unit=coded(codes.NO_UNIT),
                value_range=(float(values.min()), float(values.max())),
                quantity_definition=coded(codes.method_code(map_.method)),
            )
        ],
        voi_lut_transformations=[
            VOILUTTransformation(window_center=0.0, window_width=float(2 * map_.limit))
        ],
        content_label="ATTRIBUTION",
        content_description=f"{wording.model_line(map_.model)}"[:64],
        content_date=written.date(),
        content_time=written.time(),
        **series("map", study),
        **equipment(map_.model),
    )
    point_to(ds, source, None)
    return to_file("map", complete(ds, source, now, case.changes))


def _segmentation(
    case: ExportCase, map_: AttributionMap, source: Dataset, number: int, now: datetime
) -> ExportedFile:
    """The part whose value reaches `THRESHOLD` of the limit, as a binary segment (PS3.3 A.51)."""
    image = one_frame(source, map_.frame)
    for keyword in _IN_SPACE:
        if keyword in image:
            del image[keyword]
    mask = map_.values >= THRESHOLD * map_.limit
    written = local(now)
    ds = Segmentation(
        source_images=[image],
        pixel_array=mask,
        segmentation_type="BINARY",
        segment_descriptions=[_segment(map_)],
        sop_instance_uid=_derive_uid("seg", map_),
        instance_number=number,
        content_label="ATTRIBUTION",
        content_description=wording.model_line(map_.model)[:64],
        content_date=written.date(),
        content_time=written.time(),
        **series("map", case.record.study_instance_uid),
        **equipment(map_.model),
    )
    # Type 2C where no plane says how the patient lay; a segmentation has no body side.
    ds.PatientOrientation = source.get("PatientOrientation", "")
    point_to(ds, source, map_.frame)
    return to_file("map", stamp(ds, now, case.changes))


def _segment(map_: AttributionMap) -> SegmentDescription:
    """The segment, and which algorithm drew it."""
    return SegmentDescription(
        segment_number=1,
        segment_label=f"{wording.finding_label(map_.target)}, {map_.method}"[:64],
        segmented_property_category=coded(_CATEGORY),
        segmented_property_type=coded(codes.method_code(map_.method)),
        algorithm_type="AUTOMATIC",
        algorithm_identification=_algorithm(map_.model, map_),
        tracking_id=f"{map_.method} {map_.target}",
        tracking_uid=_derive_uid("segment", map_),
    )


def _algorithm(model: ModelIdentity, map_: AttributionMap) -> AlgorithmIdentificationSequence:
    """PS3.3 10.16: the network, its weights, and how the region was cut."""
    return AlgorithmIdentificationSequence(
        name=model.name,
        family=coded(codes.AI),
        version=model.version,
        source=SOFTWARE,
        parameters={
            "weights_sha256": model.weights_sha256,
            "model_sha256": model.sha256,
            "method": map_.method,
            "threshold": f"{THRESHOLD} of {map_.limit:g}",
            "verdict": map_.verdict or "not tested",
            "use": RESEARCH_USE,
        },
    )


def _derive_uid(kind: str, map_: AttributionMap) -> str:
    """A UID for what is made from a map's values."""
    values = digest(np.ascontiguousarray(map_.values).tobytes())
    return derive_uid(kind, map_.sop_instance_uid, map_.frame, map_.method, map_.target, values)
