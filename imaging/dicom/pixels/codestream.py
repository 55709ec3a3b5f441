"""A look into compressed frames before a decoder written in C sees them.

A codestream that is larger than the header says, or cut short, is refused here: decoders differ
in whether they fail, fill the rest with grey or allocate whatever the header asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import error as TooShort
from struct import unpack_from

from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
    VLWholeSlideMicroscopyImageStorage,
)

from imaging.dicom.header.elements import integer, text, value
from imaging.dicom.header.sop_classes import name_syntax
from imaging.dicom.pixels.description import DAMAGED
from imaging.entities import Geometry
from imaging.errors import PixelDataError

_START, _END, _SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
_NOT_FRAMES = (0xC4, 0xC8, 0xCC)  # among SOF0-15: DHT, JPG, DAC
JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "  # a JP2 file's first box
_SIZE = b"\xff\x4f\xff\x51"  # JPEG 2000: start of codestream, image size
_STYLE, _COMPONENT_STYLE = 0xFF52, 0xFF53  # JPEG 2000: COD, COC
_TILE_PART = b"\xff\x90\x00\x0a"  # JPEG 2000: start of tile-part and the length of that segment


@dataclass(frozen=True, slots=True)
class Codestream:
    """The frame header of a codestream; `precision` in bits per sample."""

    rows: int
    columns: int
    components: int
    precision: int


def check_codestream(ds: Dataset, geometry: Geometry, frame: int) -> bytes:
    """Refuse a compressed frame that is cut short or contradicts the header.

    Returns
    -------
    bytes
        The codestream.

    Raises
    ------
    PixelDataError
        If size, depth or components of the codestream differ from the header's, or it has no end.
    """
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    data = frame_bytes(ds, geometry, frame)
    if syntax == RLELossless or name_syntax(syntax).startswith("JPEG XL"):
        return data  # no header that says so; the decoder compares sizes
    codestream = read_codestream(data)
    if codestream is None or not _boxes_advance(data):
        raise PixelDataError("The compressed picture has no readable header; " + DAMAGED)
    if not _has_size(codestream, ds, geometry):
        raise PixelDataError(
            "The compressed picture has another size than its header says. "
            "Ask for it to be exported again."
        )
    if not _fits(codestream, ds, geometry):
        raise PixelDataError(
            "The compressed picture has another depth or number of colours than its header says. "
            "Ask for it to be exported again."
        )
    if not _ends(data, syntax):
        raise PixelDataError("The compressed picture stops before its end; " + DAMAGED)
    return data


def read_codestream(data: bytes) -> Codestream | None:
    """Read the frame header of a JPEG, JPEG-LS or JPEG 2000 codestream.

    Returns
    -------
    Codestream or None
        None when `data` is none of these (RLE, for one) or its header does not parse.

    Notes
    -----
    ISO/IEC 10918-1 B.2.2 (SOF), 14495-1 C.2.2 (SOF55), 15444-1 A.5.1 (SIZ).
    """
    at = data.find(_SIZE, 0, 4096)
    if at < 0 or len(data) < at + 43:
        return _read_jpeg(data) if data[:2] == _START else None
    width, height, left, top = unpack_from(">4L", data, at + 8)
    (components,) = unpack_from(">H", data, at + 40)
    return Codestream(height - top, width - left, components, (data[at + 42] & 0x7F) + 1)


def is_signed(data: bytes) -> bool:
    """Whether a JPEG 2000 codestream says that its first component is signed (Ssiz, A.5.1)."""
    at = data.find(_SIZE, 0, 4096) + 42
    return bool(data[at : at + 1] and data[at] & 0x80)


def is_reversible(data: bytes) -> bool | None:
    """Whether a JPEG 2000 codestream's wavelet is the reversible 5-3 filter, not the 9-7 filter.

    Returns
    -------
    bool or None
        None where a low band may lie otherwise than usual: the picture does not begin at the
        grid's origin, or a component has a coding style of its own.

    Notes
    -----
    ISO/IEC 15444-1 A.5.1 (SIZ), A.6.1 (COD), A.6.2 (COC).
    """
    at = data.find(_SIZE, 0, 4096) + 2
    try:
        if at < 2 or unpack_from(">2L", data, at + 14) != (0, 0):
            return None
        style = -1
        while data[at : at + 2] != _TILE_PART[:2]:
            marker, length = unpack_from(">2H", data, at)
            if marker == _COMPONENT_STYLE:
                return None
            if marker == _STYLE:
                style = data[at + 13]
            at += 2 + length
    except (TooShort, IndexError):
        return None
    return {0: False, 1: True}.get(style)


def _read_jpeg(data: bytes) -> Codestream | None:
    """Walk the marker segments to the first frame header."""
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF and data[at + 1] != _SCAN:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES):
            precision, rows, columns, components = unpack_from(">B2HB", data, at + 4)
            return Codestream(rows, columns, components, precision)
        at += 2 + unpack_from(">H", data, at + 2)[0]
    return None


def _ends(data: bytes, syntax: UID) -> bool:
    """False when the codestream of a JPEG, JPEG-LS or JPEG 2000 stops early."""
    if syntax in JPEG2000TransferSyntaxes:
        try:
            return _tile_parts_end(data, data.find(_SIZE, 0, 4096) + 2)
        except TooShort:
            return False
    ends = syntax in JPEGTransferSyntaxes or syntax in JPEGLSTransferSyntaxes
    return not ends or _END in data[-64:]


def _tile_parts_end(data: bytes, at: int) -> bool:
    """Walk the tile-parts from the first segment of the main header: one must end in EOC.

    Notes
    -----
    ISO/IEC 15444-1 A.4.2: Psot counts from the tile-part's own marker; 0 means until EOC.
    """
    while data[at : at + 2] != _TILE_PART[:2]:
        if data[at : at + 1] != b"\xff":
            return False
        at += 2 + unpack_from(">H", data, at + 2)[0]
    while data[at : at + 4] == _TILE_PART:
        (length,) = unpack_from(">L", data, at + 6)
        if length == 0:
            return _END in data[-64:]
        if length < 14:  # a tile-part's own segment and start of data
            return False
        at += length
    return data[at : at + 2] == _END


def _boxes_advance(data: bytes) -> bool:
    """False when a JP2 box before the codestream has no length: pydicom would wait there for ever.

    ISO/IEC 15444-1 I.4; PS3.5 A.4.4 wants no boxes at all.
    """
    at = 12 if data.startswith(JP2_SIGNATURE) else len(data)
    while at < len(data) and data[at + 4 : at + 8] != b"jp2c":
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:
            return False
        at += length
    return True


def _has_size(codestream: Codestream, ds: Dataset, geometry: Geometry) -> bool:
    """True for the header's size, and for a tile cut off where its slide ends.

    PS3.3 C.8.12.4 wants tiles of one size; some writers do not fill the last of a row or column.
    """
    rows, columns = {geometry.rows}, {geometry.columns}
    if text(ds, "SOPClassUID") == VLWholeSlideMicroscopyImageStorage and geometry.frames > 1:
        rows.add((integer(ds, "TotalPixelMatrixRows") or 0) % geometry.rows)
        columns.add((integer(ds, "TotalPixelMatrixColumns") or 0) % geometry.columns)
    return codestream.rows in rows - {0} and codestream.columns in columns - {0}


def _fits(codestream: Codestream, ds: Dataset, geometry: Geometry) -> bool:
    """True when depth and components are what the header makes room for."""
    room = max(8, integer(ds, "BitsAllocated") or 0)
    return codestream.components == geometry.samples_per_pixel and 1 <= codestream.precision <= room


def frame_bytes(ds: Dataset, geometry: Geometry, frame: int) -> bytes:
    """The fragments of one frame, joined."""
    offsets, lengths = value(ds, "ExtendedOffsetTable"), value(ds, "ExtendedOffsetTableLengths")
    extended = (offsets, lengths) if offsets and lengths else None
    return get_frame(
        ds.PixelData, frame, number_of_frames=geometry.frames, extended_offsets=extended
    )
