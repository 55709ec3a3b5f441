"""Originals are encrypted and decrypted again without loss, whenever it is killed."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imaging.errors import NotFoundError, StoreError
from imaging.host.encrypted_file import CHUNK
from imaging.settings import ROOT
from imaging.store.encryption.convert_objects import Converted, convert_objects
from imaging.store.object_store import CONVERTING, ENCRYPTED, ObjectFolder
from tests.encrypted import KEYS

KILLS = 10  # in each direction
FILMS = [bytes([at]) * (at * 7919) + b"the end" for at in range(60)] + [os.urandom(3 * CHUNK)]
WORK = """
import sys
from pathlib import Path
from imaging.store.encryption.convert_objects import convert_objects
from tests.encrypted import KEYS
print("begins", flush=True)
convert_objects(Path(sys.argv[1]) / "objects", KEYS, encrypt=sys.argv[2] == "True",
                progress=lambda done: print(done, flush=True))
"""


def plain(home: Path) -> ObjectFolder:
    return ObjectFolder(home / "objects")


def encrypted(home: Path) -> ObjectFolder:
    return ObjectFolder(home / "objects", KEYS)


def reading(home: Path) -> ObjectFolder:
    """As it is opened: without keys until the first deed of a conversion."""
    whole = (home / CONVERTING).exists() or any(p.suffix == ENCRYPTED for p in files(home))
    return encrypted(home) if whole else plain(home)


def convert(home: Path, *, encrypt: bool) -> Converted:
    return convert_objects(home / "objects", KEYS, encrypt=encrypt)


def files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]


def test_there_and_back(tmp_path: Path) -> None:
    sha256s = [plain(tmp_path).put(film) for film in FILMS]
    before = {path: path.read_bytes() for path in files(tmp_path)}
    assert convert(tmp_path, encrypt=True) == Converted(len(FILMS), 0)
    assert [encrypted(tmp_path).get(sha256) for sha256 in sha256s] == FILMS
    assert {path.suffix for path in files(tmp_path)} == {ENCRYPTED}
    names = {path.name[:2] for path in (tmp_path / "objects").iterdir()}
    assert names == {path.name[:2] for path in files(tmp_path)}, "a folder names a hash's beginning"
    assert not any(FILMS[9] in path.read_bytes() for path in files(tmp_path))
    assert convert(tmp_path, encrypt=True) == Converted(0, 0)
    assert convert(tmp_path, encrypt=False) == Converted(len(FILMS), 0)
    assert {path: path.read_bytes() for path in files(tmp_path)} == before


@pytest.mark.slow
@pytest.mark.parametrize("to", [True, False], ids=["encrypting", "decrypting"])
def test_ten_kills_lose_nothing(tmp_path: Path, to: bool) -> None:
    """At moments between two files, in the middle of one, and before any; readable after each."""
    store = plain(tmp_path) if to else encrypted(tmp_path)
    sha256s = [store.put(film) for film in FILMS]
    kills = 0
    for number in range(KILLS):
        command = [sys.executable, "-c", WORK, str(tmp_path), str(to)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(1 + number % 5):
                process.stdout.readline()
            time.sleep(number * 0.0007)
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
        assert [reading(tmp_path).get(sha256) for sha256 in sha256s] == FILMS
    assert kills > KILLS // 2, "it had mostly ended before"  # a busy computer may be late
    convert(tmp_path, encrypt=to)
    after = encrypted(tmp_path) if to else plain(tmp_path)
    assert [after.get(sha256) for sha256 in sha256s] == FILMS
    assert len(files(tmp_path)) == len(FILMS), "something was left half-written"


@pytest.mark.parametrize("to", [True, False], ids=["encrypting", "decrypting"])
def test_each_single_step_may_be_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: bool
) -> None:
    """Every change of the disk, one after the other, is as far as it came."""
    store = plain(tmp_path / "0") if to else encrypted(tmp_path / "0")
    sha256s = [store.put(film) for film in FILMS[:4]]
    step, stopped = 0, True
    while stopped:
        step += 1
        home = shutil.copytree(tmp_path / "0", tmp_path / str(step))
        stopped = _stopped_at(step, home, to, monkeypatch)
        if stopped:
            assert [reading(home).get(sha256) for sha256 in sha256s] == FILMS[:4]
            convert(home, encrypt=to)
        after = encrypted(home) if to else plain(home)
        assert [after.get(sha256) for sha256 in sha256s] == FILMS[:4]
        assert len(files(home)) == 4
    assert step > 4 * 5


def _stopped_at(step: int, home: Path, to: bool, monkeypatch: pytest.MonkeyPatch) -> bool:
    count = 0
    real = {name: getattr(os, name) for name in ("replace", "unlink", "fsync", "rmdir")}

    def counted(name: str) -> object:
        def deed(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count >= step:
                raise KeyboardInterrupt
            return real[name](*args, **kwargs)

        return deed

    with monkeypatch.context() as patch:
        for name in real:
            patch.setattr(os, name, counted(name))
        try:
            convert(home, encrypt=to)
        except KeyboardInterrupt:
            return True
    return False


def test_what_was_altered_before_stays_altered_and_hides_no_other(tmp_path: Path) -> None:
    store = plain(tmp_path)
    one, two = store.put(b"one"), store.put(b"two")
    store.path(one).write_bytes(b"eno")
    assert convert(tmp_path, encrypt=True) == Converted(2, 0)
    with pytest.raises(StoreError, match="altered on disk; upload it again"):
        encrypted(tmp_path).get(one)
    assert encrypted(tmp_path).get(two) == b"two"
    encrypted(tmp_path).path(two).write_bytes(b"altered as well")
    assert convert(tmp_path, encrypt=False) == Converted(1, 1)
    assert plain(tmp_path).get(hashlib.sha256(b"eno").hexdigest()) == b"eno"
    for sha256 in (one, two):
        with pytest.raises(NotFoundError, match="upload it again"):
            plain(tmp_path).get(sha256)


def test_a_film_made_good_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    sha256 = plain(tmp_path).put(b"film")
    plain(tmp_path).path(sha256).write_bytes(b"altered")
    (tmp_path / CONVERTING).touch()
    encrypted(tmp_path).put(b"film")
    convert(tmp_path, encrypt=True)
    assert encrypted(tmp_path).get(sha256) == b"film"


def test_half_an_upload_is_not_left_plain(tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "job-0").write_bytes(b"SMITHSON")
    (tmp_path / "objects" / "ab").mkdir(parents=True)
    (tmp_path / "objects" / "ab" / "tmphalf").write_bytes(b"SMITHSON")
    convert(tmp_path, encrypt=True)
    assert files(tmp_path) == []


def test_a_disk_that_is_full_is_told_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = plain(tmp_path).put(b"film")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _full)
        with pytest.raises(StoreError, match="full"):
            convert(tmp_path, encrypt=True)
    assert encrypted(tmp_path).get(sha256) == b"film" or plain(tmp_path).get(sha256) == b"film"
    convert(tmp_path, encrypt=True)
    assert encrypted(tmp_path).get(sha256) == b"film"


def _full(_handle: int) -> None:
    raise OSError(28, "No space left on device")
