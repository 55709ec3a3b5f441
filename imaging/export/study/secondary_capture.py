"""The overlay as a picture any archive shows: Secondary Capture (PS3.3 A.8), film and legend."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from highdicom import UID
from highdicom.sc import SCImage
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from imaging.entities import RESEARCH_USE
from imaging.errors import ExportError
from imaging.export import wording
from imaging.export.case import AttributionMap, ExportCase, ExportedFile, why_no_map
from imaging.export.common import (
    code_item,
    complete,
    derive_uid,
    digest,
    equipment,
    local,
    reference_item,
    series,
    to_file,
)
from imaging.export.photograph import is_calibrated, origin_line
from imaging.export.source import source_dataset
from imaging.rendering import colour_bar, composite_overlay, text_band
from imaging.review.records import Code

_NARROWEST = 360
_PURPOSE = Code("121322", "DCM", "Source image for image processing operation")
_OPPOSITE = str.maketrans("LRAPHF", "RLPAFH")


def secondary_captures(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write a picture for every map: film, overlay, colour bar and what the network is and said.

    Notes
    -----
    The film is shown as acquired, never flipped, in the reader's window. No patient identity is
    drawn; BurnedInAnnotation repeats what the source says about its own pixels.
    """
    if not case.shown_maps:
        raise ExportError(why_no_map(case, "show"))
    return [_capture(case, map_, number, now) for number, map_ in enumerate(case.shown_maps, 1)]


def sheet(case: ExportCase, map_: AttributionMap) -> NDArray[np.uint8]:
    """Film and overlay with letters above, colour bar and text below.

    Returns
    -------
    numpy.ndarray
        (rows, columns, 3), uint8 RGB; at least as wide as the film.
    """
    picture = case.picture(map_.sop_instance_uid, map_.frame)
    overlay = composite_overlay(
        picture.shown, map_.values, limit=map_.limit, signed=True, seen=map_.seen
    )
    width = max(overlay.width, _NARROWEST)
    # Letters of eleven pixels cannot be read on a film of three thousand: draw small, enlarge.
    scale = max(1, round(width / 700))
    drawn_width = -(-width // scale)
    source = source_dataset(case, case.instance(map_.sop_instance_uid))
    above = text_band([""], width=drawn_width, ends=side_letters(source))
    bar = colour_bar(method=f"{map_.method}: {map_.target}", signed=True, width=drawn_width)
    below = text_band(_lines(case, map_), width=drawn_width)
    parts = [_enlarge(np.asarray(part), scale) for part in (above, bar, below)]
    parts.insert(1, _pad(np.asarray(overlay), drawn_width * scale))
    return np.concatenate(parts, axis=0)


def side_letters(source: Dataset) -> tuple[str, str]:
    """Letters for the left and the right edge of a picture, from PatientOrientation or axes.

    Returns
    -------
    tuple[str, str]
        Such as ("R", "L"); empty where the source does not say (PS3.3 C.7.6.1.1.1).
    """
    stated = source.get("PatientOrientation") or []
    right = str(stated[0]) if len(stated) == 2 else ""
    axes = source.get("ImageOrientationPatient") or []
    if not right and len(axes) == 6:
        x, y, z = (float(v) for v in axes[:3])
        largest = max((abs(x), "L" if x > 0 else "R"), (abs(y), "P" if y > 0 else "A"))
        right = max(largest, (abs(z), "H" if z > 0 else "F"))[1]
    return right.translate(_OPPOSITE), right


def _lines(case: ExportCase, map_: AttributionMap) -> list[str]:
    """Lines that the picture must say of itself; never who the patient is."""
    by_uid = {i.identity.sop_instance_uid: a for i, a in case.answers}
    assessment = by_uid.get(map_.sop_instance_uid)
    findings = [f for f in assessment.findings if f.code == map_.target] if assessment else []
    film = case.instance(map_.sop_instance_uid)
    calibrated = is_calibrated(film)
    scores = [
        f"{wording.finding_label(f.code)}: {wording.answer_line(f, calibrated=calibrated)}"
        for f in findings
    ]
    return [
        f"AI-generated. {RESEARCH_USE}",
        *filter(None, [origin_line(film, case.record.instances)]),
        *scores,
        wording.map_line(map_),
        wording.model_line(map_.model),
        "Outlined: the part of the image the AI looked at. Shown as acquired.",
        *case.picture(map_.sop_instance_uid, map_.frame).notes,
    ]


def _capture(case: ExportCase, map_: AttributionMap, number: int, now: datetime) -> ExportedFile:
    """A sheet as DICOM."""
    instance = case.instance(map_.sop_instance_uid)
    source = source_dataset(case, instance)
    pixels = sheet(case, map_)
    study = case.record.study_instance_uid
    uid = derive_uid("sc", study, map_.sop_instance_uid, map_.frame, digest(pixels.tobytes()))
    at = local(now)
    ds = SCImage.from_ref_dataset(
        source,
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        sop_instance_uid=UID(uid),
        instance_number=number,
        patient_orientation=("L", "F"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_date=at.date(),
        content_time=at.time(),
        **series("sc", study),
        **equipment(map_.model),
    )
    ds.DateOfSecondaryCapture, ds.TimeOfSecondaryCapture = ds.ContentDate, ds.ContentTime
    _describe(ds, source, map_)
    return to_file("sc", complete(ds, source, now, case.changes))


def _describe(ds: Dataset, source: Dataset, map_: AttributionMap) -> None:
    """Where the picture comes from, and what highdicom asks for but nobody knows."""
    letters = side_letters(source)[1]
    down = list(source.get("PatientOrientation") or [])
    ds.PatientOrientation = down if letters and len(down) == 2 else ""
    ds.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    ds.DerivationDescription = f"{map_.method} overlay for {map_.target}. {RESEARCH_USE}"
    ds.SourceImageSequence = [reference_item(source, map_.frame)]
    ds.SourceImageSequence[0].PurposeOfReferenceCodeSequence = [code_item(_PURPOSE)]
    if "BurnedInAnnotation" in source:
        ds.BurnedInAnnotation = source.BurnedInAnnotation
    if source.get("LossyImageCompression") == "01":
        ds.LossyImageCompression = "01"


def _enlarge(part: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Every pixel as a square of pixels."""
    return part.repeat(scale, axis=0).repeat(scale, axis=1)


def _pad(part: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """A picture in the middle of a wider, black one."""
    left = (width - part.shape[1]) // 2
    return np.pad(part, ((0, 0), (left, width - part.shape[1] - left), (0, 0)))
