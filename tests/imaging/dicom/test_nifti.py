"""NIfTI volumes stand upright with right on the left; TIFF films keep their values and polarity."""

from __future__ import annotations

import io
import struct

import imagecodecs
import nibabel
import numpy as np
import pytest
from PIL import Image as PilImage
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2KLossless

from imaging.dicom import read_image
from imaging.dicom.viewer_pixels import screen_pixels
from imaging.entities import LengthPlane
from imaging.errors import InputError
from tests.factories import make_dataset, make_film_bytes, make_pixels, to_bytes


def nifti(values: np.ndarray, affine: np.ndarray, *, known: bool = True) -> bytes:
    """A NIfTI-1 file."""
    content = bytearray(nibabel.Nifti1Image(values, affine).to_bytes())
    if not known:
        content[252:256] = bytes(4)  # qform_code, sform_code
    return bytes(content)


def white_zero(array: np.ndarray) -> bytes:
    """A TIFF whose 0 is white, uncompressed, by hand: Pillow turns what it saves round."""
    rows, columns = array.shape
    tags = [(256, columns), (257, rows), (258, 8 * array.itemsize), (259, 1), (262, 0), (273, 200),
            (277, 1), (278, rows), (279, array.nbytes)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)
    return head.ljust(200, b"\0") + array.astype(array.dtype.newbyteorder("<")).tobytes()


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, 1, -1)])
def test_the_patients_right_is_on_the_left_however_it_was_stored(signs: tuple[int, ...]) -> None:
    values = np.zeros((4, 5, 3), np.int16)
    point = [0 if sign > 0 else size - 1 for sign, size in zip(signs, values.shape, strict=True)]
    at = [size - 1 - p for p, size in zip(point, values.shape, strict=True)]
    values[at[0], at[1], at[2]] = 7  # farthest to the right, the front and the head
    image = read_image(nifti(values, np.diag([*np.multiply(signs, (2.0, 3.0, 4.0)), 1.0])))
    assert image.instance.geometry.frames == 3
    top = image.modality_values(2)
    assert top.shape == (5, 4) and np.argwhere(top == 7).tolist() == [[0, 0]]
    assert image.instance.geometry.pixel_spacing == (3.0, 2.0)
    assert screen_pixels(image).directions == ("L", "P")


@pytest.mark.parametrize("known", [True, False])
def test_lengths_hold_in_the_body_where_the_planes_are_known(known: bool) -> None:
    image = read_image(nifti(np.zeros((4, 5, 3), np.int16), np.diag([2.0, 3, 4, 1]), known=known))
    expected = LengthPlane.BODY if known else LengthPlane.UNKNOWN
    assert image.instance.geometry.length_plane is expected


def test_values_that_are_not_whole_keep_their_size() -> None:
    values = np.linspace(-1.5, 2.25, 60, dtype=np.float32).reshape(4, 5, 3)
    found = read_image(nifti(values, np.eye(4))).modality_values(0)
    np.testing.assert_allclose(found[::-1, ::-1].T, values[..., 0], atol=1e-4)


def test_without_an_orientation_there_are_no_letters() -> None:
    image = read_image(nifti(np.zeros((4, 5, 3), np.int16), np.eye(4), known=False))
    assert screen_pixels(image).directions == ("", "")


def test_damaged_and_colour_volumes_are_a_sentence() -> None:
    whole = nifti(np.zeros((4, 5, 3), np.int16), np.eye(4))
    rgb = np.zeros((4, 5, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    huge = bytearray(whole)
    huge[40:56] = np.array([3, 30000, 30000, 30000, 1, 1, 1, 1], "<i2").tobytes()
    for content in (whole[:370], nifti(rgb, np.eye(4)), bytes(huge)):
        with pytest.raises(InputError):
            read_image(content)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_grey_tiff_keeps_its_values(bits: int) -> None:
    array = make_pixels(bits=bits).astype(np.uint8 if bits == 8 else np.uint16)
    image = read_image(make_film_bytes(array, "TIFF"))
    np.testing.assert_array_equal(image.stored_values(), array)
    turned = read_image(white_zero(array)).stored_values()
    np.testing.assert_array_equal(turned, 2**bits - 1 - array)


def test_a_tiff_of_several_pages_is_refused() -> None:
    page, content = PilImage.fromarray(make_pixels(bits=8).astype(np.uint8)), io.BytesIO()
    page.save(content, "TIFF", save_all=True, append_images=[page])
    with pytest.raises(InputError, match="several pictures"):
        read_image(content.getvalue())


def jpeg_xl(values: np.ndarray, stream: bytes, last: int) -> bytes:
    """A file in one of the syntaxes, which pydicom does not write."""
    ds = make_dataset(values)
    ds.file_meta.TransferSyntaxUID = HTJ2KLossless  # whose name has as many letters
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR = "OB"
    named = f"1.2.840.10008.1.2.4.{last}"
    return to_bytes(ds).replace(HTJ2KLossless.encode(), named.encode(), 1)


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 3)])
@pytest.mark.parametrize("last", [110, 112])
def test_jpeg_xl_is_decoded_and_never_when_it_was_cut(shape: tuple[int, ...], last: int) -> None:
    grey = len(shape) == 2
    kind, bits = (np.uint16, 12) if grey else (np.uint8, 8)
    values = np.random.default_rng(1).integers(0, 2**bits, shape).astype(kind)
    stream = bytes(imagecodecs.jpegxl_encode(values, lossless=True))
    np.testing.assert_array_equal(read_image(jpeg_xl(values, stream, last)).stored_values(), values)
    for end in np.linspace(20, len(stream) - 3, 12).astype(int):
        with pytest.raises(InputError):
            read_image(jpeg_xl(values, stream[:end], last)).stored_values()
