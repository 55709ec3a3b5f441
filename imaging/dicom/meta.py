"""The file meta information of a file whose header lies about how long that is."""

from __future__ import annotations

from struct import pack, unpack_from

_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"  # (0002,0000), always explicit little endian
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"OD", b"OL", b"UC", b"UR")


def with_meta_length(data: bytes) -> bytes:
    """The same file with a true File Meta Information Group Length.

    Nothing is guessed: the group is walked element by element until another group begins. What
    cannot be walked comes back as it is.

    Notes
    -----
    PS3.10 7.1; explicit VR little endian, PS3.5 7.1.2.
    """
    if data[128:140] != b"DICM" + _LENGTH or len(data) < 160:
        return data
    (stated,) = unpack_from("<L", data, 140)
    end = _end(data)
    if end is None or end == 144 + stated:
        return data
    return data[:140] + pack("<L", end - 144) + data[144:]


def _end(data: bytes) -> int | None:
    """Where group 0002 ends, or None when its elements do not follow one another."""
    at = 144
    while at + 12 <= len(data):
        if _other_group(data, at):
            return at
        kind = data[at + 4 : at + 6]
        if not kind.isalpha() or not kind.isupper():
            return None
        if kind in _LONG:
            at += 12 + unpack_from("<L", data, at + 8)[0]
        else:
            at += 8 + unpack_from("<H", data, at + 6)[0]
    return None


def _other_group(data: bytes, at: int) -> bool:
    return data[at : at + 2] != b"\x02\x00"
