"""The decoder process of pages, taken over by files: ``python -m tests.hostile_decoder``.

A file that begins with one of `HARMS` does that when it is opened; all others are read as ever.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np

from imaging.decoding import worker
from imaging.decoding.messages import NeedFile, Pixels
from imaging.intake import child_process
from imaging.intake.child_process import Channel
from tests.factories import make_dicom_bytes


class _Bomb:
    """Whoever unpickles it makes a folder."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (self.mark,)


def _write(channel: Channel, content: bytes) -> None:
    channel._outgoing.write(content)
    channel._outgoing.flush()
    time.sleep(600)


def _message(text: bytes) -> bytes:
    return pack("<Q", len(text)) + text


HARMS: dict[str, Callable[[Channel, str], object]] = {
    "die": lambda _channel, _mark: os.abort(),
    "hang": lambda _channel, _mark: time.sleep(600),
    "devour": lambda _channel, _mark: bytearray(9 * 2**30),  # more than any may have
    "garbage": lambda channel, _mark: _write(channel, b"\xff" * 4096),
    "pickle": lambda channel, mark: _write(channel, _message(pickle.dumps(_Bomb(mark)))),
    "huge": lambda channel, _mark: _write(
        channel, _message(b'Opened [{"type":"<f8","shape":[65536,65536]}]')
    ),
    "object": lambda channel, _mark: _write(
        channel, _message(b'Opened [{"type":"|O","shape":[9]}]')
    ),
    "short": lambda channel, _mark: _write(
        channel, _message(b'Opened [{"type":"|u1","shape":[99]}]') + b"few"
    ),
    "another": lambda channel, _mark: channel.send(Pixels(np.zeros(3, np.uint8))),
    "path": lambda channel, _mark: channel.send(NeedFile("../../etc/passwd")),
    "greedy": lambda channel, _mark: _ask_for_ever(channel),
}


def _ask_for_ever(channel: Channel) -> None:
    while True:
        worker._fetch(channel, worker_asked[-1])


worker_asked: list[str] = []


def main() -> None:
    """Run as the decoder process, and do harm."""
    channels: list[Channel] = []

    def connect(*, lower: bool = True) -> tuple[Channel, list[str]]:
        channel, arguments = child_process.connect(lower=lower)
        channels.append(channel)
        return channel, arguments

    read = worker.read_object

    def harmful_read(content: bytes, **options: Any) -> Any:
        name, _, mark = content.partition(b":")
        act = HARMS.get(name.decode("latin-1"))
        worker_asked.append(options["sha256"])
        if act is not None:
            print("a decoder prints", flush=True)
            act(channels[0], mark.decode())
        if name == b"fault":
            raise ZeroDivisionError("Doe^Jane")  # one of ours
        if name == b"slow":
            time.sleep(float(mark or 1))
            content = make_dicom_bytes()
        if name == b"broad":
            bytearray(int(mark))
            content = make_dicom_bytes()
        return read(content, **options)

    worker.read_object = harmful_read  # type: ignore[assignment]
    worker.connect = connect
    worker.serve()


def hostile_file(folder: Path, harm: str) -> tuple[bytes, Path]:
    """A file that does a harm, and the folder that appears when its pickle is believed."""
    mark = folder / "unpickled"
    return f"{harm}:{mark}".encode(), mark


if __name__ == "__main__":
    main()
