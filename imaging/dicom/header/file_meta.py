"""The file meta information, its elements put in order before pydicom reads them.

Nothing is guessed: the group is walked element by element, whatever length it gives itself. An
element without a value representation is left out, if others follow it; what a picture needs of
the group, the transfer syntax, is taken as it stands.
"""

from __future__ import annotations

from struct import pack, unpack_from

_GROUP, _LENGTH = b"\x02\x00", b"\x02\x00\x00\x00"
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"OD", b"OL", b"UC", b"UR")
_Elements = list[tuple[int, int, bool]]  # from, to, whether it has a value representation


def with_sound_meta(data: bytes) -> bytes:
    """The same file with a meta group that can be read; unchanged where that was so.

    Notes
    -----
    PS3.10 7.1, always explicit VR little endian; PS3.5 7.1.2. What cannot be walked stays as it is.
    """
    if data[128:134] != b"DICM" + _GROUP:
        return data
    elements = _walk(data)
    if not elements:
        return data
    end = elements[-1][1]
    first, second, _ = elements[0]
    counted = data[first : first + 4] == _LENGTH and second - first == 12
    is_length_right = not counted or unpack_from("<L", data, first + 8)[0] == end - second
    if is_length_right and all(sound for _, _, sound in elements):
        return data
    group = b"".join(data[at:to] for at, to, sound in elements[counted:] if sound)
    return data[:132] + _LENGTH + b"UL\x04\x00" + pack("<L", len(group)) + group + data[end:]


def _walk(data: bytes) -> _Elements:
    """The elements of group 0002 up to one of another; none when they do not follow one another."""
    elements: _Elements = []
    at = 132
    while at + 12 <= len(data):
        kind = data[at + 4 : at + 6]
        sound = kind.isalpha() and kind.isupper()
        if data[at : at + 2] != _GROUP:
            return elements if elements and elements[-1][2] else []
        if kind in _LONG:
            to = at + 12 + unpack_from("<L", data, at + 8)[0]
        else:
            to = at + 8 + unpack_from("<H", data, at + 6)[0]
        elements.append((at, to, sound))
        at = to
    return []
