"""Tables of every sign, depth and packing: they map what their input says, as DCMTK has it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as PilImage
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from imaging.dicom import inspect_image, read_image
from imaging.dicom.pixels.lookup_table import read_lut, settle_depth, settle_first
from imaging.dicom.viewer_pixels import screen_pixels
from tests.factories import make_dataset, to_bytes
from tests.imaging.peers import peer

Values = NDArray[Any]
EXPLICIT, IMPLICIT = uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian
BIG = uid.ExplicitVRBigEndian


def ramp(low: int, high: int, kind: str = "<u2") -> Values:
    """(48, 64): every step from low to high."""
    return np.linspace(low, high, 48 * 64).round().astype(kind).reshape(48, 64)


def table_item(first: int, table: Values, bits: int, *, vr: str, big: bool = False) -> Dataset:
    """A LUT item whose three numbers have that representation, whatever they are."""
    words = [len(table) % 2**16, first % 2**16, bits]
    item = Dataset()
    if vr == "SS":
        item.add_new("LUTDescriptor", "SS", [w - 2**16 if w >= 2**15 else w for w in words])
    elif vr == "US":
        item.add_new("LUTDescriptor", "US", words)
    else:
        item.add_new("LUTDescriptor", vr, np.array(words, ">u2" if big else "<u2").tobytes())
    item.add_new("LUTData", "OW", table.astype(">u2" if big else "<u2").tobytes())
    return item


def film(
    pixels: Values, *, syntax: uid.UID = EXPLICIT, bits: int = 16, **attributes: Any
) -> Dataset:
    """A grey film of so many stored bits."""
    ds = make_dataset(pixels, **attributes)
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax == BIG:
        ds.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    return ds


# Stored values, their bits, and what they become before the VOI LUT.
INPUTS: dict[str, tuple[Values, int, dict[str, Any]]] = {
    "unsigned": (ramp(0, 4095), 12, {}),
    "unsigned, made negative": (
        ramp(0, 4095),
        12,
        {"RescaleSlope": 1, "RescaleIntercept": -1024},
    ),
    "signed": (ramp(-2048, 2047, "<i2"), 12, {}),
    "unsigned, high": (ramp(40000, 44095), 16, {}),
    "signed, low": (ramp(-32768, -28673, "<i2"), 16, {}),
    "mirrored": (ramp(0, 4095), 12, {"RescaleSlope": -1, "RescaleIntercept": 0}),
}


def first_input(name: str) -> int:
    pixels, _, rescale = INPUTS[name]
    ends = pixels.astype(float) * rescale.get("RescaleSlope", 1) + rescale.get(
        "RescaleIntercept", 0
    )
    return int(ends.min())


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("vr", ["US", "SS", "OW"])
@pytest.mark.parametrize("name", INPUTS)
def test_a_voi_lut_starts_where_its_input_does(name: str, vr: str, syntax: uid.UID) -> None:
    """PS3.3 C.11.2.1.1: the sign is that of the values that go in, not that of the VR found."""
    pixels, bits, rescale = INPUTS[name]
    curve = (np.arange(4096) ** 2 // 4095).astype(np.uint16)
    item = table_item(first_input(name), curve, 12, vr=vr, big=syntax == BIG)
    ds = film(pixels, syntax=syntax, bits=bits, VOILUTSequence=Sequence([item]), **rescale)
    image = read_image(to_bytes(ds))
    values = pixels.astype(np.int64) * rescale.get("RescaleSlope", 1)
    index = values - values.min()
    expected = curve[index] / 4095 * 255
    assert np.abs(image.display_values() - expected).max() <= 0.51, image.remarks
    lut = screen_pixels(image).frames[0].presets[0].lut
    assert lut is not None and lut.first_mapped == first_input(name)


@pytest.mark.parametrize("vr", ["US", "SS"])
@pytest.mark.parametrize("name", ["unsigned", "signed", "unsigned, high", "signed, low"])
def test_a_modality_lut_starts_where_the_stored_values_do(name: str, vr: str) -> None:
    """PS3.3 C.11.1.1: signed where PixelRepresentation says so."""
    pixels, bits, _ = INPUTS[name]
    curve = np.arange(4096)[::-1].astype(np.uint16)
    item = table_item(first_input(name), curve, 16, vr=vr)
    ds = film(pixels, bits=bits, ModalityLUTSequence=Sequence([item]))
    image = read_image(to_bytes(ds))
    expected = curve[pixels.astype(np.int64) - int(pixels.min())]
    assert np.array_equal(image.modality_values(), expected)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("vr", ["US", "SS"])
@pytest.mark.parametrize("signed", [False, True])
def test_a_palette_starts_where_the_stored_values_do(
    signed: bool, vr: str, syntax: uid.UID
) -> None:
    pixels = ramp(-100, 99, "<i2") if signed else ramp(65300, 65499)
    ds = film(pixels, syntax=syntax, PhotometricInterpretation="PALETTE COLOR")
    tables = palette_tables(200)
    set_palette(ds, tables * 257, first=int(pixels.min()), bits=16, vr=vr)
    expected = tables[pixels.astype(np.int64) - int(pixels.min())]
    assert np.array_equal(read_image(to_bytes(ds)).display_values(), expected)


@pytest.mark.parametrize("entries", [2, 200, 255, 300, 4096])
def test_a_descriptor_in_words_is_read_in_the_order_of_the_file(entries: int) -> None:
    """Turned round, 200 is 51200: the table counted as damaged and was left out."""
    table = np.linspace(0, 4095, entries).astype(np.uint16)
    item = table_item(0, table, 12, vr="OW", big=True)
    ds = film(ramp(0, 4095), syntax=BIG, bits=12, VOILUTSequence=Sequence([item]))
    image = read_image(to_bytes(ds))
    assert [preset.kind for preset in image.instance.voi_presets] == ["lut"]
    assert image.remarks == ()


@pytest.mark.parametrize("kind", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize("stated", [1, 256, 4000, 4095])
def test_a_table_longer_than_its_descriptor_is_applied_whole(kind: str, stated: int) -> None:
    """As DCMTK does; nothing is cut off at the bright end without a word."""
    item = table_item(0, np.arange(4096), 12, vr="US")
    item.LUTDescriptor = [stated, 0, 12]
    ds = film(ramp(0, 4095), bits=12)
    setattr(ds, kind, Sequence([item]))
    image = read_image(to_bytes(ds))
    assert (image.display_values().min(), image.display_values().max()) == (0, 255)
    assert np.array_equal(image.modality_values(), ramp(0, 4095))
    assert len(image.remarks) == 1 and "4096, and all were applied" in image.remarks[0]


def test_zeros_behind_a_table_are_padding() -> None:
    table = np.concatenate([np.arange(4096), np.zeros(4096)]).astype(np.uint16)
    item = table_item(0, table, 12, vr="US")
    item.LUTDescriptor = [4096, 0, 12]
    ds = film(ramp(0, 8191), bits=13, ModalityLUTSequence=Sequence([item]))
    image = read_image(to_bytes(ds))
    assert np.array_equal(image.modality_values(), ramp(0, 8191).clip(0, 4095))
    assert image.remarks == ()


def test_a_palette_longer_than_its_descriptor_is_looked_up_whole() -> None:
    ds = film(ramp(0, 199), PhotometricInterpretation="PALETTE COLOR")
    tables = palette_tables(200)
    set_palette(ds, tables * 257, first=0, bits=16, vr="US")
    for part in ("Red", "Green", "Blue"):
        ds[f"{part}PaletteColorLookupTableDescriptor"].value = [128, 0, 16]
    image = read_image(to_bytes(ds))
    assert np.array_equal(image.display_values(), tables[ramp(0, 199)])
    assert "200, and all were applied" in image.remarks[0]


@pytest.mark.parametrize(
    ("name", "vr", "is_told"),
    [
        ("signed", "US", True),
        ("signed", "SS", False),
        ("unsigned, made negative", "US", True),
        ("unsigned, high", "SS", True),
        ("unsigned, high", "US", False),
    ],
)
def test_a_wrong_sign_is_told_where_one_was_stated(name: str, vr: str, is_told: bool) -> None:
    pixels, bits, rescale = INPUTS[name]
    item = table_item(first_input(name), np.arange(4096), 12, vr=vr)
    for syntax in (EXPLICIT, IMPLICIT):
        ds = film(pixels, syntax=syntax, bits=bits, VOILUTSequence=Sequence([item]), **rescale)
        image = read_image(to_bytes(ds))
        told = [words for words in image.remarks if "starts at" in words]
        assert bool(told) == (is_told and syntax == EXPLICIT)
        assert not image.refusals


@given(
    first=st.integers(-32768, 65535),
    entries=st.integers(1, 65536),
    low=st.integers(-65536, 65535),
    span=st.integers(1, 65535),
)
def test_a_reading_that_misses_its_input_is_never_preferred(
    first: int, entries: int, low: int, span: int
) -> None:
    found = settle_first(first, entries, (low, low + span))
    assert (found - first) % 2**16 == 0
    other = found - 2**16 if found >= 2**15 else found + 2**16 if found < 0 else found

    def meets(start: int) -> bool:
        return start <= low + span and start + entries > low

    if meets(other) and not meets(found):
        raise AssertionError("the other reading would have met the values")
    if meets(other) == meets(found) and found != other:
        assert (found < 0) == (low < 0)


@pytest.mark.parametrize(
    ("name", "vr"),
    [
        ("unsigned, made negative", "US"),
        ("signed", "US"),
        ("signed", "SS"),
        ("unsigned, high", "US"),
        ("unsigned, high", "SS"),
    ],
)
def test_dcmtk_finds_the_same_start(name: str, vr: str, tmp_path: Path) -> None:
    pixels, bits, rescale = INPUTS[name]
    curve = (np.arange(4096) ** 2 // 4095).astype(np.uint16)
    item = table_item(first_input(name), curve, 12, vr=vr)
    ds = film(pixels, bits=bits, VOILUTSequence=Sequence([item]), **rescale)
    theirs = dcmtk(ds, tmp_path, "+Wl", "1")
    assert np.abs(read_image(to_bytes(ds)).display_values().astype(int) - theirs).max() <= 1


def dcmtk(ds: Dataset, folder: Path, *options: str) -> Values:
    file, out = folder / "in.dcm", folder / "out.pnm"
    file.write_bytes(to_bytes(ds))
    program = peer("dcm2pnm", "dcmtk")
    command = [program, *options, str(file), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with PilImage.open(out) as shown:
        return np.asarray(shown).astype(int)


@pytest.mark.parametrize("true_bits", range(8, 17))
@pytest.mark.parametrize("stated", [8, 10, 12, 14, 16])
def test_a_voi_lut_is_as_deep_as_its_entries(stated: int, true_bits: int) -> None:
    """The highest entry is white, whatever the descriptor says; a wrong one is told."""
    top = 2**true_bits - 1
    table = np.linspace(0, top, 4096).round().astype(np.uint16)
    item = table_item(0, table, stated, vr="US")
    image = read_image(to_bytes(film(ramp(0, 4095), bits=12, VOILUTSequence=Sequence([item]))))
    expected = table[ramp(0, 4095)] / top * 255
    assert np.abs(image.display_values() - expected).max() <= 0.51
    assert bool(image.remarks) == (stated != true_bits)


@pytest.mark.parametrize("bits", [0, 1, 7, 17, 24])
def test_a_depth_that_cannot_be_is_found_in_the_entries(bits: int) -> None:
    item = table_item(0, np.arange(4096), bits, vr="US")
    image = read_image(to_bytes(film(ramp(0, 4095), bits=12, VOILUTSequence=Sequence([item]))))
    assert image.display_values().max() == 255
    assert any("bits" in words for words in image.remarks)


@pytest.mark.parametrize("stated", [8, 16])
@pytest.mark.parametrize("odd", [0, 1])
def test_entries_may_be_packed_in_bytes(stated: int, odd: int) -> None:
    table = np.linspace(0, 255, 255 + odd).round().astype(np.uint8)
    item = table_item(0, table.astype(np.uint16), stated, vr="US")
    item.add_new("LUTData", "OW", table.tobytes() + b"\0" * (len(table) % 2))
    lut = read_lut(item, inputs=(0, 255))
    assert np.array_equal(lut.table, table) and lut.bits == 8


def test_a_table_of_65536_entries_counts_them_as_0() -> None:
    table = np.arange(65536).astype(np.uint16)
    item = table_item(0, table, 16, vr="US")
    assert item.LUTDescriptor[0] == 0
    image = read_image(to_bytes(film(ramp(0, 65535), VOILUTSequence=Sequence([item]))))
    assert np.abs(image.display_values() - ramp(0, 65535) / 257).max() <= 0.51


def test_a_table_that_cannot_be_used_is_told() -> None:
    item = table_item(0, np.arange(100), 12, vr="US")
    item.LUTDescriptor = [4096, 0, 12]
    image = read_image(to_bytes(film(ramp(0, 4095), bits=12, VOILUTSequence=Sequence([item]))))
    assert "cannot be used" in " ".join(image.remarks)
    assert inspect_image(image).window_origin == "automatic"


@given(st.lists(st.integers(0, 65535), min_size=2, max_size=64), st.sampled_from([8, 12, 16]))
def test_entries_fill_the_depth_that_is_found(entries: list[int], stated: int) -> None:
    table, bits = settle_depth(np.array(entries, np.uint16), stated)
    assert 8 <= bits <= 16
    top = int(table.max())
    assert top < 2**bits and (bits == 8 or top >= 2 ** (bits - 1))
    assert np.array_equal(np.argsort(table, kind="stable"), np.argsort(entries, kind="stable"))


def palette_tables(entries: int = 256) -> Values:
    """(entries, 3), 0 to 255: up, down, and up and down."""
    up = np.linspace(0, 255, entries).round().astype(np.uint16)
    return np.stack([up, up[::-1], np.minimum(up, up[::-1]) * 2], axis=1)


def set_palette(
    ds: Dataset, tables: Values, *, first: int = 0, bits: int, vr: str = "US", packed: bool = False
) -> None:
    words = [len(tables) % 2**16, first % 2**16, bits]
    big = ds.file_meta.TransferSyntaxUID == BIG
    for name, column in zip(("Red", "Green", "Blue"), tables.T, strict=True):
        signed = [w - 2**16 if w >= 2**15 else w for w in words]
        numbers = signed if vr == "SS" else words
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", vr, numbers)
        data = column.astype("u1" if packed else ">u2" if big else "<u2").tobytes()
        if packed and big:  # bytes in words, which are swapped (PS3.5 7.3)
            data = np.frombuffer(data, "<u2").astype(">u2").tobytes()
        ds.add_new(f"{name}PaletteColorLookupTableData", "OW", data)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize(
    ("stated", "factor", "packed", "is_told"),
    [
        (8, 1, False, False),  # a byte in each word
        (8, 1, True, False),  # two bytes in each word
        (8, 257, False, True),  # 16 bits
        (8, 256, False, True),  # a byte in the high half of each word
        (16, 257, False, False),
        (16, 1, False, True),  # nothing beyond 255
        (16, 1, True, True),
        (16, 16, False, True),  # 12 bits
    ],
)
def test_a_palette_is_as_deep_as_its_entries(
    stated: int, factor: int, packed: bool, is_told: bool, syntax: uid.UID
) -> None:
    """PS3.3 C.7.6.3.1.5, C.7.6.3.1.6: by length and range of the data."""
    index = ramp(0, 255, "u1")
    ds = film(index, syntax=syntax, bits=8, PhotometricInterpretation="PALETTE COLOR")
    tables = palette_tables()
    set_palette(ds, tables * factor, bits=stated, packed=packed)
    image = read_image(to_bytes(ds))
    scale = 255 / (255 * 16 / 4095 * 255) if factor == 16 else 1
    assert np.abs(image.display_values() - tables[index] / scale).max() <= 0.51
    assert bool(image.remarks) == is_told and not image.refusals


def test_a_dark_palette_stays_dark() -> None:
    """One that uses a third of its 16 bits has not another depth."""
    index = ramp(0, 255, "u1")
    ds = film(index, bits=8, PhotometricInterpretation="PALETTE COLOR")
    set_palette(ds, palette_tables() * 86, bits=16)
    image = read_image(to_bytes(ds))
    assert image.display_values().max() == round(255 * 86 / 257)
    assert image.remarks == ()


def test_dcmtk_sees_the_16_bits_of_an_8_bit_palette(tmp_path: Path) -> None:
    index = ramp(0, 255, "u1")
    ds = film(index, bits=8, PhotometricInterpretation="PALETTE COLOR")
    set_palette(ds, palette_tables() * 257, bits=8)
    shown = read_image(to_bytes(ds)).display_values().astype(int)
    assert np.abs(shown - dcmtk(ds, tmp_path)).max() <= 1


PADDED: dict[str, tuple[Values, int, int]] = {
    "unsigned": (ramp(100, 4095), 12, 0),
    "signed": (ramp(-1000, 1000, "<i2"), 16, -2000),
    "signed, 12 bits": (ramp(-1000, 1000, "<i2"), 12, -2000),
    "unsigned, high": (ramp(0, 40000), 16, 63536),
}


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("vr", ["US", "SS"])
@pytest.mark.parametrize("name", PADDED)
@pytest.mark.parametrize("limit", [0, 40])
def test_padding_has_the_sign_of_the_pixels(
    name: str, limit: int, vr: str, syntax: uid.UID
) -> None:
    """PS3.3 C.7.5.1.1.2: value and range limit do not move the window, whatever their VR."""
    pixels, bits, padding = PADDED[name]
    pixels = pixels.copy()
    plain = read_image(to_bytes(film(pixels[10:], syntax=syntax, bits=bits))).automatic_preset()
    pixels[:10] = padding
    pixels[:5, ::2] += limit
    ds = film(pixels, syntax=syntax, bits=bits)
    numbers = {"PixelPaddingValue": padding}
    if limit:
        numbers["PixelPaddingRangeLimit"] = padding + limit
    for keyword, number in numbers.items():
        wraps = (vr == "SS" and number >= 2**15) or (vr == "US" and number < 0)
        ds.add_new(keyword, vr, number - 2**16 * (1 if number > 0 else -1) if wraps else number)
    image = read_image(to_bytes(ds))
    assert image.automatic_preset() == plain
    sent = screen_pixels(image)
    assert sent.padding == (padding, padding + limit)
    assert sent.frames[0].automatic.window_width == pytest.approx(plain.window_width)
    stated = {"US": padding >= 0, "SS": padding < 2**15}[vr]
    assert bool(image.remarks) == (not stated and syntax == EXPLICIT)


def test_padding_in_the_bits_that_are_stored() -> None:
    """-2000 as the 12 bits in which it lies among the pixels: 2096."""
    ds = film(ramp(-1000, 1000, "<i2"), bits=12, PixelPaddingValue=2096)
    assert screen_pixels(read_image(to_bytes(ds))).padding == (-2000, -2000)


@pytest.mark.parametrize("kind", ["Float", "DoubleFloat"])
def test_padding_of_floating_point_pixels_does_not_move_the_window(kind: str) -> None:
    """PS3.3 C.7.6.24, C.7.6.25: a map of values around 100 with -1e6 where nothing was measured."""
    values = np.linspace(80, 120, 24 * 32).reshape(24, 32)
    values[:12] = -1e6
    values[12] = -9e5
    ds = make_dataset(BitsStored=None, HighBit=None, PixelRepresentation=None, PixelData=None)
    ds.BitsAllocated = 32 if kind == "Float" else 64
    pixels = values.astype("<f4" if kind == "Float" else "<f8")
    setattr(ds, f"{kind}PixelData", pixels.tobytes())
    setattr(ds, f"{kind}PixelPaddingValue", -1e6)
    setattr(ds, f"{kind}PixelPaddingRangeLimit", -9e5)
    window = read_image(to_bytes(ds)).automatic_preset()
    assert window.window_center == pytest.approx(110, abs=2)
    assert window.window_width == pytest.approx(20, abs=2)
