"""Rules of de-identification, attribute by attribute: PS3.15 table E.1-1, and options.

The table is as `dicomanonymizer` carries it (Kitware, BSD); what it forgets goes by its meaning:
other calendars, names of persons, free texts. Nothing here changes a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from dicomanonymizer.dicom_anonymization_databases import (  # type: ignore[import-untyped]
    dicomfields_2026c as table,
)
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

REMOVE, EMPTY, DUMMY, UID = "removed", "emptied", "replaced", "new UID"
SHIFTED, PSEUDONYM, MASKED, RESIDUAL = "moved", "pseudonym", "masked", "found again"
TEXTS = ("LO", "SH", "LT", "ST", "UC", "UT", "PN", "AE")
_CATEGORIES = {
    "X_TAGS": REMOVE, "Z_TAGS": EMPTY, "X_Z_TAGS": EMPTY, "D_TAGS": DUMMY,
    "Z_D_TAGS": DUMMY, "X_D_TAGS": DUMMY, "X_Z_D_TAGS": DUMMY, "U_TAGS": UID,
    "X_Z_U_STAR_TAGS": DUMMY,
}  # fmt: skip
# Retain Device Identity Option: column of table E.1-1, the attributes of a device.
_DEVICE = frozenset(
    [
        *(0x00081010, 0x00181000, 0x00181002, 0x00181003, 0x00181004, 0x00181005, 0x00181006),
        *(0x00181007, 0x00181008, 0x00181009, 0x0018100B, 0x0018700A, 0x00081040, 0x00081090),
    ]
)
# Patient's Birth Date and Death Date in Alternative Calendar, Patient's Alternative Calendar
_OTHER_CALENDARS = frozenset((0x00100033, 0x00100034, 0x00100035))
_CODES = frozenset(("LongCodeValue", "URNCodeValue", "ExtendedCodeMeaning"))
_FREE = ("Description", "Comment", "Comments", "Notes", "Reason")
DUMMIES: dict[str, Any] = {
    **dict.fromkeys(("AE", "LO", "SH", "LT", "ST", "UC", "UT", "CS"), "ANONYMIZED"),
    **dict.fromkeys(("FD", "FL", "SS", "US", "SL", "UL", "SV", "UV"), 0),
    **dict.fromkeys(("DS", "IS"), "0"),
    **{"PN": "Anonymous", "AS": "000Y", "DA": "19000101", "DT": "19000101000000", "TM": "000000"},
    **{"UR": "http://anonymized.invalid", "OB": b"\0\0", "OW": b"\0\0", "UN": b"\0\0"},
}
Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels


@dataclass(frozen=True, slots=True)
class Profile:
    """The Basic Profile with options.

    Attributes
    ----------
    dates : bool
        True moves all dates of a patient by the same days; False removes them.
    device : bool
        True keeps what identifies the device.
    descriptions : bool
        True keeps free texts that the table keeps, but for those in which a trace is found.
    masks : tuple of Box
        Parts of every frame to be blackened: text burned into the pixels.
    """

    dates: bool = True
    device: bool = False
    descriptions: bool = False
    masks: tuple[Box, ...] = ()


BASIC = Profile()


def rule_of(element: DataElement, profile: Profile) -> str:
    """The rule of table E.1-1 and the options for an attribute: one of the words above, or ""."""
    tag = element.tag
    if tag in (0x00100010, 0x00100020):  # the patient's name and identifier
        return PSEUDONYM
    if profile.device and tag in _DEVICE:
        return ""
    what = _load_rules().get(int(tag), "") or _find_masked_rule(tag) or _by_meaning(element)
    if not what and not profile.descriptions:
        what = _by_free_text(element)
    dated = element.VR in ("DA", "DT") and tag != 0x00100030
    if profile.dates and dated and element.value:
        return SHIFTED
    if profile.dates and element.VR == "TM" and tag != 0x00100032:
        return ""
    if not what and (element.VR == "UN" or (element.VR == "UI" and _is_instance(element))):
        return REMOVE if element.VR == "UN" else UID
    if not what and dated and element.value:
        return DUMMY
    return what


def _by_meaning(element: DataElement) -> str:
    """What the table forgets: names of persons, and birth and death in other calendars."""
    if element.tag in _OTHER_CALENDARS:
        return REMOVE
    return DUMMY if element.VR == "PN" else ""


def _by_free_text(element: DataElement) -> str:
    """Where people write what they like: no search finds all that tells who somebody is."""
    if element.keyword in _CODES:
        return ""
    if element.VR in ("LT", "ST", "UR"):
        return REMOVE
    if element.VR in ("UT", "UC"):
        return DUMMY
    return EMPTY if element.VR in ("LO", "SH") and element.keyword.endswith(_FREE) else ""


@cache
def _load_rules() -> dict[int, str]:
    """Tag -> what is done with it."""
    actions: dict[int, str] = {}
    for name, what in _CATEGORIES.items():
        actions.update({g << 16 | e: what for g, e in _pairs(getattr(table, name))})
    return actions


def _pairs(tags: list[tuple[int, ...]]) -> Iterator[tuple[int, int]]:
    """The tags that are one attribute; repeating groups have a mask (`_find_masked_rule`)."""
    return ((tag[0], tag[1]) for tag in tags if len(tag) == 2)


def _find_masked_rule(tag: BaseTag) -> str:
    """Curves and overlays, whose groups repeat (PS3.5 7.6)."""
    for entry in table.X_TAGS:
        if len(entry) == 4:
            group, element, group_mask, element_mask = entry
            if tag.group & group_mask == group and tag.elem & element_mask == element:
                return REMOVE
    return ""


def _is_instance(element: DataElement) -> bool:
    """True for a UID that is of this object and not of the standard: those name kinds of things."""
    return not str(element.value).startswith("1.2.840.10008.")
