"""What a codestream says of itself in its markers: which codec wrote it, and in which colours.

The header of the file says so too, and PS3.5 8.2 lets the codestream decide where they differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import error as TooShort
from struct import unpack_from

from pydicom import uid

from imaging.dicom.pixels.codestream import JP2_SIGNATURE, is_reversible

_SIZE, _STYLE = b"\xff\x4f\xff\x51", 0xFF52  # JPEG 2000: SOC and SIZ, COD
_HIGH_THROUGHPUT = 0x4000  # of Rsiz (ISO/IEC 15444-15 A.2)
_JPEG_XL = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a")
JPEG_XL_SYNTAXES = tuple(uid.UID(f"1.2.840.10008.1.2.4.{last}") for last in (110, 111, 112))
_PROGRESSIVE = uid.UID("1.2.840.10008.1.2.4.55")
_BY_FRAME = {  # start of frame to transfer syntax (ISO/IEC 10918-1 table B.1, 14495-1 C.1)
    0xC0: uid.JPEGBaseline8Bit,
    0xC1: uid.JPEGExtended12Bit,
    0xC2: _PROGRESSIVE,
    0xC3: uid.JPEGLossless,
    0xF7: uid.JPEGLSLossless,
}
_RGB_IDS = (b"RGB", b"rgb")
_YBR_IDS = b"\x01\x02\x03"
_FAMILIES: tuple[tuple[str, ...], ...] = (
    tuple(f"1.2.840.10008.1.2.4.{last}" for last in (50, 51, 53, 55)),
    (uid.JPEGLossless, uid.JPEGLosslessSV1),
    tuple(uid.JPEGLSTransferSyntaxes),
    (uid.JPEG2000Lossless, uid.JPEG2000, "1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.93"),
    (uid.HTJ2K, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL),
    JPEG_XL_SYNTAXES,
)


@dataclass(frozen=True, slots=True)
class JpegColours:
    """What a JPEG codestream says of the colours of its three components.

    Attributes
    ----------
    is_jfif : bool
        A JFIF marker: components are Y, Cb and Cr (ITU-T T.871).
    adobe_transform : int or None
        Of an Adobe APP14 marker: 0 is RGB, 1 is YCbCr (ITU-T T.872 6.5.3).
    has_rgb_ids, has_ybr_ids : bool
        Component identifiers "R", "G", "B"; or 1, 2, 3, which libjpeg gives to YCbCr.
    is_subsampled : bool
        Components differ in resolution, which red, green and blue never do.
    """

    is_jfif: bool = False
    adobe_transform: int | None = None
    has_rgb_ids: bool = False
    has_ybr_ids: bool = False
    is_subsampled: bool = False


def sniff_syntax(data: bytes) -> uid.UID | None:
    """The transfer syntax that a codestream belongs to; None where it is none.

    Parameters
    ----------
    data : bytes
        A frame, as it lies in its fragments.

    Notes
    -----
    JPEG, JPEG-LS, JPEG 2000, HTJ2K and JPEG XL begin with a magic number; RLE does not.
    """
    if data.startswith(_JPEG_XL):
        return JPEG_XL_SYNTAXES[2]
    if data.startswith((_SIZE, JP2_SIGNATURE)):
        at = data.find(_SIZE, 0, 4096)
        if at < 0 or len(data) < at + 8:
            return None
        (capabilities,) = unpack_from(">H", data, at + 6)
        if capabilities & _HIGH_THROUGHPUT:
            return uid.HTJ2KLossless if is_reversible(data) else uid.HTJ2K
        return uid.JPEG2000Lossless if is_reversible(data) else uid.JPEG2000
    if data[:3] != b"\xff\xd8\xff":
        return None
    return next((_BY_FRAME[kind] for kind, _ in _segments(data) if kind in _BY_FRAME), None)


def same_codec(one: str, other: str) -> bool:
    """True for two transfer syntaxes whose codestreams one codec reads."""
    return one == other or any(one in family and other in family for family in _FAMILIES)


def transforms_components(data: bytes) -> bool | None:
    """Whether a JPEG 2000 codestream applies the multiple component transform.

    Returns
    -------
    bool or None
        None where the main header has no readable COD marker.

    Notes
    -----
    ISO/IEC 15444-1 A.6.1 (COD, SGcod). A decoder undoes the transform, whatever the header says.
    """
    at = data.find(_SIZE, 0, 4096) + 2
    try:
        while at >= 2 and data[at] == 0xFF:
            marker, length = unpack_from(">2H", data, at)
            if marker == _STYLE:
                return data[at + 8] == 1
            if marker == 0xFF90:  # start of a tile-part: the main header is over
                break
            at += 2 + length
    except (TooShort, IndexError):
        pass
    return None


def read_jpeg_colours(data: bytes) -> JpegColours:
    """What the markers of a JPEG or JPEG-LS codestream say of three components."""
    jfif, adobe, rgb_ids, ybr_ids, subsampled = False, None, False, False, False
    for kind, body in _segments(data):
        if kind == 0xE0 and body.startswith(b"JFIF\0"):
            jfif = True
        elif kind == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            adobe = body[11]
        elif kind in _BY_FRAME:
            parts = [body[at : at + 3] for at in range(6, len(body), 3)]
            ids = b"".join(part[:1] for part in parts)
            rgb_ids, ybr_ids = ids in _RGB_IDS, ids == _YBR_IDS
            subsampled = len({part[1:2] for part in parts}) > 1
    return JpegColours(jfif, adobe, rgb_ids, ybr_ids, subsampled)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of each segment up to the first scan (ISO/IEC 10918-1 B.1.1.4)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == 0xDA:
            return
        if kind == 0xFF:  # a fill byte
            at += 1
            continue
        (length,) = unpack_from(">H", data, at + 2)
        yield kind, data[at + 4 : at + 2 + length]
        at += 2 + max(2, length)
