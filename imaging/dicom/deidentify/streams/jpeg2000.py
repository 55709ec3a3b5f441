"""JPEG 2000 and HTJ2K: a bare codestream, of whose markers only those that decode are kept."""

from __future__ import annotations

from struct import error as TooShort
from struct import pack, unpack_from

from imaging.dicom.pixels.codestream import JP2_SIGNATURE

_SIZE = b"\xff\x4f\xff\x51"
_TILE_PART, _DATA, _END = 0xFF90, 0xFF93, b"\xff\xd9"
_LENGTHS = 0xFF55  # TLM: where tile-parts lie, wrong once one is shorter
# SIZ, CAP, COD, COC, QCD, QCC, RGN, POC, PRF, CPF, TLM, PLM, PLT, PPM, PPT, SOP and EPH use, CRG;
# part 2: DCO to MCO, CBD, ATK
_KEPT = (
    *(0xFF50, 0xFF51, 0xFF52, 0xFF53, 0xFF55, 0xFF56, 0xFF57, 0xFF58, 0xFF59, 0xFF5C, 0xFF5D),
    *(0xFF5E, 0xFF5F, 0xFF60, 0xFF61, 0xFF63, *range(0xFF70, 0xFF7A)),
)
_Segments = list[tuple[int, bytes]]  # marker, and the segment with it


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
    ISO/IEC 15444-1 A.2 (markers), A.4.2 (tile-parts, Psot), A.9.2 (COM), I.4 (boxes); 15444-15 for
    HTJ2K. PS3.5 A.4.4 wants the bare codestream.
    """
    try:
        return _clean(_unbox(data))
    except (TooShort, IndexError) as exc:
        raise ValueError("the codestream is cut short") from exc


def _clean(data: bytes) -> bytes:
    if not data.startswith(_SIZE):
        raise ValueError("no start of codestream")
    header, at = _read_segments(data, 2, _TILE_PART)
    parts, dropped = [], False
    while unpack_from(">H", data, at)[0] == _TILE_PART:
        (length,) = unpack_from(">L", data, at + 6)
        own, body = _read_segments(data, at + 12, _DATA)
        end = at + length if length else data.index(_END, body)
        if end < body + 2 or end > len(data):
            raise ValueError("a tile-part is cut short")
        kept = b"".join(segment for marker, segment in own if marker in _KEPT)
        shorter = body - at - 12 - len(kept)
        dropped = dropped or shorter > 0
        start = data[at : at + 6] + pack(">L", length - shorter if length else 0)
        parts.append(start + data[at + 10 : at + 12] + kept + data[body:end])
        at = end
    if data[at : at + 2] != _END or not parts:
        raise ValueError("no end of codestream")
    kept_markers = [marker for marker in _KEPT if not (dropped and marker == _LENGTHS)]
    main = b"".join(segment for marker, segment in header if marker in kept_markers)
    whole = b"".join((data[:2], main, *parts, _END))
    return whole + b"\0" * (len(whole) % 2)


def _read_segments(data: bytes, at: int, until: int) -> tuple[_Segments, int]:
    """The segments of a header, and where the marker lies that ends it."""
    segments: _Segments = []
    while (marker := unpack_from(">H", data, at)[0]) != until:
        (length,) = unpack_from(">H", data, at + 2)
        if marker < 0xFF00 or length < 2 or at + 2 + length > len(data):
            raise ValueError("a segment is cut short")
        segments.append((marker, data[at : at + 2 + length]))
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
