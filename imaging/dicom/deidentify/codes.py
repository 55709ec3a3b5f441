"""Codes: what the standard's own say stays, with its own words for it; of others nothing does.

A meaning is free text, and a site's own code may be anything (PS3.3 8.1, 8.3).
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from imaging.dicom.deidentify.vocabulary import code_meaning
from imaging.dicom.header.elements import text

VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")
_MEANINGS = ("CodeMeaning", "CodingSchemeDesignator")
_ABOUT = (  # where a code comes from: free texts, and sites' identifiers
    "CodingSchemeVersion", "ContextIdentifier", "ContextUID", "MappingResource",
    "MappingResourceUID", "MappingResourceName", "ContextGroupVersion", "ContextGroupExtensionFlag",
    "ContextGroupLocalVersion", "ContextGroupExtensionCreatorUID", "ExtendedCodeMeaning",
    "ExtendedCodeValue",
)  # fmt: skip
REMOVED = "ANONYMIZED"
_SCHEME = "99NONE"
_LONGEST = 16  # characters of a CodeValue (SH)
KEPT = frozenset((*VALUES, *_MEANINGS))


def is_code(item: Dataset) -> bool:
    """Whether an item of a sequence is a code."""
    return any(keyword in item for keyword in (*VALUES, *_MEANINGS))


def clean_code(item: Dataset) -> bool:
    """Clean a code, in place.

    Returns
    -------
    bool
        True where it was none of the standard's: it is the code for what was removed now.
    """
    for keyword in _ABOUT:
        item.pop(keyword, None)
    value, scheme = text(item, *VALUES), text(item, "CodingSchemeDesignator")
    meaning = code_meaning(scheme, value)
    for keyword in VALUES[1:]:
        item.pop(keyword, None)
    if meaning:
        item.pop(VALUES[0], None)
        setattr(item, VALUES[len(value) > _LONGEST], value)
        item.CodingSchemeDesignator, item.CodeMeaning = scheme, meaning
        return False
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = REMOVED, _SCHEME, REMOVED
    return True
