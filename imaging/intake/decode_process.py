"""Files read in a process of their own, which may run out of time or memory, or die, alone.

Decoders are written in C and see whatever a file holds. A batch must outlive every one of them:
the process is killed when its budget is spent and started again for the next file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.dicom import Image, describe, read_object
from imaging.documents import Document
from imaging.entities import Instance
from imaging.errors import AssistantError, InputError, PixelDataError
from imaging.intake.child_process import ChildLostError, ChildProcess, connect
from imaging.intake.queued import read_queued, read_queued_head

WORKER = "imaging.intake.decode_process"  # what the process that reads headers runs
SECONDS = 60.0  # for one file
_OTHER_FRAMES = 15.0  # of these, for the frames that no network sees
MEMORY = 6 * 2**30  # bytes of address space
_HEAD = 2**16  # bytes; the UIDs come early (PS3.5 7.1: elements in the order of their tags)
TIMED_OUT = (
    "Reading this file took too long and was stopped; it may be damaged or hostile. Ask for "
    "it to be sent again."
)
CRASHED = "This file made its decoder fail; it is damaged. Ask for it to be sent again."
OUT_OF_MEMORY = (
    "Reading this file needs more memory than an image may take; it was stopped. Export it "
    "in parts."
)


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFilm:
    """The parts of a picture that the networks need.

    Attributes
    ----------
    instance : Instance
        Everything the header says.
    remarks, refusals : tuple of str
        As `Image.remarks` and `Image.refusals`.
    luminance : numpy.ndarray
        (rows, columns) of the first frame: any real type and linear scale, perhaps smaller than
        the film; empty when it could not be decoded.
    trouble : InputError or None
        Why it could not.
    reversed : bool
        Larger is darker.
    pixel_aspect : float
        Height of a pixel of the film over its width.
    tint : float or None
        How far a colour picture is from grey; None for a grey one.
    """

    instance: Instance
    remarks: tuple[str, ...]
    luminance: NDArray[Any]
    trouble: InputError | None = None
    refusals: tuple[str, ...] = ()
    reversed: bool = False
    pixel_aspect: float = 1.0
    tint: float | None = None


def read_for_triage(
    content: bytes, file_name: str, *, enough: int, sha256: str = ""
) -> DecodedFilm | Document:
    """Read a file here, with pixels for the networks alone (`imaging.dicom.pixels.reduced`).

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
    image = read_object(content, file_name=file_name, sha256=sha256)
    if not isinstance(image, Image):
        return image
    try:
        reduced = image.quick_values(0, enough=enough)
    except InputError as exc:
        no_pixels = np.empty((0, 0), np.float32)
        return DecodedFilm(image.instance, image.remarks, no_pixels, exc, image.refusals)
    return DecodedFilm(
        image.instance,
        image.remarks,
        reduced.values,
        refusals=image.refusals,
        reversed=reduced.reversed,
        pixel_aspect=image.pixel_aspect,
        tint=reduced.tint,
    )


@dataclass(frozen=True, slots=True)
class DescribeFiles:
    """Message to the other process: which headers are wanted, of files (place, key, name)."""

    files: tuple[tuple[str, bytes, str], ...]


@dataclass(frozen=True, slots=True)
class Descriptions:
    """Its answer: what they say, in the same order; None of what tells nothing."""

    instances: tuple[Instance | None, ...]


class DecodeProcess:
    """Reads headers in another process, for one caller at a time; safe to share by threads.

    Parameters
    ----------
    seconds : float
        For one call; then its process is killed.
    memory : int
        Bytes of address space it may have, where the system can limit that.
    low_priority : bool
        It takes what of the processors nobody else wants.
    """

    def __init__(
        self, *, seconds: float = SECONDS, memory: int = MEMORY, low_priority: bool = False
    ) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child = ChildProcess(WORKER, memory=memory, idle=low_priority)

    def describe(self, files: Sequence[tuple[str, bytes, str]]) -> list[Instance | None]:
        """As `imaging.dicom.describe`, of files (place, key, name); their first bytes are enough.

        None also for a file that cannot be opened. See `imaging.intake.queued` for the key.

        Raises
        ------
        PixelDataError
            If time ran out, or the process died of one of them.
        """
        with self._lock:
            try:
                self._child.start()
                self._child.allow(self._seconds)
                self._child.send(DescribeFiles(tuple(files)))
                instances = self._child.receive(Descriptions).instances
                if len(instances) != len(files):
                    raise self._child.reject()
            except ChildLostError as exc:
                raise PixelDataError(TIMED_OUT if exc.late else CRASHED) from exc
            self._child.rest()
            return list(instances)

    def close(self) -> None:
        """End the other process."""
        with self._lock:
            self._child.close()


def decode_other_frames(content: bytes, file_name: str) -> None:
    """Decode the frames after the first, as the viewer will: one that kills must do so here.

    Stops after `_OTHER_FRAMES` seconds. A frame that is refused says so where it is viewed.
    """
    image = read_object(content, file_name=file_name)
    if not isinstance(image, Image) or not image.decoder():  # what is not compressed kills nobody
        return
    ends = time.monotonic() + _OTHER_FRAMES
    for frame in range(1, image.instance.geometry.frames):
        if time.monotonic() > ends:
            return
        with suppress(InputError):
            image.stored_values(frame)


def _describe_file(location: str, key: bytes, file_name: str) -> Instance | None:
    """Read a file's header, of which more is read than its head where that is not enough."""
    with suppress(AssistantError):
        head = read_queued_head(location, key, _HEAD)
        instance = describe(head, file_name=file_name)
        if instance is None and len(head) == _HEAD and head[128:132] == b"DICM":
            return describe(read_queued(location, key), file_name=file_name)
        return instance
    return None


def _serve() -> None:
    """The other process: answers until its pipe closes."""
    server, _ = connect()
    while True:
        try:
            files = server.receive(DescribeFiles).files
        except EOFError:
            return
        server.send(Descriptions(tuple(_describe_file(*file) for file in files)))


if __name__ == "__main__":
    _serve()
