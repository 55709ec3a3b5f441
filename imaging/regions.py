"""Regions of a film: which side of the patient one shows, and what a film says of both its sides.

Left and right come from the header alone (PS3.3 C.7.3.1, C.8.11.2.1.1, C.7.6.1.1.1); where it is
silent, a reader has to say. Nothing here looks at pixels.
"""

from __future__ import annotations

import re

from imaging.entities import Acquisition, Box, Instance, SourceKind

RIGHT, LEFT = "R", "L"
SMALLEST = 32  # pixels of a side that is worth asking about
NOT_GREY = (
    "A region can be marked on an image in grey levels only. Ask for the image in grey levels, or "
    "read it without the AI."
)
DOUBTFUL = (
    "The file of this image is doubtful, so no region of it can be asked about. Ask for it to be "
    "sent again."
)
# Body parts of which everybody has two, as BodyPartExamined names them (PS3.16 Annex L).
_PAIRED = frozenset(
    {
        *(
            "ANKLE",
            "ARM",
            "AXILLA",
            "BREAST",
            "CALCANEUS",
            "CALF",
            "CLAVICLE",
            "ELBOW",
            "EXTREMITY",
        ),
        *("FEMUR", "FINGER", "FOOT", "FOREARM", "HAND", "HIP", "HUMERUS", "KNEE", "LEG"),
        *("PATELLA", "RADIUS", "SCAPULA", "SHOULDER", "THIGH", "THUMB", "TIBIA", "TOE", "WRIST"),
    }
)
_BOTH = re.compile(r"\b(BILAT(ERAL)?|BOTH|BIL|KNEES|HIPS|HANDS|FEET|SHOULDERS|WRISTS|ANKLES)\b")


def can_be_marked(instance: Instance) -> bool:
    """True for a single frame that is not made here itself: a region of it can be asked about."""
    return instance.geometry.frames == 1 and instance.derivation is None


def is_paired(acquisition: Acquisition) -> bool:
    """True where the header names a part of which everybody has two: a region then has a side."""
    stated = (acquisition.body_part, *acquisition.coded_body_parts)
    words = (word for part in stated for word in re.findall(r"[A-Z]+", part.upper()))
    return any(word in _PAIRED or word.removesuffix("S") in _PAIRED for word in words)


def shows_both(acquisition: Acquisition) -> bool:
    """True where the header says that both sides of the patient are on the film.

    By Image Laterality or Laterality B; where it names no single side, also by the words of part,
    view and series.
    """
    if acquisition.laterality in (RIGHT, LEFT):
        return False
    words = (
        *(acquisition.body_part, acquisition.view_position, acquisition.series_description),
        *(*acquisition.coded_body_parts, *acquisition.view_modifiers),
    )
    return acquisition.laterality == "B" or any(_BOTH.search(w.upper()) for w in words)


def side_at_left(acquisition: Acquisition) -> str:
    """The patient's side at the left of the picture, "R" or "L"; "" where the header is silent.

    PatientOrientation (0020,0020) says where a row leads to: "L" from the right to the left.
    """
    along = acquisition.patient_orientation[0].upper() if acquisition.patient_orientation else ""
    return {"L": RIGHT, "R": LEFT}.get(along[:1], "")


def stated_side(instance: Instance, box: Box) -> str:
    """The patient's side in a box, where the header says so; else "".

    Either the whole film is of one side, or it shows both, says how it lies, and the box keeps to
    one half of it.
    """
    taken = instance.acquisition
    if instance.source is SourceKind.FILM:
        return ""
    if taken.laterality in (RIGHT, LEFT):
        return taken.laterality
    first = side_at_left(taken)
    if not (first and shows_both(taken)):
        return ""
    middle = instance.geometry.columns / 2
    if box[2] <= middle:
        return first
    return other_side(first) if box[0] >= middle else ""


def other_side(side: str) -> str:
    """The one that is not this."""
    return {RIGHT: LEFT, LEFT: RIGHT}.get(side, "")


def why_not(instance: Instance, refusals: tuple[str, ...]) -> str:
    """Why no region of an image that `can_be_marked` may be asked about, or "".

    Parameters
    ----------
    instance : Instance
    refusals : tuple of str
        Of its file (`imaging.dicom.Image.refusals`): a copy would no longer be doubtful.
    """
    if refusals:
        return DOUBTFUL
    geometry = instance.geometry
    grey = geometry.photometric_interpretation in ("MONOCHROME1", "MONOCHROME2")
    return "" if geometry.samples_per_pixel == 1 and grey else NOT_GREY
