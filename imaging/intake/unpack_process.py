"""Archives opened in a process of their own: what one of them does to an unpacker, it does alone.

The server reads the archive, wherever it lies and whatever it is encrypted with, and hands over
the parts that are asked for; what is in it comes back part by part. ``python -m
imaging.intake.unpack_process`` is that process.
"""

from __future__ import annotations

import atexit
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from imaging.errors import InputError, NotDicomError
from imaging.intake.archives import MAX_FILE_BYTES, members
from imaging.intake.child_process import Channel, ChildLostError, ChildProcess, connect

PackedMember = tuple[str, Callable[[], Iterator[bytes]]]
WORKER = "imaging.intake.unpack_process"
MEMORY = 2 * 2**30  # bytes of address space: the largest member, and what finds it
SECONDS = 300.0  # for one member
_AT_ONCE = 2  # archives
_PART = 2**22  # bytes that are handed over at a time, either way
_BUFFER = 2**18
CRASHED = "The archive made its unpacker fail; it is damaged. Ask for it to be sent again."
TIMED_OUT = (
    "Unpacking this took too long and was stopped; the archive may be damaged or hostile. "
    "Ask for the images by themselves."
)


@dataclass(frozen=True, slots=True)
class Unpack:
    """To the process: an archive of so many bytes, and the name to show."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class ReadAt:
    """From the process: it needs so many bytes of the archive from there."""

    start: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Bytes: of the archive to the process, of a member from it; none when there are no more."""

    content: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Named:
    """From the process: the name of the next member."""

    name: str


@dataclass(frozen=True, slots=True)
class Take:
    """To the process: that member's bytes are wanted."""


@dataclass(frozen=True, slots=True)
class Skip:
    """To the process: on to the next."""


@dataclass(frozen=True, slots=True)
class Refused:
    """From the process: why they cannot be had."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Finished:
    """From the process: there are no more members."""


class _Unpackers:
    """Processes that wait for the next archive."""

    def __init__(self, module: str, *, memory: int, seconds: float) -> None:
        self.seconds = seconds
        self._module, self._memory = module, memory
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self._idle: list[ChildProcess] = []
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[ChildProcess]:
        """A process for one archive, kept for the next where it came to the end of this."""
        with self._places:
            with self._lock:
                child = self._idle.pop() if self._idle else self._make()
            try:
                yield child
            except BaseException:
                child.close()
                raise
            with self._lock:
                self._idle.append(child)

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            for child in self._idle:
                child.close()
            self._idle.clear()

    def _make(self) -> ChildProcess:
        return ChildProcess(self._module, memory=self._memory, make=_make_part)


def _make_part(dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Room for a part of a member; no more than that is read from a process."""
    if dtype != np.uint8 or len(shape) != 1 or shape[0] > _PART:
        raise ValueError("this is no part of a file")
    return np.empty(shape, dtype)


UNPACKERS = _Unpackers(WORKER, memory=MEMORY, seconds=SECONDS)
atexit.register(UNPACKERS.close)


def members_apart(
    source: Path | bytes | IO[bytes], name: str, *, unpackers: _Unpackers = UNPACKERS
) -> Iterator[PackedMember]:
    """As `imaging.intake.archives.members`, which runs in another process.

    Parameters
    ----------
    source : Path, bytes or binary file
        The archive; a file can be sought in, and stays open until the last member was read.
    name : str
        To show before the names of its members.

    Yields
    ------
    tuple of str and callable
        A name to show, and what gives the member's bytes in parts, once, before the next is taken:
        no more than a part is in memory. It raises `InputError` as there, perhaps after some of
        them. An archive that kills its unpacker, or takes too long, ends with a member that says
        so.
    """
    try:
        stream = _open(source)
    except OSError:
        yield name, partial(_refuse, CRASHED)
        return
    try:
        with unpackers.one() as child:
            yield from _Conversation(child, stream, unpackers.seconds).members(name)
    except (ChildLostError, OSError) as exc:
        late = isinstance(exc, ChildLostError) and exc.late
        yield name, partial(_refuse, TIMED_OUT if late else CRASHED)
    finally:
        if isinstance(source, Path):
            stream.close()


class _Conversation:
    """What is said about one archive."""

    def __init__(self, child: ChildProcess, stream: IO[bytes], seconds: float) -> None:
        self._child, self._stream, self._seconds = child, stream, seconds

    def members(self, name: str) -> Iterator[PackedMember]:
        """The members, one by one."""
        child = self._child
        size = self._stream.seek(0, os.SEEK_END)
        child.start()
        self._say(Unpack(name, size))
        while True:
            told = self._hear(Named, Finished)
            child.rest()
            if isinstance(told, Finished):
                return
            taken = [False]
            yield told.name, partial(self._take, taken)
            if not taken[0]:
                self._say(Skip())

    def _take(self, taken: list[bool]) -> Iterator[bytes]:
        """The bytes of the member that was named last."""
        if taken[0]:
            raise NotDicomError(CRASHED)
        taken[0] = True
        room = MAX_FILE_BYTES
        try:
            self._say(Take())
            while True:
                told = self._hear(Part, Refused)
                if isinstance(told, Refused):
                    raise InputError(told.sentence)
                if not told.content.size:
                    return
                room -= told.content.size
                if room < 0:
                    raise self._child.reject()
                yield told.content.tobytes()
        except ChildLostError as exc:
            raise NotDicomError(TIMED_OUT if exc.late else CRASHED) from exc

    def _say(self, message: Any) -> None:
        self._child.allow(self._seconds)
        self._child.send(message)

    def _hear(self, *kinds: type[Any]) -> Any:
        """The next message of these kinds; the archive's bytes are handed over before it."""
        while True:
            told: Any = self._child.receive(ReadAt, *kinds)
            if not isinstance(told, ReadAt):
                return told
            if told.start < 0 or not 0 < told.count <= _PART:
                raise self._child.reject()
            self._stream.seek(told.start)
            self._child.send(Part(np.frombuffer(self._stream.read(told.count), np.uint8)))


def _open(source: Path | bytes | IO[bytes]) -> IO[bytes]:
    if isinstance(source, Path):
        return source.open("rb")
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _refuse(sentence: str) -> Iterator[bytes]:
    raise NotDicomError(sentence)


class _Archive(io.RawIOBase):
    """In the process: the archive, whose bytes are asked for."""

    def __init__(self, server: Channel, size: int) -> None:
        self._server, self._size, self._at = server, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = origin + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = min(len(view), _PART, self._size - self._at)
        if count <= 0:
            return 0
        self._server.send(ReadAt(self._at, count))
        part = self._server.receive(Part).content
        view[: part.size] = part.data
        self._at += part.size
        return int(part.size)


def _serve() -> None:
    """The other process: answers until its pipe closes."""
    server, _ = connect()
    while True:
        try:
            asked = server.receive(Unpack)
            archive = io.BufferedReader(_Archive(server, asked.size), _BUFFER)
            for name, read in members(cast(IO[bytes], archive), asked.name):
                server.send(Named(name))
                wanted: Any = server.receive(Take, Skip)
                if isinstance(wanted, Take):
                    _send(server, read)
            server.send(Finished())
        except EOFError:
            return


def _send(server: Channel, read: Any) -> None:
    """A member's bytes in parts, then none; or why they cannot be had."""
    try:
        content = memoryview(read())
    except InputError as exc:
        server.send(Refused(str(exc)))
        return
    except MemoryError:
        server.send(Refused(CRASHED))
        return
    for at in range(0, len(content), _PART):
        server.send(Part(np.frombuffer(content[at : at + _PART], np.uint8)))
    server.send(Part(np.empty(0, np.uint8)))


if __name__ == "__main__":
    _serve()
