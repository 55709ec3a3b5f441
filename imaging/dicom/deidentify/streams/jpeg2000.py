"""JPEG 2000 and HTJ2K: a bare codestream, of whose markers only what decodes is kept."""

from __future__ import annotations

from collections.abc import Sequence
from struct import error as TooShort
from struct import pack, unpack_from

from imaging.dicom.pixels.codestream import JP2_SIGNATURE

_SIZE = b"\xff\x4f\xff\x51"
_TILE_PART, _DATA, _END = 0xFF90, 0xFF93, b"\xff\xd9"
_SIZ, _CAP, _COD, _COC, _TLM = 0xFF51, 0xFF50, 0xFF52, 0xFF53, 0xFF55
_QCD, _QCC, _RGN, _POC = 0xFF5C, 0xFF5D, 0xFF5E, 0xFF5F
_ONCE = (_SIZ, _CAP, _COD, _QCD)
_TABLE_OF_LENGTHS = 0x60  # Stlm: tile numbers of 2 bytes, lengths of 4
_MOST_LENGTHS = 10_000  # what one TLM segment has room for
_HIGH_THROUGHPUT = b"\0\x02\0\0"  # Pcap of a codestream of part 15 alone
_MOST_LEVELS = 32
_Segments = list[tuple[int, bytes]]  # marker, and the body behind its length


def clean(data: bytes) -> bytes:
    """A JPEG 2000 codestream without boxes, comments, and what follows its end.

    Returns
    -------
    bytes
        From SOC to EOC, padded to an even length.

    Raises
    ------
    ValueError
        If it cannot be walked from start to end.

    Notes
    -----
    ISO/IEC 15444-1 A.4 to A.9 (markers), I.4 (boxes); 15444-15 for HTJ2K. PS3.5 A.4.4 wants the
    bare codestream. A table of lengths (TLM) is written anew where there was one. Other pointers,
    packed headers and what part 2 adds are left out: a picture that needs them comes out otherwise,
    which the caller sees.
    """
    try:
        return _clean(_unbox(data))
    except (TooShort, IndexError) as exc:
        raise ValueError("the codestream is cut short") from exc


def _clean(data: bytes) -> bytes:
    if not data.startswith(_SIZE):
        raise ValueError("no start of codestream")
    header, at = _read_segments(data, 2, _TILE_PART)
    if any([marker for marker, _ in header].count(one) > 1 for one in _ONCE):
        raise ValueError("a marker stands twice")
    described = dict(header)
    components = unpack_from(">H", described[_SIZ], 34)[0] if _SIZ in described else 0
    parts: list[tuple[int, bytes]] = []  # tile, and its tile-part
    while unpack_from(">H", data, at)[0] == _TILE_PART:
        tile, length = unpack_from(">HL", data, at + 4)
        own, body = _read_segments(data, at + 12, _DATA)
        end = at + length if length else data.index(_END, body)
        if end < body + 2 or end > len(data):
            raise ValueError("a tile-part is cut short")
        kept = _written(own, components, levels=_levels(described))
        size = 12 + len(kept) + end - body
        parts.append((tile, data[at : at + 6] + pack(">L", size) + data[at + 10 : at + 12] + kept
                      + data[body:end]))  # fmt: skip
        at = end
    if data[at : at + 2] != _END or not parts:
        raise ValueError("no end of codestream")
    main = _written(header, components, levels=_levels(described))
    if _TLM in described and len(parts) <= _MOST_LENGTHS:
        main += _lengths(parts)
    whole = b"".join((data[:2], main, *(part for _, part in parts), _END))
    return whole + b"\0" * (len(whole) % 2)


def _levels(described: dict[int, bytes]) -> int:
    """Decomposition levels of the default coding style."""
    return described[_COD][5] if _COD in described else 0


def _written(segments: _Segments, components: int, *, levels: int) -> bytes:
    """The segments that decode, each cut to its own contents."""
    out = b""
    for marker, body in segments:
        kept = _needed(marker, body, components, levels)
        if kept:
            out += pack(">2H", marker, len(kept) + 2) + kept
    return out


def _needed(marker: int, body: bytes, components: int, levels: int) -> bytes:
    """What a segment needs of its body; b"" for one that is left out."""
    index = 1 if components < 257 else 2  # bytes of the number of a component
    if marker == _SIZ:
        return body[: 36 + 3 * components]
    if marker == _CAP:
        return body[:6] if body.startswith(_HIGH_THROUGHPUT) else b""
    if marker == _COD:
        return body[: 10 + _precincts(body[0], body[5])]
    if marker == _COC:
        return body[: index + 6 + _precincts(body[index], body[index + 1])]
    if marker == _QCD:
        return body[: _quantization(body[0], levels)]
    if marker == _QCC:  # its component may have levels of its own: as many as it holds steps for
        return body[: index + _quantization(body[index], _MOST_LEVELS)]
    if marker == _RGN:
        return body[: index + 2]
    if marker == _POC:
        size = 5 + 2 * index
        return body[: len(body) // size * size]
    return b""


def _precincts(style: int, levels: int) -> int:
    """Bytes of precinct sizes, where the style says that there are some."""
    return levels + 1 if style & 1 else 0


def _quantization(style: int, levels: int) -> int:
    """Bytes of a quantization segment: none, one or all steps (A.6.4)."""
    bands = 3 * levels + 1
    return 1 + (bands, 2, 2 * bands)[min(style & 0x1F, 2)]


def _lengths(parts: Sequence[tuple[int, bytes]]) -> bytes:
    """A TLM segment (A.7.1)."""
    body = b"".join(pack(">HL", tile, len(part)) for tile, part in parts)
    return pack(">2H2B", _TLM, 4 + len(body), 0, _TABLE_OF_LENGTHS) + body


def _read_segments(data: bytes, at: int, until: int) -> tuple[_Segments, int]:
    """The segments of a header, and where the marker lies that ends it."""
    segments: _Segments = []
    while (marker := unpack_from(">H", data, at)[0]) != until:
        (length,) = unpack_from(">H", data, at + 2)
        if marker < 0xFF00 or length < 2 or at + 2 + length > len(data):
            raise ValueError("a segment is cut short")
        segments.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + length
    return segments, at


def _unbox(data: bytes) -> bytes:
    """The codestream of a JP2 file; what is none is returned as it is."""
    at = 0 if data.startswith(JP2_SIGNATURE) else len(data)
    while at + 8 <= len(data):
        length, kind, head = unpack_from(">L", data, at)[0], data[at + 4 : at + 8], 8
        if length == 1:
            length, head = unpack_from(">Q", data, at + 8)[0], 16
        length = length or len(data) - at  # to the end of the file
        if length < head:
            raise ValueError("a box has no length")
        if kind == b"jp2c":
            return data[at + head : at + length]
        at += length
    return data
