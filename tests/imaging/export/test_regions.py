"""Two knees marked on one film: two answers with their sides in every export, and by whom."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pypdfium2 import PdfDocument

from imaging.derivation import box_corners
from imaging.dicom import read_image, write_region
from imaging.entities import Answer, Assessment, Derivation, DerivationKind, Finding, Status
from imaging.export import ExportCase, export_case
from imaging.export.batch.rows import result_row
from imaging.export.photograph import is_calibrated, origin_line
from imaging.export.report import report_of
from imaging.export.report_words import draft_lines
from imaging.review.records import Side
from imaging.review.sides import side_of, side_said, sides_of
from imaging.study import StudyRecord
from imaging.worklist.order import leading_assessment
from tests.imaging.export_cases import MODEL, NOW, SAID, attribution, case_with
from tests.knees import box_of, draw_knees, whole_film

WHOLE = whole_film()
SIDES = {"R": ("left", 0.91, Answer.PRESENT), "L": ("right", 0.04, Answer.ABSENT)}


def answer(uid: str, probability: float, said: Answer) -> Assessment:
    finding = Finding("osteoarthritis", "Osteoarthritis", probability, 0.5)
    labels = ("present",) if said is Answer.PRESENT else ("absent",)
    return Assessment(uid, Status.OK, MODEL, (finding,), (), SAID, said, labels, 0.05)


def case_of() -> ExportCase:
    """A study of a refused film of two knees, and the two regions that a reader marked on it."""
    image = read_image(WHOLE, file_name="KNEES.dcm")
    identity = image.instance.identity
    refused = Assessment(identity.sop_instance_uid, Status.REFUSED, MODEL, answer=Answer.UNSUITABLE)
    films, answers = [image.instance], [refused]
    contents = {identity.sop_instance_uid: WHOLE}
    for side, (joint, probability, said) in SIDES.items():
        made = Derivation(
            identity.study_instance_uid,
            identity.sop_instance_uid,
            identity.sha256,
            box_corners(box_of(joint)),
            0,
            False,
            "anna",
            "Dr. Jürgen Müller",
            datetime(2026, 11, 29, 10, 0, tzinfo=UTC),
            DerivationKind.REGION,
            side,
        )
        content = write_region(image, made)
        part = read_image(content, file_name=f"KNEES region {side}.dcm").instance
        films.append(part)
        answers.append(answer(part.identity.sop_instance_uid, probability, said))
        contents[part.identity.sop_instance_uid] = content
    record = StudyRecord(
        identity.study_instance_uid, tuple(films), tuple(answers), (), received_at=SAID
    )
    map_ = attribution(films[1].identity.sop_instance_uid, 0, 300, 300)
    return case_with(record, contents, maps=(replace(map_, target="osteoarthritis"),))


def text_of(name: str, case: ExportCase) -> str:
    """One export as text, the lines of a page joined."""
    file = next(f for f in export_case(case, [name], NOW) if f.name.startswith(name))
    if name == "pdf":
        pages = (page.get_textpage().get_text_bounded() for page in PdfDocument(file.content))
        return " ".join(" ".join(pages).split())
    if name == "sr":
        report = dcmread(BytesIO(file.content))
        return " ".join(str(e.value) for e in report.iterall() if e.keyword == "TextValue")
    if name == "fhir":
        return json.dumps(json.loads(file.content), ensure_ascii=False)
    return file.content.decode("utf-8-sig")


@pytest.mark.parametrize("name", ["pdf", "html", "sr", "fhir", "csv"])
def test_every_form_says_both_sides_and_who_marked_them(name: str) -> None:
    said = text_of(name, case_of())
    for side in ("right", "left"):
        by = f"Region of the {side} side, marked by Dr. Jürgen Müller on image 1, 2026-11-29"
        assert by in said
    assert "photograph" not in said and "no probability here" not in said, "its figures hold"


@pytest.mark.parametrize("name", ["pdf", "html"])
def test_a_report_has_a_line_for_each_knee(name: str) -> None:
    said = text_of(name, case_of())
    assert "Image 2, right: Osteoarthritis: suspected" in said
    assert "Image 3, left: Osteoarthritis: not seen" in said


def test_what_ai_drafts_is_said_of_each_side() -> None:
    said = draft_lines(report_of(case_of()))
    assert [line.rsplit(": ", 2)[1:] for line in said] == [
        ["right", "Osteoarthritis."],
        ["left", "No osteoarthritis."],
    ]


def test_a_reader_who_agrees_agrees_with_the_side() -> None:
    record = case_of().record
    sides = sides_of(record.instances)
    assert list(sides.values()) == [Side.RIGHT, Side.LEFT]
    assert side_said("osteoarthritis", record.assessments, sides) is Side.RIGHT
    refused, right, left = record.assessments
    assert right is not None and left is not None
    both = [refused, right, replace(left, answer=Answer.PRESENT)]
    assert side_said("osteoarthritis", both, sides) is Side.BOTH
    open_ones = ([refused, right, replace(left, answer=Answer.UNSURE)], [right], [None])
    assert side_said("osteoarthritis", open_ones[0], sides) is None, "one is unsure"
    assert side_said("osteoarthritis", open_ones[1], {}) is None, "no side is told"
    assert side_said("osteoarthritis", [left], sides) is None, "seen on none"


def test_a_film_of_one_knee_says_its_side_itself() -> None:
    film = read_image(whole_film(ImageLaterality="L")).instance
    assert side_of(film) is Side.LEFT
    chest = replace(film, acquisition=replace(film.acquisition, body_part="CHEST"))
    assert side_of(chest) is None, "a chest is one part"


def test_the_more_urgent_knee_leads() -> None:
    case = case_of()
    lead = leading_assessment(case.record)
    assert lead is not None
    assert lead.sop_instance_uid == case.record.instances[1].identity.sop_instance_uid


def test_a_region_goes_along_and_what_is_written_refers_to_it() -> None:
    case = case_of()
    files = {f.name: dcmread(BytesIO(f.content)) for f in export_case(case, ["sr", "sc"], NOW)}
    regions = [ds for name, ds in files.items() if name.startswith("region")]
    _whole, right, left = case.record.instances
    uids = [part.identity.sop_instance_uid for part in (right, left)]
    assert [ds.SOPInstanceUID for ds in regions] == uids
    for ds, (joint, _probability, _said) in zip(regions, SIDES.values(), strict=True):
        x, y, to_x, to_y = box_of(joint)
        assert np.array_equal(ds.pixel_array, draw_knees()[y:to_y, x:to_x])
    assert [ds.ImageLaterality for ds in regions] == ["R", "L"]
    report = next(ds for name, ds in files.items() if name.startswith("sr"))
    assert set(uids) <= referenced(report)
    capture = next(ds for name, ds in files.items() if name.startswith("sc"))
    assert uids[0] in referenced(capture)


def referenced(ds: Dataset) -> set[str]:
    return {str(e.value) for e in ds.iterall() if e.keyword == "ReferencedSOPInstanceUID"}


def test_a_region_moved_to_another_study_is_exported_under_the_records_uids() -> None:
    case = case_of()
    films = tuple(
        replace(film, identity=replace(film.identity, study_instance_uid="2.25.99"))
        for film in case.record.instances
    )
    record = replace(case.record, study_instance_uid="2.25.99", instances=films)
    files = export_case(replace(case, record=record), ["sr"], NOW)
    regions = [dcmread(BytesIO(f.content)) for f in files if f.name.startswith("region")]
    assert [ds.StudyInstanceUID for ds in regions] == ["2.25.99"] * 2


def test_a_row_of_results_says_it_too() -> None:
    case = case_of()
    (_, _), (part, said), (_, _) = case.answers
    row = result_row("a.dcm", said, part, record=case.record)
    assert "Region of the right side, marked by Dr. Jürgen Müller" in row.message
    assert is_calibrated(part) and origin_line(case.record.instances[0]) == ""
