"""How the pixels lie in the file: raw or in items, compressed or not, whatever the header says.

PS3.5 A.4 ties items to the compressed transfer syntaxes. Files are met that do otherwise; what they
hold shows by its magic number and its length, and the transfer syntax is set right.
"""

from __future__ import annotations

from struct import unpack_from

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from imaging.dicom.header.elements import integer, text
from imaging.dicom.header.sop_classes import name_syntax
from imaging.dicom.pixels.markers import same_codec, sniff_syntax

ENCAPSULATED_UNCOMPRESSED = uid.UID("1.2.840.10008.1.2.1.98")
_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_HEAD = 2**16  # bytes in which the markers of a codestream lie


def unwrap(ds: Dataset) -> str:
    """Make PixelData and transfer syntax agree, in place.

    Returns
    -------
    str
        A sentence about what the header said wrongly; "" where it was right, or nothing is known.

    Notes
    -----
    PS3.5 A.1 to A.4, A.4.11 (Encapsulated Uncompressed). Pixels count as raw where they are as
    long as the header's size makes them, to the byte; fragments are joined first.
    """
    syntax = uid.UID(text(ds.file_meta, "TransferSyntaxUID"))
    if "PixelData" not in ds or syntax.is_private or not syntax.is_transfer_syntax:
        return ""
    data = ds["PixelData"].value
    if not isinstance(data, bytes) or not data:
        return ""
    fragments = _read_fragments(ds, data, syntax)
    if fragments == []:
        return ""
    if fragments is None:
        return _unwrap_bare(ds, data, syntax)
    raw = _join_raw(ds, fragments)
    if not _compresses(syntax) and raw is not None:
        return _unwrap_raw(ds, raw, syntax)
    found = _sniff(ds, bytes(next((one for one in fragments if len(one)), b"")[:_HEAD]))
    if found is not None and not same_codec(found, syntax):
        ds.file_meta.TransferSyntaxUID = found
        said = f"encoded as {name_syntax(syntax)}" if _compresses(syntax) else "not compressed"
        return (
            f"The header says that the picture is {said}; it is encoded as {name_syntax(found)}, "
            "and was decoded so."
        )
    if found is not None or _starts_as_rle(fragments, syntax):
        return ""
    if not _compresses(syntax):
        return _unwrap_raw(ds, b"".join(fragments), syntax)
    if raw is None:
        return ""
    _set_native(ds, raw, uid.ExplicitVRLittleEndian)
    return _not_compressed(syntax)


def _unwrap_raw(ds: Dataset, pixels: bytes, syntax: uid.UID) -> str:
    """Uncompressed pixels out of their items."""
    conforms = syntax == ENCAPSULATED_UNCOMPRESSED
    _set_native(ds, pixels, uid.ExplicitVRLittleEndian if conforms else syntax)
    if conforms:
        return ""
    return (
        "The picture is not compressed, but lies in pieces as if it were; the pieces were joined."
    )


def _unwrap_bare(ds: Dataset, data: bytes, syntax: uid.UID) -> str:
    """Pixels that lie in no items."""
    if any(len(data) in _padded(size) for size in _native_lengths(ds, _frames(ds))):
        if not syntax.is_encapsulated:
            return ""
        _set_native(ds, data, uid.ExplicitVRLittleEndian)
        return "" if syntax == ENCAPSULATED_UNCOMPRESSED else _not_compressed(syntax)
    found = _sniff(ds, data) if _frames(ds) == 1 else None
    if found is None or not (
        syntax.is_encapsulated or found == uid.RLELossless or _is_short(ds, data)
    ):
        return ""
    ds.PixelData = encapsulate([data])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    if not same_codec(found, syntax):
        ds.file_meta.TransferSyntaxUID = found
    return (
        f"The picture is encoded as {name_syntax(found)}, but does not lie in the file as such a "
        "picture must; it was decoded so."
    )


def _read_fragments(ds: Dataset, data: bytes, syntax: uid.UID) -> list[memoryview] | None:
    """The fragments after the offset table; None where the pixels do not lie in items."""
    order = "<" if syntax.is_little_endian else ">"
    wrapped = syntax.is_encapsulated or ds["PixelData"].is_undefined_length
    if not wrapped and any(len(data) in _padded(n) for n in _native_lengths(ds, _frames(ds))):
        return None
    items: list[memoryview] = []
    view, at = memoryview(data), 0
    while at + 8 <= len(data):
        group, element, length = unpack_from(f"{order}2HL", data, at)
        if (group, element) == _DELIMITER:
            return items[1:] if items else None
        if (group, element) != _ITEM or at + 8 + length > len(data):
            return None
        items.append(view[at + 8 : at + 8 + length])
        at += 8 + length
    return items[1:] if items and at == len(data) else None


def _join_raw(ds: Dataset, fragments: list[memoryview]) -> bytes | None:
    """Uncompressed frames out of fragments; None where their length is another."""
    for size in _native_lengths(ds, 1):
        if len(fragments) == _frames(ds) and all(len(one) in _padded(size) for one in fragments):
            return b"".join(one[:size] for one in fragments)  # without the padding of each
    total = sum(len(one) for one in fragments)
    fits = any(total in _padded(size) for size in _native_lengths(ds, _frames(ds)))
    return b"".join(fragments) if fits else None


def _native_lengths(ds: Dataset, frames: int) -> tuple[int, ...]:
    """Bytes of uncompressed frames by the header; none where it does not tell.

    Under YBR_FULL_422 two: a decompressor may have left the tag behind (PS3.3 C.7.6.3.1.2).
    """
    bits = frames
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated"):
        bits *= max(0, integer(ds, keyword) or 0)
    if not bits:
        return ()
    halved = text(ds, "PhotometricInterpretation").upper() == "YBR_FULL_422"
    return (bits // 12, bits // 8) if halved else (-(-bits // 8),)


def _is_short(ds: Dataset, data: bytes) -> bool:
    """True for fewer bytes than the header's picture takes without compression."""
    return len(data) < min(_native_lengths(ds, _frames(ds)), default=0)


def _frames(ds: Dataset) -> int:
    return max(1, integer(ds, "NumberOfFrames") or 1)


def _padded(length: int) -> tuple[int, int]:
    """A length, and the even one that a writer makes of it."""
    return length, length + length % 2


def _compresses(syntax: uid.UID) -> bool:
    return syntax.is_encapsulated and syntax != ENCAPSULATED_UNCOMPRESSED


def _set_native(ds: Dataset, pixels: bytes, syntax: uid.UID) -> None:
    """Pixels that are not compressed, and a transfer syntax that says so."""
    wide = (integer(ds, "BitsAllocated") or 8) > 8
    ds.PixelData = pixels + b"\0" * (len(pixels) % 2)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = ("OW" if wide else "OB"), False
    ds.file_meta.TransferSyntaxUID = syntax


def _sniff(ds: Dataset, data: bytes) -> uid.UID | None:
    """The codec of a frame: by its magic number, or by the header of an RLE frame of this size.

    PS3.5 G.5: how many segments, a byte of each sample to a segment (G.2), and where each starts.
    """
    found = sniff_syntax(data)
    if found is not None or len(data) < 64:
        return found
    bits = (integer(ds, "SamplesPerPixel") or 1) * (integer(ds, "BitsAllocated") or 0)
    segments, *starts = unpack_from("<16L", data)
    used, rest = starts[:segments], starts[segments:]
    in_order = len(used) == bits // 8 > 0 and used[0] == 64 and used == sorted(set(used))
    return uid.RLELossless if in_order and not any(rest) else None


def _starts_as_rle(fragments: list[memoryview], syntax: uid.UID) -> bool:
    """True for the header of an RLE frame where one belongs (PS3.5 G.5)."""
    if syntax != uid.RLELossless or not fragments or len(fragments[0]) < 64:
        return False
    segments, first = unpack_from("<2L", fragments[0])
    return 1 <= segments <= 15 and first == 64


def _not_compressed(syntax: uid.UID) -> str:
    return (
        f"The header says that the picture is encoded as {name_syntax(syntax)}; by its length it "
        "is not compressed, and is shown so."
    )
