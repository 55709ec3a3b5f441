"""Overlay planes as the pixels of a picture that they cover, one frame at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from imaging.dicom.header.elements import integer, with_values
from imaging.dicom.pixels import grey_levels
from imaging.dicom.pixels.overlay_planes import OverlayPlane, Planes
from imaging.entities import Geometry

BEYOND = "An overlay of this file reaches beyond the picture; that part of it is not drawn."


def overlay_mask(
    ds: Dataset, geometry: Geometry, planes: Planes, frame: int
) -> NDArray[np.bool_] | None:
    """Where the planes of a frame are set.

    Returns
    -------
    numpy.ndarray or None
        (rows, columns) of the picture, bool; None where no plane lies over this frame. What lies
        beyond the edges of the picture is cut. A region of interest (type R) gives its edge, so
        that what it encloses stays in sight.
    """
    covering = [plane for plane in planes.drawn if plane.covers(frame)]
    if not covering:
        return None
    mask = np.zeros((geometry.rows, geometry.columns), bool)
    for plane in covering:
        bits = _bits(ds, geometry, plane, frame)
        rows, columns = (
            _part(plane.top, bits.shape[0], mask.shape[0]),
            _part(plane.left, bits.shape[1], mask.shape[1]),
        )
        inner = bits[
            rows.start - plane.top : rows.stop - plane.top,
            columns.start - plane.left : columns.stop - plane.left,
        ]
        mask[rows, columns] |= inner
    mask.setflags(write=False)
    return mask


def reaches_beyond(geometry: Geometry, planes: Planes) -> bool:
    """True when a plane has bits set beyond the edges of the picture, which are not drawn."""
    for plane in planes.drawn:
        if plane.bits is None:
            continue
        inside = np.zeros(plane.bits.shape[1:], bool)
        rows = _part(plane.top, plane.rows, geometry.rows)
        columns = _part(plane.left, plane.columns, geometry.columns)
        inside[
            rows.start - plane.top : rows.stop - plane.top,
            columns.start - plane.left : columns.stop - plane.left,
        ] = True
        if (plane.bits & ~inside).any():
            return True
    return False


def _part(start: int, length: int, size: int) -> slice:
    """The part of an axis of the picture under a plane; empty where there is none."""
    low = min(max(start, 0), size)
    high = max(min(start + length, size), low)
    return slice(low, high) if high > low else slice(max(start, 0), max(start, 0))


def _bits(ds: Dataset, geometry: Geometry, plane: OverlayPlane, frame: int) -> NDArray[np.bool_]:
    """(rows, columns) of the plane, bool."""
    if plane.bits is not None:
        bits = plane.bits[0 if plane.repeated else frame - plane.first]
    else:
        bits = (whole_words(ds, geometry, frame) >> plane.position & 1).astype(bool)
    return _edge(bits) if plane.region else bits


def whole_words(ds: Dataset, geometry: Geometry, frame: int) -> NDArray[np.unsignedinteger]:
    """Pixels with all their bits, whatever the header says is stored."""
    allocated = integer(ds, "BitsAllocated") or geometry.bits_stored
    whole = with_values(ds, BitsStored=allocated, HighBit=allocated - 1, PixelRepresentation=0)
    array = grey_levels.decode_frame(whole, replace(geometry, bits_stored=allocated), frame)
    return array.astype(f"u{array.itemsize}", copy=False)


def _edge(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a region with a neighbour outside it; its own at the edge of the plane."""
    padded = np.pad(region, 1)
    inner = padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1]
    inner &= padded[1:-1, :-2] & padded[1:-1, 2:]
    return region & ~inner
