"""The workflow every door uses - page, triage queue and terminal: read, check, predict, save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from imaging import apart
from imaging.apart import Reading
from imaging.dicom import Image, describe
from imaging.documents import NOT_AN_IMAGE, Document
from imaging.entities import Assessment, Instance, Status
from imaging.errors import (
    AssistantError,
    ConflictError,
    PixelDataError,
    UnsupportedTransferSyntaxError,
)
from imaging.ingest import Candidate
from imaging.jobs import Result
from imaging.plain_text import MAX_NAME, clean
from imaging.store import Repository
from imaging.study import FileOutcome

Read = Callable[[bytes, str], Reading | Document]


class Assesses(Protocol):
    """Whoever says something about films: `models.inference.Assessor`, or `Panel` by torch."""

    def assess(self, readings: Sequence[Reading]) -> list[Assessment]:
        """One assessment for each film that was decoded."""


def assess(image: Image, panel: Assesses) -> Assessment:
    """As `assess_reading`, of an image that is decoded here.

    Raises
    ------
    InputError
        If the pixels cannot be decoded.
    """
    luminance = image.luminance_values(0)
    return assess_reading(
        Reading(image.instance, image.remarks, luminance, refusals=image.refusals), panel
    )


def assess_reading(reading: Reading, panel: Assesses) -> Assessment:
    """What the fitting model says about one image, or why none says anything.

    Returns
    -------
    Assessment
        Status ``ok`` or ``warned`` with findings and an answer; ``refused`` with the answer
        "unsuitable" when header or pixels put the image outside every model's scope, or the
        header had to be doubted about its pixels.

    Raises
    ------
    InputError
        If the pixels cannot be decoded.
    """
    if reading.trouble is not None:
        raise reading.trouble
    return panel.assess([reading])[0]


def assess_bytes(
    content: bytes, file_name: str, panel: Assesses, *, read: Read = apart.read
) -> FileOutcome:
    """Read and assess one file; an unreadable one becomes an outcome, never an exception.

    A report or a presentation state is no picture: no model is asked about it. `read` may be that
    of a `Reader`, which no file can harm.
    """
    try:
        image = read(content, file_name)
    except AssistantError as exc:
        return failed(file_name, exc)
    if isinstance(image, Document):
        return document_outcome(image, file_name)
    try:
        return FileOutcome(file_name, assess_reading(image, panel), image.instance)
    except AssistantError as exc:
        return failed_film(image.instance, exc, file_name)


def assess_candidate(
    candidate: Candidate, panel: Assesses, *, read: Read = apart.read
) -> FileOutcome:
    """Fetch, read and assess one file without keeping it; failures become outcomes."""
    try:
        content = candidate.read()
    except AssistantError as exc:
        return failed(candidate.path, exc)
    return assess_bytes(content, candidate.path, panel, read=read)


def assess_and_store(
    content: bytes,
    file_name: str,
    *,
    panel: Assesses,
    repository: Repository,
    account: str = "",
    read: Read = apart.read,
) -> FileOutcome:
    """Assess one file and keep it with its study, unless it cannot be read.

    `account` handed it in.

    Raises
    ------
    StoreError
        If the store itself fails; a conflict about this one file becomes its outcome.
    """
    outcome = assess_bytes(content, file_name, panel, read=read)
    if outcome.assessment.status is Status.ERROR:
        return replace(outcome, instance=None)
    job_id = repository.jobs.add([(file_name, content)], account=account)
    (task,) = repository.claims.claim_files(job_id, 1, jobs=[job_id])
    # each time as by other networks: asked again, it is answered again
    repository.claims.finish_files(job_id, [Result(task, task.sha256, outcome)], job_id)
    (file,) = repository.jobs.get(job_id).files
    if file.status is Status.ERROR:
        return failed(file_name, ConflictError(file.message))
    return outcome


def document_outcome(document: Document, file_name: str) -> FileOutcome:
    """What is said about a file that holds no picture."""
    said = Assessment(
        sop_instance_uid=document.identity.sop_instance_uid,
        status=Status.DOCUMENT,
        messages=(NOT_AN_IMAGE,),
        created_at=datetime.now(UTC),
    )
    return FileOutcome(clean(file_name, MAX_NAME), said, document=document)


def failed_film(instance: Instance, error: AssistantError, file_name: str) -> FileOutcome:
    """The outcome of a film whose header could be read, and whose pixels could not."""
    outcome = failed(file_name, error)
    uid = instance.identity.sop_instance_uid
    said = replace(outcome.assessment, sop_instance_uid=uid)
    return replace(outcome, assessment=said, instance=instance)


def failed_file(
    content: bytes, file_name: str, error: AssistantError, *, sha256: str = ""
) -> FileOutcome:
    """The outcome of a file that was refused while it was read: with its header, if it has one.

    Reads the header again: only for processes that a file may kill.
    """
    known = None
    if isinstance(error, PixelDataError | UnsupportedTransferSyntaxError):
        known = describe(content, file_name=file_name, sha256=sha256)
    return failed_film(known, error, file_name) if known else failed(file_name, error)


def failed(file_name: str, error: AssistantError) -> FileOutcome:
    """The outcome of a file that could not be read."""
    return FileOutcome(
        clean(file_name, MAX_NAME),
        Assessment(
            sop_instance_uid="",
            status=Status.ERROR,
            messages=(str(error),),
            created_at=datetime.now(UTC),
        ),
    )
