"""The outcomes of files that no network is asked about: documents, and what cannot be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from imaging.dicom import describe
from imaging.documents import NOT_AN_IMAGE, Document
from imaging.entities import Assessment, Instance, Status
from imaging.errors import AssistantError, PixelDataError, UnsupportedTransferSyntaxError
from imaging.intake.helper_files import SENTENCE, is_helper_file
from imaging.study import FileOutcome
from imaging.text import MAX_NAME, clean


def document_outcome(document: Document, file_name: str) -> FileOutcome:
    """The outcome of a file that holds no picture."""
    assessment = Assessment(
        sop_instance_uid=document.identity.sop_instance_uid,
        status=Status.DOCUMENT,
        messages=(NOT_AN_IMAGE,),
        created_at=datetime.now(UTC),
    )
    return FileOutcome(clean(file_name, MAX_NAME), assessment, document=document)


def failed_film(instance: Instance, error: AssistantError, file_name: str) -> FileOutcome:
    """The outcome of a film whose header could be read, and whose pixels could not."""
    outcome = failed_outcome(file_name, error)
    uid = instance.identity.sop_instance_uid
    assessment = replace(outcome.assessment, sop_instance_uid=uid)
    return replace(outcome, assessment=assessment, instance=instance)


def failed_file(
    content: bytes, file_name: str, error: AssistantError, *, sha256: str = ""
) -> FileOutcome:
    """The outcome of a file that was refused while it was read: with its header, if it has one.

    What nobody meant as a film is told apart here, once it is known to be none. Reads the header
    again: only for processes that a file may kill.
    """
    if is_helper_file(file_name, content):
        return _failed(file_name, Status.HELPER, SENTENCE)
    instance = None
    if isinstance(error, PixelDataError | UnsupportedTransferSyntaxError):
        instance = describe(content, file_name=file_name, sha256=sha256)
    return failed_film(instance, error, file_name) if instance else failed_outcome(file_name, error)


def failed_outcome(file_name: str, error: AssistantError) -> FileOutcome:
    """The outcome of a file that could not be read."""
    return _failed(file_name, Status.ERROR, str(error))


def _failed(file_name: str, status: Status, sentence: str) -> FileOutcome:
    assessment = Assessment(
        sop_instance_uid="", status=status, messages=(sentence,), created_at=datetime.now(UTC)
    )
    return FileOutcome(clean(file_name, MAX_NAME), assessment)
