"""Datasets of every shape the standard allows, and of some it does not: a picture or a sentence."""

from __future__ import annotations

import random
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from bench.mutations import mutate, read_all
from imaging.dicom import read_image
from imaging.dicom.viewer_pixels import screen_pixels
from imaging.errors import InputError
from tests.factories import make_dataset, make_dicom_bytes, make_lut, to_bytes

SYNTAXES = (
    ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)  # fmt: skip
QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
numbers = st.one_of(
    st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e-30, 1e30, -0.0]), st.integers(-9, 9)
)
few = st.integers(1, 12)


@st.composite
def coherent(draw: st.DrawFn) -> tuple[Dataset, np.ndarray]:
    """A dataset whose header and pixels agree, and its stored values."""
    bits = draw(st.sampled_from([8, 16, 32]))
    stored = draw(st.integers(1, bits))
    signed = draw(st.booleans()) and stored > 1
    frames, rows, columns = draw(st.integers(1, 3)), draw(few), draw(few)
    kind = draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2", "RGB"]))
    colour = kind == "RGB"
    if colour:
        bits = stored = 8
        signed = False
    shape = (frames, rows, columns, 3) if colour else (frames, rows, columns)
    low, high = (-(2 ** (stored - 1)), 2 ** (stored - 1) - 1) if signed else (0, 2**stored - 1)
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = {8: "i1", 16: "i2", 32: "i4"} if signed else {8: "u1", 16: "u2", 32: "u4"}
    values = noise.integers(low, high, shape, endpoint=True).astype(kinds[bits])
    ds = make_dataset()
    syntax = draw(st.sampled_from(SYNTAXES))
    ds.file_meta.TransferSyntaxUID = syntax
    ds.Rows, ds.Columns, ds.NumberOfFrames = rows, columns, frames
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, stored, stored - 1
    ds.PixelRepresentation, ds.PhotometricInterpretation = int(signed), kind
    ds.SamplesPerPixel = 3 if colour else 1
    planes = values
    if colour:
        ds.PlanarConfiguration = draw(st.integers(0, 1))
        planes = np.moveaxis(values, -1, 1) if ds.PlanarConfiguration else values
    order: Literal["<", ">"] = ">" if syntax == ExplicitVRBigEndian else "<"
    content = np.ascontiguousarray(planes).astype(values.dtype.newbyteorder(order)).tobytes()
    ds.PixelData = content + b"\0" * (len(content) % 2)
    ds["PixelData"].VR = "OB" if bits == 8 and syntax != ImplicitVRLittleEndian else "OW"
    if ds["PixelData"].VR == "OW" and bits == 8 and order == ">":
        ds["PixelData"].VR = "OB"
    return ds, values


@st.composite
def display_attributes(draw: st.DrawFn) -> dict[str, Any]:
    """Windows, rescales and tables, sensible or not."""
    found: dict[str, Any] = {
        "WindowCenter": draw(numbers),
        "WindowWidth": draw(numbers),
        "RescaleSlope": draw(numbers),
        "RescaleIntercept": draw(numbers),
        "VOILUTFunction": draw(st.sampled_from([None, "LINEAR", "SIGMOID", "LINEAR_EXACT", "X"])),
        "PixelPaddingValue": draw(st.sampled_from([None, 0, 4095])),
        "PixelAspectRatio": draw(st.sampled_from([None, [1, 2], [0, 0], [3, 1]])),
    }
    if draw(st.booleans()):
        size = draw(st.integers(1, 9))
        found["VOILUTSequence"] = [make_lut(draw(st.integers(0, 99)), list(range(size)), bits=16)]
    return {keyword: value for keyword, value in found.items() if value is not None}


@QUICK
@given(coherent())
def test_what_was_stored_is_read(made: tuple[Dataset, np.ndarray]) -> None:
    ds, values = made
    image = read_image(to_bytes(ds))
    found = np.stack([image.stored_values(at) for at in range(image.instance.geometry.frames)])
    np.testing.assert_array_equal(found, values)
    for frame in range(len(values)):
        shown = image.display_values(frame)
        assert shown.dtype == np.uint8 and shown.shape == values.shape[1:]
        assert np.isfinite(image.modality_values(frame)).all()


@QUICK
@given(display_attributes(), st.sampled_from(["MONOCHROME1", "MONOCHROME2"]))
def test_whatever_the_display_attributes_there_is_a_picture(
    attributes: dict[str, Any], photometric: str
) -> None:
    image = read_image(make_dicom_bytes(PhotometricInterpretation=photometric, **attributes))
    assert image.display_values(0).shape == (24, 32)
    assert np.isfinite(image.luminance_values(0)).all()
    assert screen_pixels(image).values.shape[:3] == (1, 24, 32)


@QUICK
@given(
    st.dictionaries(
        st.sampled_from(
            ["Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel",
             "PixelRepresentation", "PlanarConfiguration", "NumberOfFrames"]
        ),
        st.sampled_from([0, 1, 2, 3, 7, 8, 12, 16, 17, 31, 32, 255, 256, 32767, 65535]),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_a_header_that_lies_is_a_picture_or_a_sentence(lies: dict[str, Any]) -> None:
    content = make_dicom_bytes(**lies)
    try:
        image = read_image(content)
        geometry = image.instance.geometry
        for frame in {0, geometry.frames - 1}:
            assert image.display_values(frame).shape[:2] == (geometry.rows, geometry.columns)
    except InputError as exc:
        assert str(exc).endswith(".") and "Traceback" not in str(exc)


def test_a_header_of_65535_squared_allocates_nothing() -> None:
    import tracemalloc

    content = make_dicom_bytes(Rows=65535, Columns=65535)
    tracemalloc.start()
    with pytest.raises(InputError, match="65535 x 65535"):
        read_image(content)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_example_is_a_picture_or_a_sentence(seed: int) -> None:
    words, _seconds = read_all(mutate(make_dicom_bytes(), random.Random(seed)))
    assert not words or words.endswith(".")
