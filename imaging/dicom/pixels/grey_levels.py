"""Pixels, in order: stored values -> modality values -> display values, one frame at a time.

Pure functions over a dataset; `imaging.dicom.image.Image` calls them and turns what they raise
into our errors.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from imaging.dicom.header.elements import first_item, frame_item, numbers, value
from imaging.dicom.pixels import colour, voi_lut
from imaging.dicom.pixels.decoding import decode_colour, decode_frame, freeze
from imaging.dicom.pixels.description import MONOCHROME, pixel_keyword
from imaging.dicom.pixels.lookup_table import Lut, apply_lut, read_lut
from imaging.dicom.pixels.padding import padding_mask, stored_range
from imaging.entities import Geometry, VoiPreset

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as YBR_FULL's Y


def modality_values(ds: Dataset, geometry: Geometry, frame: int) -> NDArray[np.float32]:
    """Stored values in the units of the modality.

    Returns
    -------
    numpy.ndarray
        (rows, columns), float32, e.g. HU for CT; (rows, columns, 3) for colour and palette
        pictures, which have no modality LUT. Never NaN. Read-only.

    Notes
    -----
    PS3.3 C.11.1: ModalityLUTSequence, else the frame's or the instance's rescale.
    """
    if geometry.photometric_interpretation not in MONOCHROME:
        return freeze(_rgb(ds, geometry, frame)[0].astype(np.float32))
    stored = decode_frame(ds, geometry, frame)
    return freeze(apply_modality(ds, stored, frame))


def display_values(
    ds: Dataset, geometry: Geometry, frame: int, preset: VoiPreset | None
) -> NDArray[np.uint8]:
    """Grey levels or colours for a screen.

    Returns
    -------
    numpy.ndarray
        (rows, columns) uint8, 0 is black; (rows, columns, 3) RGB for colour. Read-only.

    Notes
    -----
    PS3.3 C.11.2 (VOI LUT), then C.7.6.3.1.2: MONOCHROME1 is inverted as the very last step.
    """
    if geometry.photometric_interpretation not in MONOCHROME:
        return freeze(colour.to_8_bit(*_rgb(ds, geometry, frame)))
    stored = decode_frame(ds, geometry, frame)
    values = apply_modality(ds, stored, frame)
    usable = presets(ds, geometry, frame)
    chosen = preset or (usable[0] if usable else None)
    if chosen is None:
        chosen = voi_lut.automatic_window(values, padding_mask(ds, stored))
    shown = _apply_preset(ds, values, frame, chosen)
    return freeze(255 - shown if geometry.photometric_interpretation == "MONOCHROME1" else shown)


def automatic_preset(ds: Dataset, geometry: Geometry, frame: int) -> VoiPreset:
    """The percentile window of a frame, padding left out."""
    if geometry.photometric_interpretation not in MONOCHROME:
        return voi_lut.automatic_window(modality_values(ds, geometry, frame))
    stored = decode_frame(ds, geometry, frame)
    return voi_lut.automatic_window(apply_modality(ds, stored, frame), padding_mask(ds, stored))


def luminance_values(ds: Dataset, geometry: Geometry, frame: int) -> NDArray[np.float32]:
    """Modality values in which larger is always brighter; colour reduced to its luma.

    Returns
    -------
    numpy.ndarray
        (rows, columns), float32. MONOCHROME1 is mirrored within the range its stored bits can
        take, so a picture and its exact negative relabelled give identical arrays. Read-only.
    """
    values = modality_values(ds, geometry, frame)
    if values.ndim == 3:
        return luma(values)
    if geometry.photometric_interpretation == "MONOCHROME1":
        low, high = _modality_ends(ds, values, frame)
        return freeze(np.float32(low + high) - values)
    return values


def luma(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """The brightness of a colour picture: (rows, columns, 3) to (rows, columns). Read-only."""
    return freeze(rgb @ _LUMA)


def presets(ds: Dataset, geometry: Geometry, frame: int = 0) -> tuple[VoiPreset, ...]:
    """The presets that can be used: none for colour, none where the rescale is void."""
    if geometry.photometric_interpretation not in MONOCHROME or has_void_rescale(ds, frame):
        return ()
    return voi_lut.read_presets(ds, frame, little_endian=_is_little(ds))


def has_void_rescale(ds: Dataset, frame: int = 0) -> bool:
    """True when the rescale slope is 0 or no number, which would erase the picture."""
    if _modality_lut(ds) is not None:
        return False
    slope, intercept = stated_rescale(ds, frame)
    return slope == 0 or not (math.isfinite(slope) and math.isfinite(intercept))


def apply_modality(ds: Dataset, stored: NDArray[Any], frame: int) -> NDArray[np.float32]:
    """Modality LUT, else rescale, else the values as they are."""
    lut = read_modality_lut(ds)
    if lut is not None:
        return apply_lut(stored, lut).astype(np.float32)
    slope, intercept = (1.0, 0.0) if has_void_rescale(ds, frame) else stated_rescale(ds, frame)
    if (slope, intercept) == (1.0, 0.0):
        return np.nan_to_num(stored.astype(np.float32))
    return np.nan_to_num((stored.astype(np.float64) * slope + intercept).astype(np.float32))


def has_modality_lut(ds: Dataset) -> bool:
    """True when grey levels come from a table."""
    return _modality_lut(ds) is not None


def _modality_lut(ds: Dataset) -> Dataset | None:
    """The Modality LUT item, unless it is an empty shell."""
    item = first_item(ds, "ModalityLUTSequence")
    return item if item is not None and value(item, "LUTData") is not None else None


def stated_rescale(ds: Dataset, frame: int) -> tuple[float, float]:
    """Slope and intercept as written; 1 and 0 where absent."""
    holder = frame_item(ds, frame, "PixelValueTransformationSequence") or ds
    slope, intercept = numbers(holder, "RescaleSlope"), numbers(holder, "RescaleIntercept")
    return (slope[0] if slope else 1.0), (intercept[0] if intercept else 0.0)


def _modality_ends(ds: Dataset, values: NDArray[np.float32], frame: int) -> tuple[float, float]:
    """Modality values of the smallest and the largest storable value."""
    if pixel_keyword(ds) != "PixelData":
        return float(values.min()), float(values.max())
    ends = apply_modality(ds, np.array(stored_range(ds)), frame)
    return float(ends[0]), float(ends[1])


def modality_range(ds: Dataset, frame: int) -> tuple[float, float]:
    """Smallest and largest modality value that a frame may have: what a VOI LUT is asked about."""
    lut = read_modality_lut(ds)
    if lut is not None:
        return float(lut.table.min()), float(lut.table.max())
    slope, intercept = (1.0, 0.0) if has_void_rescale(ds, frame) else stated_rescale(ds, frame)
    low, high = sorted(slope * end + intercept for end in stored_range(ds))
    return low, high


def _apply_preset(
    ds: Dataset, values: NDArray[np.float32], frame: int, preset: VoiPreset
) -> NDArray[np.uint8]:
    """A window, or the VOI LUT with the preset's index."""
    if preset.window_center is not None and preset.window_width is not None:
        return voi_lut.apply_window(
            values,
            window_center=preset.window_center,
            window_width=preset.window_width,
            function=preset.function,
        )
    lut = read_voi_lut(ds, frame, preset.index)
    levels = apply_lut(values, lut).astype(np.float64)
    return np.rint(levels * (255 / (2**lut.bits - 1))).astype(np.uint8)


def read_voi_lut(ds: Dataset, frame: int, index: int) -> Lut:
    """A table of a frame's VOILUTSequence; raises `PixelDataError`."""
    item = voi_lut.voi_holder(ds, frame).VOILUTSequence[index]
    return read_lut(item, inputs=modality_range(ds, frame), little_endian=_is_little(ds))


def read_modality_lut(ds: Dataset) -> Lut | None:
    """The Modality LUT, or None; raises `PixelDataError`."""
    item = _modality_lut(ds)
    if item is None:
        return None
    little = _is_little(ds)
    return read_lut(item, inputs=stored_range(ds), little_endian=little, are_levels=False)


def _is_little(ds: Dataset) -> bool:
    return UID(ds.file_meta.TransferSyntaxUID).is_little_endian


def _rgb(ds: Dataset, geometry: Geometry, frame: int) -> tuple[NDArray[Any], int]:
    """Colours and their depth, a palette's looked up."""
    if geometry.photometric_interpretation == "PALETTE COLOR":
        palette = colour.read_palette(ds)
        return colour.look_up(palette, decode_frame(ds, geometry, frame)), palette.bits
    picture = decode_colour(ds, geometry, frame)
    return picture.rgb, picture.bits
