"""Copies of a stored study for somebody who must not know whose it is, and looks at nothing before.

Nobody says that no text is burned into a picture, so a program looks, and what it doubts stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imaging.decoding import Source
from imaging.decoding.files import search_file
from imaging.delivery.deidentified import REPORT_NAME, copy_without_patient, report
from imaging.dicom import Profile, Released
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.entities import SourceKind
from imaging.errors import AssistantError, InputError, NotFoundError
from imaging.export import ExportedFile
from imaging.review.records import AuditEvent
from imaging.store import Repository, seal_file

FOUND = "Text was found in a picture, so its copy was left out; have a doctor look at it first."
NO_FILM = "This study has no DICOM image, so there is nothing to copy. Choose another study."


@dataclass(frozen=True, slots=True)
class StudyCopy:
    """Files without their patient; ``left_out`` says of each other film why, one sentence each."""

    files: tuple[ExportedFile, ...]
    left_out: tuple[str, ...]


def copy_study(
    repository: Repository,
    study_instance_uid: str,
    project: Project,
    *,
    account: str,
    on_progress: Callable[[float], None],
) -> StudyCopy:
    """De-identify every film of a study by the Basic Profile, its dates moved (PS3.15 E.1).

    Parameters
    ----------
    repository : Repository
    study_instance_uid : str
    project : Project
        From its key follow the numbers by which the study is known outside.
    account : str
        For whom; the audit trail says so, with the SHA-256 of every copy.
    on_progress : callable
        Gets the share of the films that are done.

    Returns
    -------
    StudyCopy
        The copies, and the table of what was removed. No file where every film was left out.

    Raises
    ------
    HeldStudyError
        If its files name two patients.
    NotFoundError
        If it is not stored, or holds no DICOM film.
    """
    record = repository.studies.get(study_instance_uid)
    record.insist_on_one_patient()
    films = [film for film in record.instances if film.source is SourceKind.DICOM]
    if not films:
        raise NotFoundError(NO_FILM)
    copies: list[Released] = []
    left_out: list[str] = []
    for at, film in enumerate(films):
        on_progress(at / len(films))
        try:
            content = repository.originals.content(film.identity.sha256)
            copies.append(_copy(content, project))
        except AssistantError as exc:
            left_out.append(str(exc))
    if not copies:
        return StudyCopy((), tuple(left_out))
    files = [ExportedFile(f"{copy.sop_instance_uid}.dcm", copy.content) for copy in copies]
    seals: dict[str, str | None] = {}
    for file in files:
        seals |= seal_file(file.name, file.content)
    repository.audit.record(
        AuditEvent.EXPORT,
        account=account,
        study_instance_uid=study_instance_uid,
        detail=f"{len(files)} de-identified copies, by number",
        seals=seals,
    )
    return StudyCopy((*files, ExportedFile(REPORT_NAME, report(copies))), tuple(left_out))


def _copy(content: bytes, project: Project) -> Released:
    copy = copy_without_patient(content, project, Profile(), text_checked=False)
    if search_file(Source.of(copy.content)).boxes:
        raise InputError(FOUND)
    return copy
