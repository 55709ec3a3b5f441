"""Pixels that leave are pixels alone: notes, tails and gaps go, and the picture stays the same."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from struct import pack, unpack_from
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PilImage
from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_fragmented_frames

from imaging.dicom import read_image, release
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.dicom.deidentify.streams import jpeg, jpeg2000, rle
from imaging.errors import InputError
from tests.factories import make_dataset, make_pixels, to_bytes

KEY = Project(b"k" * 32)
WHO: dict[str, Any] = {"PatientName": "SMITHSON^JOHN", "PatientID": "MRN0012345"}
NOTE = b"PATIENT SMITHSON JOHN MRN0012345, wife Betty"
EIGHT = (make_pixels() >> 4).astype(np.uint8)


def _jpeg(pixels: NDArray[Any]) -> bytes:
    out = BytesIO()
    PilImage.fromarray(pixels).save(out, "JPEG", quality=95)
    return out.getvalue()


def with_segment(stream: bytes, marker: int, body: bytes) -> bytes:
    """A JPEG with a segment behind its start."""
    return stream[:2] + bytes((0xFF, marker)) + pack(">H", len(body) + 2) + body + stream[2:]


def with_comment(stream: bytes, body: bytes = NOTE) -> bytes:
    """A JPEG 2000 codestream with a comment in its main header and one in its first tile-part."""
    size = 4 + unpack_from(">H", stream, 4)[0]
    comment = b"\xff\x64" + pack(">HH", len(body) + 4, 1) + body
    stream = stream[:size] + comment + stream[size:]
    at = stream.index(b"\xff\x90\x00\x0a")
    (length,) = unpack_from(">L", stream, at + 6)
    head = stream[: at + 6] + pack(">L", length + len(comment)) + stream[at + 10 : at + 12]
    return head + comment + stream[at + 12 :]


def boxed(stream: bytes) -> bytes:
    """A JP2 file with an XML box before its codestream."""
    at = stream.index(b"jp2c") - 4
    return stream[:at] + pack(">L4s", 8 + len(NOTE), b"xml ") + NOTE + stream[at:]


def film(stream: bytes, syntax: str, **attributes: Any) -> bytes:
    ds = make_dataset(attributes.pop("pixels", EIGHT), **WHO, **attributes)
    ds.file_meta.TransferSyntaxUID = uid.UID(syntax)
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return to_bytes(ds)


def copied(content: bytes) -> tuple[Dataset, bytes]:
    """The copy, and its first frame; it shows what the original shows, and holds no note."""
    made = release(content, KEY)
    assert made.left_over == ()
    for secret in (b"SMITHSON", b"MRN0012345", b"Betty", b"smithson"):
        assert secret not in made.content, secret
    before, after = read_image(content), read_image(made.content)
    np.testing.assert_array_equal(before.display_values(0), after.display_values(0))
    ds = dcmread(BytesIO(made.content))
    if not ds.file_meta.TransferSyntaxUID.is_encapsulated:
        return ds, b""
    frames = list(generate_fragmented_frames(ds.PixelData, number_of_frames=1))
    assert [len(one) for one in frames] == [1]
    return ds, frames[0][0]


@pytest.mark.parametrize("marker", [0xFE, 0xE1, 0xE2, 0xED, 0xEE, 0xE8, 0xEF])
def test_comments_and_application_data_of_a_jpeg_go(marker: int) -> None:
    stream = with_segment(_jpeg(EIGHT), marker, NOTE)
    _, left = copied(film(stream, uid.JPEGBaseline8Bit, BitsAllocated=8))
    assert len(left) < len(stream) - len(NOTE) + 2


def test_thumbnails_and_version_bytes_of_jfif_and_adobe_go() -> None:
    stream = with_segment(_jpeg(EIGHT)[:2] + _jpeg(EIGHT)[20:], 0xEE, b"AdobeBettyX\x01" + NOTE)
    stream = with_segment(stream, 0xE0, b"JFIF\0\x01\x02\0\0\x01\0\x01\x09\x09" + NOTE)
    _, left = copied(film(stream, uid.JPEGBaseline8Bit, BitsAllocated=8))
    assert b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0" in left
    assert b"Adobe\0\x64\0\0\0\0\x01" in left


@pytest.mark.parametrize("transform", [None, 0, 1])
def test_the_colours_of_a_jpeg_stay(transform: int | None) -> None:
    """What APP14 says of the components decides how they are shown."""
    pixels = np.random.default_rng(3).integers(0, 255, (16, 16, 3), np.uint8)
    stream = bytes(imagecodecs.jpeg8_encode(pixels, colorspace="RGB", outcolorspace="RGB"))
    if transform is not None:
        stream = with_segment(stream, 0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((transform,)) + NOTE)
    stream = with_segment(stream, 0xFE, NOTE)
    content = film(
        stream, uid.JPEGBaseline8Bit, pixels=pixels, PhotometricInterpretation="YBR_FULL"
    )
    copied(content)


def _progressive(pixels: NDArray[Any]) -> bytes:
    out = BytesIO()
    PilImage.fromarray(pixels).save(out, "JPEG", progressive=True, comment=NOTE)
    return out.getvalue()


CODECS: list[tuple[str, str, Callable[[NDArray[Any]], bytes]]] = [
    ("baseline", uid.JPEGBaseline8Bit, lambda p: with_segment(_jpeg(p), 0xFE, NOTE)),
    ("progressive", "1.2.840.10008.1.2.4.55", _progressive),
    (
        "lossless",
        uid.JPEGLosslessSV1,
        lambda p: with_segment(bytes(imagecodecs.ljpeg_encode(p)), 0xFE, NOTE),
    ),
    (
        "jpeg-ls",
        uid.JPEGLSLossless,
        lambda p: with_segment(bytes(imagecodecs.jpegls_encode(p)), 0xE7, NOTE),
    ),
    (
        "jpeg 2000",
        uid.JPEG2000Lossless,
        lambda p: with_comment(
            bytes(imagecodecs.jpeg2k_encode(p, level=0, codecformat="j2k", reversible=True))
        ),
    ),
    (
        "jp2",
        uid.JPEG2000Lossless,
        lambda p: boxed(
            bytes(imagecodecs.jpeg2k_encode(p, level=0, codecformat="jp2", reversible=True))
        ),
    ),
    (
        "htj2k",
        uid.HTJ2KLossless,
        lambda p: with_comment(bytes(imagecodecs.htj2k_encode(p, reversible=True))),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("syntax", "make"), [one[1:] for one in CODECS], ids=[c[0] for c in CODECS]
)
@pytest.mark.parametrize("tail", [b"", b"\0\0", NOTE], ids=["bare", "padded", "tail"])
def test_every_codec_leaves_its_picture_alone(
    syntax: str, make: Callable[[NDArray[Any]], bytes], tail: bytes
) -> None:
    stream = make(EIGHT)
    assert any(one in stream + tail for one in (NOTE, b"\0"))
    ds, left = copied(film(stream + tail, syntax))
    assert ds.file_meta.TransferSyntaxUID == syntax and NOTE[:7] not in left


def test_an_rle_frame_ends_where_its_picture_does() -> None:
    ds = make_dataset(EIGHT, **WHO)
    ds.compress(uid.RLELossless)
    (frame,) = (
        b"".join(one) for one in generate_fragmented_frames(ds.PixelData, number_of_frames=1)
    )
    ds.PixelData = encapsulate([frame + bytes((len(NOTE) - 1,)) + NOTE])
    copied(to_bytes(ds))


def test_a_run_that_goes_on_behind_the_picture_is_cut() -> None:
    header = pack("<16L", 1, 64, *[0] * 14)
    assert rle.clean(header + b"\x05abSECR" + b"\xfd!", 2, 1) == header + b"\x01ab\0"
    assert rle.clean(header + b"\xfdx" + b"\x80" + b"\x01yz", 6, 1) == header + b"\xfdx\x80\x01yz"
    for broken in (b"", header, header + b"\x05a", pack("<16L", 16, 64, *[0] * 14)):
        with pytest.raises(ValueError):
            rle.clean(broken, 2, 1)


def test_a_stream_that_would_show_something_else_is_stored_without_compression(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = _jpeg(255 - EIGHT)
    monkeypatch.setattr(jpeg, "clean", lambda _: other)
    ds, _ = copied(film(_jpeg(EIGHT), uid.JPEGBaseline8Bit))
    assert ds.file_meta.TransferSyntaxUID == uid.ExplicitVRLittleEndian


HIDDEN = b"wife Betty, 0171-555-0199"
_SPARE = b"\x03" + HIDDEN.ljust(64, b".")  # as quantization table 3
_CODES = b"\x13" + bytes(15) + bytes((len(HIDDEN),)) + HIDDEN  # as Huffman table 3


@pytest.mark.parametrize(
    ("marker", "body"),
    [(0xDB, _SPARE), (0xDB, b"\0" + HIDDEN.ljust(64, b".")), (0xC4, _CODES), (0xF8, HIDDEN),
     (0xDD, b"\0\0" + HIDDEN), (0xDF, HIDDEN), (0xDC, HIDDEN), (0xCC, HIDDEN), (0xF7, HIDDEN)],
)  # fmt: skip
def test_nothing_hides_in_segments_that_decode(marker: int, body: bytes) -> None:
    """A table that no scan uses, or that another replaces; words behind an interval."""
    content = film(with_segment(_jpeg(EIGHT), marker, body), uid.JPEGBaseline8Bit)
    try:
        made = release(content, KEY)
    except InputError:
        return
    assert HIDDEN[5:] not in made.content


@pytest.mark.parametrize("marker", [0xFF50, 0xFF55, 0xFF57, 0xFF58, 0xFF63, 0xFF74, 0xFF56, 0xFF59])
@pytest.mark.parametrize("head", [b"", b"\0\x02\0\0\0\0", b"\xff\xff\xff\xff"])
def test_nothing_hides_in_markers_of_jpeg_2000(marker: int, head: bytes) -> None:
    stream = bytes(imagecodecs.jpeg2k_encode(EIGHT, level=0, codecformat="j2k", reversible=True))
    size, body = 4 + unpack_from(">H", stream, 4)[0], head + HIDDEN
    stream = stream[:size] + pack(">HH", marker, len(body) + 2) + body + stream[size:]
    try:
        made = release(film(stream, uid.JPEG2000Lossless), KEY)
    except InputError:
        return
    assert HIDDEN[5:] not in made.content


def test_nothing_hides_in_a_segment_more_of_rle() -> None:
    ds = make_dataset(EIGHT, **WHO)
    ds.compress(uid.RLELossless)
    (frame,) = (b"".join(f) for f in generate_fragmented_frames(ds.PixelData, number_of_frames=1))
    runs = b"".join(b"\x7f" + HIDDEN.ljust(128, b" ") for _ in range(6))
    header = pack("<16L", 2, 64, len(frame), *[0] * 13)
    left = rle.clean(header + frame[64:] + runs, EIGHT.size, 1)
    assert left[4:8] == frame[4:8] and HIDDEN not in left and len(left) <= len(frame)
    assert unpack_from("<L", left) == (1,)


def test_a_table_of_lengths_is_right_after_a_comment_went() -> None:
    stream = bytes(imagecodecs.jpeg2k_encode(EIGHT, level=0, codecformat="j2k", reversible=True))
    size = 4 + unpack_from(">H", stream, 4)[0]
    at = stream.index(b"\xff\x90\x00\x0a")
    entry = pack(">HL", 0, unpack_from(">L", stream, at + 6)[0])
    table = pack(">2H2B", 0xFF55, 10, 0, 0x60) + entry
    left = jpeg2000.clean(with_comment(stream[:size] + table + stream[size:]))
    where = left.index(b"\xff\x55")
    assert unpack_from(">L", left, where + 8)[0] == left.rindex(b"\xff\xd9") - left.index(
        b"\xff\x90\x00\x0a"
    )


def test_jpeg_xl_is_stored_without_compression() -> None:
    pixels = make_pixels()
    stream = bytes(imagecodecs.jpegxl_encode(pixels, lossless=True, usecontainer=True))
    stream += pack(">L4s", 8 + len(NOTE), b"xml ") + NOTE
    ds, _ = copied(film(stream, "1.2.840.10008.1.2.4.110", pixels=pixels))
    assert ds.file_meta.TransferSyntaxUID == uid.ExplicitVRLittleEndian


@pytest.mark.parametrize("shape", [(24, 32), (3, 24, 32), (23, 31)])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian,
                                    uid.DeflatedExplicitVRLittleEndian])  # fmt: skip
def test_what_follows_native_pixels_goes(shape: tuple[int, ...], syntax: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 200, shape, np.uint8)
    ds = make_dataset(pixels, **WHO)
    ds.file_meta.TransferSyntaxUID = uid.UID(syntax)
    ds.PixelData += NOTE + NOTE[: pixels.size % 2]
    made, _ = copied(to_bytes(ds))
    assert len(made.PixelData) == pixels.size + pixels.size % 2


def test_more_frames_and_fragments_than_are_described_go() -> None:
    streams = [bytes(imagecodecs.jpegls_encode(EIGHT))] * 2
    ds = make_dataset(np.stack([EIGHT, EIGHT]), **WHO)
    ds.file_meta.TransferSyntaxUID = uid.JPEGLSLossless
    ds.PixelData = encapsulate([*streams, NOTE])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    made = release(to_bytes(ds), KEY)
    assert b"Betty" not in made.content and b"SMITHSON" not in made.content
    left = read_image(made.content)
    np.testing.assert_array_equal(left.stored_values(1), EIGHT)


def test_bytes_in_an_offset_table_go() -> None:
    ds = make_dataset(EIGHT, **WHO)
    ds.compress(uid.RLELossless)
    ds.PixelData = b"\xfe\xff\x00\xe0" + pack("<L", len(NOTE)) + NOTE + ds.PixelData[12:]
    try:
        made = release(to_bytes(ds), KEY).content
    except InputError:
        return
    assert b"Betty" not in made and b"SMITHSON" not in made


def test_a_name_in_the_coded_samples_keeps_the_copy_in_the_house() -> None:
    """Between the last sample and the end of a scan nothing can be told from samples."""
    stream = _jpeg(EIGHT)
    made = release(film(stream[:-2] + b"smithson" + stream[-2:], uid.JPEGBaseline8Bit), KEY)
    assert made.left_over == ("PixelData",)


@pytest.mark.parametrize("clean", [jpeg.clean, jpeg2000.clean])
def test_a_stream_that_cannot_be_walked_is_refused(clean: Callable[[bytes], bytes]) -> None:
    whole = _jpeg(EIGHT) if clean is jpeg.clean else bytes(
        imagecodecs.jpeg2k_encode(EIGHT, level=0, codecformat="j2k")
    )  # fmt: skip
    for broken in (b"", b"SMITHSON", whole[:40], whole[:-2], whole[:2] + b"xx" + whole[2:]):
        with pytest.raises(ValueError):
            clean(broken)
    assert clean(clean(whole)) == clean(whole)


def test_video_is_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"\.$"):
        release(film(b"\0\0\0\1" + NOTE, "1.2.840.10008.1.2.4.102"), KEY)
