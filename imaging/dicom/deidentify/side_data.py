"""Binary values beside the pixels: look-up tables cut to length, colour profiles made anew."""

from __future__ import annotations

from struct import error as TooShort
from struct import pack, unpack_from
from typing import Literal

from pydicom.dataset import Dataset

from imaging.dicom.header.elements import numbers

_DESCRIPTORS = {
    "LUTData": "LUTDescriptor",
    **{
        f"{kind}{colour}PaletteColorLookupTableData": f"{colour}PaletteColorLookupTableDescriptor"
        for colour in ("Red", "Green", "Blue", "Alpha")
        for kind in ("", "Segmented")
    },
}
# Tags of an ICC profile that convert colours (ICC.1:2022 9.2); the others describe and advertise.
_CONVERTING = (
    *(b"wtpt", b"bkpt", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"chad"),
    *(b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2", b"gamt", b"lumi", b"cicp"),
)
_TEXT_TYPES = (b"desc", b"text", b"mluc", b"dict", b"sig ", b"pseq", b"psid")
_HEAD, _ENTRY = 128, 12
_DISCRETE, _LINEAR, _BYTE = 0, 1, 8
# Kept of the header: size, version, class, colour spaces, magic number, intent, illuminant
_HEADER = ((8, 24), (36, 40), (64, 80))
_NAME = "profile"


def cut_table(ds: Dataset, keyword: str) -> bool:
    """Cut a look-up table to the entries that its descriptor counts, in place.

    Returns
    -------
    bool
        False where no descriptor says how many there are: then nobody can read the table.

    Notes
    -----
    PS3.3 C.11.1.1, C.7.6.3.1.5; entries of 8 bits may lie one in a byte.
    """
    descriptor = numbers(ds, _DESCRIPTORS[keyword])
    if len(descriptor) != 3 or not 0 <= descriptor[0] <= 65535:
        return False
    entries = int(descriptor[0]) or 65536
    value = ds[keyword].value
    if keyword.startswith("Segmented"):
        size = 2 if descriptor[2] > _BYTE else 1
        cut = _cut_segments(value, entries, size, "little")
        cut = _cut_segments(value, entries, size, "big") if cut is None else cut
        ds[keyword].value = cut
        return cut is not None
    if isinstance(value, bytes):
        if len(value) < entries:
            return False
        whole = 2 * entries if len(value) >= 2 * entries else entries
        ds[keyword].value = value[:whole] + b"\0" * (whole % 2 if len(value) >= whole else 0)
    elif isinstance(value, list) or hasattr(value, "__getitem__"):
        ds[keyword].value = list(value[:entries])
    return True


def _cut_segments(
    value: bytes, entries: int, size: int, order: Literal["little", "big"]
) -> bytes | None:
    """A segmented palette up to where it has made all entries (PS3.3 C.7.9.2).

    None where it makes fewer, or copies what it made before: an indirect segment.
    """
    at = made = 0
    while made < entries and at + 2 * size <= len(value):
        kind, count = (int.from_bytes(value[i : i + size], order) for i in (at, at + size))
        if kind not in (_DISCRETE, _LINEAR):
            return None
        made += count
        at += size * (2 + (count if kind == _DISCRETE else 1))
    whole = value[:at]
    return whole + b"\0" * (at % 2) if made == entries and at <= len(value) else None


def is_table(keyword: str) -> bool:
    """Whether an attribute is a look-up table with a descriptor beside it."""
    return keyword in _DESCRIPTORS


def rebuild_profile(profile: bytes) -> bytes | None:
    """An ICC profile of the tags that convert colours, under a name that says nothing.

    Returns
    -------
    bytes or None
        None for what is no profile, or converts nothing.

    Notes
    -----
    ICC.1:2022 7.2 (header; date, maker, model, creator and identifier are 0 here), 7.3 (tag table).
    """
    try:
        (count,) = unpack_from(">L", profile, _HEAD)
        entries = [
            unpack_from(">4s2L", profile, _HEAD + 4 + _ENTRY * at) for at in range(min(count, 100))
        ]
    except TooShort:
        return None
    if profile[36:40] != b"acsp":
        return None
    tags = {b"desc": _text(_NAME, profile[8]), b"cprt": _text("CC0", profile[8], plain=True)}
    for name, start, size in entries:
        data = profile[start : start + size]
        if name in _CONVERTING and len(data) == size and data[:4] not in _TEXT_TYPES:
            tags[name] = data
    return None if len(tags) < 3 else _assemble(profile, tags)


def _assemble(profile: bytes, tags: dict[bytes, bytes]) -> bytes:
    at = _HEAD + 4 + _ENTRY * len(tags)
    table, body = pack(">L", len(tags)), b""
    for name, data in tags.items():
        table += pack(">4s2L", name, at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    header = bytearray(_HEAD)
    for start, end in _HEADER:
        header[start:end] = profile[start:end]
    header[:4] = pack(">L", at + len(body))
    return bytes(header) + table + body


def _text(words: str, version: int, *, plain: bool = False) -> bytes:
    """A description or plain text (v2), or a localised text (v4), in ASCII."""
    if version >= 4:
        content = words.encode("utf-16-be")
        return pack(">4sLLL4sLL", b"mluc", 0, 1, 12, b"enUS", len(content), 28) + content
    content = words.encode() + b"\0"
    if plain:
        return pack(">4sL", b"text", 0) + content
    return pack(">4sLL", b"desc", 0, len(content)) + content + bytes(78)
