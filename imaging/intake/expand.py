"""Files, folders, archives or a disc that a person points at become one entry per file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from imaging.dicom import is_dicomdir, referenced_files
from imaging.errors import InputError, NotDicomError
from imaging.intake.archives import MAX_FILE_BYTES, is_archive, members
from imaging.intake.disc import Disc
from imaging.intake.unpack_process import PackedMember, members_apart
from imaging.locations import find_files, is_address, read_place

_HEAD = 1024  # bytes that tell an archive or a DICOMDIR from a film
_MOST = 1 << 30  # bytes of an archive handed in through the browser, unpacked
_TOO_MUCH = (
    "The archive unpacks to more than 1 GiB; this file was left out. Add the folder instead."
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be an image: its displayed path and how to get its bytes.

    ``read`` raises `InputError` when the bytes cannot be had. Members of an archive are read before
    the next is taken; ``location`` is where any other file lies, for who reads it later.
    """

    path: str
    read: Callable[[], bytes]
    location: str = ""


def walk(paths: Sequence[Path | str]) -> Iterator[Candidate]:
    """Yield every file below the given paths, in name order, looking into archives.

    Parameters
    ----------
    paths : sequence of Path or str
        Files, folders and archives, mixed; a DICOMDIR stands for the files it names. A path that
        does not exist is yielded too; its ``read`` says so. A text may be an address such as
        ``s3://bucket/films``.

    Raises
    ------
    SettingsError
        If an address cannot be listed, or nothing here reads such addresses.
    """
    for source in paths:
        if isinstance(source, str) and is_address(source):
            for address in find_files(source):
                yield Candidate(address, partial(read_place, address), address)
            continue
        path = Path(source)
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if not file.is_dir():
                    yield from _unpack(file)
        elif is_dicomdir(_read_head(path)):
            yield from _list_disc(path)
        else:
            yield from _unpack(path)


def expand(
    files: Iterable[tuple[str, bytes]],
) -> tuple[list[tuple[str, bytes]], list[tuple[str, str]]]:
    """Files that came through the browser, those in archives one by one.

    Returns
    -------
    tuple of two lists
        (name, bytes) of what can be read, and (name, sentence) of what cannot.
    """
    readable: list[tuple[str, bytes]] = []
    refused: list[tuple[str, str]] = []
    for name, content in files:
        if not is_archive(content[:_HEAD]):
            readable.append((name, content))
            continue
        for label, read in unpack(content, name):
            try:
                readable.append((label, b"".join(read())))
            except InputError as exc:
                refused.append((label, str(exc)))
    return readable, refused


def unpack(source: bytes | IO[bytes], name: str) -> Iterator[PackedMember]:
    """The members of an archive that came through the browser, until they are too much.

    As `imaging.intake.unpack_process.members_apart`.
    """
    room = _MOST

    def take(read: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        nonlocal room
        if room <= 0:
            raise NotDicomError(_TOO_MUCH)
        for part in read():
            room -= len(part)
            yield part

    for label, read in members_apart(source, name):
        yield label, partial(take, read)


def _unpack(file: Path) -> Iterator[Candidate]:
    """Yield a file, or the members of the archive it is."""
    if not is_archive(_read_head(file)):
        yield _file_candidate(file)
        return
    for name, read in members(file, str(file)):
        yield Candidate(name, read)


def _read_head(file: Path) -> bytes:
    """The first bytes of a file; none when it cannot be opened, which reading it will report."""
    try:
        with file.open("rb") as stream:
            return stream.read(_HEAD)
    except OSError:
        return b""


def _list_disc(file: Path) -> Iterator[Candidate]:
    """The files a DICOMDIR names, whatever became of their names when they were copied."""
    content = _read_file(file)
    try:
        names = referenced_files(content)
    except InputError:
        yield _file_candidate(file)
        return
    root = file.resolve().parent
    disc = Disc(root)
    for parts in names:
        path = disc.find(parts)
        if path.resolve().is_relative_to(root):  # a link on the disc may lead anywhere
            yield _file_candidate(path)


def _file_candidate(file: Path) -> Candidate:
    return Candidate(str(file), partial(_read_file, file), str(file.absolute()))


def _read_file(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise NotDicomError(
                "The file is larger than any image this tool reads. Export it in parts."
            )
        return file.read_bytes()
    except OSError as exc:
        raise NotDicomError(
            "The file does not exist or cannot be opened; check its name and its rights."
        ) from exc
