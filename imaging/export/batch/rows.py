"""A result in one flat, typed row, of which every table and the summary of a batch are made.

A row is one file of a batch; `imaging.export.batch.columns` says how it becomes a line of a table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from imaging.documents import Document
from imaging.entities import RESEARCH_USE, Assessment, Finding, Instance, Status
from imaging.export import report_words, wording
from imaging.export.case import ExportCase
from imaging.export.photograph import origin_line
from imaging.export.report import report_of
from imaging.review.records import Review
from imaging.study import StudyRecord
from imaging.text import MAX_NAME, clean
from imaging.worklist.order import READ, ReadingOrder, signals, urgency

WAITING = "waiting"  # the status of a file the network has not come to
NOT_READ = "not read"
AI_OFF = "AI was off"  # the status of a file about which no network's answer is told
_MOST_TEXT = 4000  # characters of a sentence that quotes headers


@dataclass(frozen=True, slots=True)
class Score:
    """A calibrated probability, in [0, 1], of a finding or of a class, which has no threshold."""

    code: str
    probability: float
    operating_point: float | None = None


@dataclass(frozen=True, slots=True)
class ResultRow:
    """Outcome of one file.

    Texts are cleaned and "" where nothing is known, figures are then None.

    Attributes
    ----------
    path : str
        The file as it was handed in. It may hold a patient's name, as file names do.
    study_instance_uid, series_instance_uid, sop_instance_uid, sha256, accession_number : str
        Which object it is.
    patient_name, patient_id : str
        Filled only where the one who exports the results asked for names.
    age_years : float or None
        Age at the study.
    sex : str
        Patient's Sex (0010,0040).
    study_date : str
        Date of the study, and the time of day where that is known: 2026-11-28 08:35.
    examination : str
        Modality, part of the body and view, as the file gives them.
    patient_typed_by : str
        The reader who typed who the patient is, of a film without a header; "" for all others.
    patient_typed_at : datetime or None
        When.
    status : str
        A value of `Status`, `WAITING`, or `AI_OFF`.
    answer : str
        A value of `Answer`, or "".
    finding : str
        The leading finding as called: its code, or "no CODE seen".
    finding_code, finding_label : str
        The leading finding.
    probability, operating_point : float or None
        Of the leading finding.
    scores : tuple of Score
        Every finding and every class, each code once.
    conformal_set : str
        What cannot be ruled out at `error_rate`, separated by blanks.
    error_rate, disagreement : float or None
        As in `Assessment`.
    model, model_version, weights_sha256, model_sha256 : str
        Which network was asked; the last hash goes over all its files, "" in older records.
    engine : str
        What computed the answer and how precisely; "" where that was not recorded.
    message : str
        The reason for a refusal or failure, or why to be careful.
    selection : str
        Why the image was classified, or not.
    urgency : int or None
        Priority of the study (`imaging.worklist.order`): 2 raised, 1 unsure, 0 routine, -1 read.
    reading : str
        How far the reader has come: `NOT_READ`, draft, preliminary or final.
    signed_by : str
        Who signed the newest signed review; "" while nobody did.
    signed_at : datetime or None
        When.
    reader_findings, impression : str
        What the newest signed review states, in the sentences of its report.
    received_at, created_at : datetime or None
        When the study came, and when the network answered.
    use : str
        That this is for research.
    """

    path: str
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    sha256: str = ""
    accession_number: str = ""
    patient_name: str = ""
    patient_id: str = ""
    age_years: float | None = None
    sex: str = ""
    study_date: str = ""
    examination: str = ""
    patient_typed_by: str = ""
    patient_typed_at: datetime | None = None
    status: str = WAITING
    answer: str = ""
    finding: str = ""
    finding_code: str = ""
    finding_label: str = ""
    probability: float | None = None
    operating_point: float | None = None
    scores: tuple[Score, ...] = ()
    conformal_set: str = ""
    error_rate: float | None = None
    disagreement: float | None = None
    model: str = ""
    model_version: str = ""
    weights_sha256: str = ""
    model_sha256: str = ""
    engine: str = ""
    message: str = ""
    selection: str = ""
    urgency: int | None = None
    reading: str = ""
    signed_by: str = ""
    signed_at: datetime | None = None
    reader_findings: str = ""
    impression: str = ""
    received_at: datetime | None = None
    created_at: datetime | None = None
    use: str = RESEARCH_USE

    @property
    def scope_reason(self) -> str:
        """The reason of a refusal; "" for anything else."""
        return self.message if self.status == Status.REFUSED else ""

    @property
    def model_name(self) -> str:
        """Name and version in one."""
        return f"{self.model} {self.model_version}".strip()


def result_row(
    path: str,
    assessment: Assessment | None,
    file: Instance | Document | None = None,
    *,
    record: StudyRecord | None = None,
    selection: str = "",
    names: bool = False,
    engine: str = "",
    order: ReadingOrder | None = None,
) -> ResultRow:
    """The row of one file.

    Parameters
    ----------
    path : str
        The file as it was handed in.
    assessment : Assessment or None
        What the network said; None while it waits.
    file : Instance or Document, optional
        What its header says; None for a file that could not be read.
    record : StudyRecord, optional
        The stored study it belongs to.
    selection : str
        Why it was classified or not (`models.inference.image_selection.because`).
    names : bool
        Whether the patient is named.
    engine : str
        What computed the answer, such as "PyTorch float32".
    order : ReadingOrder, optional
        The site's, which gives the urgency.
    """
    off = wording.ai_off_line(record) if record is not None and assessment is None else ""
    row = ResultRow(
        path=clean(path, MAX_NAME),
        engine=clean(engine or (assessment.engine if assessment else "")),
        selection=clean(off or selection, _MOST_TEXT),
        **_identity_fields(file, names=names),
        **_answer_fields(assessment, origin_line(file) if isinstance(file, Instance) else ""),
        **_study_fields(record, order or ReadingOrder()),
    )
    return replace(row, status=AI_OFF, message=off) if off else row


def _identity_fields(file: Instance | Document | None, *, names: bool) -> dict[str, Any]:
    """Which object it is."""
    if file is None:
        return {}
    identity, patient, taken = file.identity, file.patient, file.acquisition
    examination = " ".join((taken.modality, taken.body_part, taken.view_position)).split()
    time = wording.time_words(taken.study_time)[:5]
    fields: dict[str, Any] = {
        "study_instance_uid": identity.study_instance_uid,
        "series_instance_uid": identity.series_instance_uid,
        "sha256": identity.sha256,
        "accession_number": clean(taken.accession_number),
        "age_years": patient.age_years,
        "sex": clean(patient.sex),
        "study_date": clean(f"{wording.date_words(taken.study_date)} {time}"),
        "examination": clean(" ".join(examination)),
    }
    typed = file.typed if isinstance(file, Instance) else None
    if typed is not None:
        fields |= {"patient_typed_by": clean(typed.reader), "patient_typed_at": typed.typed_at}
    if names:
        fields |= {"patient_name": clean(patient.name), "patient_id": clean(patient.patient_id)}
    return fields


def _answer_fields(assessment: Assessment | None, origin: str) -> dict[str, Any]:
    """The network's answer about a film of some origin, and which network it was."""
    if assessment is None:
        return {}
    lead, model = assessment.primary, assessment.model
    fields: dict[str, Any] = {
        "sop_instance_uid": assessment.sop_instance_uid,
        "status": assessment.status.value,
        "answer": assessment.answer.value if assessment.answer else "",
        "scores": _scores(assessment),
        "conformal_set": " ".join(assessment.conformal_set),
        "error_rate": assessment.error_rate,
        "disagreement": assessment.disagreement,
        "message": clean(" ".join([origin, *assessment.remarks]).strip(), _MOST_TEXT),
        "created_at": assessment.created_at,
    }
    if lead is not None:
        fields |= {
            "finding": _found(assessment, lead),
            "finding_code": lead.code,
            "finding_label": lead.label,
            "probability": lead.probability,
            "operating_point": lead.operating_point,
        }
    if model is not None:
        fields |= {
            "model": model.name,
            "model_version": model.version,
            "weights_sha256": model.weights_sha256,
            "model_sha256": model.files_sha256,
        }
    return fields


def _found(assessment: Assessment, lead: Finding) -> str:
    """The findings that are seen, or that none is; of networks with one finding that one."""
    firm = [f for f in assessment.findings if not f.exploratory and f.answer] or [lead]
    seen = "; ".join(f.code for f in firm if f.positive)
    return seen or f"no {' or '.join(f.code for f in firm)} seen"


def _scores(assessment: Assessment) -> tuple[Score, ...]:
    """Findings, then the classes that are not findings too: one of either name is the same."""
    findings = {
        f.code: Score(f.code, f.probability, f.operating_point) for f in assessment.findings
    }
    classes = {name: Score(name, p) for name, p in assessment.probabilities}
    return tuple({**classes, **findings}.values())


def _study_fields(record: StudyRecord | None, order: ReadingOrder) -> dict[str, Any]:
    """How urgent the study is, and how far the reader has come."""
    if record is None:
        return {}
    signed = next((r for r in reversed(record.reviews) if r.signed), None)
    review = signed or record.review
    told = None if record.ai_off else urgency(signals(record.assessments), order)
    return {
        "urgency": READ if record.final else told,
        "reading": review.stage.value if review else NOT_READ,
        "received_at": record.received_at,
        **_signed_fields(record, signed),
    }


def _signed_fields(record: StudyRecord, signed: Review | None) -> dict[str, Any]:
    """Who signed what, in the words of the report."""
    if signed is None or not record.instances:
        return {}
    report = report_of(ExportCase(record, signed, {}))
    findings = report_words.finding_lines(report)
    return {
        "signed_by": clean(signed.reader),
        "signed_at": signed.created_at,
        "reader_findings": clean(" ".join(findings), _MOST_TEXT),
        "impression": clean(" ".join(report_words.impression_lines(report)), _MOST_TEXT),
    }
