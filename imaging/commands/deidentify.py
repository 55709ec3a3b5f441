"""`cli.py deidentify`: a folder without its patients, by one project's key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from imaging.commands.records import TERMINAL, open_repository
from imaging.delivery.deidentified import (
    BURNED_IN,
    STILL_THERE,
    copy_without_patient,
    report,
)
from imaging.dicom import Profile, Released
from imaging.dicom.deidentify.burned_in_text import Search, search_file
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.errors import AssistantError, ExportError, InputError, SettingsError
from imaging.intake.expand import Candidate, walk
from imaging.intake.helper_files import is_helper_file
from imaging.language import _, sentence
from imaging.review.records import AuditEvent
from imaging.store import Seals, seal_file

Box = tuple[int, int, int, int]
_LOOK = "Look at it, then name what to blacken with --mask, or say --no-burned-in-text."
_NONE_FOUND = (
    "No text was found, but the header or the kind of picture says that there is some. It was "
    f"left out. {_LOOK}"
)
_ASKED_FOR = "Ask for a copy without any free text."
_HINTS = {  # what the terminal knows beyond a refusal
    BURNED_IN: _LOOK,
    STILL_THERE: "Look at the picture, then name what to blacken with --mask.",
}


def deidentify(
    source: Annotated[
        list[Path], typer.Argument(help="Files, folders, archives; last the folder to write to.")
    ],
    project: Annotated[Path, typer.Option(help="The project's key; made when it is not there.")],
    remove_dates: Annotated[
        bool, typer.Option(help="Remove dates instead of moving each patient's by the same days.")
    ] = False,
    keep_device: Annotated[bool, typer.Option(help="Keep what identifies the device.")] = False,
    keep_descriptions: Annotated[
        bool, typer.Option(help="Keep the words of descriptions that DICOM itself uses.")
    ] = False,
    documents: Annotated[
        bool,
        typer.Option(help="Reports, presentation states and the like, too, without their texts."),
    ] = False,
    mask: Annotated[
        list[str] | None, typer.Option(help="Blacken TOP,LEFT,BOTTOM,RIGHT in pixels; repeatable.")
    ] = None,
    no_burned_in_text: Annotated[
        bool, typer.Option(help="You looked: no text is burned into these pictures.")
    ] = False,
    find_text: Annotated[
        bool, typer.Option(help="Look for burned-in text, blacken it, and look again.")
    ] = False,
    write_report: Annotated[
        Path | None,
        typer.Option("--report", help="Table of what was removed and what stayed (CSV)."),
    ] = None,
) -> None:
    """De-identify DICOM files by PS3.15 Annex E; the originals stay as they are.

    Writes one file per object, named by its new SOP Instance UID. A file in which anything of the
    original is found again, or that may carry burned-in text nobody spoke about, is not written;
    nor are reports and other objects without pixels, unless --documents asks for them.
    What --find-text blackens was found by a program, which may miss some: look at the copies.
    """
    *paths, target = source
    if not paths:
        raise ExportError("Name what to de-identify, and then the folder to write to.")
    masks = tuple(_parse_box(text) for text in mask or ())
    profile = Profile(not remove_dates, keep_device, keep_descriptions, documents, masks)
    text_checked = bool(masks) or no_burned_in_text
    options = _Options(Project.open(project), profile, text_checked, find_text)
    counts: Counter[str] = Counter()
    seals: dict[str, str | None] = {}
    copies: list[Released] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for candidate in walk(paths):
            try:
                copy, remark = _release_file(candidate, options)
            except InputError as exc:
                if _is_helper(candidate):
                    counts["not images"] += 1
                    continue
                counts["left out"] += 1
                typer.echo(f"{candidate.path}: {sentence(_with_hint(str(exc)))}", err=True)
                continue
            name = copy.sop_instance_uid
            (target / f"{name}.dcm").write_bytes(copy.content)
            if write_report is not None:
                copies.append(replace(copy, content=b""))
            counts["written"] += 1
            seals |= seal_file(f"{name}.dcm", copy.content)
            if remark:
                typer.echo(f"{name}.dcm: {sentence(remark)}")
        if write_report is not None:
            write_report.write_bytes(report(copies))
    except OSError as exc:
        raise ExportError(
            "The folder cannot be written to. Choose another one, or check the rights to it."
        ) from exc
    finally:  # what was written before a disk was full has left too
        if seals:
            _record_export(seals)
    said = [
        _("{written} files written, {left} left out.").format(
            written=counts["written"], left=counts["left out"]
        )
    ]
    if counts["not images"]:
        said.append(_("{count} files that are not images.").format(count=counts["not images"]))
    typer.echo(" ".join(said))


@dataclass(frozen=True, slots=True)
class _Options:
    """How every file is to be de-identified."""

    key: Project
    profile: Profile
    text_checked: bool
    find_text: bool


def _release_file(candidate: Candidate, options: _Options) -> tuple[Released, str]:
    """De-identify a file: the copy, and a remark, which says nothing about whom."""
    content, remark, profile = candidate.read(), "", options.profile
    text_checked = options.text_checked
    if options.find_text:
        search = search_file(content)
        remark = _describe_search(search)
        text_checked = text_checked or bool(search.boxes)
        profile = replace(profile, masks=(*profile.masks, *search.boxes))
    try:
        copy = copy_without_patient(
            content,
            options.key,
            profile,
            text_checked=text_checked,
            search_again=options.find_text,
        )
    except InputError as exc:
        if options.find_text and str(exc) == BURNED_IN:
            raise InputError(_NONE_FOUND) from exc
        raise
    return copy, remark


def _with_hint(refusal: str) -> str:
    """A refusal, and what to type about it."""
    hint = "Say --documents for that." if refusal.endswith(_ASKED_FOR) else _HINTS.get(refusal, "")
    return f"{refusal} {hint}".rstrip()


def _is_helper(candidate: Candidate) -> bool:
    """Whether a file that was left out is none that anybody meant as a film."""
    try:
        return is_helper_file(candidate.path, candidate.read())
    except InputError:
        return False


def _describe_search(search: Search) -> str:
    """Say in how many places text was found, and in which frames where not in all."""
    sentence = f"burned-in text found in {len(search.boxes)} areas"
    if search.frames < search.total_frames:
        sentence += f"; {search.frames} of {search.total_frames} frames were looked at"
    return sentence


def _parse_box(text: str) -> Box:
    """Read TOP,LEFT,BOTTOM,RIGHT."""
    parts: Sequence[str] = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdigit() for part in parts):
        raise SettingsError("A mask is TOP,LEFT,BOTTOM,RIGHT in pixels.")
    top, left, bottom, right = (int(part) for part in parts)
    if top >= bottom or left >= right:
        raise SettingsError("A mask is TOP,LEFT,BOTTOM,RIGHT in pixels.")
    return top, left, bottom, right


def _record_export(seals: Seals) -> None:
    """Write a line in the audit trail, without a word about whom; none where there is no store."""
    try:
        store = open_repository()
    except AssistantError:
        return
    detail = f"de-identified {len(seals)} files"
    store.audit.record(AuditEvent.EXPORT, account=TERMINAL, detail=detail, seals=seals)
    store.close()
