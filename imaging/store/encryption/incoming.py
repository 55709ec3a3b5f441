"""Files that have not arrived whole: they grow piece by piece, and survive a restart."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path
from typing import IO, cast

from imaging.host.block_file import BLOCK, BlockFile


class IncomingFile:
    """A file on its way from a browser.

    Parameters
    ----------
    path : Path
        Where its pieces lie; its folder need not exist.
    key : bytes
        32 bytes that encrypt it and nothing else; none where it lies as it came.
    """

    def __init__(self, path: Path, key: bytes = b"") -> None:
        self.path, self.encrypted, self._key = path, bool(key), key

    def append(self, start: int, content: bytes | memoryview) -> int:
        """Write a piece behind those before it; returns how many bytes are here then.

        What is here from `start` on is replaced. A piece that begins behind the end is left: the
        one before it is missing.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        with closing(self._open("r+b")) as stream:
            here = stream.seek(0, io.SEEK_END)
            if here >= start:
                stream.seek(start)
                stream.truncate()
                stream.write(content)
                here = stream.tell()
        return here

    def open(self) -> IO[bytes]:
        """Its plain bytes, to be read and closed.

        Raises
        ------
        OSError
            If it is gone or cannot be read.
        """
        return self._open("rb")

    def forget(self) -> None:
        """Delete it."""
        self.path.unlink(missing_ok=True)

    def _open(self, mode: str) -> IO[bytes]:
        stored = cast(IO[bytes], self.path.open(mode))
        if not self._key:
            return stored
        blocks = BlockFile(stored, self._key)
        opened = (
            io.BufferedReader(blocks, BLOCK) if mode == "rb" else io.BufferedRandom(blocks, BLOCK)
        )
        return cast(IO[bytes], opened)
