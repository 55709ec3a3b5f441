"""Palettes looked up, and colours of any depth brought to the eight bits of a screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import UID

from imaging.dicom.pixels import lookup_table
from imaging.dicom.pixels.padding import stored_range

_PARTS = ("Red", "Green", "Blue")


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a palette: `table[0]` is that of every value up to `first_mapped`.

    Attributes
    ----------
    first_mapped : int
        Stored value.
    bits : int
        Depth of an entry.
    table : numpy.ndarray
        (entries, 3), uint16, RGB.
    """

    first_mapped: int
    bits: int
    table: NDArray[np.uint16]


def read_palette(ds: Dataset) -> Palette:
    """The palette of a PALETTE COLOR picture.

    Raises
    ------
    PixelDataError
        If a descriptor or a table is missing or contradicts the other.

    Notes
    -----
    PS3.3 C.7.6.3.1.5, C.7.6.3.1.6, C.7.9.2 (segments).
    """
    little = UID(ds.file_meta.TransferSyntaxUID).is_little_endian
    red = describe_palette(ds)
    if f"Segmented{_PARTS[0]}PaletteColorLookupTableData" in ds:
        columns = _expand_segments(ds, red)
        if red.bits <= 8:
            return _assemble(ds, red, columns, 8)
        return _assemble(ds, red, columns, 16)
    tables = [
        lookup_table.read_entries(
            ds, f"{part}PaletteColorLookupTableData", red.entries, little_endian=little
        )
        for part in _PARTS
    ]
    longest = max(len(table) for table in tables)
    padded = [np.pad(table, (0, longest - len(table)), mode="edge") for table in tables]
    columns, bits = lookup_table.settle_palette_depth(np.stack(padded, axis=1), red.bits)
    return _assemble(ds, red, columns, bits)


def describe_palette(ds: Dataset) -> lookup_table.Descriptor:
    """The descriptor that all three tables share (PS3.3 C.7.6.3.1.5); raises `PixelDataError`."""
    little = UID(ds.file_meta.TransferSyntaxUID).is_little_endian
    return lookup_table.read_descriptor(
        ds, "RedPaletteColorLookupTableDescriptor", little_endian=little
    )


def look_up(palette: Palette, stored: NDArray[Any]) -> NDArray[np.uint16]:
    """(rows, columns) stored values to (rows, columns, 3) RGB in the depth of the palette."""
    index = stored.astype(np.int64) - palette.first_mapped
    return palette.table[np.clip(index, 0, len(palette.table) - 1)]


def to_8_bit(rgb: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Scale colours of some depth to 8 bits."""
    if bits == 8:
        return np.clip(rgb, 0, 255).astype(np.uint8)
    scaled = rgb.astype(np.float64) * (255 / (2**bits - 1))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _assemble(
    ds: Dataset, descriptor: lookup_table.Descriptor, table: NDArray[np.uint16], bits: int
) -> Palette:
    first = lookup_table.settle_first(descriptor.first_mapped, len(table), stored_range(ds))
    return Palette(first, bits, table)


def _expand_segments(ds: Dataset, red: lookup_table.Descriptor) -> NDArray[np.uint16]:
    """The table of a segmented palette, by looking all of it up; pydicom knows the segments."""
    plain = Dataset()
    plain.file_meta = ds.file_meta
    for element in ds.group_dataset(0x0028):
        plain[element.tag] = element
    for part in _PARTS:  # counted from 0, whatever is mapped first
        keyword = f"{part}PaletteColorLookupTableDescriptor"
        plain.add_new(ds[keyword].tag, "US", [red.entries, 0, red.bits])
    index = np.arange(red.entries or 2**16, dtype=np.uint16)
    return apply_color_lut(index, plain)[..., :3]
