"""Grey levels and colours clause by clause of PS3.3, beside what DCMTK and SimpleITK make of them.

Every row is one clause, one made-up file and the peer's rendering. They agree to one level of 255:
DCMTK cuts fractions off where we round. What a peer does otherwise is a row of its own, with why.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - everybody calls it so
from numpy.typing import NDArray
from PIL import Image as PilImage
from pydicom.dataset import Dataset
from pydicom.pixels import convert_color_space
from pydicom.uid import ExplicitVRBigEndian

from imaging.dicom import inspect_image, read_image
from imaging.dicom.viewer_pixels import screen_pixels
from tests.factories import make_dataset, make_lut, make_pixels, to_bytes
from tests.imaging.peers import peer

Levels = NDArray[np.uint8]
SIGNED = make_pixels().astype(np.int16) - 2048
CURVE = [int(v**2 / 4095) for v in range(4096)]
WIDE = {"WindowCenter": 2048, "WindowWidth": 4096}
SHIFTED = {"RescaleSlope": 2, "RescaleIntercept": -1024}


@dataclass(frozen=True)
class Row:
    """A clause, the attributes of a file that exercises it, and what DCMTK is told."""

    clause: str
    attributes: dict[str, Any]
    options: tuple[str, ...] = ("+Wi", "1")
    pixels: NDArray[Any] | None = None
    preset: int = 0


GREY = {
    "linear": Row("C.11.2.1.2.1", WIDE),
    "linear, narrow": Row("C.11.2.1.2.1", {"WindowCenter": 1500.5, "WindowWidth": 700}),
    "linear, width 1": Row("C.11.2.1.2.1", {"WindowCenter": 2000, "WindowWidth": 1}),
    "linear, width 2": Row("C.11.2.1.2.1", {"WindowCenter": 2000, "WindowWidth": 2}),
    "sigmoid": Row(
        "C.11.2.1.3.1",
        {"WindowCenter": 2000, "WindowWidth": 1000, "VOILUTFunction": "SIGMOID"},
        ("+Wi", "1", "+Wfs"),
    ),
    "second of several windows": Row(
        "C.11.2.1.2",
        {"WindowCenter": [100, 3000], "WindowWidth": [50, 900]},
        ("+Wi", "2"),
        preset=1,
    ),
    "VOI LUT": Row("C.11.2.1.1", {"VOILUTSequence": [make_lut(0, CURVE, bits=12)]}, ("+Wl", "1")),
    "VOI LUT of 8 bits": Row(
        "C.11.2.1.1",
        {"VOILUTSequence": [make_lut(0, [v // 16 for v in range(4096)], bits=8)]},
        ("+Wl", "1"),
    ),
    "VOI LUT shorter than the values": Row(
        "C.11.2.1.1",
        {"VOILUTSequence": [make_lut(1000, list(range(0, 65536, 64)), bits=16)]},
        ("+Wl", "1"),
    ),
    "VOI LUT over negative values": Row(
        "C.11.2.1.1",
        {"VOILUTSequence": [make_lut(-2048, CURVE, bits=12)]},
        ("+Wl", "1"),
        SIGNED,
    ),
    "second VOI LUT": Row(
        "C.11.2.1.1",
        {"VOILUTSequence": [make_lut(0, CURVE), make_lut(0, CURVE[::-1], bits=12)]},
        ("+Wl", "2"),
        preset=1,
    ),
    "rescale": Row("C.11.1.1.2", {**SHIFTED, "WindowCenter": 1000, "WindowWidth": 3000}),
    "rescale by a fraction": Row(
        "C.11.1.1.2",
        {"RescaleSlope": 0.25, "RescaleIntercept": 7.5, "WindowCenter": 500, "WindowWidth": 800},
    ),
    "rescale downwards": Row(
        "C.11.1.1.2",
        {"RescaleSlope": -1, "RescaleIntercept": 4095, **WIDE},
    ),
    "signed": Row("C.7.6.3.1.1", {"WindowCenter": 0, "WindowWidth": 4096}, pixels=SIGNED),
    "signed, rescaled": Row(
        "C.11.1.1.2", {**SHIFTED, "WindowCenter": 0, "WindowWidth": 2000}, pixels=SIGNED
    ),
    "Modality LUT": Row("C.11.1.1.1", {"ModalityLUTSequence": [make_lut(0, CURVE)], **WIDE}),
    "Modality LUT, signed": Row(
        "C.11.1.1.1", {"ModalityLUTSequence": [make_lut(-2048, CURVE)], **WIDE}, pixels=SIGNED
    ),
    "Modality LUT before the VOI LUT": Row(
        "C.11.2.1",
        {
            "ModalityLUTSequence": [make_lut(0, CURVE[::-1])],
            "VOILUTSequence": [make_lut(0, CURVE, bits=12)],
        },
        ("+Wl", "1"),
    ),
    "MONOCHROME1": Row("C.7.6.3.1.2", {"PhotometricInterpretation": "MONOCHROME1", **WIDE}),
    "MONOCHROME1 through a VOI LUT": Row(
        "C.7.6.3.1.2",
        {
            "PhotometricInterpretation": "MONOCHROME1",
            "VOILUTSequence": [make_lut(0, CURVE, bits=12)],
        },
        ("+Wl", "1"),
    ),
    "presentation LUT shape INVERSE": Row(
        "C.11.6.1.2",
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE", **WIDE},
    ),
    "presentation LUT shape IDENTITY": Row(
        "C.11.6.1.2", {"PresentationLUTShape": "IDENTITY", **WIDE}
    ),
    "padding in a stated window": Row("C.7.5.1.1.2", {"PixelPaddingValue": 0, **WIDE}),
    "padding range in a stated window": Row(
        "C.7.5.1.1.2", {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 500, **WIDE}
    ),
}


def dcmtk(ds: Dataset, folder: Path, *options: str) -> Levels:
    """DCMTK's rendering: (rows, columns) or (rows, columns, 3)."""
    file, out = folder / "in.dcm", folder / "out.pnm"
    file.write_bytes(to_bytes(ds))
    command = [peer("dcm2pnm", "dcmtk"), *options, str(file), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and out.is_file(), done.stderr
    with PilImage.open(out) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("row", GREY.values(), ids=GREY)
def test_grey_levels_are_those_of_dcmtk(row: Row, tmp_path: Path) -> None:
    ds = make_dataset(row.pixels, **row.attributes)
    image = read_image(to_bytes(ds))
    shown = image.display_values(preset=image.instance.voi_presets[row.preset])
    assert np.ptp(shown) > 100, row.clause  # a flat picture would agree with anything
    difference = np.abs(shown.astype(int) - dcmtk(ds, tmp_path, *row.options))
    assert difference.max() <= 1, f"PS3.3 {row.clause}"


@pytest.mark.parametrize("width", [100, 8, 1, 0.5])
def test_linear_exact_is_that_of_simpleitk(width: float) -> None:
    """C.11.2.1.3.2: dcm2pnm 3.6.7 reads LINEAR_EXACT as LINEAR, so ITK's own window stands in."""
    ds = make_dataset(VOILUTFunction="LINEAR_EXACT", WindowCenter=2000.5, WindowWidth=width)
    film = sitk.GetImageFromArray(make_pixels().astype(np.float64))
    low, high = 2000.5 - width / 2, 2000.5 + width / 2
    expected = sitk.GetArrayFromImage(sitk.IntensityWindowing(film, low, high, 0, 255))
    shown = read_image(to_bytes(ds)).display_values()
    np.testing.assert_allclose(shown, expected, atol=0.51)


@pytest.mark.parametrize(
    ("photometric", "shape"), [("MONOCHROME2", "INVERSE"), ("MONOCHROME1", "IDENTITY")]
)
def test_a_contradicted_shape_is_told_where_dcmtk_turns_the_picture(
    photometric: str, shape: str, tmp_path: Path
) -> None:
    """C.8.11.3.1.2 forbids the pair: we follow the tag that every image has, and say so."""
    ds = make_dataset(
        None, PhotometricInterpretation=photometric, PresentationLUTShape=shape, **WIDE
    )
    image = read_image(to_bytes(ds))
    negative = 255 - dcmtk(ds, tmp_path, "+Wi", "1").astype(int)
    assert np.abs(image.display_values() - negative).max() <= 1
    assert "polarity" in [caution.code for caution in inspect_image(image).cautions]


@pytest.mark.parametrize(
    ("attributes", "values"),
    [
        ({}, make_pixels()),
        ({**SHIFTED}, SIGNED),
        ({"RescaleSlope": 0.25, "RescaleIntercept": 7.5}, make_pixels()),
        ({"RescaleSlope": -1, "RescaleIntercept": 4095}, make_pixels()),
    ],
)
def test_modality_values_are_those_of_simpleitk(
    attributes: dict[str, Any], values: NDArray[Any], tmp_path: Path
) -> None:
    """C.11.1.1.2. SimpleITK knows no Modality LUT, and turns MONOCHROME1 into MONOCHROME2."""
    ds = make_dataset(values, **attributes)
    np.testing.assert_allclose(
        read_image(to_bytes(ds)).modality_values(), simpleitk(ds, tmp_path), atol=1e-4
    )


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ({"PixelPaddingValue": 0}, slice(1, None)),
        ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 1200}, slice(1201, None)),
        ({"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 3500}, slice(0, 3500)),
    ],
)
def test_padding_does_not_move_the_window_we_choose(
    attributes: dict[str, int], kept: slice
) -> None:
    """C.7.5.1.1.2: value and range limit, in either order; both ends belong to the padding."""
    pixels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    found = read_image(to_bytes(make_dataset(pixels, **attributes))).automatic_preset()
    low, high = np.percentile(np.arange(4096)[kept], (0.5, 99.5))
    assert found.window_width == pytest.approx(high - low)
    assert found.window_center == pytest.approx((low + high) / 2)


@pytest.mark.parametrize(
    "attributes",
    [
        {"PixelAspectRatio": [2, 1]},
        {"PixelAspectRatio": [1, 2]},
        {"PixelSpacing": [0.2, 0.4]},
        {"ImagerPixelSpacing": [0.4, 0.2]},
        {"PixelSpacing": [0.2, 0.2], "PixelAspectRatio": [2, 1]},
        {},
    ],
)
def test_the_shape_of_a_pixel_is_that_of_dcmtk(attributes: dict[str, Any], tmp_path: Path) -> None:
    """C.7.6.3.1.7 and 10.7.1.3: a spacing outranks the ratio."""
    ds = make_dataset(None, **attributes, **WIDE)
    rows, columns = dcmtk(ds, tmp_path, "+Wi", "1", "+Sxv", "32").shape
    aspect = screen_pixels(read_image(to_bytes(ds))).pixel_aspect
    assert (rows, columns) == (round(24 * aspect), 32)


def colours() -> Levels:
    """(24, 32, 3): every corner of the cube is near."""
    down, along = np.mgrid[:24, :32]
    return np.stack([down * 11, along * 8, 255 - down * 5 - along * 4], 2).astype(np.uint8)


def ybr() -> Levels:
    """`colours` as YBR_FULL, constant over pairs of columns so that 4:2:2 loses nothing."""
    pairs = colours()[:, ::2].repeat(2, axis=1)
    return convert_color_space(pairs, "RGB", "YBR_FULL")


def planes(pixels: Levels) -> dict[str, Any]:
    """The same pixels colour by plane."""
    return {"PlanarConfiguration": 1, "PixelData": pixels.transpose(2, 0, 1).tobytes()}


def halved(pixels: Levels) -> dict[str, Any]:
    """Two luminances and one pair of colours for every two pixels."""
    luma, blue, red = pixels[..., 0], pixels[:, ::2, 1], pixels[:, ::2, 2]
    packed = np.stack([luma[:, ::2], luma[:, 1::2], blue, red], 2)
    return {"PhotometricInterpretation": "YBR_FULL_422", "PixelData": packed.tobytes()}


def palette(bits: int, *, first: int = 0, big: bool = False, segmented: bool = False) -> Dataset:
    """Indices of 8 bits under a palette of 256 - `first` entries."""
    index = np.clip(np.add.outer(np.arange(24), np.arange(32)) * 5, 0, 255).astype(np.uint8)
    ds = make_dataset(index, PhotometricInterpretation="PALETTE COLOR")
    entries, top = 256 - first, 2**bits - 1
    kind = "u1" if bits == 8 else ">u2" if big else "<u2"
    for turn, name in enumerate(("Red", "Green", "Blue")):
        table = np.linspace(0, top, entries).round()[:: -1 if turn == 1 else 1]
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [entries, first, bits])
        keyword = f"{'Segmented' * segmented}{name}PaletteColorLookupTableData"
        if segmented:  # C.7.9.2: one discrete entry, then a line to the last
            table = np.array([0, 1, table[0], 1, entries - 1, table[-1]])
        setattr(ds, keyword, table.astype(kind).tobytes())
        ds[keyword].VR = "OW"
    if big:
        ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    return ds


COLOUR: dict[str, tuple[str, Callable[[], Dataset], int]] = {
    "RGB by pixel": ("C.7.6.3.1.3", lambda: make_dataset(colours()), 0),
    "RGB by plane": ("C.7.6.3.1.3", lambda: make_dataset(colours(), **planes(colours())), 0),
    "YBR_FULL": (
        "C.7.6.3.1.2",
        lambda: make_dataset(ybr(), PhotometricInterpretation="YBR_FULL"),
        2,
    ),
    "YBR_FULL by plane": (
        "C.7.6.3.1.2",
        lambda: make_dataset(ybr(), PhotometricInterpretation="YBR_FULL", **planes(ybr())),
        2,
    ),
    "YBR_FULL_422": ("C.7.6.3.1.2", lambda: make_dataset(ybr(), **halved(ybr())), 2),
    "palette of 8 bits": ("C.7.6.3.1.6", lambda: palette(8), 0),
    "palette of 16 bits": ("C.7.6.3.1.6", lambda: palette(16), 1),
    "palette that starts late": ("C.7.6.3.1.5", lambda: palette(16, first=40), 1),
    "palette, big endian": ("C.7.6.3.1.6", lambda: palette(16, big=True), 1),
}


UNKNOWN_TO_GDCM = ("palette that starts late", "palette, big endian")


@pytest.mark.parametrize(("clause", "make", "tolerance"), COLOUR.values(), ids=COLOUR)
def test_colours_are_those_of_dcmtk(
    clause: str, make: Callable[[], Dataset], tolerance: int, tmp_path: Path
) -> None:
    """DCMTK counts YBR in whole numbers: two levels; SimpleITK's are exact, see below."""
    ds = make()
    shown = read_image(to_bytes(ds)).display_values()
    assert np.ptp(shown) > 100, clause
    difference = np.abs(shown.astype(int) - dcmtk(ds, tmp_path))
    assert difference.max() <= tolerance, f"PS3.3 {clause}"


@pytest.mark.parametrize("name", [name for name in COLOUR if name not in UNKNOWN_TO_GDCM])
def test_colours_are_those_of_simpleitk(name: str, tmp_path: Path) -> None:
    clause, make, _ = COLOUR[name]
    ds = make()
    difference = read_image(to_bytes(ds)).display_values().astype(int) - simpleitk(ds, tmp_path)
    assert np.abs(difference).max() <= 1, f"PS3.3 {clause}"


@pytest.mark.parametrize(("bits", "big"), [(16, False), (16, True)])
def test_a_segmented_palette_is_its_table_written_out(bits: int, big: bool) -> None:
    """C.7.9.2: DCMTK 3.6.7 and SimpleITK decline segments; the unsegmented twin is the measure."""
    found = read_image(to_bytes(palette(bits, big=big, segmented=True))).display_values()
    twin = read_image(to_bytes(palette(bits, big=big))).display_values()
    assert np.ptp(twin) > 100
    assert np.abs(found.astype(int) - twin).max() <= 1


def test_a_jpeg_that_is_ycbcr_under_an_rgb_tag_shows_true_colours(data: Path) -> None:
    """JFIF knows no RGB. DCMTK and SimpleITK believe the tag and show this picture falsely."""
    film = data / "dicom/conformance/d168_GH195.dcm"
    image = read_image(film)
    assert image.instance.geometry.photometric_interpretation == "RGB"
    luma = image.luminance_values()
    believed = sitk.GetArrayFromImage(
        sitk.ReadImage(str(data / "dicom/conformance/d168_GH195.dcm"))
    )
    assert np.abs(luma - believed.reshape(*luma.shape, 3)[..., 0]).mean() < 1  # its "red" is luma


def simpleitk(ds: Dataset, folder: Path) -> NDArray[Any]:
    """What SimpleITK (by GDCM) reads: modality values or RGB."""
    file = folder / "in.dcm"
    file.write_bytes(to_bytes(ds))
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
    return np.asarray(found[0])
