"""Every file of the DICOM collection in `LIGHTBOX_DATA`: decoded as indexed, or our error."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from imaging.dicom import read_image
from imaging.errors import AssistantError, InputError, NotDicomError, PixelDataError
from imaging.settings import Settings

DATA = Settings.from_environment().data
ROOT = DATA / "dicom" if DATA else Path("LIGHTBOX_DATA-is-unset")

# The index was made with libjpeg (GPL, not installed here); the inverse cosine transforms of
# libjpeg-turbo and of GDCM, which agree, round some 12-bit samples the other way.
ROUNDED_OTHERWISE = {
    "d164_CT0012_fragmented_no_bot_jpeg_baseline_5.dcm",
    "d165_CTImage_dcm_JPEGProcess2_4TransferSyntax.dcm",
}

# The index wants a clear error; what the header lacks follows from the length of the pixels, or
# (polarity) is said. The picture is shown with a remark, and no network answers.
SHOWN = {"x_missing_SamplesPerPixel.dcm", "x_spp3_mono.dcm", "x_pi_nonsense.dcm"}


def rows(index: str) -> list[dict[str, str]]:
    """The lines of an index; none without data."""
    if not (ROOT / index).is_file():
        return []
    with (ROOT / index).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def cases(index: str, column: str = "file", words: str = "") -> list:
    """The lines with some words in a column, or one parameter that is skipped with its reason."""
    found = [row for row in rows(index) if words in row[column]]
    if found:
        return [pytest.param(row, id=Path(row["file"]).stem) for row in found]
    return [pytest.param({}, marks=pytest.mark.skip(reason="LIGHTBOX_DATA/dicom is not there"))]


@pytest.mark.parametrize("row", cases("index.csv", "decodes", "yes"))
def test_indexed_file_decodes_to_the_indexed_pixels(row: dict[str, str]) -> None:
    image = read_image(ROOT / row["file"])
    frames = [image.stored_values(frame) for frame in range(image.instance.geometry.frames)]
    shape = frames[0].shape if len(frames) == 1 else (len(frames), *frames[0].shape)
    assert "x".join(map(str, shape)) == row["shape"]
    if Path(row["file"]).name not in ROUNDED_OTHERWISE:
        digest = hashlib.sha1(b"".join(frame.tobytes() for frame in frames)).hexdigest()
        assert digest[:16] == row["pix_sha1"]


@pytest.mark.slow
@pytest.mark.parametrize("row", [*cases("index.csv", "decodes", "no"), *cases("broken/index.csv")])
def test_odd_file_is_shown_or_refused_in_our_words(row: dict[str, str]) -> None:
    try:
        image = read_image(ROOT / row["file"])
        shown, luminance = image.display_values(), image.luminance_values()
    except AssistantError as error:
        assert isinstance(error, InputError)
        assert str(error).endswith(".")
    else:
        assert shown.dtype == np.uint8
        assert np.isfinite(luminance).all()


@pytest.mark.parametrize("row", cases("broken/index.csv", "expected", "clear error"))
def test_file_that_must_fail_fails(row: dict[str, str]) -> None:
    if Path(row["file"]).name in SHOWN:
        image, original = (
            read_image(ROOT / row["file"]),
            read_image(ROOT / "broken/x_u16_12bit.dcm"),
        )
        assert image.refusals
        assert np.abs(image.display_values().astype(int) - original.display_values()).max() <= 1
        return
    with pytest.raises((NotDicomError, PixelDataError)):
        read_image(ROOT / row["file"])


@pytest.mark.skipif(not ROOT.is_dir(), reason="LIGHTBOX_DATA/dicom is not there")
@pytest.mark.parametrize("name", ["x_mono1_true.dcm", "x_u16_12bit.dcm"])
def test_twin_looks_like_its_original(name: str) -> None:
    original = read_image(ROOT / "broken/x_no_preamble.dcm").display_values().astype(int)
    twin = read_image(ROOT / "broken" / name).display_values()
    assert np.abs(original - twin).max() <= 1


@pytest.mark.skipif(not ROOT.is_dir(), reason="LIGHTBOX_DATA/dicom is not there")
def test_twelve_bit_jpeg_resembles_its_lossless_twin() -> None:
    conformance = ROOT / "conformance"
    lossy = read_image(conformance / "d158_RG3_JPLY.dcm").modality_values()
    exact = read_image(conformance / "d172_RG3_JPLL.dcm").modality_values()
    assert np.abs(lossy - exact).mean() < 2
