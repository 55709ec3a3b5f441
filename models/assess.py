"""The workflow every door uses - page, triage queue and terminal: read, check, predict, save."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from imaging.dicom import Image, read_image
from imaging.entities import Assessment, FileOutcome, Status
from imaging.errors import AssistantError, ConflictError
from imaging.ingest import Candidate
from imaging.store import Repository
from models.classifier import Classifier
from models.scope import check_scope


def assess(image: Image, classifier: Classifier) -> Assessment:
    """What the network says about one image, or why it says nothing.

    Returns
    -------
    Assessment
        Status ``ok`` or ``warned`` with findings; ``refused`` without, when the header puts the
        image outside the card's scope or the picture is blank.

    Raises
    ------
    InputError
        If the pixels cannot be decoded.
    """
    instance = image.instance
    verdict = check_scope(instance, classifier.card.scope)
    base = Assessment(
        sop_instance_uid=instance.identity.sop_instance_uid,
        status=Status.REFUSED,
        model=classifier.card.identity,
        messages=verdict.refusals,
        created_at=datetime.now(UTC),
    )
    warnings = image.remarks + verdict.warnings
    luminance = image.luminance_values(0)
    if verdict.refusals:
        return base
    if float(np.ptp(luminance)) == 0:
        return replace(base, messages=("The picture is blank: every pixel has the same value.",))
    return replace(
        base,
        status=Status.WARNED if warnings else Status.OK,
        findings=classifier.predict(luminance).findings,
        messages=warnings,
    )


def assess_bytes(content: bytes, file_name: str, classifier: Classifier) -> FileOutcome:
    """Read and assess one file; an unreadable one becomes an outcome, never an exception."""
    try:
        image = read_image(content, file_name=file_name)
    except AssistantError as exc:
        return failed(file_name, exc)
    try:
        return FileOutcome(file_name, assess(image, classifier), image.instance)
    except AssistantError as exc:
        outcome = failed(file_name, exc)
        uid = image.instance.identity.sop_instance_uid
        return replace(outcome, assessment=replace(outcome.assessment, sop_instance_uid=uid))


def assess_candidate(candidate: Candidate, classifier: Classifier) -> FileOutcome:
    """Fetch, read and assess one file without keeping it; failures become outcomes."""
    try:
        content = candidate.read()
    except AssistantError as exc:
        return failed(candidate.path, exc)
    return assess_bytes(content, candidate.path, classifier)


def assess_and_store(
    content: bytes, file_name: str, *, classifier: Classifier, repository: Repository
) -> FileOutcome:
    """Assess one file and keep it; only readable images are kept.

    Raises
    ------
    StoreError
        If the store itself fails; a conflict about this one file becomes its outcome.
    """
    outcome = assess_bytes(content, file_name, classifier)
    if outcome.instance is None or outcome.assessment.status is Status.ERROR:
        return replace(outcome, instance=None)
    try:
        repository.keep(content)
        repository.add_instance(outcome.instance)
    except ConflictError as exc:
        return failed(file_name, exc)
    repository.add_assessment(outcome.assessment)
    return outcome


def failed(file_name: str, error: AssistantError) -> FileOutcome:
    """The outcome of a file that could not be read."""
    return FileOutcome(
        file_name,
        Assessment(
            sop_instance_uid="",
            status=Status.ERROR,
            messages=(str(error),),
            created_at=datetime.now(UTC),
        ),
    )
