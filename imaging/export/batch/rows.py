"""A result in one flat, typed row, of which every table and the summary of a batch are made.

A row is one file of a batch; `imaging.export.batch.columns` says how it becomes a line of a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imaging.documents import Document
from imaging.entities import RESEARCH_USE, Assessment, Finding, Instance, Status
from imaging.export.photograph import origin_line
from imaging.review.records import Review, Stage
from imaging.review.terms import concept
from imaging.study import StudyRecord
from imaging.text import MAX_NAME, clean
from imaging.worklist.order import READ, ReadingOrder, signals, urgency

WAITING = "waiting"  # the status of a file the network has not come to
NOT_READ = "not read"
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
    patient_typed_by : str
        The reader who typed who the patient is, of a film without a header; "" for all others.
    patient_typed_at : datetime or None
        When.
    status : str
        A value of `Status`, or `WAITING`.
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
    reader_findings : str
        What the newest signed review states.
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
    reader_findings: str = ""
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
    return ResultRow(
        path=clean(path, MAX_NAME),
        engine=clean(engine or (assessment.engine if assessment else "")),
        selection=clean(selection, _MOST_TEXT),
        **_identity_fields(file, names=names),
        **_answer_fields(assessment, origin_line(file) if isinstance(file, Instance) else ""),
        **_study_fields(record, order or ReadingOrder()),
    )


def _identity_fields(file: Instance | Document | None, *, names: bool) -> dict[str, Any]:
    """Which object it is."""
    if file is None:
        return {}
    identity, patient = file.identity, file.patient
    fields: dict[str, Any] = {
        "study_instance_uid": identity.study_instance_uid,
        "series_instance_uid": identity.series_instance_uid,
        "sha256": identity.sha256,
        "accession_number": clean(file.acquisition.accession_number),
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
        "message": clean(" ".join([origin, *assessment.messages]).strip(), _MOST_TEXT),
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
    return {
        "urgency": READ if record.final else urgency(signals(record.assessments), order),
        "reading": review.stage.value if review else NOT_READ,
        "reader_findings": _describe_findings(signed),
        "received_at": record.received_at,
    }


def _describe_findings(review: Review | None) -> str:
    """A signed review's findings: "Pneumonia present; Pleural effusion absent"."""
    if review is None or review.stage is Stage.DRAFT:
        return ""
    parts = (
        f"{concept(f.code).meaning} {'present' if f.present else 'absent'}" for f in review.findings
    )
    return clean("; ".join(parts), _MOST_TEXT)
