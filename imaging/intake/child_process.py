"""A process of ours that reads hostile files, and the messages that go to it and come back.

Decoders are written in C and see whatever a file holds: one may die of it, hang, devour memory,
or do what the file's author wants. So they run in a child process with little memory and low
priority, which is killed at its deadline. Messages are records of declared types as JSON
(`imaging.typed_json`), and pixels as bytes of a type and shape that the message names: nothing
that a child says is unpickled here. One that says anything else is as good as dead.

The server holds a `ChildProcess`, whose module calls `connect` first.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from struct import Struct
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imaging import typed_json
from imaging.errors import AssistantError
from imaging.host.rights import restrict_process
from imaging.settings import ROOT

T = TypeVar("T")
LONGEST = 2**26  # bytes of one message: no child makes the server read more
MOST_PIXELS = 2**31  # bytes of one array beside a message
_LENGTH = Struct("<Q")
_LOOK = 0.1  # seconds between two looks whether a deadline has passed
_IDLE, _LOW = "idle", "low"
_PIPE = 2**20  # bytes: fewer turns for pixels, where the system can


class MessageError(AssistantError):
    """The bytes that came through a pipe are not one of the messages that may come."""


class ChildLostError(AssistantError):
    """A child died, was killed at its deadline, or said what is no message; it runs no more.

    Attributes
    ----------
    late : bool
        It was killed at its deadline.
    """

    def __init__(self, *, late: bool) -> None:
        super().__init__("A process that reads files was lost.")
        self.late = late


class Channel:
    """Messages over two streams: its length, its kind and its JSON for each, then its arrays.

    Parameters
    ----------
    incoming, outgoing : binary file
    make : callable, optional
        Makes an array of a type and shape that is to be filled. What it raises is raised by
        `receive`. Without it no message that comes has arrays.
    """

    def __init__(
        self,
        incoming: IO[bytes],
        outgoing: IO[bytes],
        make: typed_json.GetArray | None = None,
    ) -> None:
        self._incoming, self._outgoing, self._make = incoming, outgoing, make

    def send(self, message: Any) -> None:
        """Write one message, a dataclass.

        Raises
        ------
        TypeError
            As `imaging.typed_json.write`; then nothing is written.
        OSError
            If nobody reads any more.
        """
        arrays: list[NDArray[Any]] = []
        text = typed_json.write(message, arrays.append)
        body = f"{type(message).__name__} {text}".encode("ascii")
        self._outgoing.write(_LENGTH.pack(len(body)) + body)
        for array in arrays:
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            self._outgoing.write(little.reshape(-1).view(np.uint8).data)
        self._outgoing.flush()

    def receive(self, *kinds: type[T]) -> T:
        """Read one message, which must be of one of these kinds.

        Raises
        ------
        EOFError
            If the other side is gone, perhaps in the middle of a message.
        MessageError
            If something else comes.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        if length > LONGEST:
            raise MessageError("A message is too long.")
        name, _, text = self._read(length).partition(b" ")
        for kind in kinds:
            if kind.__name__.encode("ascii") == name:
                try:
                    return typed_json.read(kind, text, self._fill if self._make else None)
                except ValueError as exc:
                    raise MessageError("A message is not of its kind.") from exc
        raise MessageError("A message is of no kind that may come.")

    def _fill(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """The array that comes next."""
        if math.prod(shape) * dtype.itemsize > MOST_PIXELS:
            raise MessageError("An array is too large.")
        if self._make is None:
            raise MessageError("No array may come.")
        array = self._make(dtype, shape)
        room = array.reshape(-1).view(np.uint8).data
        at = 0
        while at < len(room):
            count = self._incoming.readinto(room[at:])  # type: ignore[attr-defined] # of buffers
            if not count:
                raise EOFError
            at += count
        return array

    def _read(self, count: int) -> bytes:
        part = self._incoming.read(count)
        if len(part) < count:
            raise EOFError
        return part


class ChildProcess:
    """``python -m module`` of ours, started when it is first needed and again after it was lost.

    One thread at a time may talk to it; any may `start` it.

    Parameters
    ----------
    module : str
        It calls `connect` before it reads anything.
    arguments : sequence of str
        `connect` returns them. Other users of the computer may see them.
    memory : int
        Bytes of address space it may have, where the system can limit that.
    idle : bool
        It gets what of the processors nobody else wants, and low priority otherwise.
    environment : mapping, optional
        Its variables, without it those of this process.
    make : callable, optional
        As for `Channel`.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        memory: int,
        idle: bool = False,
        environment: Mapping[str, str] | None = None,
        make: typed_json.GetArray | None = None,
    ) -> None:
        priority = _IDLE if idle else _LOW
        self._command = [sys.executable, "-m", module, str(memory), priority, *arguments]
        self._environment, self._make = environment, make
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._silent, self._late = True, False
        self._deadline: float | None = None
        self._watching = False

    @property
    def silent(self) -> bool:
        """No message has come from the process that was started last."""
        return self._silent

    def start(self) -> None:
        """Start it, if it does not run.

        Raises
        ------
        OSError
            If the system starts no process.
        """
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            self._end()
            self._silent, self._late = True, False
            process = self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what decoders say may quote the file
                env=self._environment,
            )
            if process.stdin is not None and process.stdout is not None:
                self._channel = Channel(process.stdout, process.stdin, self._make)
                _widen(process.stdout, process.stdin)

    def allow(self, seconds: float) -> None:
        """Have it killed so many seconds from now, unless `allow` or `rest` comes before."""
        with self._lock:
            self._deadline = time.monotonic() + seconds
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="child-deadline", daemon=True).start()

    def rest(self) -> None:
        """Lift its deadline."""
        with self._lock:
            self._deadline = None

    def send(self, message: Any) -> None:
        """Send it a message, a dataclass.

        Raises
        ------
        ChildLostError
            If it does not read any more.
        TypeError
            As `imaging.typed_json.write`.
        """
        try:
            self._require_channel().send(message)
        except (OSError, EOFError) as exc:
            raise self.reject() from exc

    def receive(self, *kinds: type[T]) -> T:
        """Wait for a message, which must be of one of these kinds.

        Raises
        ------
        ChildLostError
            If it died meanwhile, was killed at its deadline, or sent something else.
        """
        try:
            message = self._require_channel().receive(*kinds)
        except (OSError, EOFError, MessageError) as exc:
            raise self.reject() from exc
        self._silent = False
        return message

    def reject(self) -> ChildLostError:
        """End it, whose message is well-formed and cannot be true; returns what to raise."""
        self.close()
        return ChildLostError(late=self._late)

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._end()

    def _require_channel(self) -> Channel:
        if self._channel is None:
            raise EOFError
        return self._channel

    def _end(self) -> None:
        """Kill it and let go of its pipes, which a process of its own may hold open."""
        process, self._process, self._channel = self._process, None, None
        self._deadline = None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not sent is lost
                    pipe.close()
        process.wait()

    def _watch(self) -> None:
        """Kill it at its deadline; ends when there is none."""
        while True:
            time.sleep(_LOOK)
            with self._lock:
                if self._deadline is None:
                    self._watching = False
                    return
                if time.monotonic() > self._deadline:
                    self._late, self._deadline, self._watching = True, None, False
                    if self._process is not None:
                        self._process.kill()
                    return


def _widen(*pipes: IO[bytes]) -> None:
    """Let more lie in a pipe, where the system can and lets a user have as much."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        for pipe in pipes:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def connect(*, lower: bool = True) -> tuple[Channel, list[str]]:
    """In the child: take its place, and return the channel to the server and the arguments.

    From now on its memory is limited, it leaves no core dump, and what a decoder prints goes where
    errors go.

    Parameters
    ----------
    lower : bool
        Lower its priority for good; without that only what goes `aside` is done at a lower one.
    """
    restrict_process()
    memory, priority, *arguments = sys.argv[1:]
    channel = Channel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"), _make_array)
    os.dup2(2, 1)
    if lower:
        _lower_priority(idle=priority == _IDLE)
    _limit_memory(int(memory))
    return channel, arguments


def aside(work: Callable[[], T]) -> T:
    """In the child: do something at the low priority that the server asked for, and nothing else.

    A thread of its own is lowered: who is not privileged can never raise itself again, and on
    Linux a priority is a thread's. Elsewhere the whole process stays lowered.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_lower_priority, idle=sys.argv[2] == _IDLE).result()
        return thread.submit(work).result()


def _make_array(dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.empty(shape, dtype)


def _limit_memory(memory: int) -> None:
    """Cap the address space, where there is such a cap."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _lower_priority(*, idle: bool) -> None:
    """Whoever waits at a screen goes first; before an idle one at once, where Linux serves."""
    if idle and hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):  # some containers forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    if hasattr(os, "nice"):
        os.nice(19)
