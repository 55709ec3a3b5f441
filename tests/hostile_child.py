"""Our own child processes, taken over by the files they read: what a hostile file may do to one.

``python -m tests.hostile_child`` runs instead of the file worker (which gets settings) or the
header reader (which gets none). A file that begins with one of `HARMS` or `LIES` does that when
it is opened; all others are read as ever.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

from imaging.entities import Assessment, Status
from imaging.intake import child_process, decode_process
from imaging.intake.child_process import Channel
from imaging.study import FileOutcome
from models.batch import file_worker
from models.batch.messages import Done, Fault, Judged, Opened
from tests.factories import make_dicom_bytes

HARMS: dict[str, Callable[[Channel, str], object]] = {
    "die": lambda _channel, _mark: os.abort(),
    "hang": lambda _channel, _mark: time.sleep(600),
    "devour": lambda _channel, _mark: bytearray(7 * 2**30),  # more than it may have
    "garbage": lambda channel, _mark: _write(channel, b"\xff" * 4096),
    "pickle": lambda channel, mark: _write_message(channel, pickle.dumps(_Bomb(mark))),
}
LIES: dict[str, Callable[[Channel, str], object]] = {  # well-formed messages of a file worker
    "beyond": lambda channel, _mark: channel.send(Opened(99)),
    "few": lambda channel, _mark: channel.send(Done(())),
    "another": lambda channel, _mark: channel.send(Done((Judged("0" * 64, _film(), False),) * 3)),
    "path": lambda channel, _mark: channel.send(Done((Judged("../../x", None, False),) * 3)),
    "talk": lambda channel, _mark: _talk(channel),
    "log": lambda channel, _mark: channel.send(Fault("x\nERROR Doe^Jane")),
}


def _film() -> FileOutcome:
    """The outcome of a film that nobody handed in."""
    read = decode_process.read_for_triage(make_dicom_bytes(), "film", enough=0)
    assert isinstance(read, decode_process.DecodedFilm)
    return FileOutcome("film", Assessment("1.2.3", Status.OK), read.instance)


class _Bomb:
    """Whoever unpickles it makes a folder."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (self.mark,)


def _write(channel: Channel, content: bytes) -> None:
    channel._outgoing.write(content)
    channel._outgoing.flush()
    os._exit(0)


def _write_message(channel: Channel, body: bytes) -> None:
    _write(channel, pack("<Q", len(body)) + body)


def _talk(channel: Channel) -> None:
    while True:
        channel.send(Opened(1))


def main() -> None:
    """Run as the child that is asked for, and do harm."""
    channels: list[Channel] = []

    def connect(*, lower: bool = True) -> tuple[Channel, list[str]]:
        channel, arguments = child_process.connect(lower=lower)
        channels.append(channel)
        return channel, arguments

    def harm(content: bytes) -> None:
        name, _, mark = content.partition(b":")
        act = (HARMS | LIES).get(name.decode("latin-1"))
        if act is not None:
            print("a decoder prints", flush=True)
            act(channels[0], mark.decode())
        if name == b"policy":
            Path(mark.decode()).write_text(str(os.sched_getscheduler(0)))
        if name == b"fault":
            raise ZeroDivisionError("Doe^Jane")  # one of ours

    read, describe = decode_process.read_for_triage, decode_process.describe

    def harmful_read(content: bytes, *args: Any, **options: Any) -> Any:
        harm(content)
        return read(content, *args, **options)

    def harmful_description(content: bytes, **options: Any) -> Any:
        harm(content)
        return describe(content, **options)

    if len(sys.argv) > 3:
        decode_process.read_for_triage, file_worker.connect = harmful_read, connect
        file_worker.serve()
    else:
        decode_process.describe, decode_process.connect = harmful_description, connect  # type: ignore[assignment]
        decode_process._serve()


def hostile_file(folder: Path, harm: str) -> tuple[Path, Path]:
    """A file that does a harm, and the folder that appears when its pickle is believed."""
    mark, place = folder / "unpickled", folder / f"{harm}.dcm"
    place.write_bytes(f"{harm}:{mark}".encode())
    return place, mark


if __name__ == "__main__":
    main()
