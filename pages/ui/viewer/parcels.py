"""Pixels on their way to the browser: [u32 length][JSON header, padded to 8][raw values].

A parcel is named by the hash of its content and goes over the wire once.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.dicom import Image
from imaging.dicom.screen import ScreenFrame, screen_pixels
from imaging.dicom.voi import Lut
from imaging.display import colour_table
from imaging.entities import VoiPreset
from pages.ui.viewer.scene import Overlay

_FORMAT = "1"  # a change of the layout below must change every name


@dataclass(frozen=True, slots=True)
class Parcel:
    """Bytes for the browser, their name, and what Python has to know about them."""

    hash: str
    data: bytes
    notes: tuple[str, ...] = ()
    unit: str = ""


def film_hash(image: Image) -> str:
    """The name of a film's parcel, from the hash of its file."""
    return f"f{_FORMAT}-{image.instance.identity.sha256[:40]}"


def pack_film(image: Image) -> Parcel:
    """All frames of an image with what turns them into grey levels.

    Raises
    ------
    PixelDataError
        When a frame cannot be decoded.
    """
    found = screen_pixels(image)
    body = [np.ascontiguousarray(found.values, dtype=_little(found.values.dtype))]
    offset = found.values.nbytes
    tables: dict[bytes, int] = {}
    geometry = image.instance.geometry

    def place(lut: Lut) -> int:
        """Where a table lies behind the pixels; equal tables share a place."""
        nonlocal offset
        table = lut.table.astype("<u2")
        name = table.tobytes()
        if name not in tables:
            gap = -offset % 8
            tables[name] = offset + gap
            body.extend((np.zeros(gap, np.uint8), table))
            offset += gap + table.nbytes
        return tables[name]

    header = {
        "hash": film_hash(image),
        "kind": "film",
        "rows": geometry.rows,
        "columns": geometry.columns,
        "frames": [_frame(frame, place) for frame in found.frames],
        "samples": 3 if found.values.ndim == 4 else 1,
        "type": found.values.dtype.name,
        "totalFrames": found.total_frames,
        "unit": found.unit,
        "monochrome1": found.monochrome1,
        "aspect": found.pixel_aspect,
        "spacing": geometry.pixel_spacing,
        "spacingSource": geometry.pixel_spacing_source,
        "directions": found.directions,
        "modality": image.instance.acquisition.modality,
        "frameTime": found.frame_time,
        "padding": found.padding,
    }
    return Parcel(film_hash(image), _packed(header, body), found.notes, found.unit)


def overlay_hash(overlay: Overlay) -> str:
    """The name of an overlay's parcel, from its values and scale."""
    values = np.ascontiguousarray(overlay.values, dtype="<f4")
    digest = hashlib.sha256(values.tobytes())
    digest.update(repr((values.shape, overlay.limit, overlay.signed)).encode())
    return f"o{_FORMAT}-{digest.hexdigest()[:40]}"


def pack_overlay(overlay: Overlay) -> Parcel:
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
        "colours": colour_table(signed=overlay.signed).ravel().tolist(),
    }
    return Parcel(name, _packed(header, [np.ascontiguousarray(values)]))


def _packed(header: dict[str, Any], body: list[np.ndarray]) -> bytes:
    """Header and values in one run of bytes, the values aligned to 8."""
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    gap = b"\0" * (-(4 + len(text)) % 8)
    values = (one.data for one in body if one.size)
    return b"".join((struct.pack("<I", len(text)), text, gap, *values))


def _frame(frame: ScreenFrame, place: Callable[[Lut], int]) -> dict[str, Any]:
    """One frame in JSON."""
    return {
        "slope": frame.slope,
        "intercept": frame.intercept,
        "presets": [
            _grey(one.preset) | (_table(one.lut, place) if one.lut else {}) for one in frame.presets
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


def _table(lut: Lut, place: Callable[[Lut], int]) -> dict[str, Any]:
    """A look-up table in JSON, with the window that spans its input."""
    size = lut.table.size
    return {
        "center": lut.first_mapped + size / 2,
        "width": float(max(size, 2)),
        "lut": {
            "first": lut.first_mapped,
            "bits": lut.bits,
            "size": size,
            "offset": place(lut),
        },
    }


def _little(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The same type, little endian."""
    return dtype.newbyteorder("<")
