"""A result is one row: what it says, what it leaves out, and the columns others read."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from imaging.delivery.batch_rows import job_batch, stored_batch
from imaging.entities import RESEARCH_USE, Assessment, Status
from imaging.export.batch.columns import Codes, Kind, classify_columns, result_columns
from imaging.export.batch.rows import ResultRow, result_row
from imaging.review.records import Call, ReadFinding, Review, Stage
from imaging.store import Repository
from imaging.study import FileOutcome
from tests.imaging.export_cases import MODEL, SAID, SIGNED, export_case_of
from tests.imaging.result_cases import HOSTILE, because, film, queue, said_about
from tests.stored import store

CODES = Codes(("normal", "viral", "bacterial", "pneumonia"), ("viral", "pneumonia"))


def row_of(*, names: bool = False) -> ResultRow:
    instance = export_case_of("cr").record.instances[0]
    said = replace(said_about(instance.identity.sop_instance_uid), engine="onnxruntime int8")
    return result_row("ward/a.dcm", said, instance, selection="Classified.", names=names)


def test_every_score_has_its_operating_point_and_model_beside_it() -> None:
    row = row_of()
    cells = {c.name: c.of(row) for c in result_columns(CODES)}
    assert cells["p_pneumonia"] == 0.8312345678901234 and cells["operating_point_pneumonia"] == 0.43
    assert cells["p_viral"] == 0.21 and cells["operating_point_viral"] == 0.5
    assert cells["p_normal"] == 0.168765 and "operating_point_normal" not in cells
    assert (cells["model"], cells["model_version"]) == (MODEL.name, MODEL.version)
    assert cells["weights_sha256"] == MODEL.weights_sha256 and cells["created_at"] == SAID
    assert cells["use"] == RESEARCH_USE and cells["engine"] == "onnxruntime int8"
    assert len(str(cells["sha256"])) == 64 and cells["finding"] == "pneumonia"


def test_every_field_of_a_row_is_a_column() -> None:
    named = {column.name for column in result_columns(CODES)}
    assert {field.name for field in fields(ResultRow)} - {"scores"} <= named


def test_patients_are_named_only_when_asked_for() -> None:
    assert (row_of().patient_name, row_of().patient_id) == ("", "")
    named = row_of(names=True)
    assert (named.patient_name, named.patient_id) == ("SYNTHETIC^TEST", "T-1")


def test_the_codes_of_a_batch_are_those_of_its_rows() -> None:
    other = replace(row_of(), scores=())
    assert Codes.of([other, row_of()]) == CODES


def test_the_columns_of_classify_are_as_they_were() -> None:
    columns = classify_columns(("pneumonia", "normal"))
    cells = {column.name: column.text(row_of()) for column in columns}
    assert cells == {
        "path": "ward/a.dcm",
        "sop_instance_uid": row_of().sop_instance_uid,
        "status": "ok",
        "answer": "present",
        "scope_reason": "",
        "finding": "pneumonia",
        "p_pneumonia": "0.831235",
        "p_normal": "0.168765",
        "conformal_set": "present",
        "error_rate": "0.05",
        "disagreement": "0.031",
        "model": "paediatric-cxr 0.3.0",
        "weights_sha256": MODEL.weights_sha256,
        "model_sha256": MODEL.files_sha256,
        "message": "",
        "selection": "Classified.",
        "engine": "onnxruntime int8",
    }


def test_a_refusal_gives_its_reason_and_no_figure() -> None:
    refused = Assessment("1.2", Status.REFUSED, MODEL, messages=("Not a chest.",))
    row = result_row("a.dcm", refused)
    assert (row.scope_reason, row.probability, row.scores) == ("Not a chest.", None, ())
    columns = {c.name: c for c in result_columns(CODES)}
    assert columns["p_pneumonia"].text(row) == "" and columns["created_at"].text(row) == ""
    failed = result_row("a.dcm", Assessment("", Status.ERROR, messages=("Empty.",)))
    assert (failed.scope_reason, failed.message) == ("", "Empty.")


def test_moments_are_told_in_utc() -> None:
    moments = [c for c in result_columns(CODES) if c.kind is Kind.MOMENT]
    assert [c.text(row_of()) for c in moments] == ["", "", "", "2026-03-04T12:00:00+00:00"]


def test_control_characters_never_reach_a_row() -> None:
    row = result_row("a\x1b[31m\u202eb\n.dcm", None)
    assert row.path == "a [31mb .dcm" and row.status == "waiting"


@pytest.mark.parametrize(
    ("stages", "reading", "stated"),
    [
        ((), "not read", ""),
        ((Stage.DRAFT,), "draft", ""),
        ((Stage.PRELIMINARY,), "preliminary", "No pneumonia."),
        ((Stage.FINAL, Stage.DRAFT), "final", "No pneumonia."),
    ],
)
def test_only_what_a_reader_signed_is_the_reader_s_word(
    stages: tuple[Stage, ...], reading: str, stated: str
) -> None:
    record = export_case_of("cr", None).record
    finding = ReadFinding("pneumonia", False, Call.OVERRULED)
    reviews = tuple(
        Review(record.study_instance_uid, at, stage, "a", "Dr A", SIGNED, (finding,))
        for at, stage in enumerate(stages, 1)
    )
    row = result_row("a.dcm", record.assessments[0], record=replace(record, reviews=reviews))
    assert (row.reading, row.reader_findings) == (reading, stated)
    assert row.urgency == (-1 if Stage.FINAL in stages else 2)


# A job as rows -------------------------------------------------------------------------------


def test_a_job_is_one_row_per_file_as_the_worklist_orders_them(repository: Repository) -> None:
    job = queue(repository, ("b.dcm", film(1)), (HOSTILE, b"text"), ("a.dcm", film(2)))
    rows = list(job_batch(repository, repository.jobs.get(job), because).rows(False))
    assert [r.path for r in rows] == ["b.dcm", "a.dcm", HOSTILE]  # which is no study's
    assert [r.status for r in rows] == ["ok", "ok", "error"]
    assert [r.selection for r in rows] == ["image, ok", "image, ok", "none, error"]
    assert rows[2].message and not rows[2].study_instance_uid
    assert [r.accession_number for r in rows] == ["A-1", "A-2", ""]
    assert rows[0].received_at is not None and rows[0].urgency == 2


def test_a_file_that_waits_says_so(repository: Repository) -> None:
    job = repository.jobs.add([("a.dcm", film(1))])
    (row,) = job_batch(repository, repository.jobs.get(job), because).rows(False)
    assert (row.status, row.selection, row.probability) == ("waiting", "none, waiting", None)


def test_a_study_deleted_meanwhile_is_a_row_with_its_reason(repository: Repository) -> None:
    job = repository.jobs.get(queue(repository, ("a.dcm", film(1))))
    repository.studies.delete("1.2.3.1", account="a", reason="sent twice")
    (row,) = job_batch(repository, job, because).rows(False)
    assert "deleted since" in row.message and row.probability is None


def test_the_newest_answer_counts(repository: Repository) -> None:
    job = queue(repository, ("a.dcm", film(1)))
    newer = replace(said_about("1.2.5.1"), model=replace(MODEL, version="0.4.0"))
    answered_again = FileOutcome("a.dcm", newer, repository.studies.get("1.2.3.1").instances[0])
    store(repository, answered_again, contents=[film(1)], networks="newer")
    (row,) = job_batch(repository, repository.jobs.get(job), because).rows(False)
    assert row.model_version == "0.4.0"


def test_all_that_is_stored_is_a_batch_too(repository: Repository) -> None:
    queue(repository, ("a.dcm", film(1)), ("b.dcm", film(2)), ("c.txt", b"text"))
    rows = list(stored_batch(repository, because).rows(True))
    assert sorted(r.path for r in rows) == ["a.dcm", "b.dcm"]
    assert {r.patient_name for r in rows} == {"SYNTHETIC^TEST"}
