"""Overlay planes: drawn where they lie, told where they cannot be, and in no value of a pixel."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from imaging.dicom import Image, inspect_image, read_image
from imaging.dicom.deidentify.profile import release
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.dicom.viewer_pixels import screen_pixels
from tests.factories import make_dataset, make_overlay, make_pixels, to_bytes

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
ROWS, COLUMNS = 24, 32
MARK = np.zeros((ROWS, COLUMNS), bool)
MARK[3:12, 4] = MARK[11, 4:9] = True  # an L
_ENCODERS = {
    JPEGLosslessSV1: lambda words: imagecodecs.ljpeg_encode(words),
    JPEGLSLossless: lambda words: imagecodecs.jpegls_encode(words),
    JPEG2000Lossless: lambda words: imagecodecs.jpeg2k_encode(
        words, level=0, codecformat="j2k", reversible=True
    ),
}


def film(*planes: dict[int, Any], pixels: np.ndarray | None = None, **attributes: Any) -> Image:
    """A picture with overlay planes, each given by `make_overlay`."""
    ds = make_dataset(pixels, **attributes)
    for plane in planes:
        for element in plane.values():
            ds.add(element)
    return read_image(to_bytes(ds))


def mask(image: Image, frame: int = 0) -> np.ndarray:
    found = image.overlay_mask(frame)
    assert found is not None
    return found


def test_a_plane_lies_over_the_picture_and_is_no_part_of_it() -> None:
    plain, marked = film(), film(make_overlay(MARK))
    assert np.array_equal(mask(marked), MARK)
    for values in ("stored_values", "modality_values", "display_values", "luminance_values"):
        assert np.array_equal(getattr(marked, values)(), getattr(plain, values)())
    assert plain.overlay_mask() is None
    assert marked.overlay_planes().undrawn == ()


def test_sixteen_planes_are_drawn_together() -> None:
    planes, whole = [], np.zeros_like(MARK)
    for number in range(16):
        one = np.zeros_like(MARK)
        one[number, number : number + 3] = True
        whole |= one
        planes.append(make_overlay(one, group=0x6000 + 2 * number))
    assert np.array_equal(mask(film(*planes)), whole)


@calm
@given(
    st.integers(-40, 40), st.integers(-40, 40), st.integers(1, 50), st.integers(1, 50),
)  # fmt: skip
def test_a_plane_of_any_size_lies_at_its_origin(
    top: int, left: int, rows: int, columns: int
) -> None:
    bits = np.random.default_rng(rows * 64 + columns).random((rows, columns)) > 0.5
    image = film(make_overlay(bits, origin=(top, left)))
    expected = np.zeros((ROWS, COLUMNS), bool)
    cut = 0
    for row, column in zip(*np.nonzero(bits), strict=True):
        at = row + top - 1, column + left - 1
        if 0 <= at[0] < ROWS and 0 <= at[1] < COLUMNS:
            expected[at] = True
        else:
            cut += 1
    assert np.array_equal(mask(image), expected)
    assert any("beyond" in words for words in image.overlay_planes().undrawn) == bool(cut)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bit", [12, 15])
@pytest.mark.parametrize(
    "syntax", ["", RLELossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless]
)
def test_bits_among_those_of_the_pixels_are_drawn_and_taken_out(
    syntax: str, bit: int, signed: bool
) -> None:
    levels = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) * 5 - 2000 * signed
    words = (levels & 0x0FFF).astype(np.uint16) | (MARK.astype(np.uint16) << bit)
    ds = make_dataset(words, PixelRepresentation=int(signed))
    for element in make_overlay(MARK, bit=bit).values():
        ds.add(element)
    if syntax == RLELossless:
        ds.compress(RLELossless)
    elif syntax:
        ds.PixelData = encapsulate([bytes(_ENCODERS[UID(syntax)](words))])
        ds["PixelData"].VR = "OB"
        ds.file_meta.TransferSyntaxUID = UID(syntax)
    image = read_image(to_bytes(ds))
    assert np.array_equal(mask(image), MARK)
    assert np.array_equal(image.stored_values(), levels)
    assert np.array_equal(image.quick_values(enough=4).values, levels)


def test_a_byte_may_hold_one_too() -> None:
    levels = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) % 128
    words = levels.astype(np.uint8) | (MARK.astype(np.uint8) << 7)
    image = film(make_overlay(MARK, bit=7), pixels=words, BitsStored=7, HighBit=6)
    assert np.array_equal(mask(image), MARK)
    assert np.array_equal(image.stored_values(), levels)


def with_bit(allocated: int, stored: int, bit: int) -> Image:
    """A film whose words hold the mark at a bit above the stored ones."""
    kind = np.dtype(f"u{allocated // 8}")
    values = (np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) % 2 ** min(stored, 9)).astype(kind)
    words = values | (MARK.astype(kind) << kind.type(bit) if bit < allocated else kind.type(0))
    bits = {"BitsAllocated": allocated, "BitsStored": stored, "HighBit": stored - 1}
    image = film(make_overlay(MARK, bit=bit), pixels=words, **bits)
    assert np.array_equal(image.stored_values(), values)
    return image


@given(st.sampled_from([8, 16, 32]), st.data())
@calm
def test_any_bit_above_the_stored_ones_may_be_a_plane(allocated: int, data: st.DataObject) -> None:
    stored = data.draw(st.integers(2, allocated - 1))
    bit = data.draw(st.integers(stored, allocated - 1))
    assert np.array_equal(mask(with_bit(allocated, stored, bit)), MARK)


@pytest.mark.parametrize(("allocated", "bit"), [(8, 7), (16, 15), (32, 20)])
def test_bits_of_a_plane_do_not_leave_in_a_copy(allocated: int, bit: int) -> None:
    """They may spell a name, as OverlayData may (PS3.15 E.1.1)."""
    kind = np.dtype(f"u{allocated // 8}")
    words = MARK.astype(kind) << kind.type(bit)
    bits = {"BitsAllocated": allocated, "BitsStored": bit, "HighBit": bit - 1}
    ds = make_dataset(words, **bits)
    for element in make_overlay(MARK, bit=bit).values():
        ds.add(element)
    copy = dcmread(BytesIO(release(to_bytes(ds), Project(b"k" * 32)).content))
    assert not any(copy.PixelData)


@pytest.mark.parametrize(("allocated", "bit"), [(8, 8), (8, 12), (16, 16), (32, 32)])
def test_a_bit_beyond_the_words_is_told(allocated: int, bit: int) -> None:
    image = with_bit(allocated, allocated - 1, bit)
    assert image.overlay_mask() is None
    assert "lie where this picture has none" in image.overlay_planes().undrawn[0]


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless])
def test_a_plane_that_compression_dropped_is_told(syntax: UID) -> None:
    """A codestream of the stored bits alone, under a header that still speaks of the one above."""
    pixels = make_pixels(ROWS, COLUMNS)
    ds = make_dataset(pixels)
    data = (
        imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=12)
        if syntax == JPEGLosslessSV1
        else imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True, bitspersample=12)
    )
    ds.PixelData, ds.file_meta.TransferSyntaxUID = encapsulate([bytes(data)]), syntax
    ds["PixelData"].is_undefined_length = True
    for element in make_overlay(MARK, bit=15).values():
        ds.add(element)
    image = read_image(to_bytes(ds))
    assert "lost when the picture was compressed" in image.overlay_planes().undrawn[0]
    assert np.array_equal(image.stored_values(), pixels)


@pytest.mark.parametrize("vr", ["OB", "OW"])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_order_of_bytes_is_that_of_the_file(syntax: UID, vr: str) -> None:
    ds = make_dataset(make_pixels(ROWS, COLUMNS))
    ds.file_meta.TransferSyntaxUID = syntax
    big = syntax == ExplicitVRBigEndian
    if big:
        ds.PixelData = make_pixels(ROWS, COLUMNS).astype(">u2").tobytes()
    plane = make_overlay(MARK, vr=vr)
    if big and vr == "OW":
        data = plane[0x3000]
        data.value = np.frombuffer(data.value, "<u2").astype(">u2").tobytes()
    for element in plane.values():
        ds.add(element)
    assert np.array_equal(mask(read_image(to_bytes(ds))), MARK)


def test_frames_have_the_planes_that_are_theirs() -> None:
    pixels = np.zeros((4, ROWS, COLUMNS), np.uint16)
    planes = np.stack([MARK, MARK[::-1]])
    image = film(make_overlay(planes, frame_origin=2), pixels=pixels)
    assert image.overlay_mask(0) is None and image.overlay_mask(3) is None
    assert np.array_equal(mask(image, 1), MARK)
    assert np.array_equal(mask(image, 2), MARK[::-1])


def test_a_single_plane_lies_over_every_frame() -> None:
    image = film(make_overlay(MARK), pixels=np.zeros((3, ROWS, COLUMNS), np.uint16))
    assert all(np.array_equal(mask(image, frame), MARK) for frame in range(3))


def test_a_region_of_interest_is_drawn_by_its_edge() -> None:
    region = np.zeros_like(MARK)
    region[5:15, 5:20] = True
    edge = region.copy()
    edge[6:14, 6:19] = False
    assert np.array_equal(mask(film(make_overlay(region, kind="R"))), edge)


def test_old_files_may_spend_a_word_on_a_bit() -> None:
    plane = make_overlay(MARK)
    plane[0x0100].value = 16
    plane[0x3000].value = MARK.astype("<u2").tobytes()
    assert np.array_equal(mask(film(plane)), MARK)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({0x3000: None}, "holds no data"),
        ({0x3000: b"\x01\x00"}, "shorter"),
        ({0x3000: None, 0x0102: 5}, "grey values"),
        ({0x3000: None, 0x0102: 20}, "has none"),
    ],
)
def test_what_cannot_be_drawn_is_told_by_number(change: dict[int, Any], why: str) -> None:
    plane = make_overlay(MARK, group=0x6002)
    for at, value in change.items():
        if value is None:
            del plane[at]
        else:
            plane[at].value = value
    image = film(make_overlay(MARK[::-1]), plane)
    (words,) = image.overlay_planes().undrawn
    assert words.startswith("Overlay 2 of this file cannot be drawn") and why in words
    assert np.array_equal(mask(image), MARK[::-1])  # the other is


def cautions(image: Image) -> dict[str, str]:
    return {caution.code: caution.words for caution in inspect_image(image).cautions}


def test_a_marker_may_be_in_the_overlay() -> None:
    assert "or in the file's overlay" in cautions(film(make_overlay(MARK)))["laterality"]
    assert "overlay" not in cautions(film())["laterality"]


def test_what_is_drawn_is_a_step_and_what_is_not_is_a_caution() -> None:
    image = film(make_overlay(MARK))
    assert "overlay" in [step.kind for step in inspect_image(image).steps]
    assert "overlay" not in cautions(image)
    broken = make_overlay(MARK)
    del broken[0x3000]
    assert "cannot be drawn" in cautions(film(broken))["overlay"]
    assert screen_pixels(film(broken)).notes == film(broken).overlay_planes().undrawn
    assert "beyond the picture" in cautions(film(make_overlay(MARK, origin=(20, 1))))["overlay"]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"ShutterShape": "CIRCULAR"}, "a shutter"),
        ({"MaskSubtractionSequence": [Dataset()]}, "a mask to subtract"),
        ({"GraphicAnnotationSequence": [Dataset()]}, "annotations and texts"),
    ],
)
def test_other_layers_of_a_file_are_named(attributes: dict[str, Any], words: str) -> None:
    assert words in cautions(film(**attributes))["layers"]


def test_curves_are_named() -> None:
    curve = {0x3000: DataElement(0x50003000, "OW", b"\0\0" * 4)}
    assert "curves" in cautions(film(curve))["layers"]
    assert "layers" not in cautions(film())


def test_colours_over_a_grey_picture_are_named() -> None:
    """A supplemental palette (PS3.3 C.7.6.19): activity in colour over grey anatomy."""
    palette: dict[str, Any] = {"RedPaletteColorLookupTableDescriptor": [16, 4080, 16]}
    assert "colours for some" in cautions(film(**palette))["layers"]
    assert "layers" not in cautions(film(**palette, PixelPresentation="MONOCHROME"))
