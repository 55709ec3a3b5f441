"""Files that are encrypted as they are written, anywhere in them, and read back the same way.

For what is on its way: uploads that come in pieces, rows that wait to be written. AES-256-GCM (NIST
SP 800-38D) block by block with a new random nonce at every writing of a block (8.2.2); its place is
sealed with it. That a file was not cut short its reader must know by its length.
"""

from __future__ import annotations

import io
import secrets
from typing import IO, TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

BLOCK = 2**16  # bytes of plain text
_NONCE, _TAG = 12, 16
_STORED = _NONCE + BLOCK + _TAG
_ALTERED = "a block is not as it was written"


class BlockFile(io.RawIOBase):
    """A raw binary stream over an encrypted file; wrap it in `io.BufferedRandom`.

    A last block that a killed process left half-written is taken as not written.

    Parameters
    ----------
    stored : binary file
        Seekable; closed with this.
    key : bytes
        32 bytes, of this file alone.
    """

    def __init__(self, stored: IO[bytes], key: bytes) -> None:
        self._stored, self._cipher, self._at = stored, AESGCM(key), 0
        whole, rest = divmod(stored.seek(0, io.SEEK_END), _STORED)
        self._length = whole * BLOCK + max(0, rest - _NONCE - _TAG)
        if self._length:
            last = (self._length - 1) // BLOCK
            try:
                self._load(last)
            except OSError:
                self._length = last * BLOCK
        if rest and stored.writable():
            stored.truncate(_stored_size(self._length))

    def readable(self) -> bool:
        """True: what is written is read back, if only to write within a block."""
        return True

    def writable(self) -> bool:
        """Whether the encrypted file is."""
        return self._stored.writable()

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As `io.IOBase.seek`."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        if origin + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = origin + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """As `io.RawIOBase.readinto`, to the end of a block at most.

        Raises
        ------
        OSError
            If a block is not as it was written, or cannot be read.
        """
        number, start = divmod(self._at, BLOCK)
        if self._at >= self._length:
            return 0
        view = memoryview(buffer).cast("B")
        part = self._load(number)[start : start + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def write(self, content: ReadableBuffer) -> int:
        """As `io.RawIOBase.write`, to the end of a block at most."""
        number, start = divmod(self._at, BLOCK)
        part = memoryview(content).cast("B")[: BLOCK - start]
        if self._at > self._length:
            raise OSError("a hole")
        block = self._load(number) if number * BLOCK < self._length else b""
        block = b"".join((block[:start], part, block[start + len(part) :]))
        self._store(number, block)
        self._at += len(part)
        self._length = max(self._length, self._at)
        return len(part)

    def truncate(self, size: int | None = None) -> int:
        """As `io.IOBase.truncate`; it only cuts."""
        size = self._at if size is None else size
        if size < self._length:
            number, rest = divmod(size, BLOCK)
            head = self._load(number)[:rest]
            self._length = number * BLOCK
            self._stored.truncate(_stored_size(self._length))
            if rest:
                self._store(number, head)
                self._length = size
        return size

    def close(self) -> None:
        """As `io.IOBase.close`; the encrypted file too."""
        if not self.closed:
            super().close()
            self._stored.close()

    def _load(self, number: int) -> bytes:
        self._stored.seek(number * _STORED)
        size = min(BLOCK, self._length - number * BLOCK)
        stored = self._stored.read(_NONCE + size + _TAG)
        try:
            return self._cipher.decrypt(stored[:_NONCE], stored[_NONCE:], _place(number))
        except (InvalidTag, ValueError) as exc:
            raise OSError(_ALTERED) from exc

    def _store(self, number: int, block: bytes) -> None:
        nonce = secrets.token_bytes(_NONCE)
        self._stored.seek(number * _STORED)
        self._stored.write(nonce + self._cipher.encrypt(nonce, block, _place(number)))


def _stored_size(length: int) -> int:
    """How long the encrypted file is of so many plain bytes."""
    whole, rest = divmod(length, BLOCK)
    return whole * _STORED + (rest and _NONCE + rest + _TAG)


def _place(number: int) -> bytes:
    return number.to_bytes(8, "big")
