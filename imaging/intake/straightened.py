"""A film cut out of a photograph joins the photograph's study, by the way that every film goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Protocol

from imaging.entities import Derivation, Instance, SourceKind
from imaging.errors import ConflictError
from imaging.jobs import URGENT, Task
from imaging.photograph.straighten import Cut
from imaging.review.records import Account, AuditEvent, Stage
from imaging.store import Repository

SIGNED = (
    "This study is signed. Begin an amendment first; then its photograph can be cropped and "
    "straightened."
)


@dataclass(frozen=True, slots=True)
class Queued:
    """A derived film that waits for the network, and the job it waits in."""

    film: Instance
    job_id: str


def is_photograph(instance: Instance) -> bool:
    """True for a picture without a header, of one frame, that was not made here: it may be one."""
    single = instance.geometry.frames == 1
    return instance.source is SourceKind.FILM and single and instance.derivation is None


class Photograph(Protocol):
    """A photograph that can be cut: `imaging.decoding.DistantImage` is one."""

    @property
    def instance(self) -> Instance:
        """Everything its header says."""

    def derived(self, derivation: Derivation, file_name: str) -> tuple[bytes, Instance]:
        """The file of the film cut out of it, and what that says of itself."""


def use_picture(repository: Repository, image: Photograph, cut: Cut, *, reader: Account) -> Queued:
    """Make a film of a photograph and queue it; the photograph stays as it is.

    Parameters
    ----------
    repository : Repository
    image : Photograph
        The photograph (`is_photograph`), of a stored study.
    cut : Cut
        Where its film lies, by the reader's word.
    reader : Account
        Who did it; stands in the film's own file, in the audit trail and in every export.

    Raises
    ------
    ConflictError
        If the study is signed and no amendment was begun.
    NotFoundError
        If it was deleted.
    PixelDataError
        If the photograph cannot be decoded.
    ValueError
        If it is no photograph, or the corners are those of no film.
    """
    photograph = image.instance
    if not is_photograph(photograph):
        raise ValueError("only a picture without a header can be straightened")
    uid = photograph.identity.study_instance_uid
    review = repository.studies.get(uid).review
    if review is not None and review.stage is Stage.FINAL:
        raise ConflictError(SIGNED)
    derivation = Derivation(
        study_instance_uid=uid,
        source_sop_instance_uid=photograph.identity.sop_instance_uid,
        source_sha256=photograph.identity.sha256,
        corners=cut.corners,
        quarter_turns=cut.quarter_turns,
        mirrored=cut.mirrored,
        account=reader.name,
        reader=reader.reader,
        created_at=datetime.now(UTC),
    )
    name = f"{PurePath(photograph.file_name).stem} straightened.png"
    content, film = image.derived(derivation, name)
    job_id = repository.jobs.add([(name, content)], account=reader.name, priority=URGENT)
    # listed at once: who deletes the study meanwhile deletes what waits for it, too
    repository.pending.add_pending([(Task(job_id, 0, name), film)])
    repository.audit.record(
        AuditEvent.DERIVE,
        account=reader.name,
        study_instance_uid=uid,
        detail=_describe(film, derivation),
    )
    return Queued(film, job_id)


def _describe(film: Instance, derivation: Derivation) -> str:
    """The line of the audit trail: which film out of which, and what was done."""
    done = [f"film {film.identity.sha256} out of photograph {derivation.source_sha256}"]
    if derivation.quarter_turns:
        done.append(f"turned by {90 * derivation.quarter_turns} degrees")
    if derivation.mirrored:
        done.append("mirrored")
    return ", ".join(done)
