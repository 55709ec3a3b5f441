"""PDF, FHIR and CSV: complete, valid, for research, and nothing lost in any script."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.diagnosticreport import DiagnosticReport as ReportR5
from fhir.resources.R4B.diagnosticreport import DiagnosticReport as ReportR4B
from pydantic import ValidationError

from imaging.entities import RESEARCH_USE
from imaging.export import ExportCase, export_case, fonts
from imaging.export.fonts import Typesetter
from imaging.review.records import Call, ReadFinding, Stage
from tests.imaging.export_cases import KINDS, MODEL, NOW, case_with, export_case_of
from tests.imaging.peers import peer


def written(case: ExportCase, form: str) -> bytes:
    files = export_case(case, [form], NOW)
    assert len(files) == 1 and files[0].name.startswith(f"{form}-")
    return files[0].content


def pages(case: ExportCase, folder: Path) -> list[str]:
    """The text of every page of the PDF, as poppler reads it."""
    file = folder / "report.pdf"
    file.write_bytes(written(case, "pdf"))
    command = [peer("pdftotext", "poppler-utils"), "-layout", str(file), "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stdout.decode().split("\f")[:-1]


def plain(text: str) -> str:
    return " ".join(text.split())


def renamed(case: ExportCase, name: str) -> ExportCase:
    instance = case.record.instances[0]
    patient = replace(instance.patient, name=name)
    record = replace(case.record, instances=(replace(instance, patient=patient),))
    return replace(case, record=record)


# PDF -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_says_it_is_for_research(kind: str, tmp_path: Path) -> None:
    found = pages(export_case_of(kind), tmp_path)
    assert found and all(RESEARCH_USE in page for page in found)
    assert all("FINAL" in page for page in found)


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (None, "NOT READ"),
        (Stage.DRAFT, "DRAFT, not signed"),
        (Stage.PRELIMINARY, "PRELIMINARY, signed by Dr. Jürgen Müller at 2026-03-04"),
        (Stage.FINAL, "FINAL, signed by Dr. Jürgen Müller at 2026-03-04"),
    ],
)
def test_the_pdf_says_how_far_the_review_has_come(
    stage: Stage | None, words: str, tmp_path: Path
) -> None:
    text = plain(" ".join(pages(export_case_of("cr", stage), tmp_path)))
    assert words in text
    assert ("FINAL" in text) == (stage is Stage.FINAL)


def test_the_pdf_holds_findings_answers_and_measurements(tmp_path: Path) -> None:
    text = plain(" ".join(pages(export_case_of("cr"), tmp_path)))
    for words in (
        "SYNTHETIC, TEST",
        "Pleural effusion",
        "small <left> & blunt",
        "не вирус",
        "probability 0.831, threshold 0.430",
        MODEL.short_hash,
        "Computed with onnxruntime int8",
        "length 12.35 mm",
        "angle 91.5 °",
        "Dr. Иванов",
    ):
        assert words in text, words


def test_the_pdf_tells_what_was_tried_with_the_eraser(tmp_path: Path) -> None:
    text = plain(" ".join(pages(export_case_of("cr"), tmp_path)))
    for words in ("Tried with the eraser", "0.123", "is no image of a patient"):
        assert words in text, words
    for step in ("1. Without right", "2. =Only the ellipse"):
        assert step in text, step


def test_the_pdf_is_silent_about_an_eraser_nobody_used(tmp_path: Path) -> None:
    case = export_case_of("cr")
    assert case.review
    unused = replace(case.record, reviews=(replace(case.review, trials=()),))
    text = plain(" ".join(pages(case_with(unused, case.contents), tmp_path)))
    assert "eraser" not in text and "Measurements and annotations" in text


@pytest.mark.parametrize("name", ["Müller^Jürgen", "Иванов^Пётр", "Παπαδοπούλου^Ελένη"])
def test_a_name_in_a_known_script_is_printed(name: str, tmp_path: Path) -> None:
    text = plain(" ".join(pages(renamed(export_case_of("cr"), name), tmp_path)))
    assert name.replace("^", ", ") in text
    assert "fonts of this computer" not in text


def test_a_name_without_a_font_is_spelt_in_code_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "_FOLDERS", ())
    fonts.font_for.cache_clear()
    ugaritic = "\U00010380\U00010381^\U00010382"
    text = plain(" ".join(pages(renamed(export_case_of("cr"), ugaritic), tmp_path)))
    fonts.font_for.cache_clear()
    assert "[U+10380][U+10381], [U+10382]" in text
    assert "The fonts of this computer lack some characters" in text


def test_a_script_read_from_the_right_is_noted() -> None:
    setter = Typesetter()
    setter.markup("\u05db\u05d4\u05df")
    assert any("right-to-left" in note for note in setter.notes)


def test_markup_is_text() -> None:
    assert Typesetter().markup("<b>&\n</b>") == "&lt;b&gt;&amp;<br/>&lt;/b&gt;"


@pytest.mark.slow
def test_the_pdf_is_the_same_for_the_same_review() -> None:
    assert written(export_case_of("dx"), "pdf") == written(export_case_of("dx"), "pdf")


def test_the_pdf_s_own_facts_hold_no_patient() -> None:
    content = written(export_case_of("cr"), "pdf")
    title = re.search(rb"/Title \(([^)]*)\)", content)
    assert title and title[1] == b"Lightbox report"
    assert b"SYNTHETIC" not in content


# FHIR ----------------------------------------------------------------------------------------


def report(case: ExportCase) -> dict[str, Any]:
    return dict(json.loads(written(case, "fhir")))


@pytest.mark.parametrize("stage", [None, *Stage])
@pytest.mark.parametrize("kind", KINDS)
def test_fhir_r4_and_r5_accept_the_report(kind: str, stage: Stage | None) -> None:
    found = report(export_case_of(kind, stage))
    in_r4 = ReportR4B.model_validate(found)
    found["study"] = found.pop("imagingStudy")  # R5's one other name
    in_r5 = ReportR5.model_validate(found)
    assert in_r4.status == in_r5.status == found["status"]
    assert len(in_r4.result or ()) == len(in_r5.result or ()) == len(found["result"]) > 0


def test_the_validation_can_fail() -> None:
    found = report(export_case_of("cr"))
    found["contained"][0]["status"] = None
    with pytest.raises(ValidationError):
        ReportR4B.model_validate(found)


@pytest.mark.parametrize(
    ("stage", "amends", "status"),
    [
        (None, False, "partial"),
        (Stage.DRAFT, False, "partial"),
        (Stage.PRELIMINARY, False, "preliminary"),
        (Stage.FINAL, False, "final"),
        (Stage.FINAL, True, "amended"),
    ],
)
def test_the_status_follows_the_review(stage: Stage | None, amends: bool, status: str) -> None:
    found = report(export_case_of("cr", stage, amends=amends))
    assert found["status"] == status
    assert ("resultsInterpreter" in found) == (stage is Stage.FINAL)
    network = [o for o in found["contained"] if "device" in o]
    assert {o["status"] for o in network} == {"preliminary"}


def test_findings_and_the_network_are_coded() -> None:
    found = report(export_case_of("cr"))
    coded = {
        (o["code"]["coding"][0]["code"], o["valueCodeableConcept"]["coding"][0]["code"])
        for o in found["contained"]
        if o["resourceType"] == "Observation" and "valueCodeableConcept" in o
    }
    assert {("233604007", "52101004"), ("53084003", "272519000")} <= coded
    device = next(c for c in found["contained"] if c["resourceType"] == "Device")
    assert device["modelNumber"] == MODEL.name
    assert device["identifier"][0]["value"] == MODEL.weights_sha256
    assert RESEARCH_USE in found["conclusion"]


def test_the_network_s_numbers_are_quantities() -> None:
    network = next(o for o in report(export_case_of("cr"))["contained"] if "device" in o)
    assert {"text": "Computed with onnxruntime int8"} in network["note"]
    values = {
        c["code"]["text"]: c["valueQuantity"]["value"]
        for c in network["component"]
        if "valueQuantity" in c
    }
    assert values["Probability"] == 0.8312345678901234
    assert values["Threshold"] == 0.43
    assert RESEARCH_USE in [note["text"] for note in network["note"]]


def test_an_unsigned_draft_names_no_conclusion_and_no_performer() -> None:
    found = report(export_case_of("cr", Stage.DRAFT))
    assert "conclusionCode" not in found and "performer" not in found


# CSV -----------------------------------------------------------------------------------------


def rows(case: ExportCase) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(written(case, "csv").decode("utf-8-sig"))))


def test_one_row_per_finding_and_measurement() -> None:
    case = export_case_of("cr")
    assert case.review
    found = rows(case)
    measured = sum(max(1, len(m.measures)) for m in case.review.annotations)
    kinds = [row["kind"] for row in found]
    assert [kinds.count(k) for k in ("reader", "network", "measurement")] == [3, 1, measured]
    assert {row["use"] for row in found} == {RESEARCH_USE}


def test_numbers_come_back_exactly() -> None:
    case = export_case_of("cr")
    assert case.review
    found = rows(case)
    network = next(row for row in found if row["kind"] == "network")
    assert float(network["probability"]) == 0.8312345678901234
    assert (network["model"], network["weights_sha256"]) == (MODEL.name, MODEL.weights_sha256)
    assert network["engine"] == "onnxruntime int8"
    length = next(row for row in found if row["measure"] == "length")
    assert (float(length["value"]), length["unit"]) == (12.3456789, "mm")
    points = [tuple(map(float, p.split())) for p in length["points"].split("; ")]
    assert tuple(points) == case.review.annotations[1].points


def test_a_trial_is_a_row_with_the_answer_before_and_after() -> None:
    case = export_case_of("cr")
    assert case.review
    (row,) = (row for row in rows(case) if row["kind"] == "trial")
    (trial,) = case.review.trials
    assert row["tried"] == "; ".join(trial.regions)
    assert float(row["probability_before"]) == trial.before
    assert float(row["probability"]) == trial.after
    assert (row["answer_before"], row["answer"]) == ("present", "unsure")
    assert (row["code"], row["weights_sha256"]) == ("pneumonia", MODEL.weights_sha256)
    assert (row["reader"], row["at"]) == (case.review.reader, trial.at.isoformat())


def test_a_note_is_no_formula() -> None:
    case = export_case_of("cr")
    assert case.review
    note = '=HYPERLINK("http://example.org")'
    read = ReadFinding("pneumonia", True, Call.ACCEPTED, note=note)
    reviewed = replace(case.record, reviews=(replace(case.review, findings=(read,)),))
    assert rows(case_with(reviewed, case.contents))[0]["note"] == f"'{note}"


def test_the_table_names_no_patient() -> None:
    assert b"Yamada" not in written(export_case_of("unicode"), "csv")
