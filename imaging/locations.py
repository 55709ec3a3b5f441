"""Where a file lies that was not copied: a path of this computer, or an address for fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from imaging.errors import NotDicomError, SettingsError
from imaging.optional import import_optional, install_line

MAX_FILE_BYTES = 2**30
Mark = tuple[int, int | str]  # bytes, and when they were last changed; for comparison only
_CHANGED = ("ETag", "LastModified", "last_modified", "mtime", "modified", "updated", "created")
_GONE = "The file does not exist or cannot be opened; check its name and its rights."
_UNLISTED = "No files can be found at this address; check its spelling and the right to read it."
_LINK = (
    "The file's folder was replaced by a link after it was added, so it is not read. Add the "
    "folder that is meant."
)
_CHAIN = "An address that leads on to another (with ::) is not read; give the one that is meant."
_LARGE = "The file is larger than any image this tool reads. Export it in parts."


def mark_text(mark: Mark) -> str:
    """A mark as it is stored; it stays the same for as long as this tool is to know the file."""
    return f"{mark[0]} {mark[1]}"


def is_address(location: str) -> bool:
    """True for an address such as ``s3://bucket/film.dcm``; false for a path."""
    return "://" in location


def is_chain(location: str) -> bool:
    """True for an address that leads on to another (fsspec's ``a://x::b://y``).

    Whoever allowed the first has not allowed the second: no such address is followed.
    """
    return "::" in location and is_address(location)


def is_linked(location: str) -> bool:
    """True where a path of this computer leads over a link by now, or to nothing."""
    return not is_address(location) and os.path.realpath(location) != location


def read_place(location: str, *, linked: bool = True) -> bytes:
    """All bytes of a file.

    Parameters
    ----------
    location : str
        A path of this computer, or an address.
    linked : bool
        Its path may lead over links. False for one that held none when it was queued: a folder
        put in its place since is not the one that was allowed.

    Raises
    ------
    NotDicomError
        If it cannot be had, or is larger than a film may be.
    SettingsError
        If nothing here reads such addresses.
    """
    if is_address(location):
        return _read_address(location)
    return read_path(Path(location), linked=linked)


def read_path(path: Path, *, linked: bool = True) -> bytes:
    """All bytes of a file on this computer, as `read_place`; raises `NotDicomError`."""
    try:
        with path.open("rb", buffering=0) as stream:
            if not linked and _opened(stream.fileno(), path) != os.fspath(path):
                raise NotDicomError(_LINK)
            size = stream.seek(0, 2)
            if size > MAX_FILE_BYTES:
                raise NotDicomError(_LARGE)
            stream.seek(0)
            return stream.read(size)
    except OSError as exc:
        raise NotDicomError(_GONE) from exc


def _opened(handle: int, path: Path) -> str:
    """The real path of an open file; where the system does not tell, that of its name."""
    by_handle = f"/proc/self/fd/{handle}"
    return os.path.realpath(by_handle if os.path.lexists(by_handle) else path)


def read_head(location: str, size: int) -> bytes:
    """The first bytes of a file, at most so many; raises as `read_place`."""
    try:
        if not is_address(location):
            with Path(location).open("rb", buffering=0) as stream:
                return stream.read(size)
        system, path = file_system(location)
        head: bytes = system.cat_file(path, start=0, end=size)
    except SettingsError:
        raise
    except Exception as exc:  # every file system of fsspec has errors of its own
        raise NotDicomError(_GONE) from exc
    return head


def _read_address(location: str) -> bytes:
    system, path = file_system(location)
    try:
        if (system.size(path) or 0) > MAX_FILE_BYTES:
            raise NotDicomError(_LARGE)
        content: bytes = system.cat_file(path)
    except NotDicomError:
        raise
    except Exception as exc:  # every file system of fsspec has errors of its own
        raise NotDicomError(_GONE) from exc
    return content


def find_files(address: str) -> Iterator[str]:
    """Addresses of all files below an address, or the address itself where it names a file.

    Raises
    ------
    SettingsError
        If it cannot be listed, or holds nothing, or nothing here reads such addresses.
    """
    nothing = True
    for location, _mark in find_marks(address):
        nothing = False
        yield location
    if nothing:
        raise SettingsError(_UNLISTED)


def find_marks(address: str) -> Iterator[tuple[str, Mark]]:
    """The same with their marks; an address may hold nothing yet.

    Raises
    ------
    SettingsError
        If it cannot be listed, or nothing here reads such addresses.
    """
    system, path = file_system(address)
    try:
        system.invalidate_cache()  # some remember what lay there at the last look
        entries = system.find(path, detail=True)
    except Exception as exc:  # every file system of fsspec has errors of its own
        raise SettingsError(_UNLISTED) from exc
    for name in sorted(entries):
        details = entries[name]
        changed = next((details[key] for key in _CHANGED if details.get(key)), "")
        yield system.unstrip_protocol(name), (details.get("size") or 0, str(changed))


def file_system(location: str):  # type: ignore[no-untyped-def] # fsspec has no types
    """The fsspec file system of an address, and the path within.

    Raises
    ------
    SettingsError
        If fsspec, or its part for this kind of address, is not installed, or it leads on to
        another address.
    """
    if is_chain(location):
        raise SettingsError(_CHAIN)
    fsspec = import_optional("fsspec", feature="reading from an address")
    try:
        return fsspec.core.url_to_fs(location)
    except (ImportError, ValueError) as exc:
        raise SettingsError(
            "Addresses of this kind need a package that is not installed; "
            f"try: {install_line('cluster')}"
        ) from exc
