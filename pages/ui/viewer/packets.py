"""Pixels on their way to the browser: [u32 length][JSON header, padded to 8][raw values].

A packet is named by the hash of its content and goes over the wire once.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.decoding import DistantImage
from imaging.dicom.pixels.lookup_table import Lut
from imaging.dicom.viewer_pixels import ScreenFrame, ScreenPixels
from imaging.entities import VoiPreset
from imaging.rendering import colour_table
from pages.ui.viewer.scene import Overlay

_FORMAT = "2"  # a change of the layout below must change every name
_LARGE = 4 * 2**20  # bytes of a film that is worth a preview
_BAND = 64  # rows that are halved at a time; even
_SIDE = 1024  # pixels at most along the longer side of a preview


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class PixelPacket:
    """Bytes for the browser, their name, and the notes and unit that Python shows beside them.

    ``parts`` follow one another on the way: a film's pixels are not copied to be sent.
    ``preview`` is a small packet that goes ahead of a large one, or None.
    """

    hash: str
    parts: tuple[bytes | memoryview, ...]
    notes: tuple[str, ...] = ()
    unit: str = ""
    preview: PixelPacket | None = None

    @property
    def data(self) -> bytes:
        """All parts in one piece."""
        return b"".join(self.parts)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(memoryview(part).nbytes for part in self.parts)


def film_hash(image: DistantImage) -> str:
    """The name of a film's packet, from the hash of its file."""
    return f"f{_FORMAT}-{image.instance.identity.sha256[:40]}"


def pack_film(image: DistantImage) -> PixelPacket:
    """All frames of an image with what turns them into grey levels.

    Raises
    ------
    PixelDataError
        When a frame cannot be decoded.
    """
    pixels = image.screen_pixels()
    name = film_hash(image)
    times = _halvings(pixels.values) if pixels.values.nbytes > _LARGE else 0
    preview = None
    if times:
        first = pixels.values[pixels.order[0]]
        for _ in range(times):
            first = halve(first)
        data = _pack_frames(image, pixels, first, {"hash": f"{name}-p", "halved": times})
        preview = PixelPacket(f"{name}-p", data)
    data = _pack_frames(image, pixels, pixels.values, {"hash": name, "halved": 0})
    return PixelPacket(name, data, pixels.notes, pixels.unit, preview)


def halve(values: NDArray[Any]) -> NDArray[Any]:
    """Means of blocks of 2 x 2, rounded as the browser does (frontend/src/film.ts).

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns) or (rows, columns, 3), integers of 16 bits at most.

    Returns
    -------
    numpy.ndarray
        Half as many rows and columns, rounded up, of the same type.
    """
    rows, columns = values.shape[:2]
    if rows > _BAND:  # what fits the processor's cache is done twice as fast
        bands = (values[top : top + _BAND] for top in range(0, rows, _BAND))
        return np.concatenate([halve(band) for band in bands])
    if rows % 2 or columns % 2:
        wider = [(0, rows % 2), (0, columns % 2)] + [(0, 0)] * (values.ndim - 2)
        values = np.pad(values, wider, mode="edge")
    total = values[0::2, 0::2].astype(np.int32)
    for row, column in ((0, 1), (1, 0), (1, 1)):
        total += values[row::2, column::2]
    return ((total + 2) >> 2).astype(values.dtype)


def _halvings(values: NDArray[Any]) -> int:
    """How often to halve a frame until it is small enough for a preview."""
    longest, times = max(values.shape[1:3]), 0
    while longest > _SIDE:
        longest, times = -(-longest // 2), times + 1
    return times


def _pack_frames(
    image: DistantImage, pixels: ScreenPixels, values: NDArray[Any], naming: dict[str, Any]
) -> tuple[bytes | memoryview, ...]:
    """Values with the header that explains them."""
    body = [np.ascontiguousarray(values, dtype=_little(values.dtype))]
    offset = values.nbytes
    tables: dict[bytes, int] = {}
    geometry = image.instance.geometry

    def place(table: NDArray[Any]) -> int:
        """Where a table lies behind the pixels; equal tables share a place."""
        nonlocal offset
        name = table.tobytes()
        if name not in tables:
            gap = -offset % 8
            tables[name] = offset + gap
            body.extend((np.zeros(gap, np.uint8), table))
            offset += gap + table.nbytes
        return tables[name]

    # a preview shows the first frame alone
    drawn = [
        None if mask is None or (naming["halved"] and at != pixels.order[0]) else mask
        for at, mask in enumerate(pixels.overlays)
    ]
    header = {
        **naming,
        "kind": "film",
        "rows": geometry.rows,
        "columns": geometry.columns,
        "frames": [
            _frame(frame, mask, place) for frame, mask in zip(pixels.frames, drawn, strict=True)
        ],
        "order": pixels.order,
        "samples": 3 if pixels.values.ndim == 4 else 1,
        "type": values.dtype.name,
        "totalFrames": pixels.total_frames,
        "unit": pixels.unit,
        "monochrome1": pixels.monochrome1,
        "aspect": pixels.pixel_aspect,
        "spacing": geometry.pixel_spacing,
        "plane": geometry.length_plane.value,
        "magnification": geometry.magnification,
        "directions": pixels.directions,
        "modality": image.instance.acquisition.modality,
        "frameTime": pixels.frame_time,
        "padding": pixels.padding,
    }
    return _pack(header, body)


def overlay_hash(overlay: Overlay) -> str:
    """The name of an overlay's packet, from its values and scale."""
    values = np.ascontiguousarray(overlay.values, dtype="<f4")
    digest = hashlib.sha256(values.tobytes())
    scale = values.shape, overlay.limit, overlay.signed, overlay.doubtful
    digest.update(repr(scale).encode())
    return f"o{_FORMAT}-{digest.hexdigest()[:40]}"


def pack_overlay(overlay: Overlay) -> PixelPacket:
    """The values of an overlay with the colours they get."""
    values = np.nan_to_num(np.asarray(overlay.values, dtype="<f4"), posinf=0.0, neginf=0.0)
    name = overlay_hash(overlay)
    header = {
        "hash": name,
        "kind": "overlay",
        "rows": values.shape[0],
        "columns": values.shape[1],
        "limit": overlay.limit,
        "signed": overlay.signed,
        "colours": _colours(overlay).ravel().tolist(),
    }
    return PixelPacket(name, _pack(header, [np.ascontiguousarray(values)]))


def _colours(overlay: Overlay) -> NDArray[np.uint8]:
    """(256, 3), uint8: of the map, or the same tones without colour when it is doubtful."""
    colours = colour_table(signed=overlay.signed)
    if not overlay.doubtful:
        return colours
    grey = colours.max(axis=1, keepdims=True)
    return np.repeat(grey, 3, axis=1)


def _pack(header: dict[str, Any], body: list[np.ndarray]) -> tuple[bytes | memoryview, ...]:
    """Header and values one after the other, the values aligned to 8."""
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    gap = b"\0" * (-(4 + len(text)) % 8)
    values = (array.reshape(-1).view(np.uint8).data for array in body if array.size)
    return (struct.pack("<I", len(text)) + text + gap, *values)


def _frame(
    frame: ScreenFrame, overlay: NDArray[np.bool_] | None, place: Callable[[NDArray[Any]], int]
) -> dict[str, Any]:
    """One frame in JSON; its overlay planes lie behind the pixels, one bit each, lowest first."""
    packed = None if overlay is None else np.packbits(overlay.ravel(), bitorder="little")
    return {
        "overlay": None if packed is None else place(packed),
        "slope": frame.slope,
        "intercept": frame.intercept,
        "presets": [
            _grey(voi.preset) | (_table(voi.lut, place) if voi.lut else {}) for voi in frame.presets
        ],
        "automatic": _grey(frame.automatic),
        "full": _grey(frame.full_range),
    }


def _grey(preset: VoiPreset) -> dict[str, Any]:
    """A preset in JSON; a table gets a middling window for what starts from it."""
    center, width = preset.window_center, preset.window_width
    return {
        "name": preset.explanation,
        "center": 0.0 if center is None else center,
        "width": 1.0 if width is None else width,
        "curve": preset.function or "LINEAR",
    }


def _table(lut: Lut, place: Callable[[NDArray[Any]], int]) -> dict[str, Any]:
    """A look-up table in JSON, with the window that spans its input."""
    size = lut.table.size
    return {
        "center": lut.first_mapped + size / 2,
        "width": float(max(size, 2)),
        "lut": {
            "first": lut.first_mapped,
            "bits": lut.bits,
            "size": size,
            "offset": place(lut.table.astype("<u2")),
        },
    }


def _little(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The same type, little endian."""
    return dtype.newbyteorder("<")
