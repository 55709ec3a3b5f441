"""Originals: whole or not there, and made good by the same bytes."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from imaging.errors import NotFoundError, StoreError
from imaging.store import Repository
from imaging.store.object_store import ObjectFolder

FILM = b"the film as it came"


@pytest.fixture
def objects(tmp_path: Path) -> ObjectFolder:
    return ObjectFolder(tmp_path / "objects")


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
    (tmp_path / "arrived").write_bytes(FILM)
    assert objects.put_file(tmp_path / "arrived") == sha256
    assert objects.get(sha256) == FILM


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
