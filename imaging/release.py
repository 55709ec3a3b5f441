"""`cli.py deidentify`: a folder without its patients, by one project's key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from imaging.commands import TERMINAL, open_repository
from imaging.dicom import Image, Profile, inspect_image, read_object, release
from imaging.errors import AssistantError, ExportError, InputError, SettingsError
from imaging.ingest import Candidate, walk
from imaging.pseudonyms import Project
from imaging.review import Deed

Box = tuple[int, int, int, int]
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
) -> None:
    """De-identify DICOM files by PS3.15 Annex E; the originals stay as they are.

    Writes one file per object, named by its new SOP Instance UID. A file in which anything of the
    original is found again, or that may carry burned-in text nobody spoke about, is not written.
    """
    *paths, target = source
    if not paths:
        raise ExportError("Name what to de-identify, and then the folder to write to.")
    masks = tuple(_box(one) for one in mask or ())
    profile = Profile(dates=not remove_dates, device=keep_device, masks=masks)
    key, looked = Project.open(project), bool(masks) or no_burned_in_text
    counts: Counter[str] = Counter()
    try:
        target.mkdir(parents=True, exist_ok=True)
        for candidate in walk(paths):
            try:
                name, content = _released(candidate, key, profile, looked=looked)
            except InputError as exc:
                counts["left out"] += 1
                typer.echo(f"{candidate.path}: {exc}", err=True)
                continue
            (target / f"{name}.dcm").write_bytes(content)
            counts["written"] += 1
    except OSError as exc:
        raise ExportError("The folder cannot be written to.") from exc
    _note(counts["written"])
    typer.echo(f"{counts['written']} files written, {counts['left out']} left out.")


def _released(
    candidate: Candidate, key: Project, profile: Profile, *, looked: bool
) -> tuple[str, bytes]:
    """A file's new name and content."""
    content = candidate.read()
    if not looked and _may_have_text(content):
        raise InputError(_BURNED_IN)
    made = release(content, key, profile)
    if made.left_over:
        where = ", ".join(made.left_over)
        raise InputError(f"It would still identify the patient in {where}. It was left out.")
    return made.sop_instance_uid, made.content


def _may_have_text(content: bytes) -> bool:
    """True where header or kind of picture say so (`imaging.dicom.doubts`)."""
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
    store.record(Deed.EXPORT, account=TERMINAL, detail=f"de-identified {written} files")
    store.close()
