"""RLE: segments cut to the bytes of the picture, their header written anew."""

from __future__ import annotations

from struct import error as TooShort
from struct import pack, unpack_from

_HEADER = 64
_MOST = 15


def clean(data: bytes, length: int, segments: int) -> bytes:
    """An RLE frame without gaps between its segments, and without what they unpack to in excess.

    Parameters
    ----------
    data : bytes
        The frame.
    length : int
        Bytes that each segment unpacks to: rows x columns.
    segments : int
        How many there are: a byte of each sample to a segment; more are left out.

    Raises
    ------
    ValueError
        If there are fewer, or one unpacks to less.

    Notes
    -----
    PS3.5 G.3 (PackBits), G.5 (header).
    """
    try:
        count, *starts = unpack_from("<16L", data)
    except TooShort as exc:
        raise ValueError("no header") from exc
    if not segments <= count <= _MOST or starts[0] != _HEADER:
        raise ValueError("no header")
    ends = [*starts[1:count], len(data)]
    kept = [
        _cut(data[start:end], length) for start, end in zip(starts[:segments], ends, strict=False)
    ]
    at, found = _HEADER, []
    for segment in kept:
        found.append(at)
        at += len(segment)
    header = pack("<16L", segments, *found, *[0] * (_MOST - segments))
    return b"".join((header, *kept))


def _cut(segment: bytes, length: int) -> bytes:
    """A segment up to where it has unpacked to `length` bytes, padded to an even length."""
    at = made = 0
    end = len(segment)
    while made < length and at < end:
        control = segment[at]
        if control < 128:
            count = control + 1
            if made + count > length:  # more would lie in the rest of this run
                rest = length - made
                if at + 1 + rest > end:
                    break
                whole = segment[:at] + bytes((rest - 1,)) + segment[at + 1 : at + 1 + rest]
                return whole + b"\0" * (len(whole) % 2)
            at += 1 + count
            made += count
        else:
            made += 257 - control if control > 128 else 0
            at += 2 if control > 128 else 1
    if made < length or at > end:  # cut short
        raise ValueError("a segment is cut short")
    whole = segment[:at]
    return whole + b"\0" * (len(whole) % 2)
