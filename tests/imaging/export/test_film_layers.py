"""What a file draws over its film, and where its lengths hold, in what leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from imaging.dicom import Image, read_image, read_presentation
from imaging.dicom.documents.presentation_state import Staging
from imaging.entities import LengthPlane
from imaging.export import ExportCase, export_case
from imaging.export.study import pdf
from imaging.review.measure import measure
from imaging.review.records import Annotation, Measure, Presentation, Review, Shape, Stage
from imaging.study import StudyRecord
from tests.factories import make_dataset, make_overlay, make_pixels, to_bytes
from tests.imaging.export.test_documents import pages, plain
from tests.imaging.export_cases import NOW, SAID, SIGNED, assessment, attribution, case_with

ROWS, COLUMNS = 60, 80
MARK = np.zeros((ROWS, COLUMNS), bool)
MARK[3:12, 4] = MARK[11, 4:9] = True
GREEN = (40, 220, 110)
EQUAL = {"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2]}


def film(*planes: dict[int, Any], **attributes: Any) -> bytes:
    ds = make_dataset(make_pixels(ROWS, COLUMNS), **attributes)
    for plane in planes:
        for element in plane.values():
            ds.add(element)
    return to_bytes(ds)


def case(
    content: bytes, *marks: Annotation, overlays: bool = True, maps: bool = False
) -> ExportCase:
    """A study of one film that somebody read and left like this."""
    instance = read_image(content).instance
    study, uid = instance.identity.study_instance_uid, instance.identity.sop_instance_uid
    read = Review(
        study, 1, Stage.FINAL, "mueller", "Dr. Müller", SIGNED,
        annotations=marks, presentations=(Presentation(uid, overlays=overlays),),
    )  # fmt: skip
    record = StudyRecord(study, (instance,), (assessment(uid),), (read,), SAID)
    faint = replace(attribution(uid, 0, ROWS, COLUMNS), values=np.zeros((4, 4), np.float32))
    explained = (faint,) if maps else ()
    return case_with(record, {uid: content}, maps=explained)


def exported(made: ExportCase, kind: str) -> bytes:
    return next(f.content for f in export_case(made, [kind], NOW) if f.name.startswith(f"{kind}-"))


def greens(pixels: np.ndarray) -> int:
    return int((pixels == GREEN).all(axis=-1).sum()) if pixels.ndim == 3 else 0


def test_a_secondary_capture_shows_the_overlay_the_reader_saw() -> None:
    marked = film(make_overlay(MARK))
    shown = dcmread(BytesIO(exported(case(marked, maps=True), "sc"))).pixel_array
    assert greens(shown) >= MARK.sum() - 2  # but for the line around what the network saw
    hidden = dcmread(BytesIO(exported(case(marked, maps=True, overlays=False), "sc"))).pixel_array
    assert greens(hidden) == 0
    assert hidden.shape[0] > shown.shape[0]  # a line more, which says so


@pytest.mark.parametrize("maps", [True, False])
def test_the_pdf_shows_it_too(maps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[np.ndarray] = []
    real = pdf.thumbnail

    def keep(values: np.ndarray, *, size: int) -> bytes:
        drawn.append(values)
        return real(values, size=size)

    monkeypatch.setattr(pdf, "thumbnail", keep)
    exported(case(film(make_overlay(MARK)), maps=maps), "pdf")
    assert greens(drawn[0]) == MARK.sum()


def test_the_pdf_names_what_is_not_drawn(tmp_path: Path) -> None:
    broken = make_overlay(MARK)
    del broken[0x3000]
    printed = plain(" ".join(pages(case(film(broken)), tmp_path)))
    assert "Overlay 1 of this file cannot be drawn" in printed
    printed = plain(" ".join(pages(case(film(make_overlay(MARK)), overlays=False), tmp_path)))
    assert "The doctor switched the file's overlay off" in printed


def test_pixels_that_are_not_square_are_printed_as_on_the_screen() -> None:
    (picture,) = case(film(PixelAspectRatio=[2, 1])).pictures
    assert picture.shown.shape == (2 * ROWS, COLUMNS)


def places(mask: np.ndarray | None) -> list[list[int]]:
    """Rows and columns that are set."""
    assert mask is not None
    return np.argwhere(mask).tolist()


def covered(image: Image) -> list[list[int]]:
    return places(image.overlay_mask())


def staged(made: ExportCase, content: bytes, change: Any = None) -> Staging:
    """The exported state, maybe changed, on its film."""
    ds = dcmread(BytesIO(exported(made, "gsps")))
    if change:
        change(ds)
    return read_presentation(to_bytes(ds)).on(read_image(content))


def test_a_presentation_puts_the_overlay_on_a_layer() -> None:
    content = film(make_overlay(MARK), make_overlay(MARK[::-1], group=0x6004))
    ds = dcmread(BytesIO(exported(case(content), "gsps")))
    assert [ds[group, 0x1001].value for group in (0x6000, 0x6004)] == ["OVERLAYS"] * 2
    assert "OVERLAYS" in [layer.GraphicLayer for layer in ds.GraphicLayerSequence]
    found = staged(case(content), content)
    assert covered(found.image) == places(MARK | MARK[::-1])
    assert found.remarks == ()


def test_a_presentation_follows_the_switch() -> None:
    content = film(make_overlay(MARK))
    made = case(content, overlays=False)
    assert (0x6000, 0x1001) not in dcmread(BytesIO(exported(made, "gsps")))
    found = staged(made, content)
    assert found.image.overlay_mask() is None
    assert "leaves out an overlay" in " ".join(found.remarks)
    assert read_image(content).overlay_mask() is not None  # the film itself keeps it


def test_a_presentation_may_bring_an_overlay_of_its_own() -> None:
    content = film(make_overlay(MARK))
    film_itself = read_image(content)

    def bring(ds: Dataset) -> None:
        for element in make_overlay(MARK[:, ::-1]).values():
            ds.add(element)

    ds = dcmread(BytesIO(exported(case(content), "gsps")))
    bring(ds)
    found = read_presentation(to_bytes(ds)).on(film_itself)
    assert covered(found.image) == places(MARK[:, ::-1])
    assert covered(film_itself) == places(MARK)  # and the film is as it was
    assert found.image.instance.identity.sha256 != film_itself.instance.identity.sha256


def length(content: bytes) -> Annotation:
    """A line of a hundred pixels' worth, measured as on Review."""
    image = read_image(content)
    geometry = image.instance.geometry
    uid = image.instance.identity.sop_instance_uid
    mark = Annotation("m1", uid, Shape.LENGTH, ((10.0, 5.0), (60.0, 5.0)), label="rib")
    measures = measure(
        mark,
        image.modality_values(),
        spacing=geometry.pixel_spacing,
        plane=geometry.length_plane,
        magnification=geometry.magnification,
    )
    return replace(mark, measures=measures)


@pytest.mark.parametrize(
    ("attributes", "number", "words"),
    [
        (EQUAL, "10 mm", "at the detector"),
        ({"ImagerPixelSpacing": [0.2, 0.2]}, "10 mm", "at the detector"),
        (
            EQUAL | {"EstimatedRadiographicMagnificationFactor": 1.5},
            "6.667 mm",
            "at the detector / 1.5",
        ),
        ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.2, 0.2]}, "5 mm", "calibrated"),
        ({"PixelSpacing": [0.2, 0.2]}, "10 mm", "plane not stated"),
        ({"PixelSpacing": [0.2, 0.2], "Modality": "CT"}, "10 mm", ""),
    ],
)
def test_every_export_says_where_a_length_holds(
    attributes: dict[str, Any], number: str, words: str, tmp_path: Path
) -> None:
    content = film(**attributes)
    made = case(content, length(content))
    printed = plain(" ".join(pages(made, tmp_path)))
    assert f"length {number}" in printed
    state = dcmread(BytesIO(exported(made, "gsps")))
    beside = state.GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue
    report = "\n".join(said(dcmread(BytesIO(exported(made, "sr")))))
    fhir = json.dumps(json.loads(exported(made, "fhir")))
    table = exported(made, "csv").decode("utf-8-sig")
    if words:
        assert f"length {number} ({words})" in printed
        assert f"({words})" in beside
        assert f"Lengths in this group: {words}" in report
        assert "Measurement Method" in report
        assert f'"valueString": "{words}"' in fhir
        assert f",mm,{words}," in table
    else:
        for text in (printed, beside, report, fhir, table):
            assert "detector" not in text and "calibrated" not in text and "plane" not in text


def said(ds: Dataset) -> list[str]:
    """Every text and meaning in a report."""
    found: list[str] = []

    def note(_item: Dataset, element: DataElement) -> None:
        if element.keyword in ("TextValue", "CodeMeaning"):
            found.append(str(element.value))

    ds.walk(note)
    return found


def test_a_length_from_before_planes_were_kept_says_what_is_sure() -> None:
    def plane(**attributes: Any) -> LengthPlane | None:
        content = film(**attributes)
        old = replace(length(content), measures=(Measure("length", 10.0, "mm"),))
        review = case(content, old).review
        assert review is not None
        return review.annotations[0].measures[0].plane

    assert plane(ImagerPixelSpacing=[0.2, 0.2]) is LengthPlane.DETECTOR
    assert plane(**EQUAL) is LengthPlane.UNKNOWN
    assert plane(PixelSpacing=[0.2, 0.2], Modality="CT") is LengthPlane.BODY
