"""A queued file is read by its place and its key, wherever it lies, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.errors import AssistantError, NotDicomError, StoreError
from imaging.host.encrypted_file import CHUNK, new_key, write_encrypted
from imaging.intake.queued import read_queued, read_queued_head

CONTENT = bytes(range(250)) * (CHUNK // 200)


@pytest.mark.parametrize("key", [b"", new_key()], ids=["plain", "encrypted"])
def test_whole_or_its_beginning(tmp_path: Path, key: bytes) -> None:
    path = tmp_path / "film"
    write_encrypted(path, CONTENT, key) if key else path.write_bytes(CONTENT)
    assert read_queued(str(path), key) == CONTENT
    assert read_queued_head(str(path), key, 70_000) == CONTENT[:70_000]
    assert read_queued_head(str(path), key, 2 * len(CONTENT)) == CONTENT
    with pytest.raises(NotDicomError, match="does not exist or cannot be opened"):
        read_queued(str(tmp_path / "gone"), key)


@pytest.mark.parametrize("cut", [0, 5, 30, CHUNK])
def test_what_is_not_whole_is_refused_by_a_sentence_that_a_reader_sees(
    tmp_path: Path, cut: int
) -> None:
    path, key = tmp_path / "film", new_key()
    write_encrypted(path, CONTENT, key)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(StoreError, match="altered on disk; upload it again"):
        read_queued(str(path), key)


def test_a_key_never_turns_a_plain_file_into_a_film(tmp_path: Path) -> None:
    """Somebody put a plain file in the place of an encrypted one: it is not read as one."""
    path = tmp_path / "film"
    path.write_bytes(CONTENT)
    with pytest.raises(AssistantError):
        read_queued(str(path), new_key())
    with pytest.raises(AssistantError):
        read_queued_head(str(path), new_key(), 100)
