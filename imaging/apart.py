"""Files read in a process of their own, which may run out of time or memory, or die, alone.

Decoders are written in C and see whatever a file holds. A batch must outlive every one of them:
the process is killed when its budget is spent and started again for the next file.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from struct import Struct
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imaging import errors
from imaging.dicom import Image, describe, read_object
from imaging.documents import Document
from imaging.entities import Instance
from imaging.errors import AssistantError, InputError, PixelDataError
from imaging.places import read_head, read_place
from imaging.settings import ROOT

SECONDS = 60.0  # for one file
_REHEARSAL = 15.0  # of these, for the frames that no network sees
MEMORY = 6 * 2**30  # bytes of address space
_LENGTH = Struct("<Q")
_HEADERS = "\0"  # no file's name: what is asked for are the headers of some files
_HEAD = 2**16  # bytes; the UIDs come early (PS3.5 7.1: elements in the order of their tags)
SLOW = "Reading this file took too long and was stopped; it may be damaged or hostile."
DIED = "This file made its decoder fail; it is damaged. Ask for it to be sent again."
HUNGRY = "Reading this file needs more memory than a film may take; it was stopped."


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the networks need of a picture.

    Attributes
    ----------
    instance : Instance
        Everything the header says.
    remarks, refusals : tuple of str
        As `Image.remarks` and `Image.refusals`.
    luminance : numpy.ndarray
        (rows, columns), float32, of the first frame, as `Image.luminance_values`; empty when it
        could not be decoded. Read for triage: any real type and linear scale, perhaps smaller
        than the film.
    trouble : InputError or None
        Why it could not.
    reversed : bool
        Larger is darker; only when read for triage.
    """

    instance: Instance
    remarks: tuple[str, ...]
    luminance: NDArray[Any]
    trouble: InputError | None = None
    refusals: tuple[str, ...] = ()
    reversed: bool = False


def read(content: bytes, file_name: str) -> Reading | Document:
    """Read a file here, in this process.

    Raises
    ------
    InputError
        As `imaging.dicom.read_object`.
    """
    found = read_object(content, file_name=file_name)
    if not isinstance(found, Image):
        return found
    try:
        luminance, trouble = found.luminance_values(0), None
    except InputError as exc:
        luminance, trouble = np.empty((0, 0), np.float32), exc
    return Reading(found.instance, found.remarks, luminance, trouble, found.refusals)


def read_for_triage(
    content: bytes, file_name: str, *, enough: int, sha256: str = ""
) -> Reading | Document:
    """As `read`, with pixels for the networks alone (`imaging.dicom.quick`).

    Parameters
    ----------
    enough : int
        Pixels that a reduced decoding must keep of the shorter side; 0 decodes everything.
    sha256 : str
        Of the bytes, where it is known already.

    Raises
    ------
    InputError
        As `imaging.dicom.read_object`.
    """
    found = read_object(content, file_name=file_name, sha256=sha256)
    if not isinstance(found, Image):
        return found
    try:
        quick = found.quick_values(0, enough=enough)
    except InputError as exc:
        nothing = np.empty((0, 0), np.float32)
        return Reading(found.instance, found.remarks, nothing, exc, found.refusals)
    return Reading(
        found.instance,
        found.remarks,
        quick.values,
        refusals=found.refusals,
        reversed=quick.reversed,
    )


class Reader:
    """Reads files in another process, one at a time; safe to share by threads.

    Parameters
    ----------
    seconds : float
        For one file; then its process is killed.
    memory : int
        Bytes of address space it may have, where the system can limit that.
    humble : bool
        It takes what of the processors nobody else wants.
    """

    def __init__(
        self, *, seconds: float = SECONDS, memory: int = MEMORY, humble: bool = False
    ) -> None:
        self._seconds, self._memory, self._humble = seconds, memory, humble
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, content: bytes, file_name: str) -> Reading | Document:
        """As `read`, and the file cannot harm this process.

        Raises
        ------
        InputError
            As `read`; also when time or memory ran out, or a decoder took its process along.
        """
        found = self._ask(content, file_name)
        if isinstance(found, AssistantError):
            raise found
        return found

    def describe(self, files: Sequence[tuple[str, str]]) -> list[Instance | None]:
        """As `imaging.dicom.describe`, of files (place, name); their first bytes are enough.

        None also for a file that cannot be opened.

        Raises
        ------
        PixelDataError
            If time ran out, or the process died of one of them.
        """
        found: list[Instance | None] = self._ask(pickle.dumps(list(files)), _HEADERS)
        return found

    def _ask(self, content: bytes, what: str) -> Any:
        with self._lock:
            process = self._running()
            late = threading.Event()
            alarm = threading.Timer(self._seconds, _kill, (process, late))
            alarm.start()
            try:
                return _asked(process, content, what)
            except (OSError, EOFError) as exc:
                self._drop()
                raise PixelDataError(SLOW if late.is_set() else DIED) from exc
            finally:
                alarm.cancel()

    def close(self) -> None:
        """End the other process."""
        with self._lock:
            self._drop()

    def _running(self) -> subprocess.Popen[bytes]:
        """The other process, started when there is none."""
        if self._process is None or self._process.poll() is not None:
            self._drop()
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "imaging.apart", str(self._memory)),
                    *(["humble"] if self._humble else []),
                ],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what decoders say may quote the file
            )
        return self._process

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _kill(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _asked(
    process: subprocess.Popen[bytes], content: bytes, file_name: str
) -> Reading | Document | list[Instance | None] | AssistantError:
    """What the other process says about a file."""
    to, back = process.stdin, process.stdout
    if to is None or back is None:
        raise EOFError
    for part in (file_name.encode("utf-8", "surrogatepass"), content):
        to.write(_LENGTH.pack(len(part)))
        to.write(part)
    to.flush()
    kind, *rest = pickle.loads(_receive(back))
    if kind == "error":
        name, words = rest
        return getattr(errors, name)(words)
    if kind in ("document", "headers"):
        return rest[0]
    instance, remarks, refusals, shape, trouble = rest
    values = np.frombuffer(_receive(back), np.float32).reshape(shape)
    why = trouble and getattr(errors, trouble[0])(trouble[1])
    return Reading(instance, remarks, values, why, refusals)


def _receive(stream: IO[bytes]) -> bytes:
    """One message; `EOFError` when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (size,) = _LENGTH.unpack(head)
    found = stream.read(size)
    if len(found) < size:
        raise EOFError
    return found


def rehearse(content: bytes, file_name: str) -> None:
    """Decode the frames after the first, as the viewer will: one that kills must do so here.

    Stops after `_REHEARSAL` seconds. A frame that is refused is told where it is looked at.
    """
    found = read_object(content, file_name=file_name)
    if not isinstance(found, Image) or not found.decoder():  # what is not compressed kills nobody
        return
    ends = time.monotonic() + _REHEARSAL
    for frame in range(1, found.instance.geometry.frames):
        if time.monotonic() > ends:
            return
        with suppress(InputError):
            found.stored_values(frame)


def _answer(content: bytes, file_name: str) -> tuple[tuple[Any, ...], bytes]:
    """In the other process: what is said first, and the pixels."""
    if file_name == _HEADERS:
        return ("headers", [_described(*one) for one in pickle.loads(content)]), b""
    try:
        found = read(content, file_name)
        if isinstance(found, Reading) and found.instance.geometry.frames > 1:
            with suppress(InputError):
                rehearse(content, file_name)
    except InputError as exc:
        return ("error", type(exc).__name__, str(exc)), b""
    except MemoryError:
        return ("error", PixelDataError.__name__, HUNGRY), b""
    if isinstance(found, Document):
        return ("document", found), b""
    trouble = found.trouble and (type(found.trouble).__name__, str(found.trouble))
    pixels = np.ascontiguousarray(found.luminance)
    words = found.remarks, found.refusals
    return ("image", found.instance, *words, pixels.shape, trouble), pixels.tobytes()


def _described(location: str, file_name: str) -> Instance | None:
    """What a file's header says, of which more is read than its head where that is not enough."""
    with suppress(AssistantError):
        head = read_head(location, _HEAD)
        found = describe(head, file_name=file_name)
        if found is None and len(head) == _HEAD and head[128:132] == b"DICM":
            return describe(read_place(location), file_name=file_name)
        return found
    return None


def _serve(memory: int, answer: Callable[[bytes, str], tuple[tuple[Any, ...], bytes]]) -> None:
    """The other process: answers until its pipe closes."""
    limit_memory(memory)
    come = os.fdopen(os.dup(0), "rb")
    go = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a decoder prints is no answer
    while True:
        try:
            name = _receive(come).decode("utf-8", "surrogatepass")
            content = _receive(come)
        except EOFError:
            return
        said, pixels = answer(content, name)
        words = pickle.dumps(said)
        go.write(_LENGTH.pack(len(words)) + words)
        if said[0] == "image":
            go.write(_LENGTH.pack(len(pixels)))
            go.write(pixels)
        go.flush()


def limit_memory(memory: int) -> None:
    """Cap the address space, where there is such a cap."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def stand_back(humble: bool) -> None:
    """Whoever waits at a screen goes first; before a humble one at once, where Linux serves."""
    if humble and hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):  # some containers forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    if hasattr(os, "nice"):
        os.nice(19)


if __name__ == "__main__":
    if "humble" in sys.argv[2:]:
        stand_back(True)
    _serve(int(sys.argv[1]), _answer)
