"""JPEG and JPEG-LS: only what decodes is kept, and of that only the bytes that it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from struct import unpack_from

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN, _JPEG_LS, _PRESET = 0xDA, 0xF7, 0xF8
_TABLES, _ARITHMETIC, _QUANTA, _INTERVAL, _LINES = 0xC4, 0xCC, 0xDB, 0xDD, 0xDC
_ALONE = (0x01, *range(0xD0, 0xD8))  # markers without a segment
_FRAMES = (*(kind for kind in range(0xC0, 0xD0) if kind not in (0xC4, 0xC8, 0xCC)), _JPEG_LS)
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
    ISO/IEC 10918-1 B.1.1 and B.2, 14495-1 C.1. Tables stand before the scan that uses them; those
    that none uses are left out, and so is what a segment holds beyond its own contents. Kept of
    application data is what the colours hang on: JFIF (APP0, ITU-T T.871) without its thumbnail,
    Adobe's transform (APP14, T.872 6.5.3) and HP's (APP8 "mrfx", 14495-2), written anew.
    """
    if data[:2] != _START:
        raise ValueError("no start of image")
    stream, at = _Stream(), 2
    while True:
        at, kind = _read_marker(data, at)
        if kind == _END[1]:
            break
        if kind in _ALONE:
            continue
        length = unpack_from(">H", data, at)[0] if at + 2 <= len(data) else 0
        if length < 2 or at + length > len(data):
            raise ValueError("a segment is cut short")
        stream.add(kind, data[at + 2 : at + length])
        at += length
        if kind == _SCAN:
            found = (_NEXT_LS if stream.is_ls else _NEXT).search(data, at)
            if found is None:
                raise ValueError("a scan does not end")
            stream.kept.append(data[at : found.start()])
            at = found.start()
    whole = b"".join((_START, *stream.kept, _END))
    return whole + b"\0" * (len(whole) % 2)


@dataclass(slots=True)
class _Stream:
    """A codestream as it is written anew; `quanta` and `tables` wait for a scan that uses them."""

    kept: list[bytes] = field(default_factory=list)
    quanta: dict[int, bytes] = field(default_factory=dict)
    tables: dict[int, bytes] = field(default_factory=dict)
    quantum_of: dict[int, int] = field(default_factory=dict)  # component -> quantization table
    is_ls: bool = False

    def add(self, kind: int, body: bytes) -> None:
        """Take over a segment, or what is needed of it."""
        if kind == _QUANTA:
            _split_quanta(body, self.quanta)
        elif kind == _TABLES:
            _split_tables(body, self.tables)
        elif kind in _FRAMES:
            self.is_ls = kind == _JPEG_LS
            body = _cut(body, 6 + 3 * _byte(body, 5))
            self.quantum_of = {body[at]: body[at + 2] for at in range(6, len(body), 3)}
            self._write(kind, body)
        elif kind == _SCAN:
            body = _cut(body, 4 + 2 * _byte(body, 0))
            self._write_tables(body)
            self._write(kind, body)
        elif body := _rewrite(kind, body):
            self._write(kind, body)

    def _write_tables(self, scan: bytes) -> None:
        """Those that the components of a scan name, and that were not written before."""
        parts = [(scan[at], scan[at + 1]) for at in range(1, len(scan) - 3, 2)]
        for number in sorted({self.quantum_of.get(component, 0) for component, _ in parts}):
            if number in self.quanta:
                self._write(_QUANTA, self.quanta.pop(number))
        selectors = {s for _, tables in parts for s in (tables >> 4, 0x10 | tables & 0x0F)}
        for number in sorted(selectors):
            if number in self.tables:
                self._write(_TABLES, self.tables.pop(number))

    def _write(self, kind: int, body: bytes) -> None:
        self.kept.append(bytes((0xFF, kind)) + (len(body) + 2).to_bytes(2, "big") + body)


def _split_quanta(body: bytes, quanta: dict[int, bytes]) -> None:
    """Quantization tables by their number (B.2.4.1)."""
    at = 0
    while at < len(body):
        size = 1 + 64 * (2 if body[at] >> 4 else 1)
        quanta[body[at] & 0x0F] = _cut(body[at:], size)
        at += size


def _split_tables(body: bytes, tables: dict[int, bytes]) -> None:
    """Huffman tables by their class and number (B.2.4.2)."""
    at = 0
    while at < len(body):
        size = 17 + sum(_cut(body[at + 1 :], 16))
        tables[body[at]] = _cut(body[at:], size)
        at += size


def _cut(body: bytes, size: int) -> bytes:
    if len(body) < size:
        raise ValueError("a segment is cut short")
    return body[:size]


def _byte(body: bytes, at: int) -> int:
    return _cut(body, at + 1)[at]


def _read_marker(data: bytes, at: int) -> tuple[int, int]:
    """Where the segment begins, and its marker; fill bytes are passed over."""
    if data[at : at + 1] != b"\xff":
        raise ValueError("no marker where one must be")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise ValueError("no end of image")
    return at + 1, data[at]


def _rewrite(kind: int, body: bytes) -> bytes:
    """The body of a small segment as it is kept; b"" for one that is left out."""
    if kind in (_INTERVAL, _LINES):
        return _cut(body, 2)
    if kind == _ARITHMETIC:
        return body[:16]
    if kind == _PRESET and body[:1] == b"\x01":  # LSE with the thresholds; others are tables
        return _cut(body, 11)
    if kind == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        return body[:12] + b"\0\0"
    if kind == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
        return b"Adobe\0\x64\0\0\0\0" + body[11:12]
    if kind == 0xE8 and body.startswith(b"mrfx") and len(body) == 5:
        return body
    return b""
