"""grey_levels.py and voi_lut.py: stored -> modality -> display, against known numbers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

from imaging.dicom import read_image
from imaging.dicom.pixels.lookup_table import Lut, apply_lut
from imaging.dicom.pixels.voi_lut import apply_window
from imaging.entities import VoiPreset
from imaging.errors import PixelDataError
from tests.factories import make_dataset, make_dicom_bytes, make_lut, make_pixels, to_bytes


def bundled(name: str) -> Path:
    """A test file inside pydicom's wheel."""
    path = get_testdata_file(name, download=False)
    assert path is not None
    return Path(path)


@pytest.mark.parametrize("window", [{}, {"WindowCenter": 1000, "WindowWidth": 800}])
def test_monochrome1_looks_like_its_monochrome2_twin(window: dict[str, int]) -> None:
    pixels = make_pixels()
    twin = read_image(make_dicom_bytes(pixels, **window))
    if window:
        window = {"WindowCenter": 4096 - 1000, "WindowWidth": 800}
    negative = read_image(
        make_dicom_bytes(4095 - pixels, PhotometricInterpretation="MONOCHROME1", **window)
    )
    difference = np.abs(negative.display_values().astype(int) - twin.display_values())
    assert difference.max() <= 1  # half levels round either way
    np.testing.assert_array_equal(negative.luminance_values(), twin.luminance_values())


def test_signed_ct_gives_hounsfield_units() -> None:
    image = read_image(bundled("CT_small.dcm"))
    ds = dcmread(bundled("CT_small.dcm"))
    np.testing.assert_array_equal(image.stored_values(), ds.pixel_array)
    np.testing.assert_array_equal(image.modality_values(), apply_modality_lut(ds.pixel_array, ds))
    assert image.modality_values().dtype == np.float32


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_window_agrees_with_pydicom(function: str) -> None:
    ds = make_dataset(WindowCenter=1500.5, WindowWidth=700, VOILUTFunction=function)
    expected = apply_windowing(make_pixels(), ds) / 4095 * 255
    shown = read_image(to_bytes(ds)).display_values()
    np.testing.assert_allclose(shown, expected, atol=0.51)


def test_narrowest_linear_window_is_a_step() -> None:
    shown = apply_window(np.array([9.4, 9.6]), window_center=10, window_width=1)
    np.testing.assert_array_equal(shown, [0, 255])


@pytest.mark.parametrize("width", [0, 0.5, float("nan"), float("inf")])
def test_window_without_width_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match=r"C\.11\.2\.1"):
        apply_window(np.zeros((2, 2)), window_center=0, window_width=width)
    with pytest.raises(ValueError, match=r"C\.11\.2\.1"):
        read_image(make_dicom_bytes()).display_values(
            preset=VoiPreset("window", 0, "", 100.0, width)
        )


def test_presets_keep_luts_then_windows_and_skip_unusable_ones() -> None:
    item = make_lut(0, list(range(4096)), bits=12, explanation="BONE")
    ds = make_dataset(
        WindowCenter=[100, 2048, 500],
        WindowWidth=[0, 4096, 300],
        WindowCenterWidthExplanation=["VOID", "WIDE", "NARROW"],
        VOILUTSequence=[item, Dataset()],
    )
    presets = read_image(to_bytes(ds)).instance.voi_presets
    assert [(p.kind, p.index, p.explanation) for p in presets] == [
        ("lut", 0, "BONE"),
        ("window", 1, "WIDE"),
        ("window", 2, "NARROW"),
    ]


def test_voi_lut_agrees_with_pydicom() -> None:
    table = [int(v**2 / 4095) for v in range(4096)]
    ds = make_dataset(VOILUTSequence=[make_lut(0, table, bits=12)])
    expected = apply_voi(make_pixels(), ds) / 4095 * 255
    np.testing.assert_allclose(read_image(to_bytes(ds)).display_values(), expected, atol=0.51)


def test_lut_answers_inputs_outside_itself_with_its_ends() -> None:
    lut = Lut(first_mapped=-2, bits=8, table=np.arange(300, dtype=np.uint16))
    np.testing.assert_array_equal(apply_lut(np.array([-9, -2, 0, 9999]), lut), [0, 0, 2, 299])


def test_modality_lut_agrees_with_pydicom() -> None:
    table = [4095 - v for v in range(4096)]
    ds = make_dataset(ModalityLUTSequence=[make_lut(0, table)])
    expected = apply_modality_lut(make_pixels(), ds)
    np.testing.assert_array_equal(read_image(to_bytes(ds)).modality_values(), expected)


def test_automatic_window_ignores_padding() -> None:
    pixels = make_pixels() // 4 + 2000
    pixels[:8] = 0
    padded = read_image(make_dicom_bytes(pixels, PixelPaddingValue=0)).automatic_preset()
    assert padded.window_center is not None
    assert padded.window_width is not None
    assert padded.window_center - padded.window_width / 2 >= 2000


@pytest.mark.parametrize("slope", [0, "NaN"])
def test_void_rescale_is_ignored_and_told(slope: Any) -> None:
    image = read_image(
        make_dicom_bytes(RescaleSlope=slope, RescaleIntercept=5, WindowCenter=1, WindowWidth=1)
    )
    np.testing.assert_array_equal(image.modality_values(), make_pixels())
    assert "slope" in image.remarks[0]
    assert image.instance.voi_presets == ()


@pytest.mark.parametrize("shape", [(1, 1), (16, 16)])
def test_constant_picture_is_mid_grey(shape: tuple[int, ...]) -> None:
    image = read_image(make_dicom_bytes(np.full(shape, 7, np.uint16)))
    np.testing.assert_array_equal(image.display_values(), np.full(shape, 128))
    assert np.isfinite(image.luminance_values()).all()


def test_frames_are_decoded_one_by_one() -> None:
    frames = np.stack([make_pixels(), make_pixels()[::-1]])
    image = read_image(make_dicom_bytes(frames))
    assert image.instance.geometry.frames == 2
    np.testing.assert_array_equal(image.stored_values(1), frames[1])
    with pytest.raises(ValueError, match="frame"):
        image.stored_values(2)


def test_frame_takes_its_own_rescale_and_window() -> None:
    def group(slope: int, center: int) -> Dataset:
        rescale, window, item = Dataset(), Dataset(), Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept = slope, 0
        window.WindowCenter, window.WindowWidth = center, 100
        item.PixelValueTransformationSequence, item.FrameVOILUTSequence = [rescale], [window]
        return item

    frames = np.stack([make_pixels()] * 2)
    groups = [group(1, 100), group(2, 200)]
    image = read_image(make_dicom_bytes(frames, PerFrameFunctionalGroupsSequence=groups))
    np.testing.assert_array_equal(image.modality_values(1), 2 * image.modality_values(0))
    assert image.instance.voi_presets[0].window_center == 100
    for frame, center in enumerate((100, 200)):
        values = image.modality_values(frame)
        expected = apply_window(values, window_center=center, window_width=100)
        np.testing.assert_array_equal(image.display_values(frame), expected)


@pytest.mark.parametrize("name", ["SC_rgb_rle.dcm", "SC_ybr_full_422_uncompressed.dcm"])
def test_colour_is_shown_as_rgb_and_reduced_to_luma(name: str) -> None:
    image = read_image(bundled(name))
    shown = image.display_values()
    assert shown.shape == (100, 100, 3)
    expected = shown.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(image.luminance_values(), expected, atol=0.6)


def test_palette_colour_is_looked_up() -> None:
    image = read_image(bundled("examples_palette.dcm"))
    assert image.stored_values().ndim == 2
    assert image.display_values().shape == (*image.stored_values().shape, 3)
    assert image.instance.voi_presets == ()


def test_one_bit_frames_are_unpacked() -> None:
    image = read_image(bundled("liver_1frame.dcm"))
    assert set(np.unique(image.stored_values())) == {0, 1}
    assert set(np.unique(image.display_values())) <= {0, 128, 255}


def test_float_pixels_with_gaps_stay_finite() -> None:
    values = make_pixels().astype(np.float32)
    values[0, 0] = np.nan
    ds = make_dataset(BitsAllocated=32, PixelData=None, FloatPixelData=values.tobytes())
    image = read_image(to_bytes(ds))
    assert np.isfinite(image.modality_values()).all()
    assert image.display_values().max() == 255


@pytest.mark.parametrize(
    "method", ["stored_values", "modality_values", "display_values", "luminance_values"]
)
def test_arrays_are_read_only(method: str) -> None:
    assert not getattr(read_image(make_dicom_bytes()), method)().flags.writeable


def test_decoder_failure_is_our_error() -> None:
    data = bytearray(bundled("MR_small_RLE.dcm").read_bytes())
    data[-4000:-1000] = bytes(3000)
    with pytest.raises(PixelDataError, match="cannot be decoded"):
        read_image(bytes(data)).stored_values()


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm"])
def test_codestream_of_another_size_is_refused(name: str) -> None:
    ds = dcmread(bundled(name))
    ds.Rows = ds.Rows // 2
    with pytest.raises(PixelDataError, match="another size"):
        read_image(to_bytes(ds)).stored_values()


def test_jpeg_without_its_end_is_refused() -> None:
    ds = dcmread(bundled("SC_rgb_jpeg_dcmtk.dcm"))
    ds.PixelData = ds.PixelData.replace(b"\xff\xd9", b"\x00\x00")
    with pytest.raises(PixelDataError, match="before its end"):
        read_image(to_bytes(ds)).stored_values()


def test_twelve_bit_jpeg_extended_is_decoded() -> None:
    image = read_image(bundled("JPGExtended.dcm"))
    assert image.instance.geometry.bits_stored == 12
    assert image.stored_values().max() > 255


def test_depth_that_crashes_gdcm_never_reaches_it() -> None:
    data = bundled("JPGExtended.dcm").read_bytes()
    at = data.index(b"\xff\xc1") + 4  # SOF1: marker, length, precision
    with pytest.raises(PixelDataError, match="depth"):
        read_image(data[:at] + b"\xff" + data[at + 1 :]).stored_values()


def test_void_jp2_box_does_not_hang_the_reader() -> None:
    ds = dcmread(bundled("MR_small_jp2klossless.dcm"))
    (codestream,) = generate_frames(ds.PixelData, number_of_frames=1)
    box = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(8)
    ds.PixelData = encapsulate([box + codestream])
    with pytest.raises(PixelDataError, match="header"):
        read_image(to_bytes(ds)).stored_values()


def test_one_image_serves_many_threads() -> None:
    image = read_image(bundled("MR_small_RLE.dcm"))
    with ThreadPoolExecutor(8) as pool:
        shown = list(pool.map(lambda _: image.display_values().tobytes(), range(32)))
    assert len(set(shown)) == 1
