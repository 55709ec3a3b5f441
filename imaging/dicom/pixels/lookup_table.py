"""Look-up tables as files hold them: where they start, how deep they are, and looking up.

A descriptor says both in numbers of 16 bits (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5). Its second
is signed where the values that go in may be negative, whatever value representation it came with,
and its third is believed as far as the entries bear it out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from imaging.dicom.header.elements import numbers, value
from imaging.errors import PixelDataError

Range = tuple[float, float]
_WORD = 2**16
_PALETTE_DEPTHS = (8, 10, 12)  # below 16, those that makers use


@dataclass(frozen=True, slots=True)
class Lut:
    """A look-up table: `table[0]` answers every input up to `first_mapped`; `bits` per entry."""

    first_mapped: int
    bits: int
    table: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The three numbers of a descriptor as written: `entries` 0 stands for 65536."""

    entries: int
    first_mapped: int
    bits: int


def apply_lut(values: NDArray[np.number], lut: Lut) -> NDArray[np.uint16]:
    """Look every value up; values outside the table take its first or last entry.

    Parameters
    ----------
    values : numpy.ndarray
        Any shape, integer or float (rounded); stored values for a Modality LUT, modality values
        for a VOI LUT.
    lut : Lut
        The table.

    Returns
    -------
    numpy.ndarray
        Same shape, uint16, 0 to 2**bits - 1.

    Notes
    -----
    PS3.3 C.11.1.1.1 and C.11.2.1.1. pydicom's `apply_voi` counts in the type of the table, so
    an 8-bit table of more than 256 entries fails there and large inputs wrap.
    """
    index = np.rint(values.astype(np.float64)) - lut.first_mapped
    return lut.table[np.clip(index, 0, lut.table.size - 1).astype(np.intp)]


def read_lut(
    item: Dataset, *, inputs: Range, little_endian: bool = True, are_levels: bool = True
) -> Lut:
    """A table from an item of ModalityLUTSequence or VOILUTSequence.

    Parameters
    ----------
    item : pydicom.dataset.Dataset
        The item.
    inputs : tuple of float
        Smallest and largest value that may be looked up.
    little_endian : bool
        Byte order of the file.
    are_levels : bool
        Entries are grey levels of the depth they have (VOI LUT), not values (Modality LUT).

    Raises
    ------
    PixelDataError
        If descriptor or data are missing or contradict each other.
    """
    descriptor = read_descriptor(item, "LUTDescriptor", little_endian=little_endian)
    table = read_entries(item, "LUTData", descriptor.entries, little_endian=little_endian)
    levels, bits = settle_depth(table, descriptor.bits)
    table = levels if are_levels else table
    return Lut(settle_first(descriptor.first_mapped, table.size, inputs), bits, table)


def read_descriptor(item: Dataset, keyword: str, *, little_endian: bool = True) -> Descriptor:
    """A descriptor, whatever representation its numbers have; raises `PixelDataError`."""
    raw = value(item, keyword)
    if isinstance(raw, bytes):
        raw = np.frombuffer(raw[: len(raw) // 2 * 2], _words(little_endian)).tolist()
    else:
        raw = numbers(item, keyword)
    if len(raw) != 3 or not all(math.isfinite(number) for number in raw):
        raise PixelDataError(
            "A look-up table of this file has no usable descriptor. "
            "Ask for it to be exported again."
        )
    entries, first, bits = (int(number) for number in raw)
    return Descriptor(entries % _WORD, first, bits)


def read_entries(
    item: Dataset, keyword: str, entries: int, *, little_endian: bool = True
) -> NDArray[np.uint16]:
    """The entries of a table, stored as numbers, words or bytes.

    Parameters
    ----------
    item, keyword
        Where the data are.
    entries : int
        As the descriptor counts them; one that is missing is let pass.

    Returns
    -------
    numpy.ndarray
        More than the descriptor counts, where the data go on with anything but zeros.

    Raises
    ------
    PixelDataError
        If the data hold fewer entries.

    Notes
    -----
    8-bit entries lie in bytes, or, as some write them, in words (C.11.2.1.1): the length tells.
    """
    data = value(item, keyword)
    expected = entries or _WORD
    if not isinstance(data, bytes):
        listed = np.array(numbers(item, keyword))
        table = np.nan_to_num(listed).astype(np.int64).astype(np.uint16)
    elif len(data) in (expected, expected + expected % 2):
        packed = data
        if not little_endian and item[keyword].VR == "OW":  # bytes in swapped words (PS3.5 7.3)
            packed = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
        table = np.frombuffer(packed, np.uint8).astype(np.uint16)[:expected]
    else:
        whole = data[: len(data) // 2 * 2]
        table = np.frombuffer(whole, _words(little_endian)).astype(np.uint16)
    if table.size == 0 or (entries and table.size < entries - 1):
        raise PixelDataError(
            "A look-up table of this file does not match its descriptor. "
            "Ask for it to be exported again."
        )
    return table[: _WORD if table[expected:].any() else expected]


def settle_first(first: int, entries: int, inputs: Range) -> int:
    """The first value mapped, signed or not as the values that go in are.

    Parameters
    ----------
    first : int
        As read, by whatever value representation.
    entries : int
        Of the table.
    inputs : tuple of float
        Smallest and largest value that may be looked up.

    Notes
    -----
    The other reading is taken where the table would miss all that goes in.
    """
    if not -_WORD // 2 <= first < _WORD:
        return first
    unsigned = first % _WORD
    signed = unsigned - _WORD if unsigned >= _WORD // 2 else unsigned
    low, high = inputs
    usual, other = (signed, unsigned) if low < 0 else (unsigned, signed)

    def meets(start: int) -> bool:
        return start <= high and start + entries > low

    return other if meets(other) and not meets(usual) else usual


def settle_depth(table: NDArray[np.uint16], stated: int) -> tuple[NDArray[np.uint16], int]:
    """The entries and their depth, by their range where the descriptor is wrong about it.

    Parameters
    ----------
    table : numpy.ndarray
        Entries of a grey table, or of all three of a palette.
    stated : int
        Bits of an entry by the descriptor.

    Returns
    -------
    tuple
        The entries (8-bit ones that lie in high bytes repeated in the low), and their bits, 8 to
        16.

    Notes
    -----
    PS3.3 C.11.2.1.1: entries reach 2**bits - 1. Those that stay in the lower half of that range
    are not so deep as stated: by the letter, nothing in such a picture would be bright.
    """
    top = int(table.max())
    if stated <= 8 and top > 255 and not np.any(table & 0xFF):
        return (table | table >> 8).astype(
            np.uint16
        ), 16  # 255 in a high byte is white, not nearly so
    return table, max(8, top.bit_length())


def settle_palette_depth(tables: NDArray[np.uint16], stated: int) -> tuple[NDArray[np.uint16], int]:
    """`settle_depth` for a palette, which may well be dark: entries have a depth in use.

    Parameters
    ----------
    tables : numpy.ndarray
        (entries, 3).
    """
    tables, bits = settle_depth(tables, stated)
    if bits <= 8 or stated <= 8:
        return tables, bits if bits <= 8 else next(d for d in (10, 12, 16) if d >= bits)
    return tables, next((depth for depth in _PALETTE_DEPTHS if depth >= bits), 16)


def _words(little_endian: bool) -> str:
    return "<u2" if little_endian else ">u2"
