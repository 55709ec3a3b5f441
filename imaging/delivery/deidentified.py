"""The one way in which a file leaves without its patient: asked, written, searched, reported.

Terminal and Review both go it; nobody writes a copy that was not searched.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO

from imaging.decoding import Source
from imaging.decoding.files import may_have_text, release, search_file
from imaging.dicom import Profile, Released
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.errors import InputError

BURNED_IN = (
    "Text may be burned into this picture, and nobody has said that there is none. It was left "
    "out; check the picture first."
)
STILL_THERE = (
    "Text is still found after blackening. It was left out; check what else has to be blackened."
)
REPORT_NAME = "what-was-removed.csv"
_COLUMNS = ("file", "attribute", "done", "value now")


def copy_without_patient(
    content: bytes,
    project: Project,
    profile: Profile,
    *,
    text_checked: bool,
    search_again: bool = False,
) -> Released:
    """De-identify a file for leaving the house.

    Parameters
    ----------
    content : bytes
        The original.
    project, profile
        As for `imaging.dicom.release`.
    text_checked : bool
        True when somebody looked for text in the picture, or said what to blacken.
    search_again : bool
        True looks for burned-in text in the copy, where something was blackened.

    Returns
    -------
    Released
        Without a trace left over.

    Raises
    ------
    InputError
        If it may carry burned-in text that nobody spoke about, if anything of the original is
        found again in it, or as `release` does.
    """
    original = Source.of(content)
    copy = release(original, project, profile)
    if not text_checked and may_have_text(original):
        raise InputError(BURNED_IN)
    if copy.left_over:
        where = ", ".join(copy.left_over)
        raise InputError(
            f"It would still identify the patient in {where}. It was left out; export it without."
        )
    if search_again and profile.masks and search_file(Source.of(copy.content)).boxes:
        raise InputError(STILL_THERE)
    return copy


def report(copies: Iterable[Released]) -> bytes:
    """What was done with each attribute, and what stayed, as a CSV table.

    It holds no value of an original but those that stay, and may go with the copies.
    """
    out = StringIO()
    table = csv.writer(out)
    table.writerow(_COLUMNS)
    for copy in copies:
        for change in copy.changes:
            row = (copy.sop_instance_uid, change.keyword, change.what, _plain(change.after))
            table.writerow(row)
        for keyword, value in copy.kept:
            table.writerow((copy.sop_instance_uid, keyword, "kept", _plain(value)))
    return out.getvalue().encode()


def _plain(value: str) -> str:
    """A value that no spreadsheet takes for a formula."""
    return f"'{value}" if value[:1] in ("=", "+", "@", "-") and not _is_number(value) else value


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
