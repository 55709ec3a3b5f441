"""Overlay planes as the header describes them (PS3.3 C.9.2, C.9.3): where each lies, and its bits.

A plane is drawn over the picture and never part of it: no value that is measured, and nothing a
network sees, holds a bit of it. Bits that lie among those of the pixels (retired, PS3.5 8.1.2) are
fetched by `overlay_mask`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from struct import error as TooShort

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from imaging.dicom.header.elements import integer, numbers, text, value
from imaging.dicom.pixels.codestream import frame_bytes, read_codestream
from imaging.entities import Geometry

_GROUPS = range(0x6000, 0x6100, 2)  # the standard uses 6000 to 601E, older files all of them
_ROWS, _COLUMNS, _TYPE, _ORIGIN = 0x0010, 0x0011, 0x0040, 0x0050
_FRAMES, _FRAME_ORIGIN, _ALLOCATED, _POSITION, _DATA = 0x0015, 0x0051, 0x0100, 0x0102, 0x3000
_LABEL, _DESCRIPTION = 0x1500, 0x0022
ACTIVATION = 0x1001  # the layer that a presentation state puts a plane on
_CANNOT = "Overlay {0} of this file cannot be drawn: {1}. What it shows is missing here."


@dataclass(frozen=True, slots=True, eq=False)
class OverlayPlane:
    """One overlay plane that can be drawn.

    Attributes
    ----------
    group : int
        0x6000 for the first.
    region : bool
        True for a region of interest (OverlayType R), False for graphics (G).
    rows, columns : int
        Of the plane itself, which may be larger or smaller than the picture.
    top, left : int
        Pixel of the picture under the plane's first one, counted from 0; may be negative.
    first, frames : int
        The frames of the picture that it lies over, the first counted from 0.
    repeated : bool
        True when its one frame lies over every frame of the picture.
    bits : numpy.ndarray or None
        (frames, rows, columns) bool; None where they lie among those of the pixels.
    position : int
        Bit of the pixels, where `bits` is None.
    words : str
        Its label, else its description; "" without.
    """

    group: int
    region: bool
    rows: int
    columns: int
    top: int
    left: int
    first: int
    frames: int
    repeated: bool
    bits: NDArray[np.bool_] | None
    position: int
    words: str = ""

    def covers(self, frame: int) -> bool:
        """True when it lies over a frame, counted from 0."""
        return self.repeated or self.first <= frame < self.first + self.frames


@dataclass(frozen=True, slots=True)
class Planes:
    """What is drawn over a picture, and a sentence for each plane that cannot be."""

    drawn: tuple[OverlayPlane, ...] = ()
    undrawn: tuple[str, ...] = ()


class _UndrawableError(Exception):
    """A plane that cannot be drawn; its words say why."""


def read_planes(ds: Dataset, geometry: Geometry) -> Planes:
    """The overlay planes of a picture.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        An instance with pixels, or a presentation state for it.
    geometry : Geometry
        Of the picture.

    Returns
    -------
    Planes
        Read tolerantly: what is missing is taken from the picture where the length of the data
        proves it, and what cannot be drawn is told.
    """
    drawn, undrawn = [], []
    for group in present_groups(ds):
        try:
            drawn.append(_read_plane(ds, geometry, group))
        except _UndrawableError as exc:
            number = (group - 0x6000) // 2 + 1
            undrawn.append(_CANNOT.format(number, exc))
    return Planes(tuple(drawn), tuple(undrawn))


def has_planes(ds: Dataset) -> bool:
    """True when the header speaks of an overlay plane."""
    return next(present_groups(ds), None) is not None


def has_embedded(ds: Dataset, bits_stored: int) -> bool:
    """True when the bits above the stored ones are those of an overlay."""
    return any(
        _element(group, _DATA) not in ds
        and (integer(ds, _element(group, _POSITION)) or 0) >= bits_stored
        for group in present_groups(ds)
    )


def present_groups(ds: Dataset) -> Iterator[int]:
    """Groups of a dataset that describe a plane, and not merely the layer it is on."""
    for group in _GROUPS:
        if any(_element(group, at) in ds for at in (_ROWS, _COLUMNS, _POSITION, _DATA)):
            yield group


def _element(group: int, element: int) -> int:
    return group << 16 | element


def _read_plane(ds: Dataset, geometry: Geometry, group: int) -> OverlayPlane:
    """One plane, or the reason why it cannot be drawn."""

    def whole(element: int) -> int | None:
        return integer(ds, _element(group, element))

    rows, columns = whole(_ROWS) or geometry.rows, whole(_COLUMNS) or geometry.columns
    stated = whole(_FRAMES)
    frames, position = max(stated or 1, 1), whole(_POSITION) or 0
    origin = numbers(ds, _element(group, _ORIGIN))
    top, left = origin if len(origin) == 2 and all(map(np.isfinite, origin)) else (1.0, 1.0)
    first = (whole(_FRAME_ORIGIN) or 1) - 1
    data = value(ds, _element(group, _DATA))
    bits = None
    if data is None:
        _check_embedded(ds, geometry, position)
        frames, first = geometry.frames, 0
        rows, columns, top, left = geometry.rows, geometry.columns, 1.0, 1.0
    elif not isinstance(data, bytes):
        raise _UndrawableError("its data cannot be read")
    else:
        bits = _unpack(ds, group, data, (frames, rows, columns))
    return OverlayPlane(
        group=group,
        region=text(ds, _element(group, _TYPE)).upper() == "R",
        rows=rows,
        columns=columns,
        top=int(top) - 1,
        left=int(left) - 1,
        first=first,
        frames=frames,
        repeated=bits is not None and stated is None and whole(_FRAME_ORIGIN) is None,
        bits=bits,
        position=position,
        words=text(ds, _element(group, _LABEL), _element(group, _DESCRIPTION)),
    )


def _check_embedded(ds: Dataset, geometry: Geometry, position: int) -> None:
    """Refuse a bit that is one of the picture's own, or that no pixel has."""
    allocated = integer(ds, "BitsAllocated") or geometry.bits_stored
    if position == 0:
        raise _UndrawableError("the file describes it and holds no data of it")
    if position < geometry.bits_stored:
        raise _UndrawableError("its bits are said to lie among those of the grey values")
    if position >= allocated or geometry.samples_per_pixel != 1:
        raise _UndrawableError("its bits are said to lie where this picture has none")
    if position >= _coded_bits(ds, geometry, allocated):
        raise _UndrawableError("its bits were lost when the picture was compressed")


def _coded_bits(ds: Dataset, geometry: Geometry, allocated: int) -> int:
    """The bits of a sample that a compressed picture has; all where it does not say."""
    if not UID(ds.file_meta.TransferSyntaxUID).is_encapsulated or "PixelData" not in ds:
        return allocated
    try:
        codestream = read_codestream(frame_bytes(ds, geometry, 0))
    except (ValueError, OverflowError, TooShort):  # fragments that do not add up: told when shown
        return allocated
    return allocated if codestream is None else codestream.precision


def _unpack(ds: Dataset, group: int, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """OverlayData as (frames, rows, columns): one bit a pixel, the lowest first (PS3.5 8.1.2).

    Some older files spend a whole byte or word on each pixel and say so in OverlayBitsAllocated.
    """
    count = int(np.prod([int(side) for side in shape], dtype=object))
    allocated = integer(ds, _element(group, _ALLOCATED)) or 1
    if allocated in (8, 16) and len(data) >= count * allocated // 8:
        position = integer(ds, _element(group, _POSITION)) or 0
        order = "<" if _is_little(ds) else ">"
        cells = np.frombuffer(data, f"{order}u{allocated // 8}", count)
        return ((cells >> min(position, allocated - 1)) & 1).astype(bool).reshape(shape)
    needed = ceil(count / 8)
    if not 0 < needed <= len(data):
        raise _UndrawableError("its data are shorter than its size")
    if not _is_little(ds) and _is_words(ds, group):
        data = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
    packed = np.frombuffer(data, np.uint8, needed)
    return np.unpackbits(packed, count=count, bitorder="little").astype(bool).reshape(shape)


def _is_little(ds: Dataset) -> bool:
    return UID(ds.file_meta.TransferSyntaxUID).is_little_endian


def _is_words(ds: Dataset, group: int) -> bool:
    """True for OW, whose bytes are exchanged under big endian; OB's never are (PS3.5 7.3)."""
    return bool(ds.get_item(_element(group, _DATA)).VR == "OW")
