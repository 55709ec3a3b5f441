"""Values of interest: the windows that turn modality values to grey levels, and a file's presets.

PS3.3 C.11.2 (VOI LUT). Pure array functions, and the presets of a file.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from imaging.dicom.header.elements import frame_item, numbers, sequence_items, text
from imaging.dicom.pixels.lookup_table import read_lut
from imaging.entities import VoiPreset
from imaging.errors import PixelDataError

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_SAMPLE_SIZE = 1_000_000  # pixels that suffice for a percentile


def apply_window(
    values: NDArray[np.floating],
    *,
    window_center: float,
    window_width: float,
    function: str = "LINEAR",
) -> NDArray[np.uint8]:
    """Map modality values to display grey levels.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns), float, modality units (HU for CT).
    window_center, window_width : float
        Same units as `values`; width >= 1 for LINEAR, > 0 otherwise.
    function : str
        One of `FUNCTIONS` (VOILUTFunction (0028,1056)).

    Returns
    -------
    numpy.ndarray
        (rows, columns), uint8; 0 is black (MONOCHROME2).

    Raises
    ------
    ValueError
        If the width is too small or the function unknown.

    Notes
    -----
    PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT). Apply the
    modality LUT first.
    """
    if not is_usable_window(window_center, window_width, function):
        raise ValueError("window width or VOI LUT function outside PS3.3 C.11.2.1")
    if function == "SIGMOID":
        exponent = -4 * (values.astype(np.float64) - window_center) / window_width
        level = 1 / (1 + np.exp(np.clip(exponent, -700, 700)))
    else:
        exact = function == "LINEAR_EXACT"
        center = window_center if exact else window_center - 0.5
        width = window_width if exact else window_width - 1
        distance = values.astype(np.float64) - center
        level = distance / width + 0.5 if width else (distance > 0).astype(np.float64)
    return np.rint(255 * np.clip(level, 0, 1)).astype(np.uint8)


def is_usable_window(window_center: float, window_width: float, function: str) -> bool:
    """True when centre and width are finite and the width is wide enough for the function."""
    smallest = window_width >= 1 if function == "LINEAR" else window_width > 0
    finite = math.isfinite(window_center) and math.isfinite(window_width)
    return finite and smallest and function in FUNCTIONS


def read_presets(
    ds: Dataset, frame: int = 0, *, little_endian: bool = True
) -> tuple[VoiPreset, ...]:
    """The usable display presets of a frame: its VOI LUTs, then its windows, each in file order.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        A monochrome instance.
    frame : int
        Counts from 0; enhanced objects may give each frame its own (PS3.3 C.7.6.16.2.10).
    little_endian : bool
        Byte order of the file.

    Returns
    -------
    tuple[VoiPreset, ...]
        Windows too narrow for their function, or not numbers, are left out. LUTs lead because
        the maker of the file had a reason to go beyond a window, as in pydicom's `apply_voi_lut`.
    """
    holder = voi_holder(ds, frame)
    luts = [
        VoiPreset("lut", index, text(item, "LUTExplanation"), function="")
        for index, item in enumerate(sequence_items(holder, "VOILUTSequence"))
        if _is_usable_lut(item, little_endian)
    ]
    centers, widths = numbers(holder, "WindowCenter"), numbers(holder, "WindowWidth")
    names = text(holder, "WindowCenterWidthExplanation").split("\\")
    function = text(holder, "VOILUTFunction").upper() or "LINEAR"
    windows = [
        VoiPreset("window", index, names[index] if index < len(names) else "", *pair, function)
        for index, pair in enumerate(zip(centers, widths, strict=False))
        if is_usable_window(*pair, function)
    ]
    return (*luts, *windows)


def voi_holder(ds: Dataset, frame: int) -> Dataset:
    """The dataset that holds a frame's VOI attributes: its functional group or the top level."""
    return frame_item(ds, frame, "FrameVOILUTSequence") or ds


def automatic_window(
    values: NDArray[np.floating], ignore: NDArray[np.bool_] | None = None
) -> VoiPreset:
    """A window from the 0.5th to the 99.5th percentile.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns), float, modality units.
    ignore : numpy.ndarray, optional
        (rows, columns), bool; True where a pixel is padding.

    Returns
    -------
    VoiPreset
        LINEAR_EXACT; width 1 around the value of a constant picture.
    """
    counted = values[~ignore] if ignore is not None and not ignore.all() else values.ravel()
    sample = counted[:: sample_step(counted.size)]
    low, high = np.percentile(sample, (0.5, 99.5))
    return _exact_window("Automatic", low, high, counted)


def sample_step(size: int) -> int:
    """The step at which so many pixels may be sampled for a percentile."""
    return max(1, size // _SAMPLE_SIZE)


def full_range_window(values: NDArray[np.floating]) -> VoiPreset:
    """A window from the smallest to the largest value; as `automatic_window` otherwise."""
    return _exact_window("Full range", values.min(), values.max(), values)


def _exact_window(name: str, low: float, high: float, values: NDArray[np.floating]) -> VoiPreset:
    """A LINEAR_EXACT window that spans low to high, or all values, or one unit."""
    if high <= low:
        low, high = values.min(), values.max()
    low, high = float(low), float(high)
    width = high - low if high > low else 1.0
    return VoiPreset("window", 0, name, low + (high - low) / 2, width, "LINEAR_EXACT")


def _is_usable_lut(item: Dataset, little_endian: bool) -> bool:
    """True when the table can be read; a damaged one is no choice to offer."""
    try:
        read_lut(item, inputs=(0, 0), little_endian=little_endian)
    except PixelDataError:
        return False
    return True
