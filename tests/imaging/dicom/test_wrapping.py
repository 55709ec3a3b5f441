"""Pixels in items that should lie bare, bare that should lie in items, and under another's name."""

from __future__ import annotations

import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - everybody calls it so
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames

from bench.decode import encode_film
from imaging.dicom import inspect_image, read_image
from imaging.dicom.deidentify.profile import release
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.dicom.pixels.markers import same_codec, sniff_syntax
from imaging.dicom.pixels.wrapping import ENCAPSULATED_UNCOMPRESSED
from imaging.errors import PixelDataError
from tests.factories import make_dataset, make_pixels, to_bytes

calm = settings(deadline=None)  # a busy machine
Frames = NDArray[Any]
Order = Literal["little", "big"]
NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
COMPRESSED = (
    *(uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLosslessSV1, uid.JPEGLSLossless),
    *(uid.JPEG2000Lossless, uid.HTJ2KLossless, uid.RLELossless),
    uid.UID("1.2.840.10008.1.2.4.110"),
)
CODECS = ("rle", "jpegll", "jpegls", "j2k", "htj2k")


def frames(count: int = 1, *, bits: int = 8, size: tuple[int, int] = (24, 32)) -> Frames:
    """(frames, rows, columns): ramps that start a little higher each."""
    whole = make_pixels(*size, bits=bits)
    kind = np.uint8 if bits == 8 else np.uint16
    return np.stack([(whole + 3 * n) % 2**bits for n in range(count)]).astype(kind)


def items(fragments: list[bytes], order: Order = "little", *, table: bool = True) -> bytes:
    """Fragments as items, with an offset table and the delimiter (PS3.5 A.4)."""
    group, item, end = (n.to_bytes(2, order) for n in (0xFFFE, 0xE000, 0xE0DD))
    parts = [b"" if table else None, *fragments]
    whole = b"".join(
        group + item + len(part).to_bytes(4, order) + part for part in parts if part is not None
    )
    return whole + group + end + bytes(4)


def wrapped(
    values: Frames, syntax: uid.UID, fragments: list[bytes] | None = None, **attributes: Any
) -> bytes:
    """A file whose raw pixels lie in items: one for each frame, or as told."""
    ds = make_dataset(values if len(values) > 1 else values[0], **attributes)
    ds.file_meta.TransferSyntaxUID = syntax
    order: Order = "little" if syntax.is_little_endian else "big"
    laid = values.astype(values.dtype.newbyteorder("<" if order == "little" else ">"))
    parts = fragments or [frame.tobytes() for frame in laid]
    ds.PixelData = items([part + b"\0" * (len(part) % 2) for part in parts], order)
    ds["PixelData"].VR = "OB" if values.dtype == np.uint8 or syntax.is_encapsulated else "OW"
    ds["PixelData"].is_undefined_length = True
    if syntax.is_encapsulated:
        return to_bytes(ds)
    return undefined(ds)


def undefined(ds: Dataset) -> bytes:
    """A file of a native syntax whose PixelData has an undefined length, which pydicom refuses."""
    pixels, syntax = ds.PixelData, ds.file_meta.TransferSyntaxUID
    order: Order = "little" if syntax.is_little_endian else "big"
    mark = b"MARK" * 4
    ds["PixelData"].value, ds["PixelData"].is_undefined_length = mark, False
    deflated = syntax == uid.DeflatedExplicitVRLittleEndian
    if deflated:
        ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    whole = to_bytes(ds)
    at = whole.index(mark)
    size = len(mark).to_bytes(4, order)
    assert whole[at - 4 : at] == size
    whole = whole[: at - 4] + b"\xff" * 4 + pixels
    return deflate(whole) if deflated else whole


def deflate(whole: bytes) -> bytes:
    """An explicit little endian file as a deflated one (PS3.5 A.5)."""
    end = 144 + int.from_bytes(whole[140:144], "little")
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packer.compress(whole[end:]) + packer.flush()
    old, new = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    meta = whole[144:end].replace(
        len(old).to_bytes(2, "little") + old, len(new).to_bytes(2, "little") + new
    )
    head = whole[:140] + len(meta).to_bytes(4, "little")
    return head + meta + body + b"\0" * (len(body) % 2)


def check(content: bytes, values: Frames) -> tuple[str, ...]:
    """Every frame as it was made; the remarks."""
    image = read_image(content)
    for frame, expected in enumerate(values):
        assert np.array_equal(image.stored_values(frame), expected), image.remarks
        quick = image.quick_values(frame, enough=4).values
        assert np.array_equal(np.asarray(quick, np.float32), image.luminance_values(frame))
    assert not image.refusals
    return image.remarks


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("syntax", NATIVE)
def test_raw_pixels_in_items_under_a_native_syntax(syntax: uid.UID, count: int, bits: int) -> None:
    """PS3.5 A.4 allows items in compressed pixels alone; what they hold is not in doubt."""
    values = frames(count, bits=bits)
    assert "pieces" in " ".join(check(wrapped(values, syntax), values))


@calm
@given(cuts=st.lists(st.integers(1, 24 * 32 * 2 - 1), max_size=5, unique=True))
def test_pieces_may_end_anywhere(cuts: list[int]) -> None:
    values = frames(2)
    whole = values.tobytes()
    ends = [0, *sorted(cut // 2 * 2 for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(ends) if b > a]
    check(wrapped(values, uid.ExplicitVRLittleEndian, pieces), values)


def test_odd_frames_leave_their_padding_behind() -> None:
    values = frames(3, size=(5, 7))
    check(wrapped(values, uid.ExplicitVRLittleEndian), values)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("count", [1, 2])
def test_encapsulated_uncompressed_is_read(count: int, planar: int) -> None:
    """PS3.5 A.4.11: conformant, so nothing is said; colours lie as the header says (8.2)."""
    rgb = np.stack([np.stack([frames()[0] // n for n in (1, 2, 3)], 2)] * count)
    ds = make_dataset(rgb[0], PlanarConfiguration=planar)
    if count > 1:
        ds.NumberOfFrames = count
    ds.file_meta.TransferSyntaxUID = ENCAPSULATED_UNCOMPRESSED
    laid = rgb.transpose(0, 3, 1, 2) if planar else rgb
    ds.PixelData = encapsulate([frame.tobytes() for frame in laid])
    ds["PixelData"].is_undefined_length = True
    image = read_image(to_bytes(ds))
    for frame in range(count):
        assert np.array_equal(image.display_values(frame), rgb[frame])
    assert image.remarks == ()
    assert "Encapsulated Uncompressed" in inspect_image(image).transfer_syntax


@pytest.mark.parametrize("bits", [8, 12])
def test_encapsulated_uncompressed_grey(bits: int) -> None:
    values = frames(2, bits=bits)
    assert check(wrapped(values, ENCAPSULATED_UNCOMPRESSED), values) == ()


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize("in_items", [False, True])
def test_native_pixels_under_the_name_of_a_codec(
    syntax: uid.UID, count: int, bits: int, in_items: bool
) -> None:
    """Their length proves it, to the byte."""
    values = frames(count, bits=bits)
    content = wrapped(values, syntax) if in_items else bare(values, syntax)
    assert "not compressed" in " ".join(check(content, values))


def bare(values: Frames, syntax: uid.UID) -> bytes:
    """Raw pixels of a defined length in a file of any syntax."""
    ds = make_dataset(values if len(values) > 1 else values[0])
    whole = to_bytes(ds)
    old = uid.ExplicitVRLittleEndian.encode() + b"\0"
    new = syntax.encode() + b"\0" * (len(syntax) % 2)
    start = whole.index(old)
    length = int.from_bytes(whole[140:144], "little") + len(new) - len(old)
    head = whole[:140] + length.to_bytes(4, "little") + whole[144 : start - 2]
    return head + len(new).to_bytes(2, "little") + new + whole[start + len(old) :]


def coded(codec: str, values: Frames) -> Dataset:
    """A complete dataset around one codestream."""
    film, ds = encode_film(codec, values), make_dataset(values)
    ds.PixelData, ds.file_meta.TransferSyntaxUID = film.PixelData, film.file_meta.TransferSyntaxUID
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


@pytest.mark.parametrize("stated", [*NATIVE[:2], *COMPRESSED, ENCAPSULATED_UNCOMPRESSED])
@pytest.mark.parametrize("codec", CODECS)
def test_the_codestream_names_its_codec(codec: str, stated: uid.UID) -> None:
    """A codestream under another codec's name, or that of none, is decoded as what it is."""
    values = make_pixels(32, 48)
    ds = coded(codec, values)
    own = ds.file_meta.TransferSyntaxUID
    ds.file_meta.TransferSyntaxUID = stated
    if not stated.is_encapsulated:
        ds.PixelData += b"\xfe\xff\xdd\xe0" + bytes(4)  # pydicom's writer would add it
    content = to_bytes(ds) if stated.is_encapsulated else undefined(ds)
    image = read_image(content)
    assert np.array_equal(image.stored_values(), values)
    assert bool(image.remarks) == (not same_codec(own, stated))


@pytest.mark.parametrize("in_items", [False, True])
@pytest.mark.parametrize("bits", [8, 12])
def test_rle_that_grew_is_no_native_picture(bits: int, in_items: bool) -> None:
    """Noise is longer in RLE than without, and used to be shown as rows of other noise."""
    noise = np.random.default_rng(1).integers(0, 2**bits, (24, 32))
    values = noise.astype(np.uint8 if bits == 8 else np.uint16)
    ds = make_dataset(values)
    ds.compress(uid.RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    data = b"".join(generate_frames(ds.PixelData, number_of_frames=1))
    assert len(data) > values.nbytes
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ds.PixelData = items([data]) if in_items else data
    ds["PixelData"].VR = "OW"
    ds["PixelData"].is_undefined_length = False
    image = read_image(undefined(ds) if in_items else to_bytes(ds))
    assert np.array_equal(image.stored_values(), values)
    assert len(image.remarks) == 1 and "RLE Lossless" in image.remarks[0]


@calm
@given(st.lists(st.integers(0, 2**32 - 1), min_size=16, max_size=16))
def test_what_only_resembles_an_rle_header_is_none(words: list[int]) -> None:
    """PS3.5 G.5: a byte of each sample to a segment, in order, and nothing behind them."""
    head = np.array([2, 64, *words[2:]], "<u4")
    head[-1] |= 1
    values = frames(1, bits=12)
    values.ravel()[:32] = head.view("<u2")
    content = wrapped(values, uid.JPEGLSLossless, BitsStored=16, HighBit=15)
    assert "not compressed" in " ".join(check(content, values))


def test_a_codestream_without_items_is_decoded() -> None:
    data = bytes(imagecodecs.jpeg8_encode(frames()[0], 100))
    for syntax in (uid.ExplicitVRLittleEndian, uid.JPEGBaseline8Bit):
        ds = make_dataset(frames()[0])
        ds.PixelData = data + b"\0" * (len(data) % 2)
        whole = to_bytes(ds)
        if syntax.is_encapsulated:
            ds.file_meta.TransferSyntaxUID = syntax
            values = frames()
            whole = bare(values, syntax).replace(
                len(values.tobytes()).to_bytes(4, "little") + values.tobytes(),
                len(ds.PixelData).to_bytes(4, "little") + ds.PixelData,
            )
        image = read_image(whole)
        assert np.abs(image.stored_values().astype(int) - frames()[0]).max() <= 3
        assert len(image.remarks) == 1


@pytest.mark.parametrize("short", [1, 100])
def test_what_is_neither_is_refused_in_words(short: int) -> None:
    """Not a codestream, and not as long as an uncompressed picture."""
    values = frames()
    data = values.tobytes()
    whole = bare(values, uid.JPEGBaseline8Bit).replace(
        len(data).to_bytes(4, "little") + data,
        (len(data) - 2 * short).to_bytes(4, "little") + data[: -2 * short],
    )
    with pytest.raises(PixelDataError, match="JPEG Baseline"):
        read_image(whole)


def test_pixels_that_begin_like_an_item_are_left_alone() -> None:
    """0xFFFE and 0xE000 are values like any other where the length is right."""
    values = frames(1, bits=12).astype(np.uint16)
    values[0, 0, :4] = (0xFFFE, 0xE000, 0, 0)
    ds = make_dataset(values[0])
    ds.BitsStored, ds.HighBit = 16, 15
    assert check(to_bytes(ds), values) == ()


@pytest.mark.parametrize("codec", CODECS)
def test_a_sound_codestream_is_left_alone(codec: str) -> None:
    ds = coded(codec, make_pixels(32, 48))
    assert read_image(to_bytes(ds)).remarks == ()


@pytest.mark.parametrize("codec", CODECS[1:])
def test_the_magic_number_of_every_codec_is_known(codec: str) -> None:
    ds = coded(codec, make_pixels(32, 48))
    data = ds.PixelData
    found = sniff_syntax(data[20:])
    assert found is not None and same_codec(found, ds.file_meta.TransferSyntaxUID)


@given(st.binary(max_size=64))
def test_bytes_of_any_kind_are_sniffed_without_harm(data: bytes) -> None:
    for magic in (b"", b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xff\x0a"):
        found = sniff_syntax(magic + data)
        assert found is None or found.is_transfer_syntax


def test_what_was_joined_leaves_in_good_order() -> None:
    """De-identified, the file holds plain pixels, and nothing has to be said about it."""
    values = frames(2)
    released = release(wrapped(values, uid.ExplicitVRLittleEndian), Project(b"k" * 32))
    assert check(released.content, values) == ()


def test_simpleitk_reads_native_pixels_under_jpeg(tmp_path: Path) -> None:
    file = tmp_path / "in.dcm"
    file.write_bytes(bare(frames(), uid.JPEGBaseline8Bit))
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
    assert np.array_equal(read_image(file).stored_values(), np.asarray(theirs)[0])
