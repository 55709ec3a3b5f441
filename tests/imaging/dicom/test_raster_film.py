"""imaging/dicom/raster_film.py and synthetic.py: PNG and JPEG in, synthetic DICOM out."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage
from pydicom import dcmread

from imaging.dicom import read_image
from imaging.dicom.synthetic import write_synthetic_film
from imaging.entities import Patient, SourceKind
from imaging.errors import PixelDataError, UnsupportedImageError
from tests.factories import make_film_bytes, make_pixels

GREY = (make_pixels(bits=8)).astype(np.uint8)

DX_TYPE_1 = [
    *("ImageType", "PatientOrientation", "ImagerPixelSpacing", "ImageLaterality", "Modality"),
    *("PixelIntensityRelationship", "PixelIntensityRelationshipSign", "PixelRepresentation"),
    *("RescaleIntercept", "RescaleSlope", "RescaleType", "PresentationLUTShape"),
    *("LossyImageCompression", "BurnedInAnnotation", "PresentationIntentType"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
]


def exif(orientation: int) -> bytes:
    """EXIF data that asks for an orientation."""
    data = PilImage.Exif()
    data[0x0112] = orientation
    return data.tobytes()


@pytest.mark.parametrize("array", [GREY, make_pixels(bits=16)], ids=["8 bit", "16 bit"])
def test_grey_png_keeps_its_values(array: np.ndarray) -> None:
    image = read_image(make_film_bytes(array))
    np.testing.assert_array_equal(image.stored_values(), array)
    assert image.instance.geometry.bits_stored == 8 * array.dtype.itemsize


def test_film_carries_no_patient_and_stable_uids() -> None:
    data = make_film_bytes(GREY, "JPEG", comment=b"Doe^Jane 1970")
    first, second = read_image(data, file_name="a.jpg"), read_image(data, file_name="b.jpg")
    assert first.instance.patient == Patient()
    assert first.instance.source is SourceKind.FILM
    assert first.instance.identity == second.instance.identity
    assert first.instance.identity.sop_instance_uid.startswith("2.25.")


def test_nearly_grey_colour_counts_as_grey() -> None:
    rgb = np.stack([GREY, GREY, np.where(GREY > 1, GREY - 2, GREY)], axis=2)
    assert read_image(make_film_bytes(rgb)).instance.geometry.samples_per_pixel == 1


def test_colour_stays_colour() -> None:
    rgb = np.stack([GREY, GREY, 255 - GREY], axis=2)
    image = read_image(make_film_bytes(rgb))
    assert image.instance.geometry.photometric_interpretation == "RGB"
    np.testing.assert_array_equal(image.display_values(), rgb)


def test_transparency_is_flattened_onto_black() -> None:
    rgba = np.full((4, 6, 4), 200, np.uint8)
    rgba[:, :3, 3], rgba[:, 3:, 3] = 255, 0
    stored = read_image(make_film_bytes(rgba)).stored_values()
    assert (stored[:, :3] == 200).all()
    assert (stored[:, 3:] == 0).all()


def test_palette_png_is_looked_up() -> None:
    colours = np.stack([GREY, 255 - GREY, GREY], axis=2)
    palette = PilImage.fromarray(colours).convert("P", palette=PilImage.Palette.WEB)
    buffer = BytesIO()
    palette.save(buffer, "PNG")
    expected = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(read_image(buffer.getvalue()).display_values(), expected)


def test_exif_rotation_is_carried_out() -> None:
    data = make_film_bytes(GREY, exif=exif(6))
    np.testing.assert_array_equal(read_image(data).stored_values(), np.rot90(GREY, -1))


@pytest.mark.parametrize("orientation", [2, 4, 5, 7])
def test_mirrored_film_is_refused(orientation: int) -> None:
    with pytest.raises(UnsupportedImageError, match="mirrored"):
        read_image(make_film_bytes(GREY, exif=exif(orientation)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_damaged_film_is_our_error(kind: str) -> None:
    data = make_film_bytes(GREY, kind)
    with pytest.raises(PixelDataError, match="damaged"):
        read_image(data[: len(data) * 6 // 10])


def test_bomb_is_refused_before_it_is_unpacked() -> None:
    huge = make_film_bytes(np.zeros((9000, 6000), np.uint8), compress_level=1)
    with pytest.raises(PixelDataError, match="6000 x 9000"):
        read_image(huge)


def test_animation_is_refused() -> None:
    frames = [PilImage.fromarray(GREY), PilImage.fromarray(255 - GREY)]
    data = make_film_bytes(GREY, save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedImageError, match="animation"):
        read_image(data)


def test_synthetic_film_reads_back_equal_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "example.dcm"
    write_synthetic_film(make_pixels(), path=path, description="Made-up chest", number=3)
    image = read_image(path)
    np.testing.assert_array_equal(image.stored_values(), make_pixels())
    assert image.instance.acquisition.synthetic
    assert image.instance.patient.name == "SYNTHETIC^EXAMPLE 03"
    assert image.instance.patient.age_years == 4
    assert image.remarks == ()


def test_synthetic_film_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm"):
        write_synthetic_film(make_pixels(), path=tmp_path / name, description="Made-up chest")
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_synthetic_film_holds_the_type_1_attributes_of_dx(tmp_path: Path) -> None:
    write_synthetic_film(make_pixels(), path=tmp_path / "a.dcm", description="x", burned_in=True)
    ds = dcmread(tmp_path / "a.dcm")
    assert [keyword for keyword in DX_TYPE_1 if ds.get(keyword) in (None, "")] == []
    assert ds.BurnedInAnnotation == "YES"


@pytest.mark.parametrize("change", [{"number": 0}, {"description": ""}, {"patient_age": "4 years"}])
def test_synthetic_film_is_written_strictly(tmp_path: Path, change: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"path": tmp_path / "a.dcm", "description": "x"} | change
    with pytest.raises(ValueError, match="must"):
        write_synthetic_film(make_pixels(), **arguments)
