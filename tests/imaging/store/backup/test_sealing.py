"""The form of a backup: nothing altered, moved, cut or added is ever read."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from imaging.errors import AccessError, AssistantError, SettingsError, StoreError
from imaging.store.backup import sealing
from imaging.store.backup.sealing import BackupKey, SealedReader, SealedWriter, write_key_file

KEY = BackupKey(b"k" * 64, from_file=True)
SMALL = 64  # bytes of a chunk
SIZES = [0, 1, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of which several are cheap."""
    monkeypatch.setattr(sealing, "CHUNK", SMALL)


def seal(content: bytes, key: BackupKey = KEY) -> bytes:
    out = io.BytesIO()
    writer = SealedWriter(out, key)
    for start in range(0, len(content), 7):
        writer.write(content[start : start + 7])
    writer.close()
    return out.getvalue()


def read(sealed: bytes, key: BackupKey = KEY) -> bytes:
    return SealedReader(io.BytesIO(sealed), key).read()


def chunks_of(sealed: bytes, content: bytes) -> tuple[bytes, list[bytes]]:
    """The beginning in clear, and the encrypted chunks."""
    count = max(1, -(-len(content) // SMALL))
    start = len(sealed) - len(content) - 16 * count
    body, size = sealed[start:], SMALL + 16
    return sealed[:start], [body[at : at + size] for at in range(0, len(body), size)]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_comes_back(size: int) -> None:
    content = os.urandom(size)
    assert read(seal(content)) == content
    reader = SealedReader(io.BytesIO(seal(content)), KEY)
    assert b"".join(iter(lambda: reader.read(5), b"")) == content


def test_it_shows_nothing_of_it() -> None:
    assert b"DOE^JANE" not in seal(b"DOE^JANE" * 20)


@pytest.mark.parametrize("size", SIZES)
def test_no_byte_may_be_another(size: int) -> None:
    sealed = seal(b"x" * size)
    for at in range(len(sealed)):
        with pytest.raises(AssistantError):
            read(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])


@pytest.mark.parametrize("size", SIZES)
def test_no_end_may_be_cut_nor_added(size: int) -> None:
    sealed = seal(b"x" * size)
    for at in range(len(sealed)):
        with pytest.raises(StoreError):
            read(sealed[:at])
    for more in (b"\0", sealed[-16:], sealed):
        with pytest.raises(StoreError):
            read(sealed + more)


def test_no_chunk_may_be_moved_left_out_doubled_or_taken_from_another() -> None:
    content = os.urandom(4 * SMALL)
    head, chunks = chunks_of(seal(content), content)
    _, others = chunks_of(seal(content), content)
    a, b, c, d = chunks
    for wrong in ([b, a, c, d], [a, c, d], [a, b, b, c, d], [a, b, c], [a, others[1], c, d], [d]):
        with pytest.raises(StoreError):
            read(head + b"".join(wrong))
    assert read(head + b"".join(chunks)) == content


def test_another_key_is_told() -> None:
    with pytest.raises(StoreError, match="is not this backup's"):
        read(seal(b"film"), BackupKey(b"l" * 64, from_file=True))
    with pytest.raises(AccessError, match="locked with a key file"):
        read(seal(b"film"), BackupKey.of_passphrase("a passphrase of mine"))
    with pytest.raises(StoreError, match="no backup of Lightbox"):
        read(b"PK\x03\x04 something else altogether")


def test_a_passphrase_opens_what_it_locked() -> None:
    passphrase = BackupKey.of_passphrase("a passphrase of mine", new=True)
    assert read(seal(b"film", passphrase), passphrase) == b"film"
    with pytest.raises(StoreError):
        read(seal(b"film", passphrase), BackupKey.of_passphrase("a passphrase of mind"))
    with pytest.raises(AccessError, match="12 characters"):
        BackupKey.of_passphrase("short", new=True)


def test_a_key_file_is_its_owners_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "backup.key"
    write_key_file(path)
    assert path.stat().st_mode & 0o077 == 0
    assert BackupKey.of_file(path) == BackupKey.of_file(path)
    with pytest.raises(SettingsError, match="exists already"):
        write_key_file(path)
    path.write_text("short")
    with pytest.raises(SettingsError, match="holds no key"):
        BackupKey.of_file(path)
    with pytest.raises(SettingsError, match="backup-key"):
        BackupKey.of_file(tmp_path / "gone")
