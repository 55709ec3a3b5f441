"""Archives as streams of members: zip, tar and gzip, opened once more inside and no deeper.

A member is read by its place in the archive; its name is only shown. Nothing is ever written to a
disk under a name that an archive chose, so no name can lead anywhere.
"""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from io import BytesIO, FileIO
from itertools import islice
from pathlib import Path
from typing import IO, cast

from imaging.dicom.nifti import is_nifti
from imaging.errors import InputError, NotDicomError
from imaging.intake import zip_members
from imaging.text import MAX_NAME, clean

MAX_FILE_BYTES = 1 << 30  # larger than any single film; a member may claim anything
MAX_MEMBERS = 100_000  # of one archive
MAX_RATIO = 500  # a black film shrinks to a thousandth, but is not large
_SMALL = 1 << 24  # bytes below which nobody asks how well a member was packed
_DEPTH = 2  # archives in archives that are opened
_HEAD = 512
Read = Callable[[], bytes]
Member = tuple[str, Read]  # the name to show; what gives its bytes or raises `InputError`

_DAMAGED = "The file inside the archive is damaged; ask for the archive to be sent again."
_BOMB = (
    "The file inside the archive unpacks to hundreds of times its size; it is left out. Ask "
    "for the image by itself."
)
_LARGE = "The file inside the archive is larger than any image this tool reads. Export it in parts."
_DEEP = "This archive lies too deep inside others; unpack it and add the files inside."
_PACKED = "The file is gzip-compressed; unpack it and add what is inside."
_MANY = f"The archive holds more than {MAX_MEMBERS} files; the rest is left out. Add it in parts."


def is_archive(head: bytes) -> bool:
    """True for the first half kilobyte of a zip, tar or gzip file; its name says nothing."""
    return head[:4] == b"PK\x03\x04" or head[:3] == b"\x1f\x8b\x08" or head[257:262] == b"ustar"


def members(source: Path | bytes | IO[bytes], name: str, depth: int = 1) -> Iterator[Member]:
    """The files in an archive, in its order, those of archives inside it among them.

    Parameters
    ----------
    source : Path, bytes or binary file
        The archive; a file can be sought in, and stays open until the last member was read.
    name : str
        To show before the names of its members.
    depth : int
        1 for an archive that is not inside another.

    Yields
    ------
    tuple of str and callable
        A name to show, and what reads the member: read one before taking the next. It raises
        `InputError` when the member is damaged, encrypted, too large or packed like a bomb.
    """
    entries = _list_members(source)
    for at, (label, read) in enumerate(islice(entries, MAX_MEMBERS + 1)):
        # one packed file is itself
        member_name = f"{name}/{_display_name(label, at)}" if label else name
        if at == MAX_MEMBERS:
            yield name, partial(_refuse, _MANY)
            return
        yield from _open_member(member_name, read, depth)


def _open_member(name: str, read: Callable[[int], bytes], depth: int) -> Iterator[Member]:
    """Yield one member, or those of the archive it is."""
    head = b""
    with suppress(InputError):
        head = read(_HEAD)
    whole = partial(read, MAX_FILE_BYTES)
    if not is_archive(head):
        yield name, whole
    elif depth >= _DEPTH:
        yield name, partial(_refuse, _DEEP)
    else:
        try:
            content = whole()
        except InputError as exc:
            yield name, partial(_refuse, str(exc))
        else:
            yield from members(content, name, depth + 1)


def _list_members(
    source: Path | bytes | IO[bytes],
) -> Iterator[tuple[str, Callable[[int], bytes]]]:
    """Names and readers; a reader takes how many bytes are wanted at most."""
    try:
        stream = _open(source)
        head = stream.read(_HEAD)
        stream.seek(0)
        if head[:2] == b"PK":
            yield from _list_zip(stream)
        elif head[:2] == b"\x1f\x8b":
            yield from _list_gzip(stream)
        else:
            yield from _list_tar(stream)
    except Exception:  # each packer has errors of its own, and damage finds more
        yield "", partial(_refuse_any, "The archive is damaged; ask for it to be sent again.")


def _open(source: Path | bytes | IO[bytes]) -> IO[bytes]:
    if isinstance(source, bytes):
        return BytesIO(source)
    return cast(IO[bytes], _File(source)) if isinstance(source, Path) else source


class _File(FileIO):
    """Left open while anything may still read from it: members are read after they are named."""

    def __del__(self) -> None:
        self.close()


def _list_zip(stream: IO[bytes]) -> Iterator[tuple[str, Callable[[int], bytes]]]:
    archive = zipfile.ZipFile(stream)
    for member in archive.infolist():
        if member.is_dir():
            continue
        if reason := zip_members.unreadable(member):
            yield member.filename, partial(_refuse_any, reason)
            continue
        bomb = member.file_size > max(_SMALL, MAX_RATIO * member.compress_size)
        open_member = partial(zip_members.open_member, archive, member)
        yield member.filename, partial(_read, open_member, bomb=bomb)


def _list_tar(stream: IO[bytes]) -> Iterator[tuple[str, Callable[[int], bytes]]]:
    """Only files: no link, no device, nothing that points elsewhere."""
    archive = tarfile.TarFile(fileobj=stream)
    for member in archive:
        if member.isfile():
            yield member.name, partial(_read, partial(_extract, archive, member))


def _list_gzip(stream: IO[bytes]) -> Iterator[tuple[str, Callable[[int], bytes]]]:
    """A packed tar, or a packed NIfTI volume, as they are usually kept."""
    packed = _Guarded(stream)
    head = packed.read(_HEAD)
    packed.seek(0)
    if head[257:262] == b"ustar":
        yield from _list_tar(cast(IO[bytes], packed))
    elif is_nifti(head):
        yield "", partial(_read, lambda: cast(IO[bytes], packed))
    else:
        yield "", partial(_refuse_any, _PACKED)


class _Guarded(gzip.GzipFile):
    """Stops when what comes out is out of proportion to what went in."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(fileobj=stream)
        self._packed, self._begin = stream, 0

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes.

        Raises
        ------
        OSError
            When the file is a bomb.
        """
        content = super().read(size)
        if self.tell() > max(_SMALL, MAX_RATIO * max(1, self._packed.tell())):
            raise OSError(_BOMB)
        return content


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    if stream is None:
        raise OSError(_DAMAGED)
    return stream


def _read(open_stream: Callable[[], IO[bytes]], most: int, *, bomb: bool = False) -> bytes:
    """Some bytes of a member; never more than asked for, whatever its header claims."""
    if bomb:
        raise NotDicomError(_BOMB)
    try:
        stream = open_stream()
        if stream.seekable():  # a packed volume is one stream, read more than once
            stream.seek(0)
        pieces = iter(lambda: stream.read(_SMALL), b"")
        if most <= _HEAD:
            return stream.read(most)
        content = _join(pieces, most)
    except Exception as exc:  # as above
        raise NotDicomError(_BOMB if str(exc) == _BOMB else _DAMAGED) from exc
    if len(content) > most:
        raise InputError(_LARGE)
    return content


def _join(pieces: Iterator[bytes], most: int) -> bytes:
    """All pieces, or the first of them that are too many."""
    content = BytesIO()  # hands out what it holds without a copy
    for piece in pieces:
        content.write(piece)
        if content.tell() > most:
            break
    return content.getvalue()


def _display_name(name: str, at: int) -> str:
    """A member's name as it may be shown: no way up, no root, nothing that moves the screen."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return clean("/".join(parts), MAX_NAME) or f"file {at + 1}"


def _refuse(sentence: str) -> bytes:
    raise NotDicomError(sentence)


def _refuse_any(sentence: str, _most: int) -> bytes:
    raise NotDicomError(sentence)
