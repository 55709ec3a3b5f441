"""Rules of de-identification, attribute by attribute: what is not known to be harmless goes.

First comes PS3.15 table E.1-1, as `dicomanonymizer` carries it (Kitware, BSD). What the table does
not name stays only if the object's IOD has it at that place (`standard`), and, where it is text,
only if this module lists it and its value is of a known form. Nothing here changes a file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from dicomanonymizer.dicom_anonymization_databases import (  # type: ignore[import-untyped]
    dicomfields_2026c as table,
)
from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

from imaging.dicom.deidentify.codes import KEPT
from imaging.dicom.deidentify.standard import Iod, Path

REMOVE, EMPTY, DUMMY, UID = "removed", "emptied", "replaced", "new UID"
SHIFTED, PSEUDONYM, MASKED, RESIDUAL = "moved", "pseudonym", "masked", "found again"
WORDS, TERMS, STAND_IN, CODE = "known words", "known terms", "stand-in", "code"
PICTURE, TABLE, COLOURS = "picture", "table", "colour profile"
TEXTS = ("LO", "SH", "LT", "ST", "UC", "UT", "PN", "AE")
_BINARY = ("OB", "OW", "OF", "OD", "OL", "OV", "UN")
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
_BORN = (0x00100030, 0x00100032)  # date and time of birth
_OTHER_CALENDARS = frozenset((0x00100033, 0x00100034, 0x00100035))
# Retain Device Identity Option, too: what else names a device and is not in the table.
_MAKE = ("ManufacturerModelName", "SoftwareVersions", "DetectorManufacturerName",
         "DetectorManufacturerModelName")  # fmt: skip
# Clean Descriptors Option: texts that the table removes, but for their known words.
_DESCRIBING = ("StudyDescription", "SeriesDescription", "ProtocolName", "DerivationDescription",
               "PerformedProcedureStepDescription", "RequestedProcedureDescription",
               "AcquisitionProtocolName", "AcquisitionDeviceProcessingDescription")  # fmt: skip
# Texts that show a picture, and the forms in which they tell nothing of anybody.
_FORMS = {
    "RescaleType": re.compile(
        r"HU(_MOD)?|US|OD|MGML|Z_EFF|EDW?|PCT|BQML|CNTS|GML|CM2ML|PROPCPS|normalized"
    ),
    "ModalityLUTType": re.compile(r"HU(_MOD)?|US|OD|MGML|Z_EFF|EDW?|PCT"),
    "ConvolutionKernel": re.compile(
        r"[A-Z]{1,2}[0-9]{2}[a-z]?|[A-Z]|STANDARD|LUNG|BONE|SOFT|DETAIL"
    ),
    "StackID": re.compile(r"[0-9]{1,4}"),
}
_MAKERS = re.compile(
    r"(agfa|agfa healthcare|aloka|barco|canon|carestream|fuji|fujifilm|fuji photo film|ge"
    r"|ge healthcare|g\.?e\.? medical systems|general electric|hitachi|hologic|kodak|konica"
    r"|konica minolta|lightbox|mindray|philips|philips healthcare|philips medical systems|picker"
    r"|samsung|samsung electronics|shimadzu|siemens|siemens healthineers|siemens healthcare|toshiba"
    r"|toshiba_mec|toshiba medical systems|united imaging|varian|hamamatsu|leica|leica biosystems"
    r"|3dhistech|swissray|sectra|vidar|vidar systems|oldelft|imaging dynamics|esaote|acuson|atl"
    r"|adac|elscint|marconi|lorad|planmed|planmeca|sirona|carl zeiss|zeiss|topcon|heidelberg"
    r" engineering)(,? *(co|corp|corporation|inc|ltd|gmbh|ag|company|limited|healthcare|health"
    r"|medical|systems|kk)\.?,?)*",
    re.IGNORECASE,
)
_SHOWN = ("WindowCenterWidthExplanation", "LUTExplanation", "PixelSpacingCalibrationDescription")
_PICTURES = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_TABLES = (
    "LUTData",
    *(
        f"{segmented}{colour}PaletteColorLookupTableData"
        for segmented in ("", "Segmented")
        for colour in ("Red", "Green", "Blue", "Alpha")
    ),
    "WaveformData", "PointCoordinatesData",
)  # fmt: skip
_CLASSES = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.[0-9.]{1,16}")
_CLASS_KEYWORDS = ("SOPClassUID", "ReferencedSOPClassUID")
_WELL_FORMED = {
    "TM": re.compile(r"([0-9]{2}(:?[0-9]{2}(:?[0-9]{2}(\.[0-9]{1,6})?)?)?)? *"),
    "AS": re.compile(r"([0-9]{3}[DWMY])?"),
    "DS": re.compile(r" *[-+0-9.eE]{0,16} *"),
    "IS": re.compile(r" *[-+]?[0-9]{0,12} *"),
}
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
        True keeps the words of descriptions that the standard itself uses (`vocabulary`).
    documents : bool
        True takes reports, presentation states and other objects without pixels, too, without
        their texts.
    masks : tuple of Box
        Parts of every frame to be blackened: text burned into the pixels.
    """

    dates: bool = True
    device: bool = False
    descriptions: bool = False
    documents: bool = False
    masks: tuple[Box, ...] = ()


BASIC = Profile()


def rule_of(element: DataElement, path: Path, iod: Iod, profile: Profile) -> str:
    """What is done with an attribute.

    Parameters
    ----------
    element : DataElement
        At any depth.
    path : tuple of str
        Keywords of the sequences around it, outermost first.
    iod : Iod
        Of the whole object.
    profile : Profile
        Options.

    Returns
    -------
    str
        One of the words above; "" leaves a value, and a sequence to be gone through.
    """
    tag, keyword = element.tag, element.keyword
    if tag in (0x00100010, 0x00100020) and not path:  # the patient's name and identifier
        return PSEUDONYM
    if profile.device and (tag in _DEVICE or keyword in _MAKE):
        return "" if _is_latin(str(element.value)) else without(iod.type_of(path, keyword))
    if profile.descriptions and keyword in _DESCRIBING:
        return WORDS
    if not keyword or _is_repeating(tag) or tag in _OTHER_CALENDARS or _is_misfit(element):
        return REMOVE
    named = _load_rules().get(int(tag), "") or _find_masked_rule(tag)
    if profile.dates and element.VR in ("DA", "DT", "TM") and tag not in _BORN:
        named = ""
    if named == EMPTY and element.VR == "SQ" and not iod.type_of(path, keyword).startswith("2"):
        return REMOVE
    return named or _by_list(element, path, iod, profile)


def _by_list(element: DataElement, path: Path, iod: Iod, profile: Profile) -> str:
    """What the table does not name: of this IOD, of a kind that tells nothing, or not at all."""
    kind, keyword = iod.type_of(path, element.keyword), element.keyword
    if not kind:
        return REMOVE
    if path and keyword in KEPT:
        return CODE
    if element.VR in TEXTS or element.VR == "UR":
        return _by_text(element, kind, profile)
    if element.VR in _BINARY or keyword in _TABLES:
        return _by_content(keyword)
    if element.VR == "CS":
        return TERMS
    if element.VR == "UI":
        return "" if _names_a_kind(element) else UID
    if element.VR in ("DA", "DT") and element.value:
        return SHIFTED if profile.dates else without(kind)
    if element.VR in _WELL_FORMED and not _is_well_formed(element):
        return without(kind)
    return ""


def without(kind: str) -> str:
    """How an attribute of a type (PS3.5 7.4) loses its value, so that the object stays valid."""
    return {"1": DUMMY, "1C": DUMMY, "2": EMPTY, "2C": EMPTY}.get(kind, REMOVE)


def _by_text(element: DataElement, kind: str, profile: Profile) -> str:
    """Texts: a name of a maker, a unit; words of the standard where they are asked for."""
    keyword, value = element.keyword, str(element.value or "").strip()
    if not value:
        return ""
    if keyword == "Manufacturer":
        return "" if _MAKERS.fullmatch(value) else without(kind)
    if keyword in _FORMS:
        forms = _FORMS[keyword]
        parts = value.strip("[]").replace("'", "").split(", ")
        if all(forms.fullmatch(part) for part in parts):
            return ""
        return STAND_IN if keyword == "StackID" else without(kind)
    if keyword in _SHOWN or (profile.descriptions and element.VR not in ("PN", "AE", "UR")):
        return WORDS
    return without(kind)


def _by_content(keyword: str) -> str:
    """Binary values: pixels, tables and profiles are cleaned, the rest is removed."""
    if keyword in _PICTURES:
        return PICTURE
    if keyword in _TABLES:
        return TABLE
    return COLOURS if keyword == "ICCProfile" else REMOVE


def _is_misfit(element: DataElement) -> bool:
    """True where a value has not the representation that the dictionary gives its attribute."""
    try:
        stated = dictionary_VR(element.tag)
    except KeyError:
        return True
    return element.VR == "UN" or element.VR not in stated.split(" or ")


def _is_latin(value: str) -> bool:
    """True for text in Latin letters: in others a name is not found for certain (`traces`)."""
    return all("LATIN" in unicodedata.name(one, "") for one in value if one.isalpha())


def _is_well_formed(element: DataElement) -> bool:
    values = element.value if element.VM > 1 else [element.value]
    form = _WELL_FORMED[element.VR]
    return all(form.fullmatch(str("" if one is None else one)) for one in values)


def _is_repeating(tag: BaseTag) -> bool:
    """Curves and overlays (PS3.5 7.6), and groups that belong to no data set (PS3.7 E, PS3.10)."""
    return tag.group & 0xFF00 in (0x5000, 0x6000) or tag.group < 8 or tag.elem == 0


def _names_a_kind(element: DataElement) -> bool:
    """True for UIDs of the standard, which name kinds of things and not a thing."""
    values = element.value if element.VM > 1 else [element.value]
    return all(
        not one
        or str(one) in UID_dictionary
        or (element.keyword in _CLASS_KEYWORDS and _CLASSES.fullmatch(str(one)) is not None)
        for one in values
    )


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
