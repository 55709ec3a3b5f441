"""Every form of a report says the same: the findings, sides, dates and the verdict of its map."""

from __future__ import annotations

import csv
import html
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pydicom import Dataset, dcmread

from imaging.export import ExportCase, export_case
from imaging.export.batch.columns import Codes
from imaging.export.batch.rows import result_row
from imaging.export.batch.tables import write_table
from imaging.export.common import local
from imaging.export.report import report_of
from imaging.export.study.page import fragment
from imaging.review.records import Call, Compared, Course, ReadFinding, Side, Site, Stage
from tests.imaging.export_cases import NOW, SIGNED, export_case_of
from tests.imaging.peers import peer

STUDY = {
    "StudyDate": "20210415",
    "StudyTime": "083500.000000",
    "ReasonForTheRequestedProcedure": "Cough, fever for 3 days",
}
FINDINGS = (
    ReadFinding(
        "pneumonia",
        True,
        Call.ACCEPTED,
        side=Side.RIGHT,
        sites=(Site.MIDDLE_ZONE, Site.LOWER_ZONE),
        course=Course.WORSE,
    ),
    ReadFinding("effusion", True, Call.ADDED, side=Side.LEFT, note="small"),
    ReadFinding("pneumothorax", False, Call.ADDED),
    ReadFinding("atelectasis", True, Call.ADDED, side=Side.BOTH, sites=(Site.LOWER_LOBE,)),
    ReadFinding("consolidation", False, Call.ADDED, course=Course.RESOLVED),
)
# written by hand, so that no form is compared with the code that made it
SAID = (
    "Pneumonia, right middle zone and lower zone. Worse than on 2021-03-01.",
    "Pleural effusion, left. small",
    "No pneumothorax.",
    "Atelectasis, lower lobe on both sides.",
    "No lung consolidation. Resolved since 2021-03-01.",
    "Progressive right-sided pneumonia.",
    "Dr. Jürgen Müller",
    "2021-04-15",
    "Pneumonia: suspected",
)
ON_PAPER = (
    "Cough, fever for 3 days",
    "Study of 2021-03-01",
    "FINAL, signed by Dr. Jürgen Müller at {signed}",
)
VERDICT = "Grad-CAM: weak."
NEVER = ("20210415", "20210301", "083500", "0.210", "0.21,", "Viral pattern", "get this answer")
FORMS = ("print", "html", "pdf", "sr", "fhir", "csv", "xlsx", "table")


def case_of(findings: Iterable[ReadFinding] = FINDINGS) -> ExportCase:
    """A signed study that is compared with an earlier one, its map weak."""
    made = export_case_of("cr", attributes=STUDY)
    assert made.review is not None
    review = replace(
        made.review,
        stage=Stage.FINAL,
        findings=tuple(findings),
        note="",
        impression="Progressive right-sided pneumonia.",
        compared=Compared("1.2.3", "20210301"),
    )
    maps = tuple(replace(map_, verdict="weak") for map_ in made.maps)
    record = replace(made.record, reviews=(review,))
    return replace(made, record=record, review=review, maps=maps)


def texts_of(case: ExportCase, folder: Path) -> dict[str, str]:
    """What a person reads in every form, one blank between words."""
    files = {
        file.name.partition("-")[0]: file.content
        for file in export_case(case, ("html", "pdf", "sr", "fhir", "csv"), NOW)
    }
    texts = {
        "print": tags_off(fragment(report_of(case))),
        "html": tags_off(files["html"].decode()),
        "pdf": pdf_text(files["pdf"], folder),
        "sr": sr_text(dcmread(BytesIO(files["sr"]))),
        "fhir": fhir_text(files["fhir"]),
        "csv": csv_text(files["csv"]),
        **row_texts(case, folder),
    }
    return {form: " ".join(text.split()) for form, text in texts.items()}


def tags_off(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", page))


def pdf_text(content: bytes, folder: Path) -> str:
    (folder / "report.pdf").write_bytes(content)
    command = [peer("pdftotext", "poppler-utils"), str(folder / "report.pdf"), "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def sr_text(ds: Dataset) -> str:
    """The texts of the content tree, and the study's date as a viewer shows it."""
    date = str(ds.StudyDate)
    words = [str(e.value) for e in ds.iterall() if e.keyword in ("TextValue", "PersonName")]
    return " ".join([*words, f"{date[:4]}-{date[4:6]}-{date[6:]}"])


def fhir_text(content: bytes) -> str:
    found = json.loads(content)
    notes = [n["text"] for o in found["contained"] for n in o.get("note", ())]
    return " ".join([found["conclusion"], found["effectiveDateTime"], *notes])


def csv_text(content: bytes) -> str:
    """Findings by row: the tables of a study hold codes, so they are read as such."""
    rows = list(csv.DictReader(StringIO(content.decode("utf-8-sig"))))
    return " ".join(" ".join(v for v in row.values() if v) for row in rows)


def row_texts(case: ExportCase, folder: Path) -> dict[str, str]:
    """The study's line in the tables of a batch: what stands on the first sheet, and in CSV."""
    (film, said), *_ = case.answers
    row = result_row("a.dcm", said, film, record=case.record, names=True)
    for form in ("xlsx", "csv"):
        write_table(form, folder / f"t.{form}", [row], Codes.of([row]))
    sheet = openpyxl.load_workbook(folder / "t.xlsx")["Results"]
    with (folder / "t.csv").open(encoding="utf-8-sig", newline="") as stream:
        lead = list(csv.reader(stream))[1][:12]
    cells = [str(cell.value) for cell in list(sheet.iter_rows())[1] if cell.value]
    return {"xlsx": " ".join(cells), "table": " ".join(lead)}


def missing(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a form does not say, or says and must not: (form, words)."""
    lacking = [
        (form, words)
        for form in texts
        if form != "csv"
        for words in SAID
        if words not in texts[form]
    ]
    signed = f"{local(SIGNED.replace(minute=31)):%Y-%m-%d %H:%M}"  # of version 1
    for form in ("print", "html", "pdf", "sr", "fhir"):
        told = [*(words.format(signed=signed) for words in ON_PAPER), VERDICT]
        lacking += [(form, words) for words in told if words not in texts[form]]
    said = [
        (form, words) for form in texts if form != "csv" for words in NEVER if words in texts[form]
    ]
    return lacking + said


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return texts_of(case_of(), tmp_path_factory.mktemp("same"))


def test_every_form_says_the_same(texts: dict[str, str]) -> None:
    assert set(texts) == set(FORMS)
    assert missing(texts) == []


@pytest.mark.parametrize("form", [form for form in FORMS if form != "csv"])
@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("right middle zone", "left middle zone"),
        ("No pneumothorax.", "Pneumothorax."),
        ("2021-03-01", "20210301"),
        ("suspected", "not seen"),
    ],
)
def test_a_form_that_says_something_else_would_be_found(
    texts: dict[str, str], form: str, said: str, instead: str
) -> None:
    assert {one for one, _ in missing({**texts, form: texts[form].replace(said, instead)})} == {
        form
    }


def test_every_form_tells_the_grade_with_its_neighbours(tmp_path: Path) -> None:
    case = case_of()
    grades = tuple((f"kl{i}", p) for i, p in enumerate((0.01, 0.03, 0.3, 0.61, 0.05)))
    said = tuple(
        one and replace(one, probabilities=grades, grades="Kellgren-Lawrence grade")
        for one in case.record.assessments
    )
    texts = texts_of(replace(case, record=replace(case.record, assessments=said)), tmp_path)
    told = "Kellgren-Lawrence grade 3 (of 0 to 4): 61%; grade 2: 30%; grade 4: 5%"
    lacking = [form for form in ("print", "html", "pdf", "sr", "fhir") if told not in texts[form]]
    assert not lacking


def test_codes_say_what_the_words_say() -> None:
    """Sides and zones are coded in SR and FHIR, and stand in the study's table as plain words."""
    case = case_of()
    files = export_case(case, ("sr", "fhir", "csv"), NOW)
    by_form = {file.name.partition("-")[0]: file.content for file in files}
    expected = {
        "233604007": ({"281393007", "281394001"}, {"24028007"}),
        "60046008": ({"3120008"}, {"7771000"}),
        "46621007": ({"90572001"}, {"51440002"}),
    }
    assert sr_places(dcmread(BytesIO(by_form["sr"]))) == expected
    assert fhir_places(json.loads(by_form["fhir"])) == expected
    rows = csv.DictReader(StringIO(by_form["csv"].decode("utf-8-sig")))
    reader = {r["code_value"]: (r["side"], r["sites"]) for r in rows if r["kind"] == "reader"}
    assert {code: reader[code] for code in expected} == {
        "233604007": ("right", "middle_zone lower_zone"),
        "60046008": ("left", ""),
        "46621007": ("both", "lower_lobe"),
    }


Places = dict[str, tuple[set[str], set[str]]]


def sr_places(ds: Dataset) -> Places:
    """Of every finding that is present: its sites and their laterality, as codes."""
    found: Places = {}
    for group in (i for i in walk(ds) if name_of(i) == "Measurement Group"):
        items = list(walk(group))
        finding = [value_of(i) for i in items if name_of(i) == "Finding"]
        tracking = [i.TextValue for i in items if name_of(i) == "Tracking Identifier"]
        if finding and tracking[0].startswith("Reader"):
            sites = {value_of(i) for i in items if name_of(i) == "Finding Site"}
            found[finding[0]] = sites, {value_of(i) for i in items if name_of(i) == "Laterality"}
    return found


def fhir_places(found: dict[str, Any]) -> Places:
    """As `sr_places`."""
    places: Places = {}
    for one in found["contained"]:
        if one["resourceType"] == "Observation" and "bodySite" in one:
            parts = [
                (c["code"]["text"], c["valueCodeableConcept"]["coding"][0]["code"])
                for c in one["component"]
                if "valueCodeableConcept" in c
            ]
            places[one["code"]["coding"][0]["code"]] = (
                {value for name, value in parts if name == "Finding Site"},
                {value for name, value in parts if name == "Laterality"},
            )
    return places


def walk(item: Dataset) -> Iterable[Dataset]:
    for child in item.get("ContentSequence", []):
        yield child
        yield from walk(child)


def name_of(item: Dataset) -> str:
    return (
        str(item.ConceptNameCodeSequence[0].CodeMeaning)
        if "ConceptNameCodeSequence" in item
        else ""
    )


def value_of(item: Dataset) -> str:
    return str(item.ConceptCodeSequence[0].CodeValue)


def test_a_draft_says_that_nobody_accepted_it(tmp_path: Path) -> None:
    made = case_of()
    assert made.review is not None
    review = replace(made.review, stage=Stage.DRAFT, findings=(), impression="", compared=None)
    case = replace(made, review=review, record=replace(made.record, reviews=(review,)))
    said = texts_of(case, tmp_path)
    words = "Draft by AI, not accepted by a doctor: Pneumonia."
    assert all(words in said[form] for form in ("print", "html", "pdf", "sr", "fhir"))
    unsure = replace(review, findings=(ReadFinding("pneumonia", False, Call.UNAIDED, unsure=True),))
    decided = replace(case, review=unsure, record=replace(made.record, reviews=(unsure,)))
    said = texts_of(decided, tmp_path)
    for form in ("print", "html", "pdf"):
        assert "Draft by AI" not in said[form]
        assert "Pneumonia: Decided by doctor (AI was unsure)." in said[form]


def test_the_pdf_is_dated_by_its_export() -> None:
    (file,) = export_case(case_of(), ("pdf",), NOW)
    assert f"/CreationDate (D:{local(NOW):%Y%m%d%H%M%S}".encode() in file.content
