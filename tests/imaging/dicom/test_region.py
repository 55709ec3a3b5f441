"""A region of a film keeps the film's values and header, and says who marked it where."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, RLELossless

from imaging import typed_json
from imaging.derivation import box_corners, derivation_to_json
from imaging.dicom import Image, read_image, write_region
from imaging.entities import Box, Derivation, DerivationKind, Instance, SourceKind
from imaging.errors import PixelDataError
from imaging.store.schema import json_codec
from tests.factories import make_dataset, make_dicom_bytes, make_film_bytes, make_overlay, to_bytes
from tests.photographs import chest

BOX: Box = (5, 3, 27, 20)
PIXELS = np.random.default_rng(2).integers(0, 4096, (24, 32)).astype(np.uint16)


def mark(image: Image, box: Box = BOX, side: str = "R") -> Derivation:
    """A reader's mark on an image."""
    identity = image.instance.identity
    return Derivation(
        identity.study_instance_uid,
        identity.sop_instance_uid,
        identity.sha256,
        box_corners(box),
        0,
        False,
        "anna",
        "Dr. Jürgen Müller",
        datetime(2026, 11, 29, 10, 0, tzinfo=UTC),
        DerivationKind.REGION,
        side,
    )


def region_of(content: bytes, box: Box = BOX, side: str = "R") -> Image:
    image = read_image(content)
    return read_image(write_region(image, mark(image, box, side)))


def test_values_and_what_is_made_of_them_are_those_of_the_film() -> None:
    film = make_dicom_bytes(PIXELS, RescaleSlope="2", RescaleIntercept="-7", WindowCenter="2000",
                            WindowWidth="900")  # fmt: skip
    whole, region = read_image(film), region_of(film)
    left, top, right, bottom = BOX
    cut = np.s_[top:bottom, left:right]
    assert np.array_equal(region.stored_values(), PIXELS[cut])
    assert np.array_equal(region.modality_values(), whole.modality_values()[cut])
    assert np.array_equal(region.display_values(), whole.display_values()[cut])
    assert region.instance.voi_presets == whole.instance.voi_presets


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16])
def test_polarity_and_depth_stay(photometric: str, kind: Any) -> None:
    info = np.iinfo(kind)
    values = np.random.default_rng(3).integers(info.min, info.max, (24, 32)).astype(kind)
    bits = 8 * values.itemsize
    film = make_dicom_bytes(values, PhotometricInterpretation=photometric, BitsStored=bits,
                            HighBit=bits - 1)  # fmt: skip
    region = region_of(film)
    assert region.instance.geometry.photometric_interpretation == photometric
    assert region.stored_values().dtype == kind
    assert np.array_equal(region.stored_values(), values[3:20, 5:27])
    whole = read_image(film)
    preset = whole.automatic_preset()
    shown = whole.display_values(preset=preset)[3:20, 5:27]
    assert np.array_equal(region.display_values(preset=preset), shown)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_a_compressed_film_gives_its_values(syntax: str) -> None:
    large = np.tile(PIXELS, (3, 3))
    ds = make_dataset(large)
    ds.compress(syntax, encoding_plugin="pylibjpeg")
    region = region_of(to_bytes(ds))
    assert np.array_equal(region.stored_values(), large[3:20, 5:27])
    assert region.instance.identity.transfer_syntax_uid == "1.2.840.10008.1.2.1"


def test_what_was_compressed_lossily_stays_so() -> None:
    image = read_image(make_dicom_bytes(PIXELS))
    lossy = replace(image.instance.identity, transfer_syntax_uid="1.2.840.10008.1.2.4.91")
    image = replace(image, instance=replace(image.instance, identity=lossy))
    ds = dcmread(BytesIO(write_region(image, mark(image))))
    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "ISO_15444_1")


def test_patient_study_and_spacing_are_the_films_and_names_are_its_own() -> None:
    film = make_dicom_bytes(PIXELS, ImagerPixelSpacing=[0.14, 0.15], ImageLaterality="B",
                            PatientOrientation=["L", "F"])  # fmt: skip
    whole, region = read_image(film).instance, region_of(film).instance
    assert region.patient == whole.patient
    assert region.geometry.pixel_spacing == (0.14, 0.15)
    assert (region.geometry.rows, region.geometry.columns) == (17, 22)
    assert region.identity.study_instance_uid == whole.identity.study_instance_uid
    assert region.identity.sop_class_uid == whole.identity.sop_class_uid
    own = region.identity.series_instance_uid, region.identity.sop_instance_uid
    assert own != (whole.identity.series_instance_uid, whole.identity.sop_instance_uid)
    said, of_whole = asdict(region.acquisition), asdict(whole.acquisition)
    differing = {name for name in said if said[name] != of_whole[name]}
    assert differing == {"laterality", "image_type", "series_description"}
    assert region.acquisition.laterality == "R"
    assert region.acquisition.image_type[0] == "DERIVED"


@pytest.mark.parametrize(("side", "stated"), [("R", "R"), ("L", "L"), ("", "")])
def test_the_side_is_the_readers_word_alone(side: str, stated: str) -> None:
    region = region_of(make_dicom_bytes(PIXELS), side=side)
    assert region.instance.acquisition.laterality == stated
    assert region.instance.derivation is not None and region.instance.derivation.side == side


def test_the_standards_attributes_name_the_source() -> None:
    image = read_image(make_dicom_bytes(PIXELS, ImageType=["ORIGINAL", "PRIMARY", "LEFT"]))
    ds = dcmread(BytesIO(write_region(image, mark(image))))
    (source,) = ds.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == image.instance.identity.sop_instance_uid
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert list(ds.ImageType) == ["DERIVED", "PRIMARY", "LEFT"]
    assert "22 x 17 pixels at column 6, row 4, marked by Dr. Jürgen Müller" in (
        ds.DerivationDescription
    )
    assert ds.ContributingEquipmentSequence[-1].Manufacturer == "Lightbox"
    assert (ds.Laterality, ds.ImageLaterality) == ("R", "R")


def test_what_lies_over_the_whole_film_is_left_behind() -> None:
    ds = make_dataset(PIXELS, ShutterShape="RECTANGULAR", LargestImagePixelValue=4095)
    for element in make_overlay(np.ones((24, 32), bool)).values():
        ds.add(element)
    ds.private_block(0x0099, "MAKER", create=True).add_new(0x01, "LO", "whole film")
    image = read_image(to_bytes(ds))
    made = dcmread(BytesIO(write_region(image, mark(image))))
    for keyword in ("ShutterShape", "LargestImagePixelValue"):
        assert keyword not in made
    assert (0x6000, 0x3000) not in made and "MAKER" not in str(made)


def test_a_slice_keeps_its_place_in_the_patient() -> None:
    film = make_dicom_bytes(PIXELS, Modality="CT", PixelSpacing=[2.0, 0.5],
                            ImagePositionPatient=[1.0, 2.0, 3.0],
                            ImageOrientationPatient=[1, 0, 0, 0, 1, 0])  # fmt: skip
    assert region_of(film).instance.geometry.image_position == (3.5, 8.0, 3.0)


def test_its_record_survives_file_store_and_pipe() -> None:
    image = read_image(make_dicom_bytes(PIXELS))
    region = read_image(write_region(image, mark(image))).instance
    assert region.derivation == mark(image)
    assert json_codec.instance_from_json(json_codec.instance_to_json(region)) == region
    assert typed_json.read(Instance, typed_json.write(region)) == region


def test_a_picture_without_a_header_gives_a_png_with_its_side() -> None:
    film = chest(60, 50, 1)
    region = region_of(make_film_bytes(film), side="L").instance
    assert region.source is SourceKind.FILM and region.acquisition.laterality == "L"
    whole = read_image(make_film_bytes(film)).instance
    assert region.identity.study_instance_uid == whole.identity.study_instance_uid
    image = region_of(make_film_bytes(film), side="L")
    assert np.array_equal(image.stored_values(), film[3:20, 5:27])
    assert not image.remarks, "no photograph was straightened"


def test_colour_has_no_region() -> None:
    rgb = np.zeros((24, 32, 3), np.uint8)
    rgb[..., 0] = 200
    for content in (make_dicom_bytes(rgb), make_film_bytes(rgb)):
        image = read_image(content)
        with pytest.raises(PixelDataError, match="no grey levels"):
            write_region(image, mark(image))


def test_a_box_beyond_the_film_is_none() -> None:
    image = read_image(make_dicom_bytes(PIXELS))
    with pytest.raises(ValueError, match="beyond"):
        write_region(image, mark(image, (5, 3, 33, 20)))


@pytest.mark.parametrize("note", ["", "{", "[]", '{"kind": "region"}'])
def test_a_damaged_note_makes_no_region(note: str) -> None:
    ds = make_dataset(PIXELS)
    ds.private_block(0x0099, "LIGHTBOX DERIVATION", create=True).add_new(0x01, "UT", note)
    assert read_image(to_bytes(ds)).instance.derivation is None


def test_a_note_of_a_photograph_makes_no_region() -> None:
    """A DICOM file was never straightened: such a note is somebody else's."""
    image = read_image(make_dicom_bytes(PIXELS))
    values = {**derivation_to_json(mark(image)), "kind": "photograph"}
    ds = make_dataset(PIXELS)
    block = ds.private_block(0x0099, "LIGHTBOX DERIVATION", create=True)
    block.add_new(0x01, "UT", str(values).replace("'", '"').replace("False", "false"))
    assert read_image(to_bytes(ds)).instance.derivation is None


def test_every_grey_film_of_the_open_data_gives_its_values_and_its_patient(data: Path) -> None:
    told = 0
    for path in sorted((data / "dicom").rglob("*.dcm")):
        try:
            whole = read_image(path)
            geometry = whole.instance.geometry
            values = whole.stored_values()
        except Exception:
            continue
        if geometry.frames > 1 or not geometry.photometric_interpretation.startswith("MONO"):
            continue
        if min(values.shape[:2]) < 8 or values.dtype.kind == "f":
            continue
        box = (1, 2, geometry.columns - 3, geometry.rows - 1)
        region = read_image(write_region(whole, mark(whole, box)))
        assert np.array_equal(region.stored_values(), values[2 : box[3], 1 : box[2]]), path.name
        assert region.instance.patient == whole.instance.patient, path.name
        assert region.instance.geometry.pixel_spacing == geometry.pixel_spacing, path.name
        told += 1
    assert told > 100
