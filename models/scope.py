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
    for check in (_modality, _colour, _frames, _body_part, _view, _age):
        refusal, warning = check(instance, scope)
        refusals += [refusal] if refusal else []
        warnings += [warning] if warning else []
    return ScopeVerdict(tuple(refusals), tuple(warnings))


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
        return "This is a colour picture; the network reads grey-scale radiographs only.", ""
    return "", ""


def _frames(instance: Instance, scope: Scope) -> Reason:
    if instance.geometry.frames > 1:
        return "This is a multi-frame image; the network reads single films only.", ""
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
    if instance.source is SourceKind.FILM:
        return "", ""
    view = instance.acquisition.view_position.upper()
    if not view:
        return "", "The view is not stated; only frontal films can be read."
    if view not in scope.views:
        return f"The view is {view}; the network reads {_list(scope.views)} only.", ""
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
