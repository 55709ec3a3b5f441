"""What a header says of its pixels that codestream, length or values contradict.

Each deviation is a sentence for the reader; the effective value itself is found where it is needed,
by `planar_configuration`, `colour_space`, `lookup_table`, `padding` and `colour`, so that every way
a film is decoded finds the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, RLELossless

from imaging.dicom.header.elements import integer, numbers, sequence_items, value
from imaging.dicom.header.error_boundary import border
from imaging.dicom.pixels import (
    codecs,
    colour,
    colour_space,
    decoding,
    grey_levels,
    overlay_mask,
    overlay_planes,
    voi_lut,
)
from imaging.dicom.pixels.codestream import frame_bytes, read_codestream
from imaging.dicom.pixels.description import MONOCHROME, is_subsampled, pixel_keyword
from imaging.dicom.pixels.lookup_table import read_descriptor
from imaging.dicom.pixels.padding import KEYWORDS, read_padding
from imaging.entities import Geometry
from imaging.errors import PixelDataError

_MOST_FRAMES = 4  # compared with the header; without an offset table each is searched for
_UNDECODED = (
    "Frame {0} of this file is damaged and cannot be compared with the header; ask for the file to "
    "be sent again."
)


@dataclass(frozen=True, slots=True)
class Deviation:
    """A sentence; `is_doubtful` where nothing could settle the contradiction."""

    words: str
    is_doubtful: bool = False


def find_deviations(ds: Dataset, geometry: Geometry) -> tuple[Deviation, ...]:
    """Where the effective values differ from the header's.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        A readable instance.
    geometry : Geometry
        Of the same instance.

    Returns
    -------
    tuple of Deviation
        Sentences without patient data. Pixels are decoded only where colours cannot be told
        otherwise. A table or a frame that cannot be read is told, too.
    """
    found: dict[Deviation, None] = {}
    for check in _CHECKS:
        try:
            for deviation in check(ds, geometry):
                found[deviation] = None
        except PixelDataError as exc:  # all that a table raises; anything else is a fault of ours
            found[Deviation(str(exc))] = None
    return tuple(found)


def _check_planes(ds: Dataset, geometry: Geometry) -> Iterator[Deviation]:
    """PlanarConfiguration (0028,0006) of what lies by pixel."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    if integer(ds, "PlanarConfiguration") != 1 or syntax == RLELossless:
        return
    if geometry.samples_per_pixel != 3:
        return
    if syntax.is_encapsulated or is_subsampled(ds, geometry):
        yield Deviation(
            "The header says that colours lie plane by plane; in a picture encoded so they lie "
            "pixel by pixel, and were read so."
        )


def _check_colours(ds: Dataset, geometry: Geometry) -> Iterator[Deviation]:
    """PhotometricInterpretation (0028,0004) and BitsStored (0028,0101) against the codestream."""
    count = geometry.frames if geometry.samples_per_pixel == 3 else 0
    if not count:
        return
    for frame in sorted({count * i // _MOST_FRAMES for i in range(_MOST_FRAMES)} | {count - 1}):
        try:
            yield from _check_frame(ds, geometry, frame)
        except PixelDataError:
            yield Deviation(_UNDECODED.format(frame + 1))


def _check_frame(ds: Dataset, geometry: Geometry, frame: int) -> Iterator[Deviation]:
    """The colours of one frame; raises `PixelDataError` where it cannot be decoded."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    with border(PixelDataError, _UNDECODED.format(frame + 1)):  # tables of offsets may be anything
        data = frame_bytes(ds, geometry, frame) if syntax.is_encapsulated else None
    codestream = read_codestream(data) if data is not None else None
    if codestream is not None and codestream.precision < geometry.bits_stored:
        yield Deviation(
            f"The header says {geometry.bits_stored} bits a sample; the compressed picture has "
            f"{codestream.precision}, and is shown so."
        )
    claim = colour_space.claim_of(geometry.photometric_interpretation, syntax, data)
    remark, is_doubtful = claim.remark, claim.is_doubtful
    if claim.if_rgb is not None:
        if frame not in (0, geometry.frames - 1):
            return
        with border(PixelDataError, _UNDECODED.format(frame + 1)):  # whatever a codec raises
            space = decoding.decode_colour(ds, geometry, frame).space
        remark, is_doubtful = space.remark, space.is_doubtful
    if remark:
        yield Deviation(remark, is_doubtful)


def _check_depth(ds: Dataset, geometry: Geometry) -> Iterator[Deviation]:
    """BitsStored (0028,0101) of samples that stand alone; an overlay's bits are none of theirs."""
    allocated = integer(ds, "BitsAllocated") or 0
    stored = geometry.bits_stored
    if geometry.samples_per_pixel != 1 or pixel_keyword(ds) != "PixelData":
        return
    if not 1 < stored < allocated or overlay_planes.has_embedded(ds, stored):
        return
    for frame in sorted({geometry.frames * i // _MOST_FRAMES for i in range(_MOST_FRAMES)}):
        with border(PixelDataError, _UNDECODED.format(frame + 1)):
            bits = _coded_bits(ds, geometry, frame)
            if bits is not None and bits <= stored:
                continue
            words = _whole_words(ds, geometry, frame)
        if integer(ds, "PixelRepresentation") == 1:
            words = words.view(words.dtype.str.replace("u", "i"))
        if not codecs.is_deeper(words, stored, bits or allocated):
            continue
        if bits is None:
            yield Deviation(
                f"The header says that values have {stored} bits, and the picture holds deeper "
                "ones: they were cut, and the picture may be wrong.",
                is_doubtful=True,
            )
        else:
            yield Deviation(
                f"The header says {stored} bits a sample; the compressed picture holds values of "
                f"up to {bits}, and is shown so."
            )


def _whole_words(ds: Dataset, geometry: Geometry, frame: int) -> NDArray[Any]:
    """Samples with all their bits; native ones as they lie in the file, which takes no time."""
    syntax, allocated = UID(ds.file_meta.TransferSyntaxUID), integer(ds, "BitsAllocated")
    if syntax.is_encapsulated or allocated not in (8, 16, 32):
        return overlay_mask.whole_words(ds, geometry, frame)
    size, width = geometry.rows * geometry.columns, allocated // 8
    order = "<" if syntax.is_little_endian else ">"
    return np.frombuffer(ds.PixelData, f"{order}u{width}", size, frame * size * width)


def _coded_bits(ds: Dataset, geometry: Geometry, frame: int) -> int | None:
    """The bits of a sample by the codestream; None where nothing but the header says."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    if not syntax.is_encapsulated or syntax == RLELossless:
        return None
    codestream = read_codestream(frame_bytes(ds, geometry, frame))
    return integer(ds, "BitsAllocated") if codestream is None else codestream.precision


def _check_palette(ds: Dataset, geometry: Geometry) -> Iterator[Deviation]:
    """Length, depth and first value of a palette (PS3.3 C.7.6.3.1.5)."""
    if geometry.photometric_interpretation != "PALETTE COLOR":
        return
    stated, palette = colour.describe_palette(ds), colour.read_palette(ds)
    yield from _compare_count("colour palette", stated.entries, len(palette.table))
    yield from _compare_depth("colour palette", stated.bits, palette.bits)
    yield from _compare_first(ds, "colour palette", stated.first_mapped, palette.first_mapped)


def _check_modality(ds: Dataset, geometry: Geometry) -> Iterator[Deviation]:
    """Length and first value of the Modality LUT (PS3.3 C.11.1.1)."""
    lut = grey_levels.read_modality_lut(ds)
    if lut is not None and geometry.photometric_interpretation in MONOCHROME:
        item = sequence_items(ds, "ModalityLUTSequence")[0]
        stated = read_descriptor(item, "LUTDescriptor", little_endian=_is_little(ds))
        yield from _compare_count("Modality LUT", stated.entries, lut.table.size)
        yield from _compare_first(ds, "Modality LUT", stated.first_mapped, lut.first_mapped)


def _check_voi(ds: Dataset, geometry: Geometry) -> Iterator[Deviation]:
    """Length, depth and first value of the VOI LUTs (PS3.3 C.11.2.1.1)."""
    if geometry.photometric_interpretation not in MONOCHROME:
        return
    for frame in range(min(geometry.frames, _MOST_FRAMES)):
        items = sequence_items(voi_lut.voi_holder(ds, frame), "VOILUTSequence")
        for index, item in enumerate(items):
            if value(item, "LUTData") is None:  # an empty shell
                continue
            try:
                lut = grey_levels.read_voi_lut(ds, frame, index)
            except PixelDataError:
                yield Deviation("A VOI LUT of this file cannot be used, and was left out.")
                continue
            stated = read_descriptor(item, "LUTDescriptor", little_endian=_is_little(ds))
            yield from _compare_count("VOI LUT", stated.entries, lut.table.size)
            yield from _compare_depth("VOI LUT", stated.bits, lut.bits)
            yield from _compare_first(ds, "VOI LUT", stated.first_mapped, lut.first_mapped)


def _compare_count(name: str, stated: int, found: int) -> Iterable[Deviation]:
    """The number of entries; 0 stands for 65536, and for whatever some writers hold."""
    if stated and found > stated:
        yield Deviation(
            f"The header says that a {name} has {stated} entries; it has {found}, and all were "
            "applied."
        )


def _compare_depth(name: str, stated: int, found: int) -> Iterable[Deviation]:
    """The bits of an entry."""
    if stated != found:
        yield Deviation(
            f"The header says that the entries of a {name} have {stated} bits; by their values "
            f"they have {found}, and are shown so."
        )


def _compare_first(ds: Dataset, name: str, stated: int, found: int) -> Iterable[Deviation]:
    """The first value mapped; implicit VR states no sign that could be wrong."""
    if stated != found and not UID(ds.file_meta.TransferSyntaxUID).is_implicit_VR:
        yield Deviation(
            f"The header says that a {name} starts at {stated}; by the values that go in it "
            f"starts at {found}, and was applied so."
        )


def _check_padding(ds: Dataset, geometry: Geometry) -> Iterator[Deviation]:
    """Padding (PS3.3 C.7.5.1.1.2); implicit VR states no sign that could be wrong."""
    stated = {int(n) for keyword in KEYWORDS for n in numbers(ds, keyword) if isfinite(n)}
    found = read_padding(ds)
    implicit = UID(ds.file_meta.TransferSyntaxUID).is_implicit_VR
    if geometry.photometric_interpretation not in MONOCHROME:
        return
    if found is not None and not implicit and not set(found) <= stated:
        yield Deviation(
            "The header gives the padding value with another sign than the pixels have; it was "
            "read with theirs."
        )


def _is_little(ds: Dataset) -> bool:
    return UID(ds.file_meta.TransferSyntaxUID).is_little_endian


_CHECKS = (
    *(_check_planes, _check_colours, _check_depth, _check_palette),
    *(_check_modality, _check_voi, _check_padding),
)
