"""Colour of every codec under every header: the picture that was encoded comes out, or is doubted.

The truth is the picture the codestream was made from. pydicom 3.0, GDCM 3.0 and DCMTK 3.6.7 believe
the header in many of these pairs and show other colours; where they do not, they are asked too.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - everybody calls it so
from numpy.typing import NDArray
from PIL import Image as PilImage
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space
from pydicom.pixels.encoders import RLELosslessEncoder

from imaging.dicom import inspect_image, read_image
from imaging.dicom.deidentify.profile import release
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.dicom.deidentify.rules import Profile
from imaging.dicom.pixels.colour_space import disproves_ybr, to_rgb
from imaging.dicom.viewer_pixels import screen_pixels
from tests.factories import make_dataset, to_bytes
from tests.imaging.peers import peer

Picture = NDArray[Any]
JXL_LOSSLESS, JXL_JPEG, JXL = (uid.UID(f"1.2.840.10008.1.2.4.{n}") for n in (110, 111, 112))
SPECTRAL, PROGRESSIVE = (uid.UID(f"1.2.840.10008.1.2.4.{n}") for n in (53, 55))
HEADERS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def picture(bits: int = 8) -> Picture:
    """(48, 64, 3): a gradient with a red and a green square, in which no two thirds are alike."""
    down, along = np.mgrid[:48, :64]
    rgb = np.stack([along * 4, down * 5, 255 - along - 2 * down], 2).astype(np.uint16)
    rgb[8:20, 8:20], rgb[8:20, 30:42] = (255, 0, 0), (0, 255, 0)
    return rgb.astype(np.uint8) if bits == 8 else (rgb * (2**bits - 1) // 255).astype(np.uint16)


def ybr(rgb: Picture) -> Picture:
    return convert_color_space(rgb, "RGB", "YBR_FULL")


def without(data: bytes, *kinds: int) -> bytes:
    """A JPEG codestream without its APPn segments of these kinds."""
    out, at = bytearray(data[:2]), 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] not in kinds:
            out += data[at:end]
        at = end
    return bytes(out) + data[at:]


def named(data: bytes, ids: bytes) -> bytes:
    """A JPEG codestream with other component identifiers, in frame and scan."""
    out, at = bytearray(data), 2
    while True:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if kind in (0xC0, 0xC1, 0xC3, 0xF7):
            out[at + 10 : at + 19 : 3] = ids
        if kind == 0xDA:
            out[at + 5 : at + 11 : 2] = ids
            return bytes(out)
        at += 2 + length


def adobe(data: bytes, transform: int) -> bytes:
    """A JPEG codestream with an Adobe marker for all it had."""
    marker = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])
    bare = without(data, 0xE0, 0xEE)
    return bare[:2] + marker + bare[2:]


def jpeg(rgb: Picture, space: str = "YCbCr", subsampling: str = "444") -> bytes:
    """A baseline JPEG codestream of quality 98."""
    return bytes(
        imagecodecs.jpeg8_encode(
            rgb, 98, colorspace="RGB", outcolorspace=space, subsampling=subsampling
        )
    )


def lossless_jpeg(samples: Picture) -> bytes:
    """Marked as RGB, in ids and APP14, by libjpeg-turbo."""
    bits = 8 if samples.dtype == np.uint8 else 12
    options: dict[str, Any] = {"colorspace": "RGB", "outcolorspace": "RGB", "bitspersample": bits}
    return bytes(imagecodecs.jpeg8_encode(samples, lossless=True, predictor=1, **options))


def bare_lossless(samples: Picture, ids: bytes = b"\x01\x02\x03") -> bytes:
    return named(without(lossless_jpeg(samples), 0xE0, 0xEE), ids)


def jpeg2k(samples: Picture, *, mct: bool, reversible: bool = True) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            samples, 0 if reversible else 60, codecformat="J2K", reversible=reversible, mct=mct
        )
    )


def rle(samples: Picture) -> bytes:
    bits = 8 * samples.dtype.itemsize
    return bytes(
        RLELosslessEncoder.encode(
            samples,
            rows=samples.shape[0],
            columns=samples.shape[1],
            number_of_frames=1,
            samples_per_pixel=3,
            bits_allocated=bits,
            bits_stored=bits,
            pixel_representation=0,
            photometric_interpretation="RGB",
            planar_configuration=0,
        )
    )


Encode = Callable[[Picture], bytes | bytearray]
# What the codestream says for certain: syntax, encoder, how far it may be off.
CERTAIN: dict[str, tuple[uid.UID, Encode, int]] = {
    "JPEG, JFIF": (uid.JPEGBaseline8Bit, jpeg, 12),
    "JPEG, JFIF, halved": (uid.JPEGBaseline8Bit, lambda rgb: jpeg(rgb, subsampling="422"), 255),
    "JPEG, halved, no marker": (
        uid.JPEGBaseline8Bit,
        lambda rgb: named(without(jpeg(rgb, subsampling="420"), 0xE0), b"\x00\x01\x02"),
        255,
    ),
    "JPEG, ids 1 2 3": (uid.JPEGBaseline8Bit, lambda rgb: without(jpeg(rgb), 0xE0), 12),
    "JPEG, Adobe YCbCr": (uid.JPEGBaseline8Bit, lambda rgb: adobe(jpeg(rgb), 1), 12),
    "JPEG, Adobe RGB": (uid.JPEGBaseline8Bit, lambda rgb: jpeg(rgb, "RGB"), 12),
    "JPEG, Adobe RGB, ids 1 2 3": (
        uid.JPEGBaseline8Bit,
        lambda rgb: named(jpeg(rgb, "RGB"), b"\x01\x02\x03"),
        12,
    ),
    "JPEG, ids R G B": (uid.JPEGBaseline8Bit, lambda rgb: without(jpeg(rgb, "RGB"), 0xEE), 12),
    "JPEG, ids r g b": (
        uid.JPEGBaseline8Bit,
        lambda rgb: named(without(jpeg(rgb, "RGB"), 0xEE), b"rgb"),
        12,
    ),
    "JPEG, RGB, ids 1 2 3": (
        uid.JPEGBaseline8Bit,
        lambda rgb: named(without(jpeg(rgb, "RGB"), 0xEE), b"\x01\x02\x03"),
        12,
    ),
    "JPEG, RGB, ids 0 1 2": (
        uid.JPEGBaseline8Bit,
        lambda rgb: named(without(jpeg(rgb, "RGB"), 0xEE), b"\x00\x01\x02"),
        12,
    ),
    "JPEG extended": (uid.JPEGExtended12Bit, jpeg, 12),
    "JPEG extended, ids R G B": (
        uid.JPEGExtended12Bit,
        lambda rgb: without(jpeg(rgb, "RGB"), 0xEE),
        12,
    ),
    "JPEG spectral": (SPECTRAL, jpeg, 12),
    "JPEG progressive": (PROGRESSIVE, jpeg, 12),
    "JPEG lossless": (uid.JPEGLosslessSV1, lossless_jpeg, 0),
    "JPEG lossless, process 14": (uid.JPEGLossless, lossless_jpeg, 0),
    "JPEG lossless, ids R G B": (uid.JPEGLosslessSV1, lambda rgb: bare_lossless(rgb, b"RGB"), 0),
    "JPEG lossless, ids 1 2 3": (uid.JPEGLosslessSV1, bare_lossless, 0),
    "JPEG-LS": (uid.JPEGLSLossless, imagecodecs.jpegls_encode, 0),
    "JPEG-LS, lossy": (
        uid.JPEGLSNearLossless,
        lambda rgb: imagecodecs.jpegls_encode(rgb, level=2),
        3,
    ),
    "JPEG 2000, MCT": (uid.JPEG2000Lossless, lambda rgb: jpeg2k(rgb, mct=True), 0),
    "JPEG 2000, MCT, lossy": (
        uid.JPEG2000,
        lambda rgb: jpeg2k(rgb, mct=True, reversible=False),
        12,
    ),
    "JPEG 2000, no MCT": (uid.JPEG2000Lossless, lambda rgb: jpeg2k(rgb, mct=False), 0),
    "HTJ2K, MCT": (
        uid.HTJ2KLossless,
        lambda rgb: imagecodecs.htj2k_encode(rgb, reversible=True),
        0,
    ),
    "HTJ2K, MCT, lossy": (
        uid.HTJ2K,
        lambda rgb: imagecodecs.htj2k_encode(rgb, reversible=False),
        9,
    ),
    "JPEG XL, lossless": (
        JXL_LOSSLESS,
        lambda rgb: imagecodecs.jpegxl_encode(rgb, lossless=True),
        0,
    ),
    "JPEG XL, boxes": (
        JXL_LOSSLESS,
        lambda rgb: imagecodecs.jpegxl_encode(rgb, lossless=True, usecontainer=True),
        0,
    ),
    "JPEG XL, lossy": (
        JXL,
        lambda rgb: imagecodecs.jpegxl_encode(rgb, lossless=False, distance=0.5),
        80,
    ),
    "JPEG XL of a JPEG": (JXL_JPEG, lambda rgb: imagecodecs.jpegxl_encode_jpeg(jpeg(rgb)), 12),
    "RLE": (uid.RLELossless, rle, 0),
}
# Where nothing but the header says YBR.
STATED: dict[str, tuple[uid.UID, Encode, int]] = {
    "JPEG, ids 0 1 2": (
        uid.JPEGBaseline8Bit,
        lambda rgb: named(without(jpeg(rgb), 0xE0), b"\x00\x01\x02"),
        12,
    ),
    "JPEG lossless": (uid.JPEGLosslessSV1, lambda rgb: bare_lossless(ybr(rgb)), 2),
    "JPEG-LS": (uid.JPEGLSLossless, lambda rgb: imagecodecs.jpegls_encode(ybr(rgb)), 2),
    "JPEG 2000": (uid.JPEG2000Lossless, lambda rgb: jpeg2k(ybr(rgb), mct=False), 2),
    "RLE": (uid.RLELossless, lambda rgb: rle(ybr(rgb)), 2),
}
NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)


def compressed(
    syntax: uid.UID,
    *frames: bytes | bytearray,
    photometric: str,
    planar: int | None = 0,
    **attributes: Any,
) -> Dataset:
    """A dataset of the size of `picture` around codestreams."""
    ds = make_dataset(picture(), **attributes)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PhotometricInterpretation, ds.PlanarConfiguration = photometric, planar
    if len(frames) > 1:
        ds.NumberOfFrames = len(frames)
    ds.PixelData = encapsulate([bytes(frame) for frame in frames])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


def error(found: Picture, truth: Picture) -> float:
    return float(np.abs(found.astype(float) - truth).max())


def worst_and_mean(found: Picture, truth: Picture) -> tuple[float, float]:
    off = np.abs(found.astype(float) - truth)
    return float(off.max()), float(off.mean())


@pytest.mark.parametrize("planar", [0, 1, None])
@pytest.mark.parametrize("photometric", HEADERS)
@pytest.mark.parametrize("name", CERTAIN)
def test_what_the_codestream_holds_is_shown(
    name: str, photometric: str, planar: int | None
) -> None:
    """PS3.5 8.2.1 to 8.2.4, 8.2.15: planar configuration and colours are the codestream's."""
    syntax, encode, tolerance = CERTAIN[name]
    ds = compressed(syntax, encode(picture()), photometric=photometric, planar=planar)
    image = read_image(to_bytes(ds))
    worst, mean = worst_and_mean(image.display_values(), picture())
    assert worst <= tolerance and mean < 4, image.remarks
    said = " ".join(image.remarks)
    assert ("plane by plane" in said) == (planar == 1 and syntax != uid.RLELossless)


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("name", STATED)
def test_where_the_codestream_is_silent_the_header_is_believed(
    name: str, photometric: str, planar: int
) -> None:
    syntax, encode, tolerance = STATED[name]
    ds = compressed(syntax, encode(picture()), photometric=photometric, planar=planar)
    image = read_image(to_bytes(ds))
    assert error(image.display_values(), picture()) <= tolerance
    assert not [words for words in image.remarks if "plane by plane" not in words]


@pytest.mark.parametrize("name", CERTAIN)
def test_every_way_shows_the_same(name: str) -> None:
    """Screen, network, viewer and the chain take one decision."""
    syntax, encode, _ = CERTAIN[name]
    ds = compressed(syntax, encode(picture()), photometric="YBR_FULL", planar=1)
    image = read_image(to_bytes(ds))
    shown = image.display_values()
    assert np.array_equal(screen_pixels(image).values[0], shown)
    assert np.array_equal(image.stored_values(), shown)
    luma = shown @ np.array([0.299, 0.587, 0.114])
    assert error(image.luminance_values(), luma) < 0.01
    assert error(image.quick_values(enough=16).values, luma) < 0.01
    said = inspect_image(image)
    assert set(image.remarks) <= {caution.words for caution in said.cautions}


@pytest.mark.parametrize("name", ["JPEG, ids R G B", "JPEG 2000, MCT", "JPEG XL of a JPEG"])
def test_a_masked_copy_keeps_the_colours_that_are_shown(name: str) -> None:
    """De-identification decodes as the screen does, and what it writes needs no remark."""
    syntax, encode, _ = CERTAIN[name]
    ds = compressed(syntax, encode(picture()), photometric="YBR_FULL", planar=1)
    shown = read_image(to_bytes(ds)).display_values().copy()
    made = release(to_bytes(ds), Project(b"k" * 32), Profile(masks=((2, 3, 10, 12),)))
    masked = read_image(made.content)
    shown[2:10, 3:12] = 0
    assert np.array_equal(masked.display_values(), shown)
    assert masked.remarks == ()


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("planar", [0, 1])
def test_native_colour_lies_as_the_header_says(
    syntax: uid.UID, photometric: str, planar: int
) -> None:
    """PS3.3 C.7.6.3.1.3: the one case, with Encapsulated Uncompressed, where the value counts."""
    samples = picture() if photometric == "RGB" else ybr(picture())
    laid = samples if planar == 0 else samples.transpose(2, 0, 1)
    ds = make_dataset(picture(), PhotometricInterpretation=photometric, PlanarConfiguration=planar)
    ds.PixelData = laid.tobytes()
    ds.file_meta.TransferSyntaxUID = syntax
    image = read_image(to_bytes(ds))
    assert error(image.display_values(), picture()) <= 2
    assert image.remarks == ()


@pytest.mark.parametrize("planar", [0, 1])
def test_subsampled_native_colour_lies_by_pixel(planar: int) -> None:
    """PS3.3 C.7.6.3.1.2: YBR_FULL_422 has a layout of its own."""
    rgb = picture()[:, ::2].repeat(2, axis=1)
    luma, blue, red = ybr(rgb)[..., 0], ybr(rgb)[:, ::2, 1], ybr(rgb)[:, ::2, 2]
    packed = np.stack([luma[:, ::2], luma[:, 1::2], blue, red], 2)
    ds = make_dataset(rgb, PhotometricInterpretation="YBR_FULL_422", PlanarConfiguration=planar)
    ds.PixelData = packed.tobytes()
    image = read_image(to_bytes(ds))
    assert error(image.display_values(), rgb) <= 2
    assert len(image.remarks) == planar


@pytest.mark.parametrize("photometric", HEADERS[1:])
def test_a_tag_that_a_decompressor_left_behind_is_seen_through(photometric: str) -> None:
    """Native RGB under the name it had while it was compressed: the values tell."""
    ds = make_dataset(picture(), PhotometricInterpretation=photometric)
    image = read_image(to_bytes(ds))
    assert np.array_equal(image.display_values(), picture())
    assert len(image.remarks) == 1 and not image.refusals


def grey_in_rgb(low: int, high: int, tint: int = 0) -> Picture:
    """(48, 64, 3): a ramp without black or white, so that as YBR it stays within RGB's cube."""
    down, along = np.mgrid[:48, :64]
    ramp = low + (high - low) * (along / 63 * 0.7 + down / 47 * 0.3)
    return np.stack([ramp + tint, ramp, ramp - tint], 2).round().astype(np.uint8)


@pytest.mark.parametrize("tint", [0, 10])
@pytest.mark.parametrize(("low", "high"), [(80, 180), (110, 150), (90, 120)])
@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422"])
def test_a_dull_grey_picture_in_rgb_is_no_green_and_magenta_one(
    photometric: str, low: int, high: int, tint: int
) -> None:
    """A radiograph as a colour picture, whose tag a decompressor or a codec left behind."""
    grey = grey_in_rgb(low, high, tint)
    bare = named(without(jpeg(grey, "RGB"), 0xEE), b"\x01\x02\x03")
    for ds in (
        make_dataset(grey, PhotometricInterpretation=photometric),
        compressed(uid.RLELossless, rle(grey), photometric=photometric),
        compressed(uid.JPEGBaseline8Bit, bare, photometric=photometric),
        compressed(uid.JPEGBaseline8Bit, bare, photometric="RGB"),
        compressed(uid.JPEGLosslessSV1, bare_lossless(grey), photometric=photometric),
    ):
        image = read_image(to_bytes(ds))
        assert error(image.display_values(), grey) <= 3
        assert len(image.remarks) == 1 and "RGB" in image.remarks[0]


@pytest.mark.parametrize(("low", "high"), [(0, 255), (110, 150), (126, 130)])
def test_a_grey_picture_in_ybr_stays_one(low: int, high: int) -> None:
    grey = grey_in_rgb(low, high)
    image = read_image(to_bytes(make_dataset(ybr(grey), PhotometricInterpretation="YBR_FULL")))
    assert np.array_equal(image.display_values(), grey)
    assert image.remarks == ()


@pytest.mark.parametrize("ink", [(255, 0, 255), (255, 60, 200), (200, 0, 120), (0, 255, 0)])
def test_one_hue_on_black_in_ybr_is_no_grey_picture(ink: tuple[int, int, int]) -> None:
    """Fluorescence in magenta: its YBR rises as one, but is not alike."""
    ramp = grey_in_rgb(0, 255).astype(float) / 255
    rgb = (ramp * np.array(ink)).round().astype(np.uint8)
    image = read_image(to_bytes(make_dataset(ybr(rgb), PhotometricInterpretation="YBR_FULL")))
    assert error(image.display_values(), rgb) <= 2
    assert image.remarks == ()


def test_two_samples_a_pixel_are_never_rgb() -> None:
    """PS3.3 C.7.6.3.1.2: halved colour of a fine pattern leaves RGB's cube, and is YBR still."""
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[:, ::2], rgb[:, 1::2] = (255, 0, 0), (0, 255, 255)
    luma, blue, red = ybr(rgb)[..., 0], ybr(rgb)[:, ::2, 1], ybr(rgb)[:, ::2, 2]
    packed = np.stack([luma[:, ::2], luma[:, 1::2], blue, red], 2)
    ds = make_dataset(rgb, PhotometricInterpretation="YBR_FULL_422")
    ds.PixelData = packed.tobytes()
    image = read_image(to_bytes(ds))
    whole = np.stack([luma, blue.repeat(2, axis=1), red.repeat(2, axis=1)], 2)
    expected = convert_color_space(whole, "YBR_FULL", "RGB")
    assert np.array_equal(image.display_values(), expected)
    assert image.remarks == ()


def test_full_colour_under_a_subsampled_tag_is_told_by_its_length() -> None:
    ds = make_dataset(ybr(picture()), PhotometricInterpretation="YBR_FULL_422")
    assert error(read_image(to_bytes(ds)).display_values(), picture()) <= 2


@pytest.mark.parametrize("photometric", ["YBR_ICT", "YBR_RCT"])
def test_a_contradiction_that_nothing_settles_silences_the_networks(photometric: str) -> None:
    """MCT 0 under its name: a dull picture, whose values could be YBR as well."""
    dull = (picture() // 16 + 120).astype(np.uint8)
    ds = compressed(uid.JPEG2000Lossless, jpeg2k(dull, mct=False), photometric=photometric)
    image = read_image(to_bytes(ds))
    assert np.array_equal(image.display_values(), dull)
    assert image.refusals and set(image.refusals) <= set(image.remarks)


def test_a_codestream_that_contradicts_itself_silences_the_networks() -> None:
    dull = (picture() // 16 + 120).astype(np.uint8)
    data = adobe(named(jpeg(dull), b"RGB"), 1)
    image = read_image(to_bytes(compressed(uid.JPEGBaseline8Bit, data, photometric="YBR_FULL")))
    assert error(image.display_values(), dull) <= 12
    assert image.refusals


def test_frames_are_told_apart_one_by_one() -> None:
    """Each has a codestream of its own, and one odd among them is said."""
    frames = [jpeg2k(picture(), mct=True), jpeg2k(ybr(picture()), mct=False)]
    ds = compressed(uid.JPEG2000Lossless, *frames, photometric="YBR_FULL", planar=1)
    image = read_image(to_bytes(ds))
    for frame in range(2):
        assert error(image.display_values(frame), picture()) <= 2
    assert len(image.remarks) == 2


DEEP: dict[str, tuple[uid.UID, Encode]] = {
    "native": (uid.ExplicitVRLittleEndian, lambda rgb: rgb.tobytes()),
    "RLE": (uid.RLELossless, rle),
    "JPEG lossless": (uid.JPEGLosslessSV1, lossless_jpeg),
    "JPEG-LS": (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
    "JPEG 2000, MCT": (
        uid.JPEG2000Lossless,
        lambda rgb: imagecodecs.jpeg2k_encode(
            rgb, codecformat="J2K", reversible=True, bitspersample=12
        ),
    ),
    "HTJ2K": (uid.HTJ2KLossless, lambda rgb: imagecodecs.htj2k_encode(rgb, reversible=True)),
    "JPEG XL": (
        JXL_LOSSLESS,
        lambda rgb: imagecodecs.jpegxl_encode(rgb, lossless=True, bitspersample=12),
    ),
}


@pytest.mark.parametrize("name", DEEP)
@pytest.mark.parametrize("planar", [0, 1])
def test_twelve_bits_a_colour(name: str, planar: int) -> None:
    syntax, encode = DEEP[name]
    deep = picture(12)
    attributes = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}
    ds = compressed(syntax, encode(deep), photometric="RGB", planar=planar, **attributes)
    if not syntax.is_encapsulated:
        laid = deep.transpose(2, 0, 1) if planar else deep
        ds.PixelData, ds["PixelData"].VR = laid.tobytes(), "OW"
        ds["PixelData"].is_undefined_length = False
    image = read_image(to_bytes(ds))
    assert np.array_equal(image.stored_values(), deep)
    assert error(image.display_values(), deep / 4095 * 255) <= 0.51


@pytest.mark.parametrize("name", ["JPEG-LS", "JPEG 2000", "RLE"])
def test_the_depth_is_the_codestreams(name: str) -> None:
    """8 bits a sample in words of 16: by the header alone the picture would be all but black."""
    attributes = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    makers: dict[str, tuple[uid.UID, Encode]] = {
        "JPEG-LS": (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
        "JPEG 2000": (uid.JPEG2000Lossless, lambda rgb: jpeg2k(rgb, mct=True)),
        "RLE": (uid.RLELossless, lambda rgb: rle(rgb.astype(np.uint16) * 257)),
    }
    syntax, encode = makers[name]
    ds = compressed(syntax, encode(picture()), photometric="RGB", **attributes)
    image = read_image(to_bytes(ds))
    assert np.array_equal(image.display_values(), picture())
    assert bool(image.remarks) == (name != "RLE")


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_deep_luminance_and_colour_differences(bits: int) -> None:
    """PS3.3 C.7.6.3.1.2 at other depths than 8: the zero of colour lies at half the range."""
    top, middle = 2**bits - 1, 2 ** (bits - 1)
    rgb = picture(16).astype(float) / 65535 * top
    forward = np.array(
        [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
    )
    made = rgb @ forward.T + [0, middle, middle]
    samples = np.clip(np.rint(made), 0, top).astype(np.uint8 if bits == 8 else np.uint16)
    assert error(to_rgb(samples, bits), rgb) < 3
    assert not disproves_ybr(samples, bits)
    assert disproves_ybr(np.rint(rgb).astype(np.uint16), bits)


def itk(ds: Dataset, folder: Path) -> Picture:
    file = folder / "in.dcm"
    file.write_bytes(to_bytes(ds))
    return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(file))))[0]


@pytest.mark.parametrize(
    ("name", "photometric"),
    [
        ("JPEG, JFIF", "YBR_FULL_422"),
        ("JPEG, Adobe RGB", "RGB"),
        ("JPEG 2000, MCT", "YBR_RCT"),
        ("JPEG 2000, MCT, lossy", "YBR_ICT"),
        ("JPEG lossless", "RGB"),
    ],
)
@pytest.mark.parametrize("planar", [0, 1])
def test_simpleitk_ignores_the_planes_too(
    name: str, photometric: str, planar: int, tmp_path: Path
) -> None:
    syntax, encode, _ = CERTAIN[name]
    ds = compressed(syntax, encode(picture()), photometric=photometric, planar=planar)
    shown = read_image(to_bytes(ds)).display_values()
    assert error(shown, itk(ds, tmp_path)) <= 1


@pytest.mark.parametrize(
    ("name", "photometric"),
    [("JPEG, JFIF", "YBR_FULL"), ("JPEG, Adobe RGB", "RGB"), ("JPEG, ids R G B", "RGB")],
)
def test_dcmtk_shows_the_same_jpeg(name: str, photometric: str, tmp_path: Path) -> None:
    syntax, encode, _ = CERTAIN[name]
    ds = compressed(syntax, encode(picture()), photometric=photometric)
    file, out = tmp_path / "in.dcm", tmp_path / "out.pnm"
    file.write_bytes(to_bytes(ds))
    program = peer("dcmj2pnm", "dcmtk")
    done = subprocess.run([program, file, out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with PilImage.open(out) as shown:
        theirs = np.asarray(shown)
    assert error(read_image(to_bytes(ds)).display_values(), theirs) <= 4
