"""Every DICOM export is valid, reopens, and says what the record says."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from PIL import Image as PilImage
from pydicom import Dataset, dcmread

from imaging.delivery.study import write_files
from imaging.dicom import Image, read_image, read_object
from imaging.documents import Document
from imaging.entities import RESEARCH_USE, Answer, Status
from imaging.errors import ExportError
from imaging.export import LEFT_OUT, ExportCase, export_case
from imaging.review.records import Presentation, Shape, Stage
from tests.factories import make_lut
from tests.imaging.export_cases import (
    FILMS,
    KINDS,
    MODEL,
    NOW,
    SIGNED,
    case_with,
    export_case_of,
    study_of,
)
from tests.imaging.peers import dciodvfy, render

DICOM = ("sr", "sc", "gsps", "map")
FLAGS = {
    None: ("PARTIAL", "PRELIMINARY", "UNVERIFIED"),
    Stage.DRAFT: ("PARTIAL", "PRELIMINARY", "UNVERIFIED"),
    Stage.PRELIMINARY: ("COMPLETE", "PRELIMINARY", "UNVERIFIED"),
    Stage.FINAL: ("COMPLETE", "FINAL", "VERIFIED"),
}


def exported(case: ExportCase, kind: str) -> Dataset:
    """The one file of a kind."""
    files = [f for f in export_case(case, [kind], NOW) if f.name.startswith(f"{kind}-")]
    assert len(files) == 1
    return dcmread(BytesIO(files[0].content))


def items(ds: Dataset, **wanted: str) -> list[Dataset]:
    """Content items below a document whose attributes have these values, in document order."""
    found: list[Dataset] = []
    for item in ds.get("ContentSequence", []):
        name = (
            item.ConceptNameCodeSequence[0].CodeMeaning if "ConceptNameCodeSequence" in item else ""
        )
        has = {"kind": item.ValueType, "name": name}
        if all(has[key] == value for key, value in wanted.items()):
            found.append(item)
        found += items(item, **wanted)
    return found


def groups(ds: Dataset) -> dict[str, Dataset]:
    """Measurement groups by their readable tracking identifier."""
    return {
        items(group, name="Tracking Identifier")[0].TextValue: group
        for group in items(ds, name="Measurement Group")
    }


def code(item: Dataset) -> tuple[str, str]:
    found = item.ConceptCodeSequence[0]
    return found.CodingSchemeDesignator, found.CodeValue


def presented(kind: str, **attributes: Any) -> ExportCase:
    """A case whose reader left the film in one presentation, without marks."""
    case = export_case_of(kind)
    assert case.review
    uid = case.record.instances[0].identity.sop_instance_uid
    shown = Presentation(uid, **attributes)
    made = replace(case.review, presentations=(shown,), annotations=(), findings=())
    return case_with(replace(case.record, reviews=(made,)), case.contents)


# Validity ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [None, *Stage])
@pytest.mark.parametrize("kind", KINDS)
def test_dicom3tools_finds_no_error(kind: str, stage: Stage | None, tmp_path: Path) -> None:
    files = export_case(export_case_of(kind, stage), DICOM, NOW)
    written = [f for f in write_files(files, tmp_path) if f.suffix == ".dcm"]
    kinds = {f.name.split("-")[0] for f in written}
    assert kinds == ({*DICOM, "film"} if kind in FILMS else {*DICOM}) - (
        {"gsps"} if kind == "colour" else set()
    )
    assert {f.name: dciodvfy(f) for f in written} == {f.name: [] for f in written}


def test_an_amendment_is_valid(tmp_path: Path) -> None:
    files = export_case(export_case_of("dx", amends=True), DICOM, NOW)
    assert [line for f in write_files(files, tmp_path) for line in dciodvfy(f)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_patient_and_study_are_the_source_s(kind: str) -> None:
    case = export_case_of(kind)
    instance = case.record.instances[0]
    for file in export_case(case, DICOM, NOW):
        if file.name == LEFT_OUT:
            continue
        ds = dcmread(BytesIO(file.content))
        assert ds.StudyInstanceUID == instance.identity.study_instance_uid
        assert str(ds.PatientName) == instance.patient.name
        assert ds.PatientID == instance.patient.patient_id or kind in FILMS
        assert RESEARCH_USE in f"{ds.get('SeriesDescription')}" or file.name.startswith("film")


def test_no_file_name_holds_an_identity() -> None:
    case = export_case_of("unicode")
    for file in export_case(case, DICOM, NOW):
        stem, _, digits = file.name.rpartition(".")[0].partition("-")
        assert stem in DICOM and len(digits) == 10 and int(digits, 16) >= 0


def test_the_same_case_gives_the_same_bytes() -> None:
    first, second = (export_case(export_case_of("dx"), DICOM, NOW) for _ in range(2))
    for one, two in zip(first, second, strict=True):
        a, b = (dcmread(BytesIO(f.content)) for f in (one, two))
        assert a.SOPInstanceUID == b.SOPInstanceUID
        for ds in (a, b):
            for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
                ds.pop(keyword, None)  # highdicom draws these UIDs by lot
        assert a == b


# Report ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [None, *Stage])
def test_only_a_final_review_is_verified(stage: Stage | None) -> None:
    ds = exported(export_case_of("cr", stage), "sr")
    assert (ds.CompletionFlag, ds.PreliminaryFlag, ds.VerificationFlag) == FLAGS[stage]
    assert ("VerifyingObserverSequence" in ds) == (stage is Stage.FINAL)


def test_the_reader_stands_for_a_final_report() -> None:
    ds = exported(export_case_of("cr"), "sr")
    who = ds.VerifyingObserverSequence[0]
    assert str(who.VerifyingObserverName) == "Dr. Jürgen Müller^"
    assert "20260304133100" in str(who.VerificationDateTime)
    assert str(items(ds, name="Person Observer Name")[0].PersonName) == "Dr. Jürgen Müller^"


def test_a_draft_names_no_verifier_and_says_so() -> None:
    ds = exported(export_case_of("cr", Stage.DRAFT), "sr")
    said = [i.TextValue for i in items(ds, name="Comment")]
    assert any(RESEARCH_USE in text and "DRAFT" in text for text in said)


def test_findings_are_coded_present_or_absent() -> None:
    found = groups(exported(export_case_of("cr"), "sr"))
    named = {"pneumonia": "Pneumonia", "bacterial": "Bacterial pneumonia"}
    named["effusion"] = "Pleural effusion"
    said = {key: code(items(found[f"Reader {key}"], name=name)[0]) for key, name in named.items()}
    present, absent = ("SCT", "52101004"), ("SCT", "272519000")
    assert said == {"pneumonia": present, "bacterial": absent, "effusion": present}
    notes = [i.TextValue for i in items(found["Reader bacterial"], name="Comment")]
    assert notes == ["Rewords the AI finding: viral", "No bacterial pneumonia. не вирус"]


def test_only_what_is_present_is_listed_as_a_finding() -> None:
    found = groups(exported(export_case_of("cr"), "sr"))
    listed = {name: items(group, name="Finding") for name, group in found.items()}
    assert code(listed["Reader pneumonia"][0]) == ("SCT", "233604007")
    assert not listed["Reader bacterial"]
    case = export_case_of("cr", None)
    said = case.record.assessments[0]
    assert said
    lead = replace(said.findings[0], probability=0.01)
    unseen = replace(said, findings=(lead,), answer=Answer.ABSENT, conformal_set=("absent",))
    case = case_with(replace(case.record, assessments=(unseen,)), case.contents)
    group = groups(exported(case, "sr"))["Network pneumonia"]
    assert not items(group, name="Finding")
    assert code(items(group, name="Pneumonia")[0]) == ("SCT", "272519000")
    assert "AI: Pneumonia: not seen." in [i.TextValue for i in items(group, name="Comment")]


def test_the_network_s_numbers_and_name_are_in_the_report() -> None:
    group = groups(exported(export_case_of("cr"), "sr"))["Network pneumonia"]
    numbers = {
        i.ConceptNameCodeSequence[0].CodeMeaning: float(i.MeasuredValueSequence[0].NumericValue)
        for i in items(group, kind="NUM")
    }
    assert numbers == pytest.approx(
        {
            "Probability": 0.8312345678901234,
            "Threshold": 0.43,
            "Disagreement within the model": 0.031,
            "Error rate the AI answer is set to": 0.05,
        }
    )
    texts = [i.TextValue for i in items(group, kind="TEXT")]
    assert {MODEL.name, MODEL.version, f"weights_sha256={MODEL.weights_sha256}"} <= set(texts)
    assert "engine=onnxruntime int8" in texts
    assert code(items(group, name="AI answer")[0]) == ("SCT", "52101004")


def test_a_refusal_is_reported_with_its_reason() -> None:
    case = export_case_of("cr", None)
    said = case.record.assessments[0]
    assert said
    refused = replace(
        said, findings=(), status=Status.REFUSED, answer=Answer.UNSUITABLE, messages=("Too dark.",)
    )
    case = case_with(replace(case.record, assessments=(refused,)), case.contents)
    group = groups(exported(case, "sr"))["Network refusal"]
    assert code(items(group, name="AI answer")[0]) == ("SCT", "373121007")
    assert items(group, name="Comment")[0].TextValue == "Too dark."


@pytest.mark.parametrize("kind", ["dx", "multiframe", "png"])
def test_marks_keep_their_points_values_and_image(kind: str) -> None:
    case = export_case_of(kind)
    assert case.review
    found = groups(exported(case, "sr"))
    for mark in case.review.annotations:
        group = found[mark.label]
        drawn = np.concatenate(
            [np.reshape(i.GraphicData, (-1, 2)) for i in items(group, kind="SCOORD")]
        )
        points = np.array(mark.points, np.float32)
        if mark.shape is Shape.RECTANGLE:
            assert [drawn.min(0).tolist(), drawn.max(0).tolist()] == points.tolist()
        else:
            np.testing.assert_array_equal(drawn[: len(points)], points)
        values = [float(i.MeasuredValueSequence[0].NumericValue) for i in items(group, kind="NUM")]
        assert values == [m.value for m in mark.measures]
        units = [
            i.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue
            for i in items(group, kind="NUM")
        ]
        assert units == [m.unit for m in mark.measures]
        for image in items(group, kind="IMAGE"):
            reference = image.ReferencedSOPSequence[0]
            assert reference.ReferencedSOPInstanceUID == mark.sop_instance_uid
            assert reference.get("ReferencedFrameNumber") == (3 if kind == "multiframe" else None)


def test_a_region_names_the_finding_it_marks() -> None:
    group = groups(exported(export_case_of("cr"), "sr"))["region 1"]
    assert code(items(group, name="Finding")[0]) == ("SCT", "233604007")


def test_highdicom_reads_the_report_as_tid_1500() -> None:
    report = highdicom.sr.ComprehensiveSR.from_dataset(exported(export_case_of("dx"), "sr"))
    content = report.content
    assert isinstance(content, highdicom.sr.MeasurementReport)
    assert len(content.get_planar_roi_measurement_groups()) == 3  # rectangle, ellipse, region
    assert len(content.get_image_measurement_groups()) == 8  # no exploratory one: it is final


def test_report_uids_follow_from_study_and_version() -> None:
    final, amended = (exported(export_case_of("cr", amends=a), "sr") for a in (False, True))
    named = amended.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert named.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == final.SOPInstanceUID
    assert "PredecessorDocumentsSequence" not in final
    assert amended.SOPInstanceUID != final.SOPInstanceUID


def test_a_later_answer_of_the_network_is_another_report() -> None:
    case = export_case_of("cr")
    said = case.record.assessments[0]
    assert said
    later = replace(said, created_at=SIGNED.replace(hour=20))
    again = case_with(replace(case.record, assessments=(later,)), case.contents)
    assert exported(again, "sr").SOPInstanceUID != exported(case, "sr").SOPInstanceUID


def test_nothing_said_is_nothing_to_report() -> None:
    with pytest.raises(ExportError, match="Neither a doctor nor the AI"):
        export_case(export_case_of("cr", None, said=False), ["sr"], NOW)


# Secondary capture ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_overlay_reopens_and_refers_to_its_film(kind: str, tmp_path: Path) -> None:
    case = export_case_of(kind)
    ds = exported(case, "sc")
    file = tmp_path / "sc.dcm"
    ds.save_as(file)
    shown = read_image(file).display_values()
    assert shown.ndim == 3 and shown.shape[1] >= case.record.instances[0].geometry.columns
    assert np.ptp(shown.astype(int) - shown.mean(axis=2, keepdims=True)) > 60  # it has colours
    source = ds.SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == case.record.instances[0].identity.sop_instance_uid
    assert source.get("ReferencedFrameNumber") == (3 if kind == "multiframe" else None)
    assert f"{MODEL.name} {MODEL.version} {MODEL.short_hash}" in ds.SoftwareVersions


def test_burned_in_identity_is_as_the_source_says() -> None:
    said = dcmread(BytesIO(next(iter(export_case_of("dx").contents.values())))).BurnedInAnnotation
    assert exported(export_case_of("dx"), "sc").BurnedInAnnotation == said
    assert "BurnedInAnnotation" not in exported(export_case_of("cr"), "sc")


def test_no_map_means_no_overlay() -> None:
    with pytest.raises(ExportError, match="no explanation"):
        export_case(export_case_of("cr", maps=False), ["sc"], NOW)


@pytest.mark.parametrize("kind", FILMS)
def test_a_film_becomes_dicom_pixel_by_pixel(kind: str) -> None:
    case = export_case_of(kind)
    film = next(f for f in export_case(case, ["sr"], NOW) if f.name.startswith("film"))
    back = read_image(film.content)
    identity = case.record.instances[0].identity
    assert back.instance.identity.sop_instance_uid == identity.sop_instance_uid
    original = read_image(case.contents[identity.sop_instance_uid])
    np.testing.assert_array_equal(back.stored_values(), original.stored_values())
    ds = dcmread(BytesIO(film.content))
    assert ds.PatientID.startswith("FILM-") and not ds.PatientName
    assert (ds.get("LossyImageCompression") == "01") == (kind == "jpeg")


# Presentation state --------------------------------------------------------------------------


def shown_by_us(case: ExportCase) -> np.ndarray:
    """The picture as the reader left it: window, inversion, flip, then clockwise turn."""
    picture = case.pictures[0]
    shown = case.presentation(picture.sop_instance_uid, picture.frame)
    values = 255 - picture.values if shown.inverted else picture.values
    values = values[:, ::-1] if shown.flipped else values
    return np.rot90(values, -shown.rotation // 90)


def shown_by_dcmtk(case: ExportCase, folder: Path) -> np.ndarray:
    """The same, rendered by DCMTK from the original and the exported state."""
    film, state = folder / "film.dcm", folder / "state.dcm"
    film.write_bytes(next(iter(case.contents.values())))
    exported(case, "gsps").save_as(state)
    with PilImage.open(render(film, state, folder)) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("flipped", [False, True])
def test_dcmtk_turns_the_film_as_the_reader_did(
    flipped: bool, rotation: int, tmp_path: Path
) -> None:
    case = presented("cr", flipped=flipped, rotation=rotation)
    ours, theirs = shown_by_us(case), shown_by_dcmtk(case, tmp_path)
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("kind", ["cr", "ct", "monochrome1", "dx"])
def test_dcmtk_shows_the_reader_s_window(kind: str, inverted: bool, tmp_path: Path) -> None:
    window = {"window_center": 700.5, "window_width": 900.25}
    case = presented(kind, inverted=inverted, **window)
    difference = shown_by_us(case).astype(int) - shown_by_dcmtk(case, tmp_path)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("kind", ["cr", "ct", "monochrome1", "dx"])
def test_dcmtk_shows_what_was_shown_when_the_reader_changed_nothing(
    kind: str, tmp_path: Path
) -> None:
    case = presented(kind)
    difference = shown_by_us(case).astype(int) - shown_by_dcmtk(case, tmp_path)
    assert np.abs(difference).max() <= 1


def test_a_voi_lut_of_the_file_is_kept(tmp_path: Path) -> None:
    lut = make_lut(0, [int(255 * (i / 4095) ** 0.5) for i in range(4096)], bits=8)
    record, contents = study_of("cr", VOILUTSequence=[lut])
    case = case_with(record, contents)
    assert case.pictures[0].preset and case.pictures[0].preset.kind == "lut"
    kept = exported(case, "gsps").SoftcopyVOILUTSequence[0].VOILUTSequence[0]
    assert list(kept.LUTDescriptor) == [4096, 0, 8]
    difference = shown_by_us(case).astype(int) - shown_by_dcmtk(case, tmp_path)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_window_is_the_reader_s(function: str) -> None:
    case = presented("cr", window_center=1 / 3, window_width=1234.5678901234567, function=function)
    voi = exported(case, "gsps").SoftcopyVOILUTSequence[0]
    assert float(voi.WindowCenter) == pytest.approx(1 / 3, rel=1e-10)
    assert float(voi.WindowWidth) == pytest.approx(1234.5678901234567, rel=1e-12)
    assert voi.VOILUTFunction == function


@pytest.mark.parametrize("kind", ["dx", "multiframe", "png"])
def test_marks_of_the_state_keep_their_points(kind: str) -> None:
    case = export_case_of(kind)
    assert case.review
    drawn = {
        graphic.TrackingID: (graphic, annotation.TextObjectSequence[0].UnformattedTextValue)
        for annotation in exported(case, "gsps").GraphicAnnotationSequence
        for graphic in annotation.GraphicObjectSequence[:1]
    }
    assert len(drawn) == len(case.review.annotations)
    for mark in case.review.annotations:
        graphic, text = drawn[mark.label]
        assert graphic.GraphicAnnotationUnits == "PIXEL"
        data = np.reshape(graphic.GraphicData, (-1, 2))
        first = np.array(mark.points, np.float32)[0]
        np.testing.assert_array_equal(data[0], first)
        assert all(f"{m.name} {m.value:.4g}" in text for m in mark.measures)


def test_the_state_of_a_frame_names_that_frame() -> None:
    ds = exported(export_case_of("multiframe"), "gsps")
    reference = ds.ReferencedSeriesSequence[0].ReferencedImageSequence[0]
    assert reference.ReferencedFrameNumber == 3
    assert reference.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.7.3"


def test_colour_has_no_grey_state_and_the_caller_learns_it() -> None:
    case = export_case_of("colour")
    with pytest.raises(ExportError, match="grey pictures only"):
        export_case(case, ["gsps"], NOW)
    files = export_case(case, ["gsps", "csv"], NOW)
    assert files[-1].name == LEFT_OUT
    assert files[-1].content.decode().startswith("gsps: ")


# Maps ----------------------------------------------------------------------------------------


def test_a_slice_in_space_keeps_every_value(tmp_path: Path) -> None:
    case = export_case_of("ct")
    ds = exported(case, "map")
    assert ds.SOPClassUID.name == "Parametric Map Storage"
    file = tmp_path / "map.dcm"
    ds.save_as(file)
    np.testing.assert_array_equal(read_image(file).modality_values(), case.maps[0].values)
    mapping = ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "ct"])
def test_elsewhere_the_region_that_speaks_for_the_finding(kind: str, tmp_path: Path) -> None:
    case = export_case_of(kind)
    ds = exported(case, "map")
    assert ds.SOPClassUID.name == "Segmentation Storage"
    file = tmp_path / "map.dcm"
    ds.save_as(file)
    one = case.maps[0]
    np.testing.assert_array_equal(read_image(file).stored_values(), one.values >= 0.5 * one.limit)
    algorithm = ds.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == (MODEL.name, MODEL.version)
    derived = ds.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
    source = derived.SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == one.sop_instance_uid
    assert source.ReferencedSOPClassUID == case.record.instances[0].identity.sop_class_uid


def test_a_slice_of_unknown_thickness_becomes_a_region() -> None:
    case = export_case_of("ct", attributes={"SliceThickness": ""})
    assert exported(case, "map").SOPClassUID.name == "Segmentation Storage"


def test_no_region_is_said_not_drawn() -> None:
    case = export_case_of("cr")
    against = replace(case.maps[0], values=-np.abs(case.maps[0].values))
    with pytest.raises(ExportError, match="strong enough"):
        export_case(replace(case, maps=(against,)), ["map"], NOW)


def test_a_map_of_another_size_is_refused() -> None:
    case = export_case_of("cr")
    small = replace(case.maps[0], values=np.ones((2, 2), np.float32))
    with pytest.raises(ExportError, match="size of its image"):
        export_case(replace(case, maps=(small,)), ["map"], NOW)


# Odd sources ---------------------------------------------------------------------------------

ODD: dict[str, dict[str, Any]] = {
    "ct without rescale type": {"RescaleType": ""},
    "a slope of nothing": {"RescaleSlope": 0, "RescaleIntercept": 0},
    "a window of nothing": {"WindowCenter": "", "WindowWidth": ""},
    "one frame said to be one": {"NumberOfFrames": 1},
    "no sop class": {"SOPClassUID": None},
    "a private sop class": {"SOPClassUID": "1.2.3.4.5"},
    "angiography of one frame": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.12.1", "Modality": "XA"},
    "a long name": {"PatientName": "A" * 80, "AccessionNumber": "7" * 40},
    "broken dates": {"PatientBirthDate": "1.1.70", "StudyDate": "20259999", "StudyTime": "noon"},
    "a name of control characters": {"PatientName": "A\x01B\x1fC^D\n", "StudyID": "\x02"},
    "an empty compression": {"LossyImageCompression": ""},
    "a side that is none": {"Laterality": "NO", "BodyPartExamined": "KNEE"},
    "no modality": {"Modality": None},
    "a dose": {"Modality": "RTDOSE"},
    "a laterality": {"Laterality": "L", "BodyPartExamined": "HAND"},
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_source_still_gives_valid_exports(odd: str, tmp_path: Path) -> None:
    kind = "ct" if "ct" in odd.split() or "slope" in odd else "cr"
    case = export_case_of(kind, attributes=ODD[odd])
    files = export_case(case, DICOM, NOW)
    assert [f.name for f in files if f.name == LEFT_OUT] == []
    wrong = [line for f in write_files(files, tmp_path) for line in dciodvfy(f)]
    assert wrong == []


def test_an_original_that_is_gone_is_said_to_be() -> None:
    case = replace(export_case_of("cr"), contents={})
    with pytest.raises(ExportError, match="original of this study is missing"):
        export_case(case, ["sr"], NOW)


def test_unknown_formats_are_a_mistake_of_the_caller() -> None:
    for formats in ([], ["docx"]):
        with pytest.raises(ValueError, match="formats must be some of"):
            export_case(export_case_of("cr"), formats, NOW)


@pytest.mark.parametrize("kind", KINDS)
def test_every_dicom_export_reopens(kind: str) -> None:
    case = export_case_of(kind)
    formats = [name for name in DICOM if not (kind == "colour" and name == "gsps")]
    files = [f for f in export_case(case, formats, NOW) if f.name.endswith(".dcm")]
    assert {f.name.partition("-")[0] for f in files} >= set(formats)
    for file in files:
        found = read_object(file.content, file_name=file.name)
        header = found.instance if isinstance(found, Image) else found
        assert header.identity.study_instance_uid == case.record.study_instance_uid
        assert isinstance(found, Document) is (file.name.partition("-")[0] in ("sr", "gsps"))
