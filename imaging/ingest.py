"""What a person points at - files, folders, zip archives - becomes one entry per file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imaging.errors import InputError, NotDicomError

MAX_FILE_BYTES = 1 << 30  # larger than any single film; a zip member may claim anything


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be an image: its displayed path and how to get its bytes.

    ``read`` raises `InputError` when the bytes cannot be had.
    """

    path: str
    read: Callable[[], bytes]


def walk(paths: Sequence[Path]) -> Iterator[Candidate]:
    """Yield every file below the given paths, in name order, looking into zip archives.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders and zip archives, mixed. A path that does not exist is yielded too; its
        ``read`` says so.
    """
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_dir():
                continue
            yield from _zip_members(file) if _is_zip(file) else [_plain(file)]


def _is_zip(file: Path) -> bool:
    try:
        return zipfile.is_zipfile(file)
    except OSError:
        return False


def _plain(file: Path) -> Candidate:
    return Candidate(str(file), partial(_read_file, file))


def _read_file(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise NotDicomError("The file is larger than any film this tool reads.")
        return file.read_bytes()
    except OSError as exc:
        raise NotDicomError("The file does not exist or cannot be opened.") from exc


def _zip_members(file: Path) -> Iterator[Candidate]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError):
        yield _plain(file)
        return
    for member in members:
        yield Candidate(f"{file}/{member.filename}", partial(_read_member, file, member))


def _read_member(file: Path, member: zipfile.ZipInfo) -> bytes:
    """One member's bytes; never more than the limit, whatever its header claims."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(member) as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
        NotImplementedError,
        EOFError,
    ) as exc:
        raise NotDicomError("The file inside the archive is damaged or encrypted.") from exc
    if len(content) > MAX_FILE_BYTES:
        raise InputError("The file inside the archive is larger than any film this tool reads.")
    return content
