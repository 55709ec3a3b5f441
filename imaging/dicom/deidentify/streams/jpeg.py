"""JPEG and JPEG-LS: only the segments that decode are kept, application data is written anew."""

from __future__ import annotations

import re
from struct import unpack_from

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN, _JPEG_LS, _PRESET = 0xDA, 0xF7, 0xF8
_ALONE = (0x01, *range(0xD0, 0xD8))  # markers without a segment
# SOF0-15, DHT, DAC; SOS, DQT, DNL, DRI, DHP, EXP; SOF55
_KEPT = (*range(0xC0, 0xD0), *range(0xDA, 0xE0), _JPEG_LS)
_PRESETS = (1, 4)  # LSE that hold parameters and sizes; others are tables for whoever shows it
_NEXT = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_NEXT_LS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # a byte after FF has its first bit stuffed


def clean(data: bytes) -> bytes:
    """A JPEG or JPEG-LS codestream without comments, application data, and what follows its end.

    Returns
    -------
    bytes
        Ends in EOI, padded to an even length.

    Raises
    ------
    ValueError
        If it cannot be walked from start to end.

    Notes
    -----
    ISO/IEC 10918-1 B.1.1, 14495-1 C.1. Kept of application data is what the colours hang on: JFIF
    (APP0, ITU-T T.871) without its thumbnail, Adobe's transform (APP14, T.872 6.5.3) and HP's
    (APP8 "mrfx", 14495-2), all of them written anew.
    """
    if data[:2] != _START:
        raise ValueError("no start of image")
    kept, at, scan_end = [_START], 2, _NEXT
    while True:
        at, kind = _read_marker(data, at)
        if kind == _END[1]:
            break
        if kind in _ALONE:
            continue
        length = unpack_from(">H", data, at)[0] if at + 2 <= len(data) else 0
        if length < 2 or at + length > len(data):
            raise ValueError("a segment is cut short")
        body = data[at + 2 : at + length]
        at += length
        if kind == _JPEG_LS:
            scan_end = _NEXT_LS
        if (written := _rewrite(kind, body)) is not None:
            kept.append(bytes((0xFF, kind)) + (len(written) + 2).to_bytes(2, "big") + written)
        if kind == _SCAN:
            found = scan_end.search(data, at)
            if found is None:
                raise ValueError("a scan does not end")
            kept.append(data[at : found.start()])
            at = found.start()
    whole = b"".join((*kept, _END))
    return whole + b"\0" * (len(whole) % 2)


def _read_marker(data: bytes, at: int) -> tuple[int, int]:
    """Where the segment begins, and its marker; fill bytes are passed over."""
    if data[at : at + 1] != b"\xff":
        raise ValueError("no marker where one must be")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise ValueError("no end of image")
    return at + 1, data[at]


def _rewrite(kind: int, body: bytes) -> bytes | None:
    """The body of a segment as it is kept; None for one that is left out."""
    if kind in _KEPT:
        return body
    if kind == _PRESET and body[:1] and body[0] in _PRESETS:
        return body
    if kind == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        return body[:12] + b"\0\0"
    if kind == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
        return b"Adobe\0\x64\0\0\0\0" + body[11:12]
    if kind == 0xE8 and body.startswith(b"mrfx") and len(body) == 5:
        return body
    return None
