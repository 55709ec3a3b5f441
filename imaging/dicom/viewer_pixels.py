"""Pixels for a screen: an image's stored values, and how to turn them into grey levels.

Nothing is windowed here. The screen computes what `Image.display_values` computes, from the same
numbers, so that a reader may window at the full stored depth (PS3.3 C.11.1, C.11.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from imaging.dicom.header.elements import first_item, frame_item, numbers, text
from imaging.dicom.header.error_boundary import border
from imaging.dicom.image import Image
from imaging.dicom.pixels import grey_levels, voi_lut
from imaging.dicom.pixels.description import MONOCHROME, aspect_of
from imaging.dicom.pixels.lookup_table import Lut
from imaging.dicom.pixels.padding import padding_mask, read_padding
from imaging.entities import Geometry, VoiPreset
from imaging.errors import PixelDataError

MAX_BYTES = 96 * 2**20  # of pixels that are sent for one image
_UNREADABLE = "The picture in this file cannot be prepared for the screen; ask for it again."
_DEPTHS = {np.dtype(kind): np.dtype(kind) for kind in ("uint8", "int16", "uint16")}
_UNITS = {"HU": "HU", "OD": "OD", "US": "", "US1": ""}
_FAST = 1000 / 60  # ms; no screen shows frames faster


@dataclass(frozen=True, slots=True, eq=False)
class ScreenPreset:
    """A display preset: a window in modality units, or a VOI LUT with its table."""

    preset: VoiPreset
    lut: Lut | None = None


@dataclass(frozen=True, slots=True)
class ScreenFrame:
    """How the sent values of one frame become modality values, and the windows that suit it.

    ``slope`` and ``intercept`` apply to the sent values. The first of ``presets`` is the acquired
    presentation; without any it is ``automatic``.
    """

    slope: float
    intercept: float
    presets: tuple[ScreenPreset, ...]
    automatic: VoiPreset
    full_range: VoiPreset


@dataclass(frozen=True, slots=True, eq=False)
class ScreenPixels:
    """An image as a screen needs it.

    Attributes
    ----------
    values : numpy.ndarray
        (frames, rows, columns) uint8, int16 or uint16; (frames, rows, columns, 3) uint8 RGB.
    frames : tuple[ScreenFrame, ...]
        One for each frame that is sent.
    total_frames : int
        Frames in the file.
    unit : str
        Of the modality values: "HU", "OD" or "".
    monochrome1 : bool
        True when low values are bright.
    pixel_aspect : float
        Height of a pixel over its width (PixelAspectRatio, or the spacing).
    directions : tuple[str, str]
        Patient directions towards the right and the bottom edge, such as ("L", "F").
    frame_time : float
        Milliseconds a frame is shown in a cine.
    padding : tuple[int, int] or None
        Lowest and highest value of pixels that are no picture, as sent.
    notes : tuple[str, ...]
        What a reader has to know: frames left out, values rounded, overlays that are not drawn.
    overlays : tuple of numpy.ndarray or None
        For each sent frame where the file's overlay planes are set: (rows, columns) bool.
    order : tuple[int, ...]
        The sent frames in the order to show them (`Image.frame_order`).
    """

    values: NDArray[Any]
    frames: tuple[ScreenFrame, ...]
    total_frames: int
    unit: str
    monochrome1: bool
    pixel_aspect: float
    directions: tuple[str, str]
    frame_time: float
    padding: tuple[int, int] | None
    notes: tuple[str, ...]
    overlays: tuple[NDArray[np.bool_] | None, ...]
    order: tuple[int, ...]


def screen_pixels(image: Image, *, max_bytes: int = MAX_BYTES) -> ScreenPixels:
    """All that a screen needs of an image.

    Parameters
    ----------
    image : Image
        The picture.
    max_bytes : int
        Of pixels; later frames of a longer series are left out, and a note says so.

    Returns
    -------
    ScreenPixels
        Stored values where they fit 16 bits, else modality values: those of a Modality LUT, or
        of deeper and floating point pixels rounded to 65536 steps between their extremes.

    Raises
    ------
    PixelDataError
        When a frame cannot be decoded.
    """
    geometry = image.instance.geometry
    with border(PixelDataError, _UNREADABLE):
        ds = image._dataset
        if geometry.photometric_interpretation not in MONOCHROME:
            return _prepare_colour(image, ds, geometry, max_bytes)
        return _prepare_monochrome(image, ds, geometry, max_bytes)


def _prepare_colour(image: Image, ds: Dataset, geometry: Geometry, max_bytes: int) -> ScreenPixels:
    """RGB in 8 bits, as `display_values` gives it."""
    count = _count_fitting_frames(geometry, 3, max_bytes)
    values = np.stack([image.display_values(frame) for frame in range(count)])
    whole = VoiPreset("window", 0, "Full range", 127.5, 255.0, "LINEAR_EXACT")
    frame = ScreenFrame(1.0, 0.0, (), whole, whole)
    notes = _write_notes(geometry, count)
    return _assemble(image, ds, values, (frame,) * count, None, notes)


def _prepare_monochrome(
    image: Image, ds: Dataset, geometry: Geometry, max_bytes: int
) -> ScreenPixels:
    """Stored values with their rescale, or modality values where stored ones do not do."""
    first = image.stored_values(0)
    as_stored = first.dtype in _DEPTHS and not _has_modality_lut(ds)
    count = _count_fitting_frames(geometry, first.dtype.itemsize if as_stored else 2, max_bytes)
    prepare = _prepare_stored if as_stored else _prepare_modality
    values: list[NDArray[Any]] = []
    frames, rounded = [], False
    for index in range(count):
        stored = first if index == 0 else image.stored_values(index)
        sent, scale, windows, coarse = prepare(image, ds, stored, index)
        values.append(sent)
        frames.append(ScreenFrame(*scale, _read_presets(ds, geometry, index), *windows))
        rounded |= coarse
    padding = read_padding(ds) if as_stored else None
    stack = values[0][None] if count == 1 else np.stack(values)
    return _assemble(
        image, ds, stack, tuple(frames), padding, _write_notes(geometry, count, rounded)
    )


_Prepared = tuple[NDArray[Any], tuple[float, float], tuple[VoiPreset, VoiPreset], bool]


def _prepare_stored(image: Image, ds: Dataset, stored: NDArray[Any], frame: int) -> _Prepared:
    """Stored values as they are. Only a sample of them is turned into modality values.

    It is the sample that `voi_lut.automatic_window` would take, so the windows are those of
    `Image.automatic_preset` and `Image.full_range_preset`.
    """
    mask = padding_mask(ds, stored)
    counted = stored[~mask] if mask is not None and not mask.all() else stored.ravel()
    sample = counted[:: voi_lut.sample_step(counted.size)]
    ends = np.array([stored.min(), stored.max()])
    full = voi_lut.full_range_window(grey_levels.apply_modality(ds, ends, frame))
    modality = grey_levels.apply_modality(ds, sample, frame)
    automatic = voi_lut.automatic_window(modality)
    if automatic.window_width is None or automatic.window_width >= np.ptp(modality):
        automatic = image.automatic_preset(frame)  # nearly constant: it looks at every pixel
    return stored, _read_rescale(ds, frame), (automatic, full), False


def _prepare_modality(image: Image, ds: Dataset, stored: NDArray[Any], frame: int) -> _Prepared:
    """Modality values in 16 bits."""
    modality = image.modality_values(frame)
    sent, slope, intercept, coarse = _quantise(modality)
    mask = padding_mask(ds, stored)
    windows = (voi_lut.automatic_window(modality, mask), voi_lut.full_range_window(modality))
    return sent, (slope, intercept), windows, coarse


def _assemble(
    image: Image,
    ds: Dataset,
    values: NDArray[Any],
    frames: tuple[ScreenFrame, ...],
    padding: tuple[int, int] | None,
    notes: tuple[str, ...],
) -> ScreenPixels:
    """The parts that do not depend on the kind of pixels."""
    geometry, planes = image.instance.geometry, image.overlay_planes()
    return ScreenPixels(
        values=values,
        frames=frames,
        total_frames=geometry.frames,
        unit=unit_of(ds, geometry),
        monochrome1=geometry.photometric_interpretation == "MONOCHROME1",
        pixel_aspect=aspect_of(ds, geometry),
        directions=directions(ds),
        frame_time=_read_frame_time(ds),
        padding=padding,
        notes=(*notes, *planes.undrawn),
        overlays=tuple(
            image.overlay_mask(frame) if planes.drawn else None for frame in range(len(frames))
        ),
        order=tuple(frame for frame in image.frame_order if frame < len(frames)),
    )


def _count_fitting_frames(geometry: Geometry, bytes_each: int, max_bytes: int) -> int:
    """How many frames fit; at least one."""
    size = geometry.rows * geometry.columns * bytes_each
    return max(1, min(geometry.frames, max_bytes // size))


def _write_notes(geometry: Geometry, count: int, rounded: bool = False) -> tuple[str, ...]:
    """Say what was left out or rounded."""
    notes = []
    if count < geometry.frames:
        notes.append(f"Only the first {count} of {geometry.frames} frames are shown.")
    if rounded:
        notes.append("Pixel values are rounded to 65536 steps on this screen.")
    return tuple(notes)


def _has_modality_lut(ds: Dataset) -> bool:
    """True when modality values come out of a table."""
    item = first_item(ds, "ModalityLUTSequence")
    return item is not None and "LUTData" in item


def _read_rescale(ds: Dataset, frame: int) -> tuple[float, float]:
    """Slope and intercept of a frame, as `modality_values` applies them."""
    if grey_levels.has_void_rescale(ds, frame):
        return 1.0, 0.0
    holder = frame_item(ds, frame, "PixelValueTransformationSequence") or ds
    slope, intercept = numbers(holder, "RescaleSlope"), numbers(holder, "RescaleIntercept")
    return (slope[0] if slope else 1.0), (intercept[0] if intercept else 0.0)


def _quantise(modality: NDArray[np.float32]) -> tuple[NDArray[np.uint16], float, float, bool]:
    """Modality values as uint16 with slope and intercept; True when they had to be rounded."""
    low, high = float(modality.min()), float(modality.max())
    whole = bool(np.all(modality == np.rint(modality)))
    if whole and high - low <= 65535:
        return (modality.astype(np.float64) - low).astype(np.uint16), 1.0, low, False
    slope = (high - low) / 65535 or 1.0
    steps = np.rint((modality.astype(np.float64) - low) / slope)
    return np.clip(steps, 0, 65535).astype(np.uint16), slope, low, True


def _read_presets(ds: Dataset, geometry: Geometry, frame: int) -> tuple[ScreenPreset, ...]:
    """The file's own presets, with the tables of its VOI LUTs."""
    return tuple(
        ScreenPreset(
            preset,
            grey_levels.read_voi_lut(ds, frame, preset.index) if preset.kind == "lut" else None,
        )
        for preset in grey_levels.presets(ds, geometry, frame)
    )


def unit_of(ds: Dataset, geometry: Geometry) -> str:
    """RescaleType (0028,1054); HU for a CT that does not say (PS3.3 C.11.1.1.2)."""
    if geometry.photometric_interpretation not in MONOCHROME:
        return ""
    holder = frame_item(ds, 0, "PixelValueTransformationSequence") or ds
    stated = text(holder, "RescaleType").upper()
    if stated:
        return _UNITS.get(stated, stated[:16])
    is_ct = text(ds, "Modality").upper() == "CT" and "LOCALIZER" not in text(ds, "ImageType")
    return "HU" if is_ct and numbers(holder, "RescaleSlope") else ""


def directions(ds: Dataset) -> tuple[str, str]:
    """Patient directions towards the right and the bottom edge of the picture.

    Returns
    -------
    tuple[str, str]
        PatientOrientation (0020,0020), else the letters of the largest parts of
        ImageOrientationPatient (0020,0037) as in PS3.3 C.7.6.1.1.1; ("", "") where both are silent.
    """
    stated = text(ds, "PatientOrientation").upper().split("\\")
    if len(stated) == 2 and all(letters and set(letters) <= set("LRAPHF") for letters in stated):
        return stated[0], stated[1]
    item = frame_item(ds, 0, "PlaneOrientationSequence") or ds
    cosines = numbers(item, "ImageOrientationPatient")
    if len(cosines) != 6 or not np.all(np.isfinite(cosines)):
        return "", ""
    return _name_direction(cosines[:3]), _name_direction(cosines[3:])


def _name_direction(cosines: tuple[float, ...]) -> str:
    """A direction in the patient's coordinates as letters, the largest part first."""
    pairs = (("L", "R"), ("P", "A"), ("H", "F"))
    order = sorted(range(3), key=lambda axis: -abs(cosines[axis]))
    return "".join(pairs[axis][cosines[axis] < 0] for axis in order if abs(cosines[axis]) > 0.1)


def _read_frame_time(ds: Dataset) -> float:
    """Milliseconds a frame: FrameTime, else CineRate, else RecommendedDisplayFrameRate, else 100.

    PS3.3 C.7.6.5 and C.7.6.6.
    """
    times = (
        *numbers(ds, "FrameTime")[:1],
        *(1000 / rate for rate in numbers(ds, "CineRate")[:1] if rate),
        *(1000 / rate for rate in numbers(ds, "RecommendedDisplayFrameRate")[:1] if rate),
    )
    usable = [time for time in times if 0 < time <= 10_000]
    return max(usable[0], _FAST) if usable else 100.0
