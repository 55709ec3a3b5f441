"""The names that stand under signatures: cleaned, and nobody else's.

Two names that look alike are one: a second "Dr A" would sign as the first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from anyascii import anyascii

from imaging.errors import AccessError, ConflictError
from imaging.text import clean

MOST = 64  # characters


def clean_reader(reader: str) -> str:
    """A name as it may stand under a signature.

    Raises
    ------
    AccessError
        If nothing is left, or more than 64 characters.
    """
    cleaned = " ".join(clean(reader, MOST + 1).split())
    if not 0 < len(cleaned) <= MOST or not fold(cleaned):
        raise AccessError("Give the name shown on reports, up to 64 characters.")
    return cleaned


def fold(reader: str) -> str:
    """What of a name tells it from another: Latin letters and digits, whatever it is written in."""
    latin = anyascii(unicodedata.normalize("NFKC", reader)).casefold()
    return "".join(letter for letter in latin if letter.isalnum())


def insist_on_unique(reader: str, others: Iterable[str]) -> None:
    """Refuse a name that looks like another reader's.

    Raises
    ------
    ConflictError
        If one of the others folds to the same.
    """
    if fold(reader) in map(fold, others):
        raise ConflictError(
            "Another doctor signs under this name, or one that looks like it; add a first "
            "name or a department."
        )
