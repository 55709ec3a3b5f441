"""The study as CSV: a row per finding of reader and network, measurement, trial, and change."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO

from imaging.entities import RESEARCH_USE, Assessment, ModelIdentity
from imaging.export import report_words, wording
from imaging.export.case import ExportCase, ExportedFile
from imaging.export.common import short
from imaging.export.photograph import origin_line
from imaging.export.report import Report, report_of
from imaging.review.records import Annotation, Review, Trial
from imaging.review.terms import concept
from imaging.text import escape_formula

COLUMNS = (
    "study_instance_uid", "sop_instance_uid", "frame", "kind", "code", "code_scheme", "code_value",
    "meaning", "present", "call", "side", "sites", "course", "compared_with",
    "probability", "operating_point", "exploratory", "answer",
    "conformal_set", "error_rate", "disagreement", "tried", "probability_before", "answer_before",
    "shape", "points", "measure", "value", "unit", "measured",
    "note", "model", "model_version", "weights_sha256", "model_sha256",
    "engine",
    "stage", "version", "reader", "at", "use",
)  # fmt: skip
Row = dict[str, object]


def findings_table(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write the table (RFC 4180, UTF-8 with byte order mark, as spreadsheets expect).

    Notes
    -----
    A text a person typed that a spreadsheet would take for a formula is led by an apostrophe.
    There is no patient identity in it beyond the UIDs: of an attribute that is written otherwise
    than in the file, only the name is told.
    """
    buffer, report = StringIO(), report_of(case)
    writer = csv.DictWriter(buffer, COLUMNS, restval="")
    writer.writeheader()
    common = {"study_instance_uid": case.record.study_instance_uid, "use": RESEARCH_USE}
    for row in (
        *_typed_rows(case),
        *_reader_rows(case, report),
        *_network_rows(case, report),
        *_measurement_rows(case.review),
        *_trial_rows(case.review),
        *_change_rows(case),
        *_ai_off_rows(case),
    ):
        writer.writerow({key: _make_safe(value) for key, value in {**common, **row}.items()})
    version = case.review.version if case.review else 0
    name = f"csv-{short(f'{case.record.study_instance_uid}/{version}')}.csv"
    return [ExportedFile(name, buffer.getvalue().encode("utf-8-sig"))]


def _typed_rows(case: ExportCase) -> Iterator[Row]:
    """Which facts about the patient a reader typed, without their content."""
    for instance in case.record.instances:
        if (typed := instance.typed) is not None:
            yield {
                "kind": "typed",
                "sop_instance_uid": instance.identity.sop_instance_uid,
                "note": wording.typed_line(typed),
                "version": typed.version,
                "reader": typed.reader,
                "at": typed.typed_at.isoformat() if typed.typed_at else "",
            }


def _reader_rows(case: ExportCase, report: Report) -> Iterator[Row]:
    """The reader's findings with their places, then the report's texts as far as there are any."""
    review = case.review
    compared = report.compared.study_date if report.compared else ""
    for finding in report.findings:
        yield {
            "kind": "reader",
            **_code_fields(finding.code),
            "present": finding.present,
            "call": finding.call.value,
            "side": finding.side.value if finding.side else "",
            "sites": " ".join(finding.sites),
            "course": finding.course.value if finding.course else "",
            "compared_with": wording.date_words(compared) if finding.course else "",
            "note": finding.note,
            **_stage_fields(review),
        }
    texts = {
        "indication": report.indication,
        "comparison": report_words.comparison_line(report),
        "note": report.note,
        "impression": "\n".join(report_words.impression_lines(report)) if review else "",
    }
    for kind, text in texts.items():
        if text:
            yield {"kind": kind, "note": text, **_stage_fields(review)}


def _network_rows(case: ExportCase, report: Report) -> Iterator[Row]:
    """The network's findings; one row without a finding where it gave none."""
    for (instance, assessment), answered in zip(case.answers, report.answers, strict=True):
        common: Row = {
            "kind": "network",
            "sop_instance_uid": instance.identity.sop_instance_uid,
            "note": " ".join([origin_line(instance, report.images), *assessment.remarks]).strip(),
            "at": assessment.created_at.isoformat() if assessment.created_at else "",
            **_model_fields(assessment.model),
            "engine": assessment.engine,
        }
        for finding in answered.findings:
            answers = assessment.answers(finding)
            yield {
                **common,
                **_code_fields(finding.code, finding.label),
                "probability": finding.probability,
                "operating_point": finding.operating_point,
                "exploratory": finding.exploratory,
                **(_answer_fields(assessment.about(finding)) if answers else {}),
            }
        if not assessment.findings:
            yield {**common, **_answer_fields(assessment)}


def _answer_fields(assessment: Assessment) -> Row:
    """The network's answer as a whole; it stands with the leading finding."""
    return {
        "answer": assessment.answer.value if assessment.answer else "",
        "conformal_set": " ".join(assessment.conformal_set),
        "error_rate": _number(assessment.error_rate),
        "disagreement": _number(assessment.disagreement),
    }


def _measurement_rows(review: Review | None) -> Iterator[Row]:
    """Every measurement; one row without a value for a mark that has none."""
    for mark in review.annotations if review else ():
        for measure in mark.measures:
            yield {
                **_mark_fields(mark, review),
                "measure": measure.name,
                "value": measure.value,
                "unit": measure.unit,
                "measured": wording.measure_plane(measure),
            }
        if not mark.measures:
            yield _mark_fields(mark, review)


def _mark_fields(mark: Annotation, review: Review | None) -> Row:
    """Where a mark lies; points as "column row" pairs."""
    return {
        "kind": "measurement",
        "sop_instance_uid": mark.sop_instance_uid,
        "frame": mark.frame + 1,
        **(_code_fields(mark.finding) if mark.finding else {}),
        "shape": mark.shape.value,
        "points": "; ".join(f"{x!r} {y!r}" for x, y in mark.points),
        "note": mark.label,
        **_stage_fields(review),
    }


def _trial_rows(review: Review | None) -> Iterator[Row]:
    """Every trial of the eraser: what was done to the film, the answer then and before."""
    for trial in review.trials if review else ():
        yield {**_stage_fields(review), **_trial_fields(trial)}


def _change_rows(case: ExportCase) -> Iterator[Row]:
    """What is written otherwise than in the file, without the value."""
    for change in case.changes:
        yield {"kind": "change", "note": change.discreet}


def _ai_off_rows(case: ExportCase) -> Iterator[Row]:
    """That AI was off, where it was."""
    if off := wording.ai_off_line(case.record):
        yield {"kind": "network", "note": off}


def _trial_fields(trial: Trial) -> Row:
    """The steps in their order; `probability` and `answer` are those to what is left."""
    return {
        "kind": "trial",
        "sop_instance_uid": trial.sop_instance_uid,
        "frame": 1,
        **_code_fields(trial.code),
        "tried": "; ".join(trial.regions),
        "probability_before": trial.before,
        "answer_before": trial.answer_before.value,
        "probability": trial.after,
        "answer": trial.answer_after.value,
        "at": trial.at.isoformat(),
        **_model_fields(trial.model),
    }


def _code_fields(code: str, label: str = "") -> Row:
    term = concept(code, label)
    return {
        "code": code,
        "code_scheme": term.scheme,
        "code_value": term.value,
        "meaning": label or wording.finding_label(code),
    }


def _stage_fields(review: Review | None) -> Row:
    """Who said it and how far the review has come."""
    if review is None:
        return {}
    return {
        "stage": review.stage.value,
        "version": review.version,
        "reader": review.reader,
        "at": review.created_at.isoformat(),
    }


def _model_fields(model: ModelIdentity | None) -> Row:
    if model is None:
        return {}
    return {
        "model": model.name,
        "model_version": model.version,
        "weights_sha256": model.weights_sha256,
        "model_sha256": model.files_sha256,
    }


def _number(value: float | None) -> object:
    return "" if value is None else value


def _make_safe(value: object) -> object:
    """Text that no spreadsheet runs."""
    return escape_formula(value) if isinstance(value, str) else value
