"""Results to take away, made up: a small batch with one of every outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from imaging.entities import Answer, Assessment, Finding, Instance, ModelIdentity, Status
from imaging.export.batch.rows import ResultRow, Score
from imaging.store import Repository
from imaging.study import FileOutcome
from tests.factories import make_dicom_bytes
from tests.imaging.export_cases import MODEL, SAID
from tests.stored import store

HOSTILE = '=HYPERLINK("http://evil.example";"<script>alert(1)</script>").dcm'
NOW = datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC)


def answered(number: int, probability: float, **changes: Any) -> ResultRow:
    """A row of a film that got an answer."""
    present = probability >= 0.43
    row = ResultRow(
        path=f"ward/film-{number}.dcm",
        study_instance_uid=f"1.2.3.{number}",
        sop_instance_uid=f"1.2.5.{number}",
        accession_number=f"A-{number}",
        status="ok",
        answer="present" if present else "absent",
        finding="pneumonia" if present else "no pneumonia seen",
        finding_code="pneumonia",
        finding_label="Pneumonia",
        probability=probability,
        operating_point=0.43,
        scores=(Score("normal", 1 - probability), Score("pneumonia", probability, 0.43)),
        model=MODEL.name,
        model_version=MODEL.version,
        weights_sha256=MODEL.weights_sha256,
        urgency=2 if present else 0,
        reading="not read",
        received_at=NOW + timedelta(minutes=number),
        created_at=NOW,
    )
    return replace(row, **changes)


def unanswered(number: int, status: str, message: str) -> ResultRow:
    """A row of a file that was refused or failed."""
    return ResultRow(path=f"odd-{number}.dcm", status=status, message=message)


def because(instance: Instance | None, said: Assessment | None) -> str:
    """A reason that tells what it was asked about."""
    return f"{'image' if instance else 'none'}, {said.status.value if said else 'waiting'}"


def queue(repository: Repository, *files: tuple[str, bytes]) -> str:
    """A job whose films were answered, and whose other files failed; returns its id."""
    from imaging.dicom import read_image
    from imaging.errors import InputError
    from models.inference.outcomes import failed_file

    outcomes = []
    for name, content in files:
        try:
            instance = read_image(content, file_name=name).instance
        except InputError as exc:
            outcomes.append(failed_file(content, name, exc))
        else:
            said = said_about(instance.identity.sop_instance_uid)
            outcomes.append(FileOutcome(name, said, instance))
    return store(repository, *outcomes, contents=[content for _, content in files]).job_id


def said_about(uid: str, model: ModelIdentity = MODEL) -> Assessment:
    """A clear answer with classes beside the finding."""
    return Assessment(
        sop_instance_uid=uid,
        status=Status.OK,
        model=model,
        findings=(
            Finding("pneumonia", "Pneumonia", 0.8312345678901234, 0.43),
            Finding("viral", "Viral pattern", 0.21, 0.5, exploratory=True),
        ),
        created_at=SAID,
        answer=Answer.PRESENT,
        conformal_set=("present",),
        error_rate=0.05,
        disagreement=0.031,
        probabilities=(("normal", 0.168765), ("viral", 0.21), ("bacterial", 0.621235)),
    )


def film(number: int, **attributes: Any) -> bytes:
    """A film of a study of its own."""
    uids: dict[str, Any] = {
        "StudyInstanceUID": f"1.2.3.{number}",
        "SeriesInstanceUID": f"1.2.4.{number}",
        "SOPInstanceUID": f"1.2.5.{number}",
    }
    return make_dicom_bytes(**{**uids, "AccessionNumber": f"A-{number}", **attributes})


def counted(rows: list[ResultRow], taken: Callable[[int], None]) -> Iterator[ResultRow]:
    """Rows one at a time, telling how many were taken."""
    for number, row in enumerate(rows, 1):
        taken(number)
        yield row
