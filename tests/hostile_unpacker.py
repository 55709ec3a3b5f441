"""The unpacker, taken over by an archive: ``python -m tests.hostile_unpacker``.

A member whose name ends with one of `HARMS` does that, when it is named or when it is read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from imaging.intake import archives, child_process, unpack_process
from imaging.intake.archives import Member
from imaging.intake.child_process import Channel
from imaging.intake.unpack_process import Part, ReadAt

HARMS: dict[str, Callable[[Channel], object]] = {
    "die": lambda _channel: os.abort(),
    "hang": lambda _channel: time.sleep(600),
    "beyond": lambda channel: channel.send(ReadAt(0, 2**40)),
    "before": lambda channel: channel.send(ReadAt(-5, 10)),
    "flood": lambda channel: _flood(channel),
    "broad": lambda channel: channel.send(Part(np.zeros(2**25, np.uint8))),
    "other": lambda channel: channel.send(Part(np.zeros((2, 2), np.uint8))),
}


def _flood(channel: Channel) -> None:
    part = Part(np.zeros(2**22, np.uint8))
    while True:
        channel.send(part)


def main() -> None:
    """Run as the unpacker, and do harm."""
    channels: list[Channel] = []

    def connect(*, lower: bool = True) -> tuple[Channel, list[str]]:
        channel, arguments = child_process.connect(lower=lower)
        channels.append(channel)
        return channel, arguments

    def harmful(source: Any, name: str) -> Iterator[Member]:
        for label, read in archives.members(source, name):
            what, _, when = label.rpartition("/")[2].partition(".")
            act = HARMS.get(what)
            if act is not None and when == "named":
                act(channels[0])

            def give(act: Any = act, read: Any = read) -> bytes:
                if act is not None:
                    act(channels[0])
                content: bytes = read()
                return content

            yield label, give

    unpack_process.connect = connect
    unpack_process.members = harmful  # type: ignore[assignment]
    unpack_process._serve()


if __name__ == "__main__":
    main()
