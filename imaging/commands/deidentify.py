"""`cli.py deidentify`: a folder without its patients, by one project's key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from imaging.commands.records import TERMINAL, open_repository
from imaging.dicom import Image, Profile, inspect_image, read_object, release
from imaging.dicom.deidentify.burned_in_text import Search, search_file
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.errors import AssistantError, ExportError, InputError, SettingsError
from imaging.intake.expand import Candidate, walk
from imaging.review.records import AuditEvent

Box = tuple[int, int, int, int]
_STILL_THERE = (
    "Text is still found after blackening. Look at the picture, then name what to blacken with "
    "--mask. It was left out."
)
_NONE_FOUND = (
    "No text was found, but the header or the kind of picture says that there is some. Look at "
    "it, then name what to blacken with --mask, or say --no-burned-in-text. It was left out."
)
_BURNED_IN = (
    "Text may be burned into this picture. Look at it, then name what to blacken with --mask, or "
    "say --no-burned-in-text. It was left out."
)


def deidentify(
    source: Annotated[
        list[Path], typer.Argument(help="Files, folders, archives; last the folder to write to.")
    ],
    project: Annotated[Path, typer.Option(help="The project's key; made when it is not there.")],
    remove_dates: Annotated[
        bool, typer.Option(help="Remove dates instead of moving each patient's by the same days.")
    ] = False,
    keep_device: Annotated[bool, typer.Option(help="Keep what identifies the device.")] = False,
    mask: Annotated[
        list[str] | None, typer.Option(help="Blacken TOP,LEFT,BOTTOM,RIGHT in pixels; repeatable.")
    ] = None,
    no_burned_in_text: Annotated[
        bool, typer.Option(help="You looked: no text is burned into these pictures.")
    ] = False,
    find_text: Annotated[
        bool, typer.Option(help="Look for burned-in text, blacken it, and look again.")
    ] = False,
) -> None:
    """De-identify DICOM files by PS3.15 Annex E; the originals stay as they are.

    Writes one file per object, named by its new SOP Instance UID. A file in which anything of the
    original is found again, or that may carry burned-in text nobody spoke about, is not written.
    What --find-text blackens was found by a program, which may miss some: look at the copies.
    """
    *paths, target = source
    if not paths:
        raise ExportError("Name what to de-identify, and then the folder to write to.")
    masks = tuple(_box(one) for one in mask or ())
    profile = Profile(dates=not remove_dates, device=keep_device, masks=masks)
    looked = bool(masks) or no_burned_in_text
    order = _Order(Project.open(project), profile, looked, find_text)
    counts: Counter[str] = Counter()
    try:
        target.mkdir(parents=True, exist_ok=True)
        for candidate in walk(paths):
            try:
                name, content, said = _released(candidate, order)
            except InputError as exc:
                counts["left out"] += 1
                typer.echo(f"{candidate.path}: {exc}", err=True)
                continue
            (target / f"{name}.dcm").write_bytes(content)
            counts["written"] += 1
            if said:
                typer.echo(f"{name}.dcm: {said}")
    except OSError as exc:
        raise ExportError("The folder cannot be written to.") from exc
    _note(counts["written"])
    typer.echo(f"{counts['written']} files written, {counts['left out']} left out.")


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be done with every file."""

    key: Project
    profile: Profile
    looked: bool
    find_text: bool


def _released(candidate: Candidate, order: _Order) -> tuple[str, bytes, str]:
    """A file's new name and content, and what is to be said about it; nothing about whom."""
    content, said, profile = candidate.read(), "", order.profile
    looked = order.looked
    if order.find_text:
        found = search_file(content)
        said = _found(found)
        looked = looked or bool(found.boxes)
        profile = replace(profile, masks=(*profile.masks, *found.boxes))
    if not looked and _may_have_text(content):
        raise InputError(_NONE_FOUND if order.find_text else _BURNED_IN)
    made = release(content, order.key, profile)
    if made.left_over:
        where = ", ".join(made.left_over)
        raise InputError(f"It would still identify the patient in {where}. It was left out.")
    if order.find_text and profile.masks and search_file(made.content).boxes:
        raise InputError(_STILL_THERE)
    return made.sop_instance_uid, made.content, said


def _found(search: Search) -> str:
    """How many places, and in which frames, where not in all."""
    said = f"burned-in text found in {len(search.boxes)} places"
    if search.frames < search.total_frames:
        said += f"; {search.frames} of {search.total_frames} frames were looked at"
    return said


def _may_have_text(content: bytes) -> bool:
    """True where header or kind of picture say so (`imaging.dicom.fidelity.cautions`)."""
    found = read_object(content)
    if not isinstance(found, Image):
        return False
    return any(caution.code == "burned-in" for caution in inspect_image(found).cautions)


def _box(text: str) -> Box:
    """TOP,LEFT,BOTTOM,RIGHT."""
    parts: Sequence[str] = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdigit() for part in parts):
        raise SettingsError("A mask is TOP,LEFT,BOTTOM,RIGHT in pixels.")
    top, left, bottom, right = (int(part) for part in parts)
    if top >= bottom or left >= right:
        raise SettingsError("A mask is TOP,LEFT,BOTTOM,RIGHT in pixels.")
    return top, left, bottom, right


def _note(written: int) -> None:
    """A line in the audit trail, without a word about whom; none where there is no store."""
    try:
        store = open_repository()
    except AssistantError:
        return
    store.audit.record(AuditEvent.EXPORT, account=TERMINAL, detail=f"de-identified {written} files")
    store.close()
