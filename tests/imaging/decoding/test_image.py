"""A picture in another process says what it says here, number for number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

import imaging.dicom
from imaging.decoding import Source, files, read_image
from imaging.decoding.limits import LARGE, block_means, is_heavy, is_large
from imaging.decoding.pool import DecoderPool
from imaging.dicom.deidentify.burned_in_text import search_file
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.dicom.reader import MAX_HEADER_BYTES, cut_before_pixels
from imaging.dicom.viewer_pixels import screen_pixels
from imaging.entities import Derivation, Geometry
from imaging.errors import NotDicomError, PixelDataError, UnsupportedImageError
from imaging.export import export_case
from imaging.review.records import Stage
from tests.bombs import rle_bomb
from tests.factories import (
    make_dataset,
    make_dicom_bytes,
    make_film_bytes,
    make_lut,
    make_overlay,
    make_pixels,
    to_bytes,
)
from tests.imaging.export_cases import KINDS, NOW, export_case_of, source_bytes

WIDE = make_pixels(60, 50)


def same(one: Any, other: Any) -> bool:
    """Equal records, the arrays in them too."""
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and bool(np.array_equal(one, other))
        )
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if is_dataclass(one) and type(one) is type(other):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


def overlaid() -> bytes:
    ds = make_dataset(WIDE)
    mask = np.zeros((60, 50), bool)
    mask[3:9] = True
    for element in make_overlay(mask).values():
        ds.add(element)
    return to_bytes(ds)


FILMS = {
    **{kind: source_bytes(kind) for kind in KINDS},
    "dark": make_dicom_bytes(WIDE, PhotometricInterpretation="MONOCHROME1"),
    "signed": make_dicom_bytes(WIDE.astype(np.int16) - 900, RescaleSlope=2, RescaleIntercept=-9),
    "table": make_dicom_bytes(WIDE, VOILUTSequence=[make_lut(0, list(range(4096)), bits=12)]),
    "colour": make_dicom_bytes(np.stack([WIDE >> 4] * 3, -1).astype(np.uint8)),
    "volume": make_dicom_bytes(np.stack([WIDE, WIDE[::-1]])),
    "overlay": overlaid(),
    "film": make_film_bytes((WIDE >> 4).astype(np.uint8)),
}


@pytest.mark.parametrize("kind", FILMS)
def test_what_is_asked_comes_as_it_is_here(kind: str) -> None:
    content = FILMS[kind]
    here = imaging.dicom.read_image(content, file_name="a.dcm")
    there = read_image(content, file_name="a.dcm")
    for name in ("instance", "remarks", "refusals", "pixel_aspect", "frame_order"):
        assert same(getattr(there, name), getattr(here, name)), name
    for frame in range(min(here.instance.geometry.frames, 3)):
        for name in ("stored", "modality", "luminance", "display"):
            values = [getattr(image, f"{name}_values")(frame) for image in (there, here)]
            assert same(*values), name
        for name in ("overlay_mask", "automatic_preset", "tint"):
            assert same(getattr(there, name)(frame), getattr(here, name)(frame)), name
        for preset in here.instance.voi_presets:
            assert same(there.voi_lut(preset, frame), here.voi_lut(preset, frame))
            shown = [image.display_values(frame, preset=preset) for image in (there, here)]
            assert same(*shown)
    assert same(there.modality_lut(), here.modality_lut())
    assert same(there.inspect(), imaging.dicom.inspect_image(here))
    assert same(there.screen_pixels(), screen_pixels(here))
    planes, own = there.overlay_planes(), here.overlay_planes()
    assert planes.undrawn == own.undrawn
    assert [(p.group, p.covers(0)) for p in planes.drawn] == [
        (p.group, p.covers(0)) for p in own.drawn
    ]


def test_it_is_known_as_the_records_know_it() -> None:
    one, other = read_image(FILMS["dark"]), read_image(FILMS["volume"])
    known = one.known_as(other.instance)
    assert known.instance.identity == other.instance.identity
    assert known.instance.geometry == one.instance.geometry
    assert same(known.stored_values(), one.stored_values())


def test_a_film_that_is_kept_has_the_name_it_is_asked_by() -> None:
    for name in ("one.dcm", "", "two.dcm"):
        assert read_image(FILMS["dark"], file_name=name).instance.file_name == name


@pytest.fixture(scope="module")
def state() -> Iterator[tuple[bytes, bytes]]:
    case = export_case_of("cr", Stage.FINAL)
    (made,) = (f for f in export_case(case, ["gsps"], NOW) if f.name.startswith("gsps"))
    yield next(iter(case.contents.values())), made.content


def test_a_film_is_shown_under_a_state_as_here(state: tuple[bytes, bytes]) -> None:
    film, gsps = state
    here = imaging.dicom.read_presentation(gsps).on(imaging.dicom.read_image(film))
    there = read_image(film).under(Source.of(gsps))
    for name in ("presentation", "annotations", "texts", "remarks"):
        assert same(getattr(there, name), getattr(here, name)), name
    assert there.image.instance == here.image.instance
    assert same(there.image.screen_pixels(), screen_pixels(here.image))
    assert files.films_of_state(Source.of(gsps)) == (here.presentation.sop_instance_uid,)
    with pytest.raises(UnsupportedImageError):
        read_image(make_dicom_bytes(SOPInstanceUID="2.25.5")).under(Source.of(gsps))


def test_a_report_is_read_as_here() -> None:
    case = export_case_of("cr", Stage.FINAL)
    (made,) = (f for f in export_case(case, ["sr"], NOW) if f.name.startswith("sr"))
    assert same(files.read_report(Source.of(made.content)), imaging.dicom.read_report(made.content))
    with pytest.raises(NotDicomError):
        files.read_report(Source.of(b"none"))


def test_a_copy_without_its_patient_is_made_as_here() -> None:
    project = Project(bytes(range(32)))
    profile = imaging.dicom.Profile(masks=((1, 2, 9, 9),))
    content = make_dicom_bytes(WIDE, PatientName="Doe^Jane")
    here = imaging.dicom.release(content, project, profile)
    assert files.release(Source.of(content), project, profile) == here
    assert not files.may_have_text(Source.of(content))
    assert files.may_have_text(Source.of(make_dicom_bytes(WIDE, BurnedInAnnotation="YES")))
    assert files.search_file(Source.of(content)) == search_file(content)


def test_a_header_is_the_file_up_to_its_pixels() -> None:
    content = FILMS["table"]
    head = files.header_of(Source.of(content))
    assert head == cut_before_pixels(content) and len(head) < len(content) - WIDE.nbytes + 20
    ours, whole = dcmread(BytesIO(head), force=True), dcmread(BytesIO(content))
    del whole.PixelData
    assert ours == whole
    ds = dcmread(BytesIO(content))
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    packed = files.header_of(Source.of(to_bytes(ds)))
    assert dcmread(BytesIO(packed), stop_before_pixels=True) == whole
    long = make_dicom_bytes(WIDE, PatientComments="x" * (MAX_HEADER_BYTES + 1))
    with pytest.raises(PixelDataError, match="header"):
        files.header_of(Source.of(long))


def test_a_photograph_is_looked_at_and_cut() -> None:
    photo = np.full((300, 400), 255, np.uint8)
    photo[60:240, 90:310] = np.add.outer(np.arange(180), np.arange(220)) // 4 + 10
    content = make_film_bytes(photo)
    image = read_image(content, file_name="photo.png")
    seen = image.photograph(200)
    assert seen.shape == (300, 400) and max(seen.small.shape) <= 200
    identity = image.instance.identity
    told = Derivation(
        study_instance_uid=identity.study_instance_uid,
        source_sop_instance_uid=identity.sop_instance_uid,
        source_sha256=identity.sha256,
        corners=((90, 60), (310, 60), (310, 240), (90, 240)),
        quarter_turns=1,
        mirrored=False,
        account="a",
        reader="A",
        created_at=NOW,
    )
    made, instance = image.derived(told, "film.png")
    assert imaging.dicom.read_image(made, file_name="film.png").instance == instance
    assert instance.derivation == told


def test_small_pictures_are_files() -> None:
    image = read_image(FILMS["dark"])
    here, lists = image.small_pictures(30)
    assert PilImage.open(BytesIO(here)).format == "PNG"
    assert PilImage.open(BytesIO(lists)).format == "JPEG"
    assert PilImage.open(BytesIO(image.small_picture(30))).size == (25, 30)


def test_what_is_large_is_told_by_its_geometry() -> None:
    def of(rows: int, columns: int, frames: int = 1, samples: int = 1) -> Geometry:
        return Geometry(rows, columns, frames, samples, "MONOCHROME2", 16)

    assert not is_large(of(5928, 4728)) and not is_heavy(of(5928, 4728)), "a mammogram"
    assert is_large(of(8000, 5000)) and is_heavy(of(8000, 5000))
    assert is_heavy(of(1000, 1000, 200)) and not is_large(of(1000, 1000, 200))


def test_block_means_are_means() -> None:
    values = np.arange(12 * 9, dtype=np.uint16).reshape(12, 9)
    assert np.array_equal(block_means(values), values.astype(np.float32))
    side = int(np.ceil(np.sqrt(LARGE))) + 7
    large = np.zeros((side, side), np.uint8)
    large[:, : side // 2] = 100
    small = block_means(large)
    assert small.size <= LARGE // 4 and small.dtype == np.float32
    assert small[0, 0] == 100 and small[-1, -1] == 0 and abs(small.mean() - 50) < 0.1


@pytest.mark.slow
def test_a_mammogram_of_23_megapixels_is_whole_by_the_quick_process() -> None:
    pixels = np.resize(make_pixels(997, 991), (5640, 4096))
    content = make_dicom_bytes(pixels, Modality="MG")
    pool = DecoderPool()
    image = read_image(content, pool=pool)
    assert np.array_equal(image.screen_pixels().values[0], pixels)
    assert image.luminance_values().shape == image.display_values().shape == pixels.shape
    assert image.inspect().rows == 5640 and image.small_picture(96)
    assert pool._patient.turns == 0, "nothing was too much for the quick one"
    pool.close()


@pytest.mark.slow
def test_a_large_film_is_whole_in_the_viewer_alone() -> None:
    side = 6000
    image = read_image(rle_bomb(side, 9))
    assert is_large(image.instance.geometry)
    assert image.screen_pixels().values.shape == (1, side, side)
    assert image.luminance_values().size <= LARGE // 4
    assert PilImage.open(BytesIO(image.small_picture(96))).size == (96, 96)
    with pytest.raises(PixelDataError, match="too large to be drawn"):
        image.display_values()
