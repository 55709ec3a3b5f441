"""Coded views and body parts (PS3.3 8, PS3.16): what a header says by code rather than by word.

The context groups themselves come with pydicom: CID 4010 (DX View), 4014 (View for Mammography),
4011 and 4015 (their modifiers), 4031 (Common Anatomic Regions) and 4 (Anatomic Region). Here is
only what those tables do not hold: how Annex L and ViewPosition (0018,5101) spell them, and codes
that later editions replaced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pydicom.dataset import Dataset
from pydicom.sr._snomed_dict import mapping as _snomed  # what `Code.__eq__` maps SRT by
from pydicom.sr.codedict import codes

from imaging.dicom.header.elements import first_item, sequence_items, text

_SCT, _DCM = "SCT", "DCM"
# Designators of one vocabulary: PS3.16 8.1 (SNM3 and 99SDM stand for SRT), others seen in files.
_SNOMED = frozenset(
    {"SCT", "SRT", "SNM3", "99SDM", "SNOMED", "SNOMEDCT", "SNOMEDRT", "SNOMED CT", "SNOMED RT"}
)
_SNOMED_PREFIXES = (
    "2.16.840.1.113883.6.96",  # SNOMED's object identifier, bare or in a URN
    "urn:oid:2.16.840.1.113883.6.96",
    "http://snomed.info/",
    "https://snomed.info/",
)
# SNOMED RT codes of earlier editions that pydicom's mapping lacks -> SNOMED CT.
_OLDER_RT = {
    "R-10214": "272479007",  # postero-anterior
    "R-10222": "30730003",  # sagittal
    "T-9200B": "41216001",  # prostate
    "T-D0146": "421060004",  # spine
    "T-70010": "431491007",  # upper urinary tract
}
# Concepts that CID 4031 and 4010 named before -> those that stand in their place.
_REPLACED = {
    "51185008": "816094009",  # chest
    "43799004": "816094009",  # chest, as "intra-thoracic"
    "113345001": "818981001",  # abdomen
    "12921003": "816092008",  # pelvis
    "416949008": "818982008",  # abdomen and pelvis
    "416631005": "1231522001",  # pelvis and lower extremities
    "297171002": "1217257000",  # cervico-thoracic spine
    "297172009": "1217256009",  # thoraco-lumbar spine
    "297173004": "1217253001",  # lumbo-sacral spine
    "297174005": "1217254007",  # sacro-coccygeal spine
    "410467002": "399356000",  # right anterior oblique
}
_OLDER_DCM = {"113681": "706342009"}  # phantom

# pydicom's keyword of a view -> the defined term of ViewPosition, or its usual short form.
_VIEW_TERMS = {
    "AnteroPosterior": "AP",
    "PosteroAnterior": "PA",
    "LeftLateral": "LL",
    "RightLateral": "RL",
    "LateralProjection": "LATERAL",
    "LeftAnteriorOblique": "LAO",
    "RightAnteriorOblique": "RAO",
    "LeftPosteriorOblique": "LPO",
    "RightPosteriorOblique": "RPO",
}
# pydicom's keyword of a region -> the defined term of BodyPartExamined (PS3.16 Annex L) where that
# is not the meaning without its blanks, "and" and "joint".
_REGION_TERMS = {
    "AcromioclavicularJoint": "ACJOINT",
    "CervicalSpine": "CSPINE",
    "CervicoThoracicSpine": "CTSPINE",
    "ChestAbdomenAndPelvis": "CHESTABDPELVIS",
    "EntireBody": "WHOLEBODY",
    "InternalAuditoryCanal": "IAC",
    "JawRegion": "JAW",
    "LowerLeg": "LEG",
    "LumbarSpine": "LSPINE",
    "LumboSacralSpine": "LSSPINE",
    "Mandible": "JAW",
    "MastoidBone": "MASTOID",
    "NeckChestAbdomenAndPelvis": "NECKCHESTABDPELV",
    "OrbitalStructure": "ORBIT",
    "ParotidGland": "PAROTID",
    "SacroiliacJoint": "SIJOINT",
    "Sacrum": "SSPINE",
    "SellaTurcica": "SELLA",
    "SesamoidBonesOfFoot": "SESAMOID",
    "SternoclavicularJoint": "SCJOINT",
    "SubmandibularGland": "SUBMANDIBULAR",
    "TemporomandibularJoint": "TMJ",
    "ThoracicSpine": "TSPINE",
    "ThoracoLumbarSpine": "TLSPINE",
    "Thorax": "CHEST",
    "UpperArm": "ARM",
    "UpperUrinaryTract": "UPRURINARYTRACT",
}
_LONGEST = 16  # letters of a defined term (CS, PS3.5 6.2)
_MOST_FRAMES = 32  # whose own functional groups are looked at

_KIN = (  # what may be said of one film without a contradiction
    frozenset({"CHEST", "THORAX", "LUNG", "LUNGS"}),
    frozenset({"HEAD", "SKULL", "BRAIN", "FACE"}),
)


@dataclass(frozen=True, slots=True)
class CodedAnatomy:
    """What a header says of view and body part by code.

    Attributes
    ----------
    views, body_parts : tuple of str
        Known ones, as ViewPosition and BodyPartExamined spell them, each once.
    modifiers : tuple of str
        Meanings of known view modifiers, upper case.
    unknown_views, unknown_body_parts : tuple of str
        Meanings of codes that are in none of the context groups.
    """

    views: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    unknown_views: tuple[str, ...] = ()
    unknown_body_parts: tuple[str, ...] = ()


def read_coded_anatomy(ds: Dataset) -> CodedAnatomy:
    """Read ViewCodeSequence (0054,0220) and AnatomicRegionSequence (0008,2218).

    Also where an enhanced object keeps them: in the Frame Anatomy of its functional groups
    (PS3.3 C.7.6.16.2.8), shared or of the first frames. Empty items say nothing.
    """
    views: list[Dataset] = []
    modifiers: list[Dataset] = []
    parts: list[Dataset] = []
    for holder in (ds, *_frame_groups(ds)):
        for item in sequence_items(holder, "ViewCodeSequence"):
            views.append(item)
            modifiers += sequence_items(item, "ViewModifierCodeSequence")
        parts += sequence_items(holder, "AnatomicRegionSequence")
    known_views, unknown_views = _sort(views, _views())
    known_modifiers, unknown_modifiers = _sort(modifiers, _modifiers())
    known_parts, unknown_parts = _sort(parts, _regions())
    return CodedAnatomy(
        views=known_views,
        modifiers=known_modifiers,
        body_parts=known_parts,
        unknown_views=unknown_views + unknown_modifiers,
        unknown_body_parts=unknown_parts,
    )


def anatomy_remarks(ds: Dataset) -> tuple[str, ...]:
    """Sentences on codes that are not known, and on codes that contradict words."""
    coded = read_coded_anatomy(ds)
    view, part = text(ds, "ViewPosition").upper(), text(ds, "BodyPartExamined").upper()
    remarks = [
        f"The code of the view is not known to Lightbox: {meaning}. It counts as not stated."
        for meaning in coded.unknown_views
    ]
    remarks += [
        f"The code of the body part is not known to Lightbox: {meaning}. It counts as not stated."
        for meaning in coded.unknown_body_parts
    ]
    if len({*coded.views, *([view_term(view)] if view else [])}) > 1:
        others = " and ".join(coded.views)
        stated = f"{view} in words and {others} by code" if view else f"{others} by code"
        remarks.append(f"The header contradicts itself on the view: {stated}.")
    if any(not _agree(one, other) for one, other in _pairs(part, coded.body_parts)):
        others = " and ".join(coded.body_parts)
        stated = f"{part} in words and {others} by code" if part else f"{others} by code"
        remarks.append(f"The header contradicts itself on the body part: {stated}.")
    return tuple(remarks)


def view_term(words: str) -> str:
    """A view in words by its defined term, where they are one: "Antero-posterior" is AP."""
    return _spelled_views().get(_letters(words), words)


def region_term(words: str) -> str:
    """A region of the body in words by its defined term; "" where no group knows it."""
    return _spelled_regions().get(_letters(words), "")


def _frame_groups(ds: Dataset) -> list[Dataset]:
    """The Frame Anatomy items of an enhanced object, and the groups that hold them."""
    groups = [
        *sequence_items(ds, "SharedFunctionalGroupsSequence"),
        *sequence_items(ds, "PerFrameFunctionalGroupsSequence")[:_MOST_FRAMES],
    ]
    items = (first_item(group, "FrameAnatomySequence") for group in groups)
    return [*groups, *(item for item in items if item is not None)]


def _sort(
    items: list[Dataset], known: dict[tuple[str, str], str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Terms of the items whose code is known, and meanings of the others; each once.

    Known is one of a private scheme, too, that names its equivalent (PS3.3 8.8).
    """
    terms: dict[str, None] = {}
    meanings: dict[str, None] = {}
    for item in items:
        scheme, value = _canonical(item)
        others = (_canonical(other) for other in sequence_items(item, "EquivalentCodeSequence"))
        term = next((known[code] for code in ((scheme, value), *others) if code in known), "")
        if term:
            terms[term] = None
        elif value or text(item, "CodeMeaning"):
            meanings[text(item, "CodeMeaning") or f"{value} ({scheme})"] = None
    return tuple(terms), tuple(meanings)


def _canonical(item: Dataset) -> tuple[str, str]:
    """Scheme and value of a code item (PS3.3 8.1, 8.2), SNOMED brought to its present concept."""
    value = text(item, "CodeValue", "LongCodeValue", "URNCodeValue").strip()
    scheme = text(item, "CodingSchemeDesignator").strip().upper()
    if value.lower().startswith(_SNOMED_PREFIXES):
        scheme, value = _SCT, re.split(r"[/:.]", value)[-1]
    if scheme.lower().startswith(_SNOMED_PREFIXES):
        scheme = _SCT
    if scheme == _DCM and value in _OLDER_DCM:
        scheme, value = _SCT, _OLDER_DCM[value]
    if re.sub(r"[-_]", " ", scheme) not in _SNOMED:
        return scheme, value
    if not value.isdigit():
        value = value.upper()
        value = _OLDER_RT.get(value) or _snomed["SRT"].get(value) or value
    return _SCT, _REPLACED.get(value, value)


@cache
def _views() -> dict[tuple[str, str], str]:
    """(scheme, value) -> term, of CID 4010 and 4014."""
    return {
        (code.scheme_designator, code.value): _VIEW_TERMS.get(keyword, code.meaning.upper())
        for group in (codes.cid4014, codes.cid4010)
        for keyword, code in group.concepts.items()
    }


@cache
def _modifiers() -> dict[tuple[str, str], str]:
    """(scheme, value) -> meaning, of CID 4011 and 4015."""
    return {
        (code.scheme_designator, code.value): code.meaning.upper()
        for group in (codes.cid4015, codes.cid4011)
        for code in group.concepts.values()
    }


@cache
def _regions() -> dict[tuple[str, str], str]:
    """(scheme, value) -> term, of CID 4031 and 4."""
    return {
        (code.scheme_designator, code.value): _region_term(keyword, code.meaning)
        for group in (codes.cid4, codes.cid4031)
        for keyword, code in group.concepts.items()
    }


def _region_term(keyword: str, meaning: str) -> str:
    """A region as BodyPartExamined spells it; in plain words where it has no term for it."""
    if keyword in _REGION_TERMS:
        return _REGION_TERMS[keyword]
    words = [w for w in re.findall(r"[A-Z]+", meaning.upper()) if w not in ("AND", "JOINT")]
    term = "".join(words)
    return term if 0 < len(term) <= _LONGEST and "OF" not in words else meaning.upper()


@cache
def _spelled_views() -> dict[str, str]:
    """Letters of a view's words -> its term: meanings, and the terms themselves."""
    terms = {
        _letters(code.meaning): _VIEW_TERMS.get(keyword, code.meaning.upper())
        for group in (codes.cid4014, codes.cid4010)
        for keyword, code in group.concepts.items()
    }
    return {**terms, **{term: term for term in _VIEW_TERMS.values()}, "LAT": "LATERAL"}


@cache
def _spelled_regions() -> dict[str, str]:
    """Letters of every region's meaning and of its term -> its term."""
    terms = {
        _letters(code.meaning): _regions()[
            code.scheme_designator, _REPLACED.get(code.value, code.value)
        ]
        for group in (codes.cid4, codes.cid4031)
        for code in group.concepts.values()
    }
    return {**terms, **{_letters(term): term for term in terms.values()}}


def _letters(words: str) -> str:
    """The letters of some words alone, upper case."""
    return re.sub(r"[^A-Z]", "", words.upper())


def _pairs(part: str, coded: tuple[str, ...]) -> list[tuple[str, str]]:
    """Every two statements on the body part."""
    stated = (*([part] if part else []), *coded)
    return [(a, b) for at, a in enumerate(stated) for b in stated[at + 1 :]]


def _agree(one: str, other: str) -> bool:
    """True when two names may be said of one film: the same, one within the other, or kin."""
    a, b = _letters(one), _letters(other)
    kin = any(a in family and b in family for family in _KIN)
    return kin or a in b or b in a or ("SPINE" in a and "SPINE" in b)
