"""Which image of a study is classified, and why the others are not: the rule, in words.

Every image is checked by itself (`models.inference.scope` for the header, `models.network.gate` for
the pixels) and each that passes is classified. Of several the most urgent answer speaks for the
study, because the network may raise a study and never lower it (`imaging.worklist.order`).
"""

from __future__ import annotations

from dataclasses import dataclass

from imaging.entities import Assessment, Instance, SourceKind, Status
from imaging.language import _
from imaging.study import StudyRecord
from imaging.worklist.order import leading_assessment
from models.inference.scope import FRONTAL, PLAIN_XRAYS

RULE = (
    "Each image is checked by modality, kind of picture, colours, frames, body part, view "
    "and side, then by its pixels. The AI reads each that passes; the most urgent answer "
    "leads."
)


FROM_IMAGE_ONLY = "Image accepted from the image only; the file has no patient details."
TYPED_FITS = "Image accepted: the image and what was typed fit."


@dataclass(frozen=True, slots=True)
class Selected:
    """Outcome of the rule for one image: whether it was classified, whether it leads, and why."""

    instance: Instance
    classified: bool
    leads: bool
    because: str


def select(record: StudyRecord) -> tuple[Selected, ...]:
    """Apply the rule to a study: its images in order, each with the reason.

    Parameters
    ----------
    record : StudyRecord
        With the latest assessments; an image without one is still waiting.
    """
    lead = leading_assessment(record)
    leading = lead.sop_instance_uid if lead is not None and is_classified(lead) else ""
    return tuple(
        Selected(
            instance,
            is_classified(answer),
            instance.identity.sop_instance_uid == leading,
            because(instance, answer),
        )
        for instance, answer in zip(record.instances, record.assessments, strict=True)
    )


def is_classified(answer: Assessment | None) -> bool:
    """True when a network answered about the image."""
    return answer is not None and answer.status in (Status.OK, Status.WARNED)


def because(instance: Instance | None, answer: Assessment | None) -> str:
    """Why one image was classified or not, as sentences without patient data.

    Parameters
    ----------
    instance : Instance or None
        None for a file that could not be read, or that is no picture.
    answer : Assessment or None
        None while it waits.
    """
    if answer is None:
        return "Not checked yet."
    if instance is None or not is_classified(answer):
        return " ".join(("No AI answer.", *answer.messages))
    if instance.typed is not None:
        return TYPED_FITS
    return (
        FROM_IMAGE_ONLY
        if instance.source is SourceKind.FILM
        else f"Image accepted: {facts(instance)}."
    )


def accepted(instance: Instance) -> str:
    """That an image was classified, as a radiologist would say it; the facts are for a fold."""
    if instance.source is SourceKind.FILM:
        return TYPED_FITS if instance.typed is not None else FROM_IMAGE_ONLY
    taken = instance.acquisition
    chest = "CHEST" in taken.body_part.upper() and taken.modality.upper() in PLAIN_XRAYS
    frontal = taken.view_position.upper() in FRONTAL
    return "Image accepted: frontal chest X-ray." if chest and frontal else "Image accepted."


def facts(instance: Instance) -> str:
    """Header values that the rule looks at, such as "CR, CHEST, AP, ORIGINAL/PRIMARY"."""
    acquisition, frames = instance.acquisition, instance.geometry.frames
    count = _("single frame") if frames == 1 else _("{count} frames").format(count=frames)
    kind = "/".join(acquisition.image_type[:2])
    parts = (acquisition.modality, acquisition.body_part, acquisition.view_position, kind, count)
    return ", ".join(part for part in parts if part)
