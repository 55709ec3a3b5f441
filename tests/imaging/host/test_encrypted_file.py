"""An encrypted file is read as it was written, or not at all."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from imaging.errors import StoreError
from imaging.host import encrypted_file
from imaging.host.encrypted_file import (
    CHUNK,
    MAGIC,
    cut,
    encrypt,
    new_key,
    read_chunks,
    read_encrypted,
    write_encrypted,
)

KEY = bytes(range(32))
HEAD, SEALED = len(MAGIC) + 7, CHUNK + 16
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_is_read(tmp_path: Path, size: int) -> None:
    content, path = bytes(i % 251 for i in range(1000)) * (size // 1000 + 1), tmp_path / "film"
    content = content[:size]
    write_encrypted(path, content, KEY)
    assert read_encrypted(path, KEY) == content
    assert read_encrypted(path, KEY, most=700) == content[:700]
    assert path.stat().st_size == HEAD + size + 16 * max(1, -(-size // CHUNK))


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_is_written_as_its_bytes_are(tmp_path: Path, size: int) -> None:
    path = tmp_path / "film"
    pieces = encrypt(read_chunks(io.BytesIO(bytes(size))), KEY, path.name)
    path.write_bytes(b"".join(pieces))
    assert read_encrypted(path, KEY) == bytes(size)


def chunks(stored: bytes) -> list[bytes]:
    return [stored[at : at + SEALED] for at in range(HEAD, len(stored), SEALED)]


def flipped(stored: bytes, at: int) -> bytes:
    return stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing left": lambda stored: b"",
    "half a header": lambda stored: stored[:9],
    "the header alone": lambda stored: stored[:HEAD],
    "the last byte": lambda stored: stored[:-1],
    "the last chunk": lambda stored: stored[: HEAD + 2 * SEALED],
    "all but the first chunk": lambda stored: stored[: HEAD + SEALED],
    "the first chunk": lambda stored: stored[:HEAD] + stored[HEAD + SEALED :],
    "two chunks changed places": lambda stored: (
        stored[:HEAD] + b"".join(chunks(stored)[at] for at in (1, 0, 2))
    ),
    "a chunk twice": lambda stored: (
        stored[:HEAD] + b"".join(chunks(stored)[at] for at in (0, 1, 1, 2))
    ),
    "something behind": lambda stored: stored + b"\0",
    "a chunk behind": lambda stored: stored + bytes(SEALED),
    "a bit of the version": lambda stored: flipped(stored, len(MAGIC) - 1),
    "a bit of the nonce": lambda stored: flipped(stored, HEAD - 1),
    "a bit of the first chunk": lambda stored: flipped(stored, HEAD),
    "a bit of a tag": lambda stored: flipped(stored, HEAD + SEALED - 1),
    "a bit at the end": lambda stored: flipped(stored, len(stored) - 1),
    "plain bytes": lambda stored: bytes(2 * CHUNK + 5),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_anything_else_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "film"
    write_encrypted(path, bytes(2 * CHUNK + 5), KEY)
    stored = path.read_bytes()
    assert len(chunks(stored)) == 3
    path.write_bytes(DAMAGE[damage](stored))
    with pytest.raises(StoreError, match="altered on disk; upload it again"):
        read_encrypted(path, KEY)


def test_neither_another_name_nor_another_key_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "film"
    write_encrypted(path, b"film", KEY)
    with pytest.raises(StoreError, match="altered"):
        read_encrypted(path, new_key())
    path.rename(tmp_path / "other")
    with pytest.raises(StoreError, match="altered"):
        read_encrypted(tmp_path / "other", KEY)


def test_the_same_bytes_are_never_the_same_twice(tmp_path: Path) -> None:
    one, two = (b"".join(encrypt(cut(b"film" * 100), KEY, "a")) for _ in range(2))
    assert one[HEAD:] != two[HEAD:] and encrypted_file.MAGIC in one


def test_a_large_film_is_held_once(tmp_path: Path) -> None:
    path, size = tmp_path / "film", 40 * CHUNK
    write_encrypted(path, bytes(size), KEY)
    tracemalloc.start()
    try:
        content = read_encrypted(path, KEY)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(content) == size and peak < 1.3 * size
