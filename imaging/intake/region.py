"""Regions that a reader marks on a film join the film's study, by the way that every film goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Protocol

from imaging.derivation import box_corners
from imaging.entities import Box, Derivation, DerivationKind, Instance, SourceKind
from imaging.errors import ConflictError, UnsupportedImageError
from imaging.intake.straightened import Queued
from imaging.jobs import URGENT, Task
from imaging.regions import LEFT, RIGHT, SMALLEST, can_be_marked, is_paired, why_not
from imaging.review.records import Account, AuditEvent, Stage
from imaging.store import Repository

SIGNED = (
    "This study is signed. Begin an amendment first; then a region of its image can be asked about."
)
_WORDS = {RIGHT: "right", LEFT: "left", "": ""}


@dataclass(frozen=True, slots=True)
class Region:
    """A box of a film, and the patient's side in it: "R", "L", or "" for a part that has none."""

    box: Box
    side: str


class Film(Protocol):
    """A film of which regions can be cut: `imaging.decoding.DistantImage` is one."""

    @property
    def instance(self) -> Instance:
        """Everything its header says."""

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why no network may answer for its file."""

    def derived(self, derivation: Derivation, file_name: str) -> tuple[bytes, Instance]:
        """The file of a region, and what that says of itself."""


def ask_about(
    repository: Repository, image: Film, regions: Sequence[Region], *, reader: Account
) -> tuple[Queued, ...]:
    """Make a film of each region and queue them before all others; the film stays as it is.

    Parameters
    ----------
    repository : Repository
    image : Film
        A film that `can_be_marked`, of a stored study.
    regions : sequence of Region
        One, or the two sides of a pair.
    reader : Account
        Who marked them; stands in each file, in the audit trail and in every export.

    Raises
    ------
    ConflictError
        If the study is signed and no amendment was begun.
    NotFoundError
        If it was deleted.
    PixelDataError
        If the film cannot be decoded.
    UnsupportedImageError
        If it is in colour, or its file is doubtful.
    ValueError
        If it is a part of another itself, a box is too small or reaches beyond it, a paired part
        has no side, or two regions have the same.
    """
    film = image.instance
    if not can_be_marked(film):
        raise ValueError("only a single frame that was not made here has regions")
    sides = [region.side for region in regions]
    if len(set(sides)) < len(sides) or not set(sides) <= set(_WORDS):
        raise ValueError("each region has a side of its own")
    if "" in sides and is_paired(film.acquisition):
        raise ValueError("a region of a paired part has a side")
    if not all(is_inside(region.box, film) for region in regions):
        raise ValueError("a box is too small, or reaches beyond the film")
    uid = film.identity.study_instance_uid
    review = repository.studies.get(uid).review
    if review is not None and review.stage is Stage.FINAL:
        raise ConflictError(SIGNED)
    trouble = why_not(film, image.refusals)
    if trouble:
        raise UnsupportedImageError(trouble)
    made = [_cut(image, region, reader) for region in regions]
    files = [(part.file_name, content) for content, part in made]
    job_id = repository.jobs.add(files, account=reader.name, priority=URGENT)
    # listed at once: who deletes the study meanwhile deletes what waits for it, too
    repository.pending.add_pending(
        [(Task(job_id, at, part.file_name), part) for at, (_content, part) in enumerate(made)]
    )
    for region, (_content, part) in zip(regions, made, strict=True):
        repository.audit.record(
            AuditEvent.DERIVE,
            account=reader.name,
            study_instance_uid=uid,
            detail=_describe(film, region, part),
        )
    return tuple(Queued(part, job_id) for _content, part in made)


def is_inside(box: Box, film: Instance) -> bool:
    """True for a box that lies on a film and is not too small."""
    left, top, right, bottom = box
    inside = left >= 0 and top >= 0
    inside = inside and right <= film.geometry.columns and bottom <= film.geometry.rows
    return inside and min(right - left, bottom - top) >= SMALLEST


def _cut(image: Film, region: Region, reader: Account) -> tuple[bytes, Instance]:
    film = image.instance
    derivation = Derivation(
        study_instance_uid=film.identity.study_instance_uid,
        source_sop_instance_uid=film.identity.sop_instance_uid,
        source_sha256=film.identity.sha256,
        corners=box_corners(region.box),
        quarter_turns=0,
        mirrored=False,
        account=reader.name,
        reader=reader.reader,
        created_at=datetime.now(UTC),
        kind=DerivationKind.REGION,
        side=region.side,
    )
    words = f"{PurePath(film.file_name).stem} region {_WORDS[region.side]}".strip()
    suffix = "png" if film.source is SourceKind.FILM else "dcm"
    return image.derived(derivation, f"{words}.{suffix}")


def _describe(film: Instance, region: Region, part: Instance) -> str:
    """The line of the audit trail: which film out of which, which side, and where."""
    left, top, right, bottom = region.box
    words = [f"region {part.identity.sha256} of image {film.identity.sha256}"]
    if region.side:
        words.append(_WORDS[region.side])
    words.append(f"columns {left + 1} to {right}, rows {top + 1} to {bottom}")
    return ", ".join(words)
