"""The scope check: whether the header says that the network was built for this picture.

A contradiction refuses the picture; silence or a neighbouring population warns. Nothing is ever
assumed without saying so.
"""

from __future__ import annotations

from dataclasses import dataclass

from imaging.entities import Instance, SourceKind
from models.card import Scope


@dataclass(frozen=True, slots=True)
class ScopeVerdict:
    """Reasons (sentences) to refuse a picture, and reasons to be careful with its answer."""

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def check_scope(instance: Instance, scope: Scope) -> ScopeVerdict:
    """Compare an instance's header with the card's scope."""
    refusals: list[str] = []
    warnings: list[str] = []
    for check in CHECKS.values():
        refusal, warning = check(instance, scope)
        refusals += [refusal] if refusal else []
        warnings += [warning] if warning else []
    return ScopeVerdict(tuple(refusals), tuple(warnings))


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A header attribute that refuses a picture: its keyword (PS3.6), its value, what would do.

    ``expected`` is empty where one word says it all (a single frame, grey levels).
    """

    keyword: str
    found: str
    expected: tuple[str, ...]
    reason: str


def mismatches(instance: Instance, scope: Scope) -> tuple[Mismatch, ...]:
    """The attributes behind every refusal of `check_scope`; none of them names a patient."""
    taken, geometry = instance.acquisition, instance.geometry
    values: dict[str, tuple[str, tuple[str, ...]]] = {
        "Modality": (taken.modality, scope.modalities),
        "SamplesPerPixel": (str(geometry.samples_per_pixel), ("1",)),
        "NumberOfFrames": (str(geometry.frames), ("1",)),
        "BodyPartExamined": (taken.body_part, scope.body_parts),
        "ViewPosition": (taken.view_position, scope.views),
        "ImageLaterality": (taken.laterality, ()),
    }
    return tuple(
        Mismatch(keyword, *values[keyword], reason=refusal)
        for keyword, check in CHECKS.items()
        if (refusal := check(instance, scope)[0])
    )


Reason = tuple[str, str]  # (refusal, warning); at most one is not empty


def _modality(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.FILM:
        return "", "No patient data in this file: modality, view and age are unknown."
    modality = instance.acquisition.modality.upper()
    if not modality:
        return "", "The modality is not stated."
    if modality not in scope.modalities:
        return f"This is a {modality} image; the network reads {_list(scope.modalities)} only.", ""
    return "", ""


def _colour(instance: Instance, scope: Scope) -> Reason:
    if instance.geometry.samples_per_pixel > 1:
        return "This is a colour picture; the network reads grey-scale pictures only.", ""
    return "", ""


def _frames(instance: Instance, scope: Scope) -> Reason:
    if instance.geometry.frames > 1:
        return "This is a multi-frame image; the network reads single pictures only.", ""
    return "", ""


def _body_part(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.FILM:
        return "", ""
    part = instance.acquisition.body_part.upper()
    if not part:
        return "", "The body part is not stated."
    if not any(known in part for known in scope.body_parts):
        return f"The body part is {part}, not {_list(scope.body_parts)}.", ""
    return "", ""


def _view(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.FILM or not scope.views:
        return "", ""
    view = instance.acquisition.view_position.upper()
    if not view:
        return "", f"The view is not stated; the network reads {_list(scope.views)} only."
    if view not in scope.views:
        return f"The view is {view}; the network reads {_list(scope.views)} only.", ""
    return "", ""


def _laterality(instance: Instance, scope: Scope) -> Reason:
    """L or R says that one of a paired body part is shown (PS3.3 C.7.3.1.1.1)."""
    side = instance.acquisition.laterality.upper()
    if side in ("L", "R") and not scope.one_sided:
        return f"The header says that one side of the body is shown ({side}), not both.", ""
    return "", ""


def _age(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.FILM:
        return "", ""
    age = instance.patient.age_years
    if age is None:
        return "", "The patient's age is not stated."
    low, high = scope.age_years
    if not low <= age <= high:
        return "", "The patient's age is outside the studied population."
    return "", ""


def _list(values: tuple[str, ...]) -> str:
    return " or ".join(values)


# DICOM keyword (PS3.6) -> its check, in the order the reasons are told.
CHECKS = {
    "Modality": _modality,
    "SamplesPerPixel": _colour,
    "NumberOfFrames": _frames,
    "BodyPartExamined": _body_part,
    "ViewPosition": _view,
    "ImageLaterality": _laterality,
    "PatientAge": _age,
}
