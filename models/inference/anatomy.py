"""Whether what a header says of body part and view is what a network reads: words and codes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imaging.dicom.header.anatomy_codes import region_term, view_term

# Other body parts, or parts of one, as technicians shorten them beside "CHEST".
_OTHERS = frozenset({"ABD", "ABDO", "APEX", "APICES", "BABYGRAM", "KUB", "PEL", "PELV", "WALL"})
_VIEW_ENDINGS = ("AP", "PA")
_FRONTAL, _EITHER = "FRONTAL", frozenset({"AP", "PA"})


def is_part(term: str, parts: Sequence[str]) -> bool:
    """True when a defined term of a body part is one of `parts`, however they spell it."""
    own = {region_term(part) or _letters(part) for part in parts}
    return (region_term(term) or _letters(term)) in own


def reads_part(words: str, parts: Sequence[str]) -> bool:
    """True when a body part in words is one of `parts`, and no other beside it.

    "CHEST PA" is a chest; "CHEST_ABDOMEN", "CHESTABDOMEN" and "CHEST WALL" are more or less than
    one, and so is what Annex L of PS3.16 calls by a name of its own ("APEX OF LUNG").
    """
    if is_part(words, parts):
        return True
    own = {_letters(part) for part in parts}
    names = re.findall(r"[A-Z]+", words.upper())
    others = [name for name in names if not _is_own(name, own)]
    if len(others) == len(names):
        return False
    together = "".join(others)
    singular = [name.removesuffix("S") for name in others]
    return not any(
        name in _OTHERS or region_term(name) for name in (*others, *singular, together) if name
    )


def reads_view(view: str, views: Sequence[str]) -> bool:
    """True when a view is one of `views`; a frontal one is either AP or PA (CID 4010)."""
    term = view_term(view.upper())
    return term in views or (term == _FRONTAL and not _EITHER.isdisjoint(views))


def is_vague(view: str, views: Sequence[str]) -> bool:
    """True when a view that is read leaves open whether it is AP or PA, and that matters."""
    return view_term(view.upper()) == _FRONTAL and not {*views} >= _EITHER


def _is_own(name: str, own: set[str]) -> bool:
    """Whether a word names one of the network's parts: itself, its plural, or with its view."""
    stems = [name.removesuffix("S"), *(name.removesuffix(end) for end in _VIEW_ENDINGS)]
    return name in own or any(stem in own for stem in stems)


def _letters(words: str) -> str:
    return re.sub(r"[^A-Z]", "", words.upper())
