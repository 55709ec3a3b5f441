"""The scope check: whether the header says that the network was built for this picture.

A contradiction refuses the picture; silence or a neighbouring population warns. Nothing is ever
assumed without saying so.
"""

from __future__ import annotations

from dataclasses import dataclass

from imaging.entities import Instance, SourceKind
from models.checkpoint.card import Scope

OTHER_AGE = "The patient's age is outside the studied population."


@dataclass(frozen=True, slots=True)
class ScopeVerdict:
    """Reasons (sentences) to refuse a picture, and reasons to be careful with its answer.

    ``outside`` is True where the header says that another patient than those studied is shown:
    an answer then promises nothing.
    """

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    outside: bool = False


def check_scope(
    instance: Instance, scope: Scope, *, outside_population: bool = False
) -> ScopeVerdict:
    """Compare an instance's header with the card's scope.

    With `outside_population`, what says that another patient or another part of the body is shown
    only warns. What is no single grey picture made for reading is refused all the same.
    """
    refusals: list[str] = []
    warnings: list[str] = []
    outside = False
    for keyword, check in CHECKS.items():
        refusal, warning = check(instance, scope)
        only_warns = outside_population and keyword in POPULATION
        (warnings if only_warns else refusals).extend([refusal] if refusal else [])
        warnings += [warning] if warning else []
        outside |= warning == OTHER_AGE or bool(refusal and only_warns)
    return ScopeVerdict(tuple(refusals), tuple(warnings), outside)


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
    acquisition, geometry = instance.acquisition, instance.geometry
    values: dict[str, tuple[str, tuple[str, ...]]] = {
        "Modality": (acquisition.modality, scope.modalities),
        "SamplesPerPixel": (str(geometry.samples_per_pixel), ("1",)),
        "NumberOfFrames": (str(geometry.frames), ("1",)),
        "ImageType": ("/".join(acquisition.image_type), ("ORIGINAL/PRIMARY", "DERIVED/PRIMARY")),
        "PresentationIntentType": (acquisition.intent, ("FOR PRESENTATION",)),
        "BodyPartExamined": (acquisition.body_part, scope.body_parts),
        "ViewPosition": (acquisition.view_position, scope.views),
        "ImageLaterality": (acquisition.laterality, ()),
    }
    return tuple(
        Mismatch(keyword, *values[keyword], reason=refusal)
        for keyword, check in CHECKS.items()
        if (refusal := check(instance, scope)[0])
    )


# Modality -> how its pictures have to be read, shown when no network reads them.
HOW_READ = {
    "CT": "A CT has to be read as a whole series, all slices in their windows.",
    "MR": "An MR has to be read as whole series, all slices and weightings together.",
    "PT": "A PET has to be read as a whole series, together with its CT or MR.",
    "NM": "A nuclear medicine study has to be read with all its views and times.",
    "US": "An ultrasound has to be read as moving pictures, all views together.",
    "MG": "A mammogram has to be read with all views of both breasts.",
    "XA": "An angiogram has to be read as a moving picture.",
    "RF": "A fluoroscopy has to be read as a moving picture.",
}
# Part of a value of ImageType (PS3.3 C.7.6.1.1.2, C.8.2.1.1.1, and makers' own) -> what it is.
NO_FILMS = {
    "LOCALIZER": "a localiser (scout view)",
    "SCOUT": "a localiser (scout view)",
    "TOPOGRAM": "a localiser (scout view)",
    "SCREEN SAVE": "a copy of a screen",
    "SCREENSHOT": "a copy of a screen",
    "DOSE INFO": "a dose report",
    "DOSE_INFO": "a dose report",
    "DOSE REPORT": "a dose report",
    "REPORT": "a report kept as a picture",
}

Reason = tuple[str, str]  # (refusal, warning); at most one is not empty


def _check_modality(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.FILM:
        return "", "No patient data in this file: modality, view and age are unknown."
    modality = instance.acquisition.modality.upper()
    if not modality:
        return "", "The modality is not stated."
    if modality not in scope.modalities:
        reason = f"This is a {modality} image; the network reads {_join(scope.modalities)} only."
        return f"{reason} {HOW_READ[modality]}" if modality in HOW_READ else reason, ""
    return "", ""


def _check_image_type(instance: Instance, scope: Scope) -> Reason:
    """ImageType (0008,0008), PS3.3 C.7.6.1.1.2: value 2 is PRIMARY or SECONDARY."""
    values = instance.acquisition.image_type
    for value in values:
        kind = next((words for part, words in NO_FILMS.items() if part in value), "")
        if kind:
            return f"This is {kind}, not a picture to be read.", ""
    if "SECONDARY" in values[1:2]:
        return "", "The picture was made after the examination; it is not the detector's own."
    return "", ""


def _check_intent(instance: Instance, scope: Scope) -> Reason:
    """PresentationIntentType (0008,0068), PS3.3 C.8.11.1.1."""
    if instance.acquisition.intent != "FOR PROCESSING":
        return "", ""
    return "These are raw detector values (FOR PROCESSING); send the picture made for reading.", ""


def _check_colour(instance: Instance, scope: Scope) -> Reason:
    if instance.geometry.samples_per_pixel > 1:
        return "This is a colour picture; the network reads grey-scale pictures only.", ""
    return "", ""


def _check_frames(instance: Instance, scope: Scope) -> Reason:
    if instance.geometry.frames > 1:
        return "This is a multi-frame image; the network reads single pictures only.", ""
    return "", ""


def _check_body_part(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.FILM:
        return "", ""
    part = instance.acquisition.body_part.upper()
    if not part:
        return "", "The body part is not stated."
    if not any(body_part in part for body_part in scope.body_parts):
        return f"The body part is {part}, not {_join(scope.body_parts)}.", ""
    return "", ""


def _check_view(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.FILM or not scope.views:
        return "", ""
    view = instance.acquisition.view_position.upper()
    if not view:
        return "", f"The view is not stated; the network reads {_join(scope.views)} only."
    if view not in scope.views:
        return f"The view is {view}; the network reads {_join(scope.views)} only.", ""
    return "", ""


def _check_laterality(instance: Instance, scope: Scope) -> Reason:
    """L or R says that one of a paired body part is shown (PS3.3 C.7.3.1.1.1)."""
    side = instance.acquisition.laterality.upper()
    if side in ("L", "R") and not scope.one_sided:
        return f"The header says that one side of the body is shown ({side}), not both.", ""
    return "", ""


def _check_age(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.FILM:
        return "", ""
    age = instance.patient.age_years
    if age is None:
        return "", "The patient's age is not stated."
    low, high = scope.age_years
    if not low <= age <= high:
        return "", OTHER_AGE
    return "", ""


def _join(values: tuple[str, ...]) -> str:
    return " or ".join(values)


# DICOM keyword (PS3.6) -> its check, in the order the reasons are shown.
CHECKS = {
    "Modality": _check_modality,
    "ImageType": _check_image_type,
    "PresentationIntentType": _check_intent,
    "SamplesPerPixel": _check_colour,
    "NumberOfFrames": _check_frames,
    "BodyPartExamined": _check_body_part,
    "ViewPosition": _check_view,
    "ImageLaterality": _check_laterality,
    "PatientAge": _check_age,
}
# Those that say whom the picture is of and what it shows, not whether it is a picture to be read.
POPULATION = frozenset(
    {"Modality", "BodyPartExamined", "ViewPosition", "ImageLaterality", "PatientAge"}
)
