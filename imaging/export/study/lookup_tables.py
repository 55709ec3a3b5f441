"""Look-up tables as they were applied, in the form the standard wants, not as the file has them.

A file may give a table another sign or depth than it has (`imaging.dicom.pixels.lookup_table`); a
viewer that believes it shows another picture than the reader saw.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from imaging.dicom.pixels.lookup_table import Lut
from imaging.errors import ExportError

_WORD = 2**16
_LONGEST = 64  # characters of an explanation (LO)
_OUT_OF_REACH = (
    "A look-up table of this image starts at a value that a presentation state cannot hold; "
    "export the picture in another form."
)


def voi_lut_item(lut: Lut, explanation: str) -> Dataset:
    """An item of VOILUTSequence (PS3.3 C.11.2.1.1): 8 bits, or stretched to 16.

    The standard lets a presentation state have any depth between; checkers and viewers do not.

    Raises
    ------
    ExportError
        If the first value mapped has no room in 16 bits.
    """
    return _item(lut.first_mapped, _stretch(lut), explanation)


def modality_lut_item(lut: Lut, explanation: str, unit: str) -> Dataset:
    """An item of ModalityLUTSequence (PS3.3 C.11.1.1); raises as `voi_lut_item`.

    ``unit`` is ModalityLUTType as the file has it: "" becomes unspecified.

    Notes
    -----
    C.11.1.1 allows 8 and 16 bits, and entries are values that cannot be stretched: dicom3tools'
    validator finds fault with 16 where the highest would do with fewer, and is wrong.
    """
    narrow = lut.table.max() < 256  # entries are values, and stay what they are
    item = _item(lut.first_mapped, lut.table.astype("u1" if narrow else "<u2"), explanation)
    item.ModalityLUTType = unit or "US"
    return item


def _stretch(lut: Lut) -> NDArray[np.uint8 | np.uint16]:
    """Grey levels of 8 bits as bytes; deeper ones of 16, each on its side of a screen's level."""
    if lut.bits <= 8:
        return lut.table.astype(np.uint8)
    exact = lut.table * (65535 / (2**lut.bits - 1))
    shown = np.rint(exact / 257) * 257
    return np.clip(np.rint(exact), shown - 128, shown + 128).astype("<u2")


def _item(first: int, table: NDArray[np.uint8 | np.uint16], explanation: str) -> Dataset:
    """Descriptor, explanation and entries; signed where it starts below 0."""
    if not -_WORD // 2 <= first < _WORD:
        raise ExportError(_OUT_OF_REACH)
    entries, bits = table.size % _WORD, 8 * table.itemsize
    item = Dataset()
    if first < 0:  # all three numbers have one representation; the count is read without its sign
        item.add_new("LUTDescriptor", "SS", [_signed(entries), first, bits])
    else:
        item.add_new("LUTDescriptor", "US", [entries, first, bits])
    if explanation:
        item.LUTExplanation = explanation[:_LONGEST]
    data = table.tobytes()
    item.add_new("LUTData", "OW", data + b"\0" * (len(data) % 2))  # bytes lie two in a word
    return item


def _signed(word: int) -> int:
    return word - _WORD if word >= _WORD // 2 else word
