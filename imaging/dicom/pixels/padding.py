"""Stored values: the range they may have, and those of pixels that are no picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from imaging.dicom.header.elements import integer, numbers, value
from imaging.dicom.pixels.description import pixel_keyword

_WORD = 2**16


def stored_range(ds: Dataset) -> tuple[float, float]:
    """Smallest and largest value that the stored bits can hold; endless for floating point."""
    if pixel_keyword(ds) != "PixelData":
        return -np.inf, np.inf
    bits = integer(ds, "BitsStored") or integer(ds, "BitsAllocated") or 16
    low = -(2 ** (bits - 1)) if integer(ds, "PixelRepresentation") == 1 else 0
    return float(low), float(low + 2**bits - 1)


def read_padding(ds: Dataset) -> tuple[int, int] | None:
    """The lowest and the highest stored value of pixels that are no picture, or None.

    Notes
    -----
    PS3.3 C.7.5.1.1.2: PixelPaddingValue and PixelPaddingRangeLimit, in either order, both included.
    Both are signed where the pixels are (PixelRepresentation), whatever value representation they
    were written with.
    """
    padding, limit = (_fit(ds, _integer(ds, keyword)) for keyword in KEYWORDS)
    if padding is None:
        return None
    low, high = sorted((padding, padding if limit is None else limit))
    return low, high


KEYWORDS = ("PixelPaddingValue", "PixelPaddingRangeLimit")


def padding_mask(ds: Dataset, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """True where a stored value is padding, or None without padding."""
    padding = _read_floats(ds) or read_padding(ds)
    if padding is None:
        return None
    mask: NDArray[np.bool_] = (stored >= padding[0]) & (stored <= padding[1])
    return mask


def _read_floats(ds: Dataset) -> tuple[float, float] | None:
    """The padding of floating point pixels (PS3.3 C.7.6.24, C.7.6.25), or None."""
    kind = (pixel_keyword(ds) or "").removesuffix("PixelData")  # "Float", "DoubleFloat" or ""
    if not kind:
        return None
    stated = [numbers(ds, f"{kind}{keyword}") for keyword in KEYWORDS]
    ends = [found[0] for found in stated if found and not np.isnan(found[0])]
    return (min(ends), max(ends)) if ends and stated[0] else None


def _fit(ds: Dataset, raw: int | None) -> int | None:
    """A value of 16 bits read so that stored values can equal it.

    As it was read; else unsigned or signed; else as a negative number of the stored bits.
    """
    low, high = stored_range(ds)
    if raw is None or not -_WORD // 2 <= raw < _WORD:
        return raw
    unsigned = raw % _WORD
    signed = unsigned - _WORD if unsigned >= _WORD // 2 else unsigned
    readings = [raw, signed, unsigned]
    if low < 0 and raw > high:
        readings.append(raw - int(high - low + 1))
    return next((reading for reading in readings if low <= reading <= high), raw)


def _integer(ds: Dataset, keyword: str) -> int | None:
    """A whole number; its two bytes where the value representation gives no numbers."""
    raw = value(ds, keyword)
    if isinstance(raw, bytes) and len(raw) == 2:
        little = ds.file_meta.TransferSyntaxUID.is_little_endian
        return int.from_bytes(raw, "little" if little else "big")
    return integer(ds, keyword)
