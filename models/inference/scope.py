"""The scope check: whether the header says that the network was built for this picture.

A contradiction refuses the picture; silence or a neighbouring population warns. Nothing is ever
assumed without saying so. Each refusal ends in what to do next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from imaging.dicom.pixels.tint import NEAR_GREY, READ_AS_GREY
from imaging.entities import Acquisition, Instance, SourceKind
from models.checkpoint.card import Scope
from models.inference.age_scope import OTHER_AGE, age_words, check_age, stated_ages, studied_ages
from models.inference.anatomy import is_part, is_vague, reads_part, reads_view
from models.inference.next_steps import CORRECT_OR_READ, READ_WITHOUT
from models.inference.region_scope import check_region


@dataclass(frozen=True, slots=True)
class ScopeVerdict:
    """Reasons (sentences) to refuse a picture, and reasons to be careful with its answer.

    ``outside`` is True where the header says that another patient than those studied is shown:
    an answer then promises nothing. ``asks_region`` is True where nothing is wrong but how much the
    picture shows: a region of it would be answered.
    """

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    outside: bool = False
    asks_region: bool = False


def check_scope(
    instance: Instance,
    scope: Scope,
    *,
    outside_population: bool = False,
    tint: float | None = None,
) -> ScopeVerdict:
    """Compare an instance's header with the card's scope.

    With `outside_population`, what says that another patient or another part of the body is shown
    only warns. What is no single grey picture made for reading is refused all the same.

    Parameters
    ----------
    tint : float, optional
        How far a colour picture is from grey (`imaging.dicom.pixels.tint`), where its pixels were
        looked at; without it every colour picture is refused.
    """
    refusals: list[str] = []
    warnings: list[str] = []
    outside, asks_region = False, False
    for keyword, check in _checks(tint).items():
        refusal, warning = check(instance, scope)
        if keyword == _REGION and refusals:
            continue  # a region of it would be refused as well: nobody is sent to mark one
        only_warns = outside_population and keyword in POPULATION
        if refusal and only_warns:  # somebody asks all the same, and need not be told not to
            warnings.append(refusal.removesuffix(f" {READ_WITHOUT}"))
        elif refusal:
            refusals.append(refusal)
            asks_region = keyword == _REGION
        warnings += [warning] if warning else []
        outside |= warning == OTHER_AGE or bool(refusal and only_warns)
    return ScopeVerdict(tuple(refusals), tuple(warnings), outside, asks_region)


def leaves_age_open(said: Sequence[str]) -> bool:
    """True for the messages of an answer to a patient of unknown age."""
    return not _AGE_OPEN.isdisjoint(said)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A header attribute that refuses a picture: its keyword (PS3.6), its value, what would do.

    ``expected`` is empty where one word says it all (a single frame, grey levels).
    """

    keyword: str
    found: str
    expected: tuple[str, ...]
    reason: str


def mismatches(
    instance: Instance, scope: Scope, *, tint: float | None = None
) -> tuple[Mismatch, ...]:
    """The attributes behind every refusal of `check_scope`; none of them names a patient."""
    acquisition, geometry = instance.acquisition, instance.geometry
    parts, views = stated_parts(acquisition), _stated_views(acquisition)
    values: dict[str, tuple[str, tuple[str, ...]]] = {
        "Modality": (acquisition.modality, scope.modalities),
        "SamplesPerPixel": (str(geometry.samples_per_pixel), ("1",)),
        "NumberOfFrames": (str(geometry.frames), ("1",)),
        "ImageType": ("/".join(acquisition.image_type), ("ORIGINAL/PRIMARY", "DERIVED/PRIMARY")),
        "PresentationIntentType": (acquisition.intent, ("FOR PRESENTATION",)),
        "BodyPartExamined": (", ".join(parts), scope.body_parts),
        "ViewPosition": (", ".join(views), scope.views),
        "ImageLaterality": (acquisition.laterality, ()),
        _REGION: (f"{geometry.columns} x {geometry.rows}", ()),
        "PatientAge": (
            ", ".join(map(age_words, stated_ages(instance.patient))),
            (studied_ages(scope),),
        ),
    }
    return tuple(
        Mismatch(keyword, *values[keyword], reason=refusal)
        for keyword, check in _checks(tint).items()
        if (refusal := check(instance, scope)[0])
    )


def is_other_part(instance: Instance, scope: Scope) -> bool:
    """Whether the header says that another part of the body is shown, or another modality."""
    keywords = {mismatch.keyword for mismatch in mismatches(instance, scope)}
    return not keywords.isdisjoint(("Modality", "BodyPartExamined"))


# Modality -> how its pictures have to be read, shown when no network reads them.
HOW_READ = {
    "CT": "Read a CT as a whole series, all slices in their windows.",
    "MR": "Read an MR as whole series, all slices and weightings together.",
    "PT": "Read a PET as a whole series, together with its CT or MR.",
    "NM": "Read a nuclear medicine study with all its views and times.",
    "US": "Read an ultrasound as moving pictures, all views together.",
    "MG": "Read a mammogram with all views of both breasts.",
    "XA": "Read an angiogram as a moving picture.",
    "RF": "Read a fluoroscopy as a moving picture.",
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

_REGION = "PixelSpacing"  # by which the check of how much is shown is known
PLAIN_XRAYS = {"CR", "DX", "DR", "RG", "OT"}  # how modalities of plain films are written
FRONTAL, LATERAL = {"AP", "PA"}, {"LL", "RL", "LATERAL", "LAT"}  # of the chest, PS3.3 C.8.1.1.1.1
# Whether view and age of a film without a header were typed -> what nobody knows of it.
_NO_HEADER = {
    (False, False): "No patient data in this file: modality, view and age are unknown.",
    (True, False): "No patient data in this file: modality and age are unknown.",
    (False, True): "No patient data in this file: modality and view are unknown.",
    (True, True): "No patient data in this file: the modality is unknown.",
}

_NO_AGE = "The patient's age is not stated."
_AGE_OPEN = {_NO_AGE, *(said for (_view, age), said in _NO_HEADER.items() if not age)}

Reason = tuple[str, str]  # (refusal, warning); at most one is not empty
Check = Callable[[Instance, Scope], Reason]


def _check_modality(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.FILM:
        view_known = bool(instance.acquisition.view_position)
        return "", _NO_HEADER[view_known, instance.patient.age_years is not None]
    modality = instance.acquisition.modality.upper()
    if not modality:
        return "", "The modality is not stated."
    if modality not in scope.modalities:
        reason = (
            f"This is a {modality} image; the AI reads plain X-rays only."
            if set(scope.modalities) <= PLAIN_XRAYS
            else f"This is a {modality} image; the AI reads {_join(scope.modalities)} only."
        )
        return f"{reason} {HOW_READ.get(modality, READ_WITHOUT)}", ""
    return "", ""


def _check_image_type(instance: Instance, scope: Scope) -> Reason:
    """ImageType (0008,0008), PS3.3 C.7.6.1.1.2: value 2 is PRIMARY or SECONDARY."""
    values = instance.acquisition.image_type
    for value in values:
        kind = next((words for part, words in NO_FILMS.items() if part in value), "")
        if kind:
            reason = f"This is {kind}, not a picture to be read."
            return f"{reason} Send the image itself.", ""
    if "SECONDARY" in values[1:2]:
        return "", "The picture was made after the examination; it is not the detector's own."
    return "", ""


def _check_intent(instance: Instance, scope: Scope) -> Reason:
    """PresentationIntentType (0008,0068), PS3.3 C.8.11.1.1."""
    if instance.acquisition.intent != "FOR PROCESSING":
        return "", ""
    return "These are raw detector values (FOR PROCESSING); send the picture made for reading.", ""


def _check_colour(instance: Instance, scope: Scope, *, tint: float | None) -> Reason:
    """Colour, unless the pixels say that it is grey but for a tint."""
    geometry = instance.geometry
    palette = geometry.photometric_interpretation == "PALETTE COLOR"
    if geometry.samples_per_pixel == 1 and not (palette and tint is not None):
        return "", ""
    if tint is not None and tint <= NEAR_GREY:
        return "", READ_AS_GREY if tint else ""
    return (
        "This is a colour image; the AI reads grey images only. Send the image in grey "
        "levels, or read it without the AI.",
        "",
    )


def _check_frames(instance: Instance, scope: Scope) -> Reason:
    if instance.geometry.frames > 1:
        reason = "This image has several frames; the AI reads single images only."
        return f"{reason} {READ_WITHOUT}", ""
    return "", ""


def _check_body_part(instance: Instance, scope: Scope) -> Reason:
    """BodyPartExamined (0018,0015) and AnatomicRegionSequence (0008,2218): none may be another."""
    taken = instance.acquisition
    parts = stated_parts(taken)
    if not parts:
        silent = instance.source is SourceKind.DICOM
        return "", "The body part is not stated." if silent else ""
    others = tuple(
        part
        for part in parts
        if not (is_part if part in taken.coded_body_parts else reads_part)(part, scope.body_parts)
    )
    if not others:
        return "", ""
    reason = f"The body part is {_join(others)}, not {_join(scope.body_parts)}."
    return f"{reason} {CORRECT_OR_READ if len(others) < len(parts) else READ_WITHOUT}", ""


def _check_view(instance: Instance, scope: Scope) -> Reason:
    """ViewPosition (0018,5101) and ViewCodeSequence (0054,0220): none may be another."""
    if not scope.views:
        return "", ""
    views = _stated_views(instance.acquisition)
    if not views:
        silent = instance.source is SourceKind.DICOM
        words = (
            "The view is not stated; only frontal films can be read."
            if set(scope.views) <= FRONTAL
            else f"The view is not stated; the AI reads {_join(scope.views)} only."
        )
        return "", words if silent else ""
    others = tuple(view for view in views if not reads_view(view, scope.views))
    if others:
        reason = _describe_other_views(others, scope)
        return f"{reason} {CORRECT_OR_READ if len(others) < len(views) else READ_WITHOUT}", ""
    modifiers = instance.acquisition.view_modifiers
    if modifiers:
        return "", f"The view was taken in an unusual way: {_join(modifiers)}."
    if any(is_vague(view, scope.views) for view in views):
        return "", f"The view is stated as frontal, not whether {_join(scope.views)}."
    return "", ""


def _describe_other_views(others: tuple[str, ...], scope: Scope) -> str:
    """Which view a network does not read, in a radiologist's words where there are some."""
    if not set(scope.views) <= FRONTAL:
        return f"The view is {_join(others)}; the AI reads {_join(scope.views)} only."
    if set(others) <= LATERAL:
        return "This is a lateral film; only frontal films can be read."
    return f"The view is {_join(others)}; only frontal films can be read."


def _check_laterality(instance: Instance, scope: Scope) -> Reason:
    """L or R says that one of a paired body part is shown (PS3.3 C.7.3.1.1.1)."""
    side = instance.acquisition.laterality.upper()
    if side in ("L", "R") and not scope.one_sided:
        reason = f"The header says that one side of the body is shown ({side}), not both."
        return f"{reason} {CORRECT_OR_READ}", ""
    return "", ""


def _check_age(instance: Instance, scope: Scope) -> Reason:
    if instance.source is SourceKind.DICOM and not stated_ages(instance.patient):
        return "", _NO_AGE
    return check_age(instance.patient, scope)


def stated_parts(taken: Acquisition) -> tuple[str, ...]:
    """Every body part that words and codes name, each once."""
    words = taken.body_part.upper()
    coded_only = words == ", ".join(taken.coded_body_parts)
    stated = [words] if words and not coded_only else []
    return tuple(dict.fromkeys([*stated, *taken.coded_body_parts]))


def _stated_views(taken: Acquisition) -> tuple[str, ...]:
    """Every view that words and codes name, each once."""
    words = taken.view_position.upper()
    coded_only = words == ", ".join(taken.coded_views)
    stated = [words] if words and not coded_only else []
    return tuple(dict.fromkeys([*stated, *taken.coded_views]))


def _join(values: tuple[str, ...]) -> str:
    return " / ".join(values)  # codes of a header: the same in every language


def _checks(tint: float | None) -> dict[str, Check]:
    """DICOM keyword (PS3.6) -> its check, in the order the reasons are shown."""
    return {
        "Modality": _check_modality,
        "ImageType": _check_image_type,
        "PresentationIntentType": _check_intent,
        "SamplesPerPixel": partial(_check_colour, tint=tint),
        "NumberOfFrames": _check_frames,
        "BodyPartExamined": _check_body_part,
        "ViewPosition": _check_view,
        "ImageLaterality": _check_laterality,
        "PatientAge": _check_age,
        _REGION: check_region,
    }


# Those that say whom the picture is of and what it shows, not whether it is a picture to be read.
POPULATION = frozenset(
    {"Modality", "BodyPartExamined", "ViewPosition", "ImageLaterality", "PatientAge"}
)
