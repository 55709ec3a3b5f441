"""Files encrypted from end to end, written once: originals, and copies of them for a while.

AES-256-GCM (NIST SP 800-38D) chunk by chunk as in the STREAM construction (Hoang, Reyhanitabar,
Rogaway, Vizár: "Online authenticated-encryption and its nonce-reuse misuse-resistance", CRYPTO
2015): the nonce is 7 random bytes of this writing, the number of the chunk (4 bytes), and 1 for the
last chunk, else 0. What is sealed with every chunk is the form's version and the file's own name.
So no chunk can be altered, moved, left out, added or taken from another file, no end can be cut
off, and no file put in the place of another.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from struct import Struct
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from imaging.errors import StoreError

CHUNK = 2**20  # bytes of plain text
MAGIC = b"LIGHTBOX FILE\x01"  # its last byte is the version of the form
ALTERED = "The stored image was altered on disk; upload it again."
_TAG = 16
_NONCE = Struct(">7sIB")
_PREFIX = 7


def new_key() -> bytes:
    """A key (32 random bytes) for files that nobody shall read after this process."""
    return secrets.token_bytes(32)


def encrypt(
    chunks: Iterable[bytes | memoryview], key: bytes, name: str
) -> Iterator[bytes | memoryview]:
    """The bytes of an encrypted file, in pieces.

    Parameters
    ----------
    chunks : iterable of bytes
        Of the plain file, `CHUNK` bytes each but for the last: `cut` and `read_chunks` give them.
    key : bytes
        32 bytes.
    name : str
        Of the file; under another one it cannot be decrypted.
    """
    prefix, cipher, associated = secrets.token_bytes(_PREFIX), AESGCM(key), _associated(name)
    yield MAGIC + prefix
    number, rest = 0, iter(chunks)
    chunk = next(rest, b"")  # an empty file is one empty chunk
    for ahead in rest:
        yield cipher.encrypt(_NONCE.pack(prefix, number, False), chunk, associated)
        chunk, number = ahead, number + 1
    yield cipher.encrypt(_NONCE.pack(prefix, number, True), chunk, associated)


def decrypt(stream: IO[bytes], key: bytes, name: str) -> Iterator[bytes]:
    """The plain bytes of an encrypted file, chunk by chunk; the last one proves that it is whole.

    Raises
    ------
    StoreError
        If a chunk is not as it was sealed, in its place and in this file, or the end is missing.
    """
    head = stream.read(len(MAGIC) + _PREFIX)
    if len(head) < len(MAGIC) + _PREFIX or not head.startswith(MAGIC):
        raise StoreError(ALTERED)
    prefix, cipher, associated = head[len(MAGIC) :], AESGCM(key), _associated(name)
    number, chunk = 0, stream.read(CHUNK + _TAG)
    while True:
        ahead = stream.read(CHUNK + _TAG)
        try:
            yield cipher.decrypt(_NONCE.pack(prefix, number, not ahead), chunk, associated)
        except (InvalidTag, ValueError) as exc:  # ValueError: what is left is shorter than a tag
            raise StoreError(ALTERED) from exc
        if not ahead:
            return
        number, chunk = number + 1, ahead


def write_encrypted(path: Path, content: bytes, key: bytes) -> None:
    """Write a file of that name encrypted, for a while: it is neither durable nor locked.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with path.open("wb") as stream:
        stream.writelines(encrypt(cut(content), key, path.name))


def read_encrypted(path: Path, key: bytes, *, most: int = -1) -> bytes:
    """The plain bytes of an encrypted file; its first ones at most where told so.

    A part of it is as it was sealed; that the file is whole is known only of all of it.

    Raises
    ------
    StoreError
        As `decrypt`.
    OSError
        If it cannot be read.
    """
    plain = BytesIO()
    with path.open("rb") as stream:
        for chunk in decrypt(stream, key, path.name):
            plain.write(chunk)
            if 0 <= most <= plain.tell():
                plain.truncate(most)
                break
    return plain.getvalue()  # the same memory, no second copy of a large film


def cut(content: bytes | memoryview) -> Iterator[memoryview]:
    """Bytes as chunks for `encrypt`, without a copy."""
    view = memoryview(content)
    return (view[start : start + CHUNK] for start in range(0, len(view), CHUNK))


def read_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """A stream as chunks for `encrypt`: a read that is short ends it."""
    return iter(partial(stream.read, CHUNK), b"")


def _associated(name: str) -> bytes:
    return MAGIC + name.encode()
