"""A child process that says a word again, or misbehaves by it: ``python -m tests.plain_child``."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

from imaging.intake.child_process import aside, connect


@dataclass(frozen=True)
class Word:
    """The one message, both ways."""

    text: str


def _is_idle() -> bool:
    return os.sched_getscheduler(0) == os.SCHED_IDLE


def main() -> None:
    """Answer until the pipe closes."""
    server, arguments = connect(lower="--whole" not in sys.argv)
    while True:
        text = server.receive(Word).text
        if text == "die":
            os._exit(1)
        if text == "hang":
            time.sleep(600)
        if text == "half":
            server._outgoing.write(b"\x40\0\0\0\0\0\0\0Word [")
            server._outgoing.flush()
            os._exit(0)
        if text == "print":
            print("no message", flush=True)
            os.write(1, b"no message")
        if text == "memory":
            try:
                bytearray(2**30)
            except MemoryError:
                text = "no memory"
        if text == "about":
            nice, policy = os.nice(0), os.sched_getscheduler(0)
            text = f"{nice} {policy == os.SCHED_IDLE} {' '.join(arguments)}"
        if text == "aside":
            text = f"{aside(_is_idle)} {_is_idle()}"
        server.send(Word(text))


if __name__ == "__main__":
    main()
