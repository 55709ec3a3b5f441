"""Single header values, read tolerantly: what cannot be read counts as absent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from imaging.text import MAX_TEXT, clean


@cache
def _tag(keyword: str | int) -> BaseTag:
    """The tag of a keyword, or of a number: repeating groups have no keyword of their own."""
    return Tag(keyword)


def value(ds: Dataset, keyword: str | int) -> Any:
    """The value of an element, or None when it is absent, empty or cannot be decoded."""
    try:  # by tag: an absent keyword is looked up as an attribute, which takes ten times as long
        element = ds.get(_tag(keyword))
        raw = None if element is None else element.value
    except Exception:
        return None
    return None if raw is None or (isinstance(raw, str | bytes) and not raw) else raw


def text(ds: Dataset, *keywords: str | int) -> str:
    """The first non-empty of some text elements, cleaned; "" when all are silent.

    Cleaned by `imaging.text.clean` to at most `MAX_TEXT` characters; not escaped: that is
    the screen's business.
    """
    for keyword in keywords:
        raw = value(ds, keyword)
        if raw is not None and (cleaned := _clean(raw)):
            return cleaned
    return ""


def lines(ds: Dataset, keyword: str, *, most: int) -> str:
    """A long text, each of its lines cleaned as by `text` and empty ones dropped.

    The whole is cut to `most` characters.
    """
    raw = value(ds, keyword)
    if raw is None:
        return ""
    if isinstance(raw, list | tuple | MultiValue):  # a backslash in a text of one value
        raw = "\\".join(str(part) for part in raw)
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    cleaned = (_clean(line, most) for line in re.split(r"[\r\n\f]+", str(raw)[: 8 * most]))
    return "\n".join(line for line in cleaned if line)[:most]


def numbers(ds: Dataset, keyword: str | int) -> tuple[float, ...]:
    """All values of a numeric element as floats; NaN stands for one that is not a number."""
    raw = value(ds, keyword)
    if raw is None:
        return ()
    return tuple(_to_float(number) for number in _as_values(raw))


def integer(ds: Dataset, keyword: str | int) -> int | None:
    """The one integer of an element; None when absent, repeated or not a whole number."""
    values = numbers(ds, keyword)
    if len(values) != 1 or not values[0].is_integer():
        return None
    return int(values[0])


def first_item(ds: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence, or None."""
    items = sequence_items(ds, keyword)
    return items[0] if items else None


def sequence_items(ds: Dataset, keyword: str | int) -> tuple[Dataset, ...]:
    """The items of a sequence; empty when it is absent or is no sequence."""
    items = value(ds, keyword)
    if items is None or isinstance(items, str | bytes) or not isinstance(items, Iterable):
        return ()
    return tuple(item for item in items if isinstance(item, Dataset))


def frame_item(ds: Dataset, frame: int, keyword: str) -> Dataset | None:
    """The functional group item that holds for a frame (PS3.3 C.7.6.16): per-frame, then shared."""
    per_frame = sequence_items(ds, "PerFrameFunctionalGroupsSequence")
    groups = [*per_frame[frame : frame + 1], *sequence_items(ds, "SharedFunctionalGroupsSequence")]
    candidates = (first_item(group, keyword) for group in groups)
    return next((item for item in candidates if item is not None), None)


def with_values(ds: Dataset, **values: Any) -> Dataset:
    """A dataset that shares all elements with another but those named, which are its own.

    None leaves one out. `copy.copy` shares the elements too, and what is set on the copy is then
    set on the original.
    """
    replaced = {_tag(keyword) for keyword in values}
    tags = ds.keys()
    other = Dataset({tag: ds.get_item(tag) for tag in tags if tag not in replaced})
    other.file_meta = ds.file_meta
    for keyword, own in values.items():
        if own is not None:
            setattr(other, keyword, own)
    return other


def _as_values(raw: Any) -> Iterable[Any]:
    """A value as an iterable of values."""
    if isinstance(raw, str | bytes) or not isinstance(raw, Iterable):
        return (raw,)
    return raw


def _to_float(raw: Any) -> float:
    """A float, or NaN."""
    try:
        return float(raw)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _clean(raw: Any, most: int = MAX_TEXT) -> str:
    """Printable text of one value."""
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    elif isinstance(raw, list | tuple | MultiValue):
        raw = "\\".join(str(part) for part in raw)
    return clean(str(raw), most)
