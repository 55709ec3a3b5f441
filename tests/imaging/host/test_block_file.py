"""A file that is encrypted as it grows behaves as a plain one, and holds nothing plain."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from imaging.host.block_file import BLOCK, BlockFile

KEY = bytes(range(32))
STORED = 12 + BLOCK + 16


def opened(path: Path, mode: str = "r+b", key: bytes = KEY) -> io.BufferedRandom:
    path.touch()
    return io.BufferedRandom(BlockFile(path.open(mode), key), BLOCK)


def test_it_is_read_and_written_as_a_plain_file_is(tmp_path: Path) -> None:
    """Whatever is done to both, they hold the same (a walk of 300 steps, its seed fixed)."""
    chance, plain, path = random.Random(22), io.BytesIO(), tmp_path / "part"
    file = opened(path)
    for _ in range(300):
        length = plain.seek(0, io.SEEK_END)
        at = chance.choice((0, length, chance.randint(0, length), length // BLOCK * BLOCK))
        deed = chance.choice(("write", "write", "read", "cut", "again"))
        content = chance.randbytes(chance.choice((0, 1, 999, BLOCK - 1, BLOCK, BLOCK * 2 + 7)))
        if deed == "again":
            file.close()
            file = opened(path)
        for stream in (file, plain):
            stream.seek(at)
        if deed == "write" and length < 20 * BLOCK:
            assert file.write(content) == plain.write(content)
        elif deed == "read":
            assert file.read(len(content)) == plain.read(len(content))
        elif deed == "cut":
            assert file.truncate() == plain.truncate()
        assert file.seek(0, io.SEEK_END) == plain.seek(0, io.SEEK_END)
    file.seek(0)
    assert file.read() == plain.getvalue()
    file.close()


def test_nothing_plain_is_in_it(tmp_path: Path) -> None:
    with opened(tmp_path / "part") as file:
        file.write(b"SMITHSON^JOHN" * BLOCK)
    assert b"SMITHSON" not in (tmp_path / "part").read_bytes()


@pytest.mark.parametrize("left", [1, 13, 28, 29, 500])
def test_a_block_that_was_being_written_is_not_there(tmp_path: Path, left: int) -> None:
    path = tmp_path / "part"
    with opened(path) as file:
        file.write(b"a" * BLOCK + b"b" * 1000)
    with path.open("r+b") as stored:
        stored.truncate(STORED + left)
    with opened(path) as file:
        assert file.seek(0, io.SEEK_END) == BLOCK
        file.write(b"c")
        file.seek(0)
        assert file.read() == b"a" * BLOCK + b"c"


def test_a_block_that_was_altered_or_moved_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "part"
    with opened(path) as file:
        file.write(b"a" * BLOCK + b"b" * BLOCK + b"c")
    stored = path.read_bytes()
    path.write_bytes(stored[STORED : 2 * STORED] + stored[:STORED] + stored[2 * STORED :])
    with opened(path) as file, pytest.raises(OSError, match="not as it was written"):
        file.read()
    path.write_bytes(stored[:40] + b"?" + stored[41:])
    with opened(path) as file, pytest.raises(OSError, match="not as it was written"):
        file.read()
