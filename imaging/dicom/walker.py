"""The strict header walker: the values an index needs, straight from the bytes, or nothing at all.

It reads little-endian files that keep to the letter of PS3.5 7 and PS3.10 7.1, and declines
(returns None) on whatever would need judgement; `imaging.dicom.index` then asks pydicom. What it
does return is what `elements.text` and `elements.integer` say about pydicom's reading.
"""

from __future__ import annotations

import re
from struct import Struct, error

from imaging.listing import Listing

PIXELS = 0x7FE0  # the group of the elements that hold pixels (PS3.6)
MAX_DEPTH = 8
MAX_TEXT = 256  # longer texts are cut by `elements.text`


def _code(vr: str) -> int:
    """A VR as the number its two letters are read as."""
    return int.from_bytes(vr.encode(), "little")


# Tag, and the VR the dictionary gives it: texts, whole numbers, shorts, as a Listing has them.
_WANTED = (
    (0x00080005, "CS"),  # the character set is judged, not kept
    (0x00080008, "CS"),
    (0x00080016, "UI"),
    (0x00080018, "UI"),
    (0x00080020, "DA"),
    (0x00080060, "CS"),
    (0x0008103E, "LO"),
    (0x00100020, "LO"),
    (0x00101010, "AS"),
    (0x00180015, "CS"),
    (0x00185101, "CS"),
    (0x0020000D, "UI"),
    (0x0020000E, "UI"),
    (0x00200013, "IS"),
    (0x00280008, "IS"),
    (0x00280010, "US"),
    (0x00280011, "US"),
)
_PLACES: dict[int, dict[int, int]] = {}  # group -> element -> place in _WANTED
for _place, (_tag, _) in enumerate(_WANTED):
    _PLACES.setdefault(_tag >> 16, {})[_tag & 0xFFFF] = _place
_NO_PLACES: dict[int, int] = {}
_VRS = [_code(vr) for _, vr in _WANTED]
_TAGS = frozenset(tag for tag, _ in _WANTED)
_BLANK = [b""] * len(_WANTED)
_LONG_FORM = frozenset(
    map(_code, ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
)
_SHORT_FORM = frozenset(
    map(
        _code,
        [
            "AE",
            "AS",
            "AT",
            "CS",
            "DA",
            "DS",
            "DT",
            "FD",
            "FL",
            "IS",
            "LO",
            "LT",
            "PN",
            "SH",
            "SL",
            "SS",
            "ST",
            "TM",
            "UI",
            "UL",
            "US",
        ],
    )
)
_SEQUENCE = _code("SQ")
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_STANDARD_SYNTAX = _IMPLICIT = "1.2.840.10008.1.2"
_OTHER_ENCODINGS = ("1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")  # big endian, deflated
_short_head = Struct("<HHHH").unpack_from
_long_head = Struct("<HHI").unpack_from
_length = Struct("<I").unpack_from
_PRINTABLE = bytes(range(0x20, 0x7F))
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,11}|").fullmatch
_ASCII_BELOW_128 = re.compile(r"|GB18030|GBK|ISO_IR \d+|(?:\\?(?:ISO 2022 IR \d+)?)+").fullmatch
_COMMON_SETS = ("", "ISO_IR 100", "ISO_IR 192")
_BREAKS = b"\n" * (len(_WANTED) - 3)  # between the texts and whole numbers
_Found = list[bytes]


class _DeclinedError(Exception):
    """The bytes need judgement."""


class _EndOfBufferError(Exception):
    """The header goes on behind the bytes at hand."""


def walk_header(data: bytes, *, whole: bool) -> Listing | None:
    """Read a file's index line from its first bytes.

    Parameters
    ----------
    data : bytes
        The beginning of a file, or all of it.
    whole : bool
        True when nothing follows `data`.

    Returns
    -------
    Listing or None
        None when the file is not of the plainest kind: no preamble, big endian or deflated,
        elements out of order, an unknown VR, a VR other than the dictionary's for a value that is
        wanted, text beyond printable ASCII.

    Raises
    ------
    EOFError
        If the header goes on behind `data`; call again with more of the file. Never when `whole`.

    Notes
    -----
    The walk ends at the pixels, so that an element that is out of place is noticed wherever it
    stands before them. PS3.5 7.1 (elements), 7.5 (sequences), PS3.10 7.1 (file meta information).
    """
    found = _BLANK.copy()
    try:
        start, syntax = _read_meta(data)
        walk = _walk_implicit if syntax == _IMPLICIT else _walk_explicit
        if not walk(data, start, found) and not whole:
            raise _EndOfBufferError  # where an element ends, but not the header
        return _listing(syntax, found)
    except _DeclinedError:
        return None
    except (_EndOfBufferError, error) as exc:
        if whole:
            return None
        raise EOFError from exc


def _read_meta(data: bytes) -> tuple[int, str]:
    """Where the dataset begins, and its transfer syntax (PS3.10 7.1; always explicit)."""
    if len(data) < 140:
        raise _EndOfBufferError
    if data[128:134] != b"DICM\x02\x00":
        raise _DeclinedError
    pos, last, syntax, stated, group_at = 132, -1, b"", 0, 0
    while True:
        group, element, vr, length = _short_head(data, pos)
        if group != 2:
            break
        pos += 8
        if vr in _LONG_FORM:
            length = _length(data, pos)[0]
            pos += 4
        elif vr not in _SHORT_FORM:
            raise _DeclinedError
        if element <= last:
            raise _DeclinedError
        last = element
        if not element:
            stated, group_at = _length(data, pos)[0], pos + 4
        elif element == 0x10:
            syntax = data[pos : pos + length]
        pos += length
    if group_at and group_at + stated != pos:
        raise _DeclinedError
    name = syntax.rstrip(b"\0").decode("latin-1")
    if not name.startswith(_STANDARD_SYNTAX) or name in _OTHER_ENCODINGS or len(name) > 64:
        raise _DeclinedError
    if not name.isascii() or not name.replace(".", "").isdigit():
        raise _DeclinedError
    return pos, name


def _walk_explicit(data: bytes, pos: int, found: _Found) -> bool:
    """Collect the wanted values of a dataset with explicit VRs (PS3.5 7.1.2); True at pixels."""
    last_group, last, places, short_form = 0, -1, _NO_PLACES, _SHORT_FORM
    try:
        while True:
            group, element, vr, length = _short_head(data, pos)
            if group != last_group:
                if group < last_group:
                    raise _DeclinedError
                last_group, places = group, _PLACES.get(group, _NO_PLACES)
            elif element <= last:
                raise _DeclinedError
            last = element
            if vr in short_form:
                pos += 8
                if element in places:
                    place = places[element]
                    if vr != _VRS[place]:
                        raise _DeclinedError
                    found[place] = data[pos : pos + length]
                pos += length
            elif group == PIXELS:
                return True
            elif vr in _LONG_FORM and element not in places:
                length = _length(data, pos + 8)[0]
                pos += 12
                pos = pos + length if length != _UNDEFINED else _skip(data, pos, vr)
            else:
                raise _DeclinedError
    except error:
        _insist_on_end(data, pos)
        return False


def _walk_implicit(data: bytes, pos: int, found: _Found) -> bool:
    """Collect the wanted values of a dataset without VRs (PS3.5 7.1.3); True at pixels."""
    if int.from_bytes(data[pos + 4 : pos + 6], "little") in _SHORT_FORM | _LONG_FORM:
        raise _DeclinedError  # explicit, whatever the meta information says
    last = 0
    try:
        while True:
            group, element, length = _long_head(data, pos)
            tag = group << 16 | element
            if tag <= last:
                raise _DeclinedError
            if group == PIXELS:
                return True
            last = tag
            pos += 8
            place = _PLACES.get(group, _NO_PLACES).get(element)
            if place is not None:
                found[place] = data[pos : pos + length]
            pos = pos + length if length != _UNDEFINED else _skip_implicit(data, pos, tag)
    except error:
        _insist_on_end(data, pos)
        return False


def _insist_on_end(data: bytes, pos: int) -> None:
    """A header without pixels behind it ends where its last element does."""
    if pos != len(data):
        raise _EndOfBufferError


def _skip(data: bytes, pos: int, vr: int, depth: int = 0) -> int:
    """The place behind a sequence of undefined length with explicit VRs (PS3.5 7.5.2)."""
    if vr != _SEQUENCE or depth > MAX_DEPTH:
        raise _DeclinedError
    while True:
        group, element, length = _long_head(data, pos)
        tag = group << 16 | element
        pos += 8
        if tag == _SEQUENCE_END and not length:
            return pos
        if tag != _ITEM:
            raise _DeclinedError
        pos = pos + length if length != _UNDEFINED else _skip_item(data, pos, depth)


def _skip_item(data: bytes, pos: int, depth: int) -> int:
    """The place behind an item of undefined length."""
    last = 0
    while True:
        group, element, vr, length = _short_head(data, pos)
        tag = group << 16 | element
        pos += 8
        if tag == _ITEM_END and not vr and not length:
            return pos
        if tag <= last or group == 0xFFFE:
            raise _DeclinedError
        last = tag
        if vr in _SHORT_FORM:
            pos += length
        elif vr in _LONG_FORM:
            length = _length(data, pos)[0]
            pos = pos + 4 + length if length != _UNDEFINED else _skip(data, pos + 4, vr, depth + 1)
        else:
            raise _DeclinedError


def _skip_implicit(data: bytes, pos: int, tag: int, depth: int = 0) -> int:
    """The place behind an undefined length without VRs: only a sequence has one (PS3.5 7.5.1)."""
    if tag in _TAGS or tag >> 16 & 1 or depth > MAX_DEPTH:
        raise _DeclinedError  # what a private element is, is a matter of judgement
    while True:
        group, element, length = _long_head(data, pos)
        found = group << 16 | element
        pos += 8
        if found == _SEQUENCE_END and not length:
            return pos
        if found != _ITEM:
            raise _DeclinedError
        pos = pos + length if length != _UNDEFINED else _skip_implicit_item(data, pos, depth)


def _skip_implicit_item(data: bytes, pos: int, depth: int) -> int:
    """The place behind an item of undefined length without VRs."""
    last = 0
    while True:
        group, element, length = _long_head(data, pos)
        tag = group << 16 | element
        pos += 8
        if tag == _ITEM_END and not length:
            return pos
        if tag <= last or group == 0xFFFE:
            raise _DeclinedError
        last = tag
        nested = length == _UNDEFINED
        pos = _skip_implicit(data, pos, tag, depth + 1) if nested else pos + length


def _listing(syntax: str, found: _Found) -> Listing:
    """The values in words and numbers; all texts are checked and decoded at one go."""
    joined = b"\n".join(found[:-2])
    joined = joined.replace(b" \n", b"\n").replace(b"\0\n", b"\n").rstrip(b" ")
    if (
        joined.translate(None, _PRINTABLE) != _BREAKS
        or b"  " in joined
        or b"\n " in joined
        or b" \n" in joined
        or b" \\" in joined
        or b"\\ " in joined
    ):
        raise _DeclinedError
    values = joined.decode("ascii").split("\n")
    if len(joined) > MAX_TEXT and max(map(len, values)) > MAX_TEXT:
        raise _DeclinedError
    if values[0] not in _COMMON_SETS and not _ASCII_BELOW_128(values[0]):
        raise _DeclinedError
    instance, frames = _whole(values[-2]), _whole(values[-1])
    numbers = instance, frames, _short(found[-2]), _short(found[-1])
    return Listing._make((syntax, *values[1:-2], *numbers))


def _whole(digits: str) -> int | None:
    """A whole number; None when there is nothing."""
    if not _WHOLE_NUMBER(digits):
        raise _DeclinedError
    return int(digits) if digits else None


def _short(raw: bytes) -> int | None:
    """An unsigned short; None when absent or empty."""
    if not raw:
        return None
    if len(raw) != 2:
        raise _DeclinedError
    return raw[0] | raw[1] << 8
