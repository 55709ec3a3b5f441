"""Originals: whole or not there, made good by the same bytes, and nobody's to read on the disk."""

from __future__ import annotations

import hashlib
import io
import os
import time
from pathlib import Path

import pytest

from imaging.errors import NotFoundError, StoreError
from imaging.host.encrypted_file import CHUNK, read_encrypted
from imaging.store import Repository
from imaging.store.encryption.keys import Keys
from imaging.store.object_store import CONVERTING, ENCRYPTED, ObjectFolder
from tests.encrypted import KEYS

FILM = b"the film as it came"


@pytest.fixture(params=[None, KEYS], ids=["plain", "encrypted"])
def objects(tmp_path: Path, request: pytest.FixtureRequest) -> ObjectFolder:
    return ObjectFolder(tmp_path / "objects", request.param)


@pytest.mark.parametrize("damage", [b"", b"the film", b"THE film as it came"])
def test_the_same_bytes_again_repair_what_was_altered(
    objects: ObjectFolder, damage: bytes, tmp_path: Path
) -> None:
    sha256 = objects.put(FILM)
    objects.path(sha256).write_bytes(damage)
    with pytest.raises(StoreError, match="upload it again"):
        objects.get(sha256)
    assert objects.put(FILM) == sha256
    assert objects.get(sha256) == FILM
    objects.path(sha256).write_bytes(damage)
    assert objects.put_stream(io.BytesIO(FILM)) == sha256
    assert objects.get(sha256) == FILM


def test_a_file_that_arrived_is_moved_here(tmp_path: Path) -> None:
    objects = ObjectFolder(tmp_path / "objects")
    sha256 = objects.put(FILM)
    objects.path(sha256).write_bytes(b"altered")
    (tmp_path / "arrived").write_bytes(FILM)
    assert objects.put_file(tmp_path / "arrived") == sha256
    assert objects.get(sha256) == FILM and not (tmp_path / "arrived").exists()


def test_a_film_that_is_gone_comes_back(objects: ObjectFolder) -> None:
    sha256 = objects.put(FILM)
    objects.path(sha256).unlink()
    with pytest.raises(NotFoundError, match="upload it again"):
        objects.get(sha256)
    objects.put(FILM)
    assert objects.get(sha256) == FILM


def test_whole_bytes_are_left_alone_and_made_durable(
    objects: ObjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = objects.put(FILM)
    before = objects.path(sha256).stat().st_ino
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    objects.put(FILM)
    assert objects.path(sha256).stat().st_ino == before
    assert len(synced) == 2, "file and folder: an older version did neither"


def test_a_queued_film_that_comes_again_is_repaired(repository: Repository) -> None:
    repository.jobs.add([("film.dcm", FILM)])
    sha256 = hashlib.sha256(FILM).hexdigest()
    repository.originals.path_of(sha256).write_bytes(b"altered")
    repository.jobs.add([("film.dcm", FILM)])
    assert repository.originals.content(sha256) == FILM


def test_discarding_takes_what_was_half_written_beside(objects: ObjectFolder) -> None:
    sha256 = objects.put(FILM)
    folder = objects.path(sha256).parent
    half, young = folder / "tmpold", folder / "tmpyoung"
    half.write_bytes(FILM[:9])
    young.write_bytes(FILM[:9])
    long_ago = time.time() - 120
    os.utime(half, (long_ago, long_ago))
    objects.discard(sha256)
    assert sorted(folder.iterdir()) == [young]


@pytest.fixture
def encrypted(tmp_path: Path) -> ObjectFolder:
    return ObjectFolder(tmp_path / "objects", KEYS)


@pytest.mark.parametrize("size", [0, 1, CHUNK, 3 * CHUNK + 5])
def test_neither_bytes_nor_hash_of_a_film_can_be_seen(
    encrypted: ObjectFolder, tmp_path: Path, size: int
) -> None:
    content = FILM * (size // len(FILM) + 1)
    sha256 = encrypted.put(content)
    assert encrypted.get(sha256) == content
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    assert FILM not in path.read_bytes()
    assert sha256 not in str(path) and not path.is_relative_to(tmp_path / "objects" / sha256[:2])
    assert path.stat().st_mode & 0o077 == 0


def test_who_knows_a_film_cannot_tell_whether_it_is_there(tmp_path: Path) -> None:
    """Two data folders name the same film differently; a hash that needs no key would not."""
    names = set()
    for home in (1, 2):
        objects = ObjectFolder(tmp_path / str(home), Keys.of(bytes([home]) * 32))
        names.add(objects.path(objects.put(FILM)).name)
    assert len(names) == 2


def test_films_that_changed_places_are_not_read(encrypted: ObjectFolder) -> None:
    one, two = encrypted.put(b"one"), encrypted.put(b"two")
    first, second = (encrypted.path(sha256).read_bytes() for sha256 in (one, two))
    encrypted.path(one).write_bytes(second)
    encrypted.path(two).write_bytes(first)
    for sha256 in (one, two):
        with pytest.raises(StoreError, match="altered on disk; upload it again"):
            encrypted.get(sha256)


def test_a_film_of_an_older_moment_is_itself(encrypted: ObjectFolder) -> None:
    """Bytes under a name are always the same, so an old copy put back is no attack."""
    sha256 = encrypted.put(FILM)
    old = encrypted.path(sha256).read_bytes()
    encrypted.path(sha256).unlink()
    encrypted.put(FILM)
    assert encrypted.path(sha256).read_bytes() != old
    encrypted.path(sha256).write_bytes(old)
    assert encrypted.get(sha256) == FILM


def test_the_key_of_one_film_opens_no_other(encrypted: ObjectFolder) -> None:
    """What a decoder taken over by its film gets to know."""
    one, two = (encrypted.path(encrypted.put(film)) for film in (b"one", b"two"))
    assert encrypted.key(one) != encrypted.key(two)
    assert read_encrypted(one, encrypted.key(one)) == b"one"
    with pytest.raises(StoreError):
        read_encrypted(two, encrypted.key(one))


def test_another_key_is_another_folder(encrypted: ObjectFolder) -> None:
    sha256 = encrypted.put(FILM)
    with pytest.raises(NotFoundError):
        ObjectFolder(encrypted.root, Keys.of(b"?" * 32)).get(sha256)
    with pytest.raises(NotFoundError):
        ObjectFolder(encrypted.root).get(sha256)


def test_plain_films_are_read_while_a_conversion_goes_on_and_no_longer(
    encrypted: ObjectFolder, tmp_path: Path
) -> None:
    sha256 = ObjectFolder(encrypted.root).put(FILM)
    with pytest.raises(NotFoundError):
        encrypted.get(sha256)
    (tmp_path / CONVERTING).touch()
    assert encrypted.get(sha256) == FILM and encrypted.path(sha256).name == sha256
    assert encrypted.key(encrypted.path(sha256)) == b""
    encrypted.put(FILM)
    assert encrypted.path(sha256).name.endswith(ENCRYPTED) and encrypted.get(sha256) == FILM
    encrypted.discard(sha256)
    assert not encrypted.path(sha256).exists()


def test_both_are_forgotten_in_a_conversion(encrypted: ObjectFolder, tmp_path: Path) -> None:
    sha256 = ObjectFolder(encrypted.root).put(FILM)
    (tmp_path / CONVERTING).touch()
    encrypted.put(FILM)
    encrypted.discard(sha256)
    assert not [p for p in encrypted.root.rglob("*") if p.is_file()]
