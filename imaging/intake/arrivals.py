"""Files as they come from browsers, piece by piece, until each is whole and queued.

A small file comes in one piece with others; a large one in several, which lie below `incoming`
until the last is there: no more than a request is ever in memory. What breaks off goes on where it
stopped.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from imaging.errors import ConflictError, InputError
from imaging.intake.archives import is_archive
from imaging.intake.expand import unpack
from imaging.jobs import Arrival, Loss
from imaging.store import Repository
from imaging.store.encryption.incoming import IncomingFile
from imaging.store.health.diagnosis import diagnose
from imaging.store.originals import Originals
from imaging.text import MAX_NAME, clean

MOST_FILES = 100_000  # of one drop
_HEAD = 1024
_ALL = -1
_BAD = "The browser sent something that is no piece of a file; reload the page and try again."
_MANY = f"More than {MOST_FILES} files at once; add their folder by its path instead."
_EMPTY = "The archive is empty."
_UNWRITABLE = "The data folder cannot be written; check the disk that it lies on."


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file.

    Attributes
    ----------
    number : int
        Of the file in its drop.
    start : int
        Where in the file they belong.
    content : bytes or memoryview
    """

    number: int
    start: int
    content: bytes | memoryview


class Arrivals:
    """Takes what browsers send; safe to use from several threads.

    Parameters
    ----------
    repository : Repository
    most_bytes : int
        Of one file; what is larger is never taken.
    announce : callable
        Called when files were queued.
    """

    def __init__(
        self, repository: Repository, *, most_bytes: int, announce: Callable[[], None]
    ) -> None:
        self._repository, self._most_bytes, self._announce = repository, most_bytes, announce
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def open(
        self, files: Sequence[tuple[str, int]], losses: Mapping[int, Loss], *, account: str
    ) -> tuple[str, dict[int, Loss]]:
        """Begin a drop.

        Parameters
        ----------
        files : sequence of (name, bytes)
            All that was picked or dropped, readable or not.
        losses : mapping of int to Loss
            Those of them, by their place, that will not be sent.
        account : str
            Whose it is.

        Returns
        -------
        tuple of str and dict
            The job's id, and what shall not be sent: `losses`, and what is too large.

        Raises
        ------
        InputError
            If there are too many, or a size is none.
        """
        if len(files) > MOST_FILES:
            raise InputError(_MANY)
        if any(size < 0 for _, size in files) or not losses.keys() <= set(range(len(files))):
            raise InputError(_BAD)
        large = {i: Loss.LARGE for i, (_, size) in enumerate(files) if size > self._most_bytes}
        names = [clean(name, MAX_NAME) or f"file {i + 1}" for i, (name, _) in enumerate(files)]
        sizes = [size for _, size in files]
        job_id = self._repository.drops.open(list(zip(names, sizes, strict=True)), account=account)
        lost = {**losses, **large}
        if lost:
            self._repository.drops.lose(job_id, lost)
        return job_id, lost

    def receive(self, job_id: str, pieces: Sequence[Piece]) -> dict[int, int]:
        """Take pieces of files; what is whole is queued.

        Returns
        -------
        dict of int to int
            For each file how many of its bytes are here, -1 where it is queued: who sends goes on
            from there.

        Raises
        ------
        InputError
            If a piece is none of an announced file.
        ConflictError, NotFoundError
            If the job was cancelled or is not known.
        StoreError
            If the data folder or the records cannot be written.
        """
        with self._turn(job_id):
            numbers = list(dict.fromkeys(piece.number for piece in pieces))
            announced = self._repository.drops.announced(job_id, numbers)
            here: dict[int, int] = {}
            arrivals: list[Arrival] = []
            for piece in pieces:
                name, size, arrived = announced[piece.number]
                if arrived:
                    here[piece.number] = _ALL
                    continue
                end = piece.start + len(piece.content)
                if piece.start < 0 or end > size or size > self._most_bytes:
                    raise InputError(_BAD)
                whole: bytes | IncomingFile | None = bytes(piece.content)
                if len(piece.content) < size:
                    here[piece.number], whole = self._append(job_id, piece, size)
                if whole is not None:
                    arrivals.append(self._keep(piece.number, name, whole))
            if arrivals:
                self._repository.drops.take(job_id, arrivals)
                here |= {arrival.number: _ALL for arrival in arrivals}
                for arrival in arrivals:
                    self._part(job_id, arrival.number).forget()
                self._announce()
            return here

    def close(self, job_id: str, losses: Mapping[int, Loss], rest: Loss) -> None:
        """End a drop: what its browser gave up, and why what is still open will not come."""
        with self._turn(job_id):
            if losses:
                self._repository.drops.lose(job_id, losses)
            self._repository.drops.lose_rest(job_id, rest)
            for path in self._repository.originals.incoming.glob(f"{_safe(job_id)}-*"):
                path.unlink(missing_ok=True)
        with self._lock:
            self._locks.pop(job_id, None)

    def _turn(self, job_id: str) -> threading.Lock:
        """One request of a drop at a time: a browser that lost patience may send again."""
        with self._lock:
            return self._locks[job_id]

    def _append(self, job_id: str, piece: Piece, size: int) -> tuple[int, IncomingFile | None]:
        """Write a piece behind those before it; returns what is here, and the file if it is all."""
        part = self._part(job_id, piece.number)
        try:
            here = part.append(piece.start, piece.content)
        except OSError as exc:
            raise diagnose(exc, otherwise=_UNWRITABLE) from exc
        return here, part if here == size else None

    def _part(self, job_id: str, number: int) -> IncomingFile:
        return self._repository.originals.incoming_file(f"{_safe(job_id)}-{number}")

    def _keep(self, number: int, name: str, whole: bytes | IncomingFile) -> Arrival:
        """Keep a file, or what is in it."""
        originals = self._repository.originals
        if not is_archive(_read_head(whole)):
            if isinstance(whole, IncomingFile):
                return Arrival(number, ((name, originals.keep_incoming(whole)),))
            return Arrival(number, ((name, originals.keep(whole)),))
        if isinstance(whole, bytes):
            return _keep_members(originals, number, name, whole)
        try:
            stream = whole.open()
        except OSError as exc:
            raise diagnose(exc, otherwise=_UNWRITABLE) from exc
        with stream:
            return _keep_members(originals, number, name, stream)


def _keep_members(
    originals: Originals, number: int, name: str, archive: bytes | IO[bytes]
) -> Arrival:
    """Keep what is in an archive."""
    kept, refused = [], []
    for label, read in unpack(archive, name):
        try:
            kept.append((label, originals.keep_parts(read())))
        except InputError as exc:
            refused.append((label, str(exc)))
    if not kept and not refused:
        refused.append((name, _EMPTY))
    return Arrival(number, tuple(kept), tuple(refused))


def _safe(job_id: str) -> str:
    """An id as it may stand in a file's name; our own are UUIDs."""
    if not set(job_id) <= set("0123456789abcdef-"):
        raise ConflictError("This batch is not known here. Add the files again.")
    return job_id


def _read_head(whole: bytes | IncomingFile) -> bytes:
    if isinstance(whole, bytes):
        return whole[:_HEAD]
    with suppress(OSError), whole.open() as stream:
        return stream.read(_HEAD)
    return b""
