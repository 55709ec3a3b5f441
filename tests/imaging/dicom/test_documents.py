"""Reports and presentation states: read as what they are, and put back on the film they left."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import BasicTextSRStorage

from imaging.dicom import (
    Image,
    PresentationState,
    read_image,
    read_object,
    read_presentation,
    read_report,
)
from imaging.dicom.documents.presentation_state import Staging
from imaging.documents import Document, DocumentKind
from imaging.entities import RESEARCH_USE
from imaging.errors import InputError, UnsupportedImageError
from imaging.export import ExportCase, export_case
from imaging.review.records import Annotation, Presentation, Shape, Stage
from tests.factories import make_dataset, make_dicom_bytes, make_lut, to_bytes
from tests.imaging.export_cases import KINDS, NOW, case_with, export_case_of

GREY = [kind for kind in KINDS if kind != "colour"]
HOSTILE = "<script>alert(1)</script> **bold** [x](javascript:1)"


def exported(case: ExportCase, kind: str) -> bytes:
    """The one file of a kind."""
    return next(f.content for f in export_case(case, [kind], NOW) if f.name.startswith(f"{kind}-"))


def source(case: ExportCase) -> Image:
    """The film of a case."""
    return read_image(next(iter(case.contents.values())))


def staged(case: ExportCase, change: Any = None) -> Staging:
    """The exported presentation, maybe changed, on its film."""
    content = exported(case, "gsps")
    if change is not None:
        ds = dcmread(BytesIO(content))
        change(ds)
        content = to_bytes(ds)
    return read_presentation(content).on(source(case))


def text_report(text: str, **attributes: Any) -> bytes:
    """A Basic Text SR with one sentence."""
    item = Dataset()
    item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", text
    item.ConceptNameCodeSequence = [_code("121071", "Finding")]
    ds = make_dataset(SOPClassUID=BasicTextSRStorage, Modality="SR", PixelData=None, **attributes)
    ds.ValueType, ds.ConceptNameCodeSequence = "CONTAINER", [_code("18748-4", "X-ray report")]
    ds.ContentSequence = [item]
    return to_bytes(ds)


def _code(value: str, meaning: str) -> Dataset:
    ds = Dataset()
    ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = value, "DCM", meaning
    return ds


def comparable(mark: Annotation) -> tuple[Shape, int, list[tuple[float, float]]]:
    """What of a mark has to come back, in the precision of GraphicData (FL)."""
    points = [(float(np.float32(x)), float(np.float32(y))) for x, y in mark.points]
    return mark.shape, mark.frame, points


@pytest.mark.parametrize("kind", KINDS)
def test_our_report_reopens_as_a_document_of_its_study(kind: str) -> None:
    case = export_case_of(kind)
    found = read_object(exported(case, "sr"), file_name="sr.dcm")
    assert isinstance(found, Document) and found.kind is DocumentKind.REPORT
    assert found.identity.study_instance_uid == case.record.study_instance_uid
    assert found.title == "Imaging Measurement Report" and found.author == "Dr. Jürgen Müller"
    assert (found.date, found.file_name) == ("20260304", "sr.dcm")


def test_our_report_says_what_the_record_says() -> None:
    report = read_report(exported(export_case_of("ct"), "sr"))
    said = [(line.name, line.value) for line in report.lines]
    assert ("Person Observer Name", "Dr. Jürgen Müller") in said
    assert ("Length", "12.3456789 mm") in said and ("Angle", "91.5 deg") in said
    assert ("Probability", "0.83123456789012") in said
    assert ("Algorithm Name", "paediatric-cxr") in said
    values = "\n".join(line.value for line in report.lines)
    assert RESEARCH_USE in values and "Seen with\nDr. Иванов." in values
    assert "2.25." not in values
    assert any("Hounsfield unit" in value for _, value in said)


@pytest.mark.parametrize("stage", [Stage.DRAFT, Stage.PRELIMINARY, Stage.FINAL])
def test_only_a_final_report_reads_as_verified(stage: Stage) -> None:
    report = read_report(exported(export_case_of(stage=stage), "sr"))
    final = stage is Stage.FINAL
    assert (report.verified, report.final) == (final, final)
    assert report.complete is (stage is not Stage.DRAFT)
    assert [name for name, _, _ in report.verifiers] == (["Dr. Jürgen Müller"] if final else [])


def test_the_lines_keep_the_order_and_depth_of_the_tree() -> None:
    lines = read_report(exported(export_case_of(), "sr")).lines
    assert lines[0].depth == 0 and max(line.depth for line in lines) >= 3
    assert all(b.depth <= a.depth + 1 for a, b in pairwise(lines))


def test_a_report_of_another_maker_reads_too() -> None:
    path = get_testdata_file("test-SR.dcm", download=False)
    assert path is not None
    content = Path(path).read_bytes()
    found, report = read_object(content), read_report(content)
    assert isinstance(found, Document) and found.kind is DocumentKind.REPORT
    assert report.title and len(report.lines) > 10
    assert not any(line.value.startswith("1.2.") for line in report.lines)


def test_text_is_kept_as_data_with_its_lines_and_without_control_characters() -> None:
    report = read_report(text_report(f"First line.\r\n{HOSTILE}\x1b[31m\u202e end"))
    (line,) = report.lines
    assert (line.name, line.value) == ("Finding", f"First line.\n{HOSTILE} [31m end")


def test_a_report_too_long_to_show_says_so() -> None:
    ds = dcmread(BytesIO(text_report("again")))
    ds.ContentSequence = [ds.ContentSequence[0] for _ in range(2100)]
    report = read_report(to_bytes(ds))
    assert report.cut and len(report.lines) == 2000


def test_a_report_nested_beyond_reason_ends() -> None:
    ds = dcmread(BytesIO(text_report("inner")))
    item = ds.ContentSequence[0]
    for _ in range(60):
        outer = Dataset()
        outer.ValueType, outer.ContentSequence = "CONTAINER", [item]
        item = outer
    ds.ContentSequence = [item]
    assert len(read_report(to_bytes(ds)).lines) == 33


@pytest.mark.parametrize("cut", [200, 900, 2000])
@pytest.mark.parametrize("kind", ["sr", "gsps"])
def test_half_a_document_is_an_outcome_not_a_crash(kind: str, cut: int) -> None:
    content = exported(export_case_of(), kind)[:cut]
    for read in (read_object, read_report, read_presentation):
        try:
            outcome: object = read(content)
        except InputError as exc:
            outcome = str(exc)
        assert outcome, "neither a document nor a sentence"


@pytest.mark.parametrize("kind", GREY)
def test_our_presentation_comes_back_where_it_was(kind: str) -> None:
    case = export_case_of(kind)
    review = case.review
    assert review is not None
    found = staged(case)
    assert found.presentation == review.presentations[0]
    assert list(map(comparable, found.annotations)) == list(map(comparable, review.annotations))
    assert [m.label for m in found.annotations] == [m.label for m in review.annotations]
    assert not found.remarks
    assert any(words.startswith("length 1, length 12.35 mm") for words in found.texts)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("kind", ["cr", "monochrome1"])
def test_every_turn_and_inversion_comes_back(kind: str, flipped: bool, rotation: int) -> None:
    case = export_case_of(kind)
    assert case.review
    for inverted in (False, True):
        left = Presentation(
            case.review.presentations[0].sop_instance_uid, 0, 900.5, 1200.0, "SIGMOID",
            inverted, flipped, rotation,
        )  # fmt: skip
        review = replace(case.review, presentations=(left,))
        record = replace(case.record, reviews=(review,))
        assert staged(case_with(record, case.contents)).presentation == left


def test_a_voi_lut_is_applied_value_for_value() -> None:
    table = np.linspace(0, 65535, 512).astype(int)[::-1].tolist()
    case = export_case_of()
    film = source(case)

    def with_lut(ds: Dataset) -> None:
        item = Dataset()
        item.VOILUTSequence = [make_lut(100, table, explanation="soft")]
        ds.SoftcopyVOILUTSequence = [item]

    found = staged(case, with_lut)
    presets = found.image.instance.voi_presets
    assert [p.kind for p in presets] == ["lut"] and presets[0].explanation == "soft"
    direct = read_image(make_dicom_bytes(VOILUTSequence=[make_lut(100, table)]))
    np.testing.assert_array_equal(found.image.display_values(), direct.display_values())
    assert found.image.instance.identity.sha256 != film.instance.identity.sha256
    assert film.instance.voi_presets == source(case).instance.voi_presets


def test_a_look_up_table_is_shown_on_a_film_that_stays_as_it_was() -> None:
    case = export_case_of()
    film, before = source(case), source(case).display_values()
    ds = dcmread(BytesIO(exported(case, "gsps")))
    item = Dataset()
    item.VOILUTSequence = [make_lut(0, list(range(4096))[::-1], bits=12)]
    ds.SoftcopyVOILUTSequence = [item]
    shown = read_presentation(to_bytes(ds)).on(film).image
    assert not np.array_equal(shown.display_values(), before)
    np.testing.assert_array_equal(film.display_values(), before)


def test_a_window_in_other_units_is_not_applied_and_said() -> None:
    def other(ds: Dataset) -> None:
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 2, -5, "US"

    found = staged(export_case_of(), other)
    assert found.presentation.window_center is None and "other units" in found.remarks[0]


def test_what_cannot_be_drawn_is_counted_and_its_words_kept() -> None:
    def foreign(ds: Dataset) -> None:
        ds.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicAnnotationUnits = "DISPLAY"
        ds.GraphicAnnotationSequence[1].GraphicObjectSequence[0].GraphicType = "INTERPOLATED"
        ds.GraphicAnnotationSequence[2].GraphicObjectSequence[0].GraphicData = [9e8, 1, 2, 3, 4, 5]
        ds.PresentationLUTSequence = [make_lut(0, [0, 1])]

    found = staged(export_case_of(), foreign)
    assert len(found.annotations) == 4 and len(found.texts) == 7
    assert (
        found.remarks[0].endswith("drawn here: 3.") and "bends the grey scale" in found.remarks[1]
    )


def test_a_circle_is_drawn_as_an_ellipse() -> None:
    def circle(ds: Dataset) -> None:
        item = ds.GraphicAnnotationSequence[0].GraphicObjectSequence[0]
        item.GraphicType, item.NumberOfGraphicPoints = "CIRCLE", 2
        item.GraphicData = [10.0, 10.0, 13.0, 14.0]

    first = staged(export_case_of(), circle).annotations[0]
    assert first.shape is Shape.ELLIPSE
    assert first.points == ((5, 10), (15, 10), (10, 5), (10, 15))


def test_marks_of_other_films_stay_away() -> None:
    def elsewhere(ds: Dataset) -> None:
        for item in ds.GraphicAnnotationSequence:
            item.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"

    found = staged(export_case_of(), elsewhere)
    assert not found.annotations and not found.texts


def test_hostile_words_are_data() -> None:
    def hostile(ds: Dataset) -> None:
        item = ds.GraphicAnnotationSequence[0]
        item.TextObjectSequence[0].UnformattedTextValue = HOSTILE
        item.GraphicObjectSequence[0].TrackingID = f"{HOSTILE}\x00{'x' * 500}"

    found = staged(export_case_of(), hostile)
    assert found.texts[0] == HOSTILE and len(found.annotations[0].label) == 64


def test_a_presentation_names_its_films_and_refuses_others() -> None:
    case = export_case_of()
    state = read_presentation(exported(case, "gsps"))
    assert isinstance(state, PresentationState)
    assert state.films == (case.record.instances[0].identity.sop_instance_uid,)
    with pytest.raises(UnsupportedImageError, match="another image"):
        state.on(read_image(make_dicom_bytes(SOPInstanceUID="1.2.3")))
