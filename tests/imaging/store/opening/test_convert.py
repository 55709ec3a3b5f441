"""A data folder is encrypted and decrypted again; nothing is lost, whoever is killed when."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from imaging.entities import Acquisition, Geometry, Identity, Instance, Patient
from imaging.errors import StoreBusyError, StoreError, StoreLockedError
from imaging.settings import Settings
from imaging.store import Repository
from imaging.store.encryption.finding import find_data_key
from imaging.store.encryption.keys import Keys
from imaging.store.encryption.protection import FILE, State, load_protection
from imaging.store.encryption.protectors import Kind
from imaging.store.encryption.sqlite_file import connect, is_plain
from imaging.store.opening import convert, convert_database
from imaging.store.opening.convert import decrypt_folder, encrypt_folder
from imaging.store.opening.key_changes import protect
from imaging.store.opening.opening import open_store
from tests.stored import outcome_of, store

FILMS = 6
OLDER = """
import sqlite3, sys
records = sqlite3.connect(sys.argv[1])
print(*records.execute("SELECT count(*) FROM sqlite_master").fetchone(), flush=True)
sys.stdin.read()
"""  # a version that takes no lock of the folder
NAME = b"Katzenellenbogen"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A plain store with films and an account."""
    made = Settings(home=tmp_path / "home", encryption=False)
    with closing(open_store(made)) as repository:
        repository.accounts.create("ada", "Dr Ada", "correct horse battery staple", first=True)
        outcomes = [outcome_of(_film(n, content)) for n, content in enumerate(_contents())]
        store(repository, *outcomes, contents=_contents(), account="ada")
    return made


def _film(number: int, content: bytes) -> Instance:
    sha256 = hashlib.sha256(content).hexdigest()
    return Instance(
        identity=Identity("1.2.3", "1.2.4", f"1.2.5.{number}", "1.2", "1.2.840", sha256),
        patient=Patient(NAME.decode(), "42", "20220101", "F", 4.0),
        acquisition=Acquisition(modality="DX"),
        geometry=Geometry(10, 20, 1, 1, "MONOCHROME1", 12, (0.1, 0.1), "PixelSpacing"),
    )


def _contents() -> list[bytes]:
    return [NAME + random.Random(number).randbytes(9000) for number in range(FILMS)]


def _encrypt(settings: Settings) -> None:
    protection = load_protection(settings.home)
    if protection is None:
        protection, data_key = protect(settings, Kind.FILE)
    else:
        data_key = find_data_key(settings.home, protection)
    encrypt_folder(settings.home, protection, data_key, lambda count: None)


def _decrypt(settings: Settings) -> None:
    protection = load_protection(settings.home)
    assert protection is not None
    data_key = find_data_key(settings.home, protection)
    decrypt_folder(settings.home, protection, data_key, lambda count: None)


def _records(settings: Settings) -> dict[str, list[Any]]:
    """Every row of every table, and every original."""
    with closing(open_store(settings)) as repository:
        assert not repository.read_only
        assert repository.audit.verify().intact
        held = [repository.originals.content(hashlib.sha256(c).hexdigest()) for c in _contents()]
    assert held == _contents()
    key = None
    protection = load_protection(settings.home)
    if protection is not None:
        key = Keys.of(find_data_key(settings.home, protection)).database
    with closing(connect(settings.home / "lightbox.db", key)) as database:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        tables = [name for (name,) in database.execute(query)]
        return {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}


def _plain_bytes(home: Path) -> list[Path]:
    return [p for p in home.rglob("*") if p.is_file() and NAME in p.read_bytes()]


def test_there_and_back(settings: Settings) -> None:
    before = _records(settings)
    assert len(_plain_bytes(settings.home)) == FILMS + 1
    _encrypt(settings)
    assert not is_plain(settings.home / "lightbox.db")
    assert _plain_bytes(settings.home) == []
    assert _records(settings) == before
    _decrypt(settings)
    assert is_plain(settings.home / "lightbox.db")
    assert not (settings.home / FILE).exists()
    assert len(_plain_bytes(settings.home)) == FILMS + 1
    assert _records(settings) == before


def _killed_at(step: int, action: Callable[[], None]) -> bool:
    """Do something in a process that is killed before its so-manieth change of a file or name."""
    child = os.fork()
    if child == 0:
        left = [step]
        for owner, name in (
            (os, "fsync"),
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "rmdir"),
            (convert, "convert_database"),
        ):
            setattr(owner, name, _counting(getattr(owner, name), left))
        if step < 0:  # at a moment, whatever is going on
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, random.Random(step).uniform(0.001, 0.15))
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _counting(call: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def counted(*args: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **options)

    return counted


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a process that it forks")
@pytest.mark.slow
@pytest.mark.parametrize("steps", [range(1, 50, 4), range(-40, 0)], ids=["between", "anywhen"])
def test_kills_lose_nothing_there_and_back(
    settings: Settings, tmp_path: Path, steps: range
) -> None:
    """Each kill strikes a copy of the store; the same command goes on from where it was."""
    before = _records(settings)
    for convert_all, at_home in ((_encrypt, "there"), (_decrypt, "back")):
        kills = 0
        for step in steps:
            copy = Settings(home=tmp_path / at_home / str(step) / "home", encryption=False)
            shutil.copytree(settings.home.parent / "home", copy.home)
            if (settings.home.parent / "home-seal").exists():
                shutil.copytree(settings.home.parent / "home-seal", f"{copy.home}-seal")
            killed = _killed_at(step, partial(convert_all, copy))
            kills += killed
            left = load_protection(copy.home)
            if left is not None and left.state is not State.ENCRYPTED:
                with pytest.raises(StoreLockedError, match="interrupted") as told:
                    open_store(copy)
                assert convert_all.__name__.strip("_") in str(told.value)
            elif killed:  # not begun, or done: whole as it is
                assert _records(copy) == before
            if killed and (left is not None or convert_all is _encrypt):
                convert_all(copy)
            assert is_plain(copy.home / "lightbox.db") is (convert_all is _decrypt)
            assert _records(copy) == before
            if kills == 13:  # some come after the end, on a busy computer most
                break
        assert kills >= 10
        convert_all(settings)


def test_an_interrupted_conversion_can_be_turned_round(settings: Settings) -> None:
    before = _records(settings)
    assert _killed_at(20, partial(_encrypt, settings))
    _decrypt(settings)
    assert _records(settings) == before
    assert len(_plain_bytes(settings.home)) == FILMS + 1  # the database is one


def test_a_store_in_use_is_left_alone(settings: Settings) -> None:
    with closing(open_store(settings)) as repository, pytest.raises(StoreBusyError):
        _encrypt(settings)
    assert not (settings.home / FILE).exists()
    command = [sys.executable, "-c", OLDER, str(settings.home / "lightbox.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as older:
        assert older.stdout is not None
        assert older.stdout.readline()
        with pytest.raises(StoreBusyError):
            _encrypt(settings)
        older.kill()
    assert not (settings.home / FILE).exists()
    assert repository


def test_without_room_nothing_begins(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(StoreError, match="room"):
        _encrypt(settings)
    assert not (settings.home / FILE).exists()


def test_a_damaged_database_is_not_converted(settings: Settings) -> None:
    database = settings.home / "lightbox.db"
    content = bytearray(database.read_bytes())
    content[8192:8292] = bytes(100)
    database.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        _encrypt(settings)
    assert database.read_bytes() == content
    assert not (settings.home / FILE).exists()


def test_a_copy_that_differs_is_not_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _records(settings)
    copy = convert_database._copy

    def lose_a_row(file: Path, key: bytes | None, half: Path, new_key: bytes | None) -> None:
        copy(file, key, half, new_key)
        with closing(connect(half, new_key)) as records:
            records.execute("DELETE FROM instances WHERE rowid = 1")

    monkeypatch.setattr(convert_database, "_copy", lose_a_row)
    with pytest.raises(StoreError, match="not what the database is"):
        _encrypt(settings)
    assert not list(settings.home.glob("*.converting"))
    _decrypt(settings)
    assert _records(settings) == before


def test_a_plain_database_put_back_is_encrypted_too(settings: Settings, tmp_path: Path) -> None:
    before = _records(settings)
    shutil.copy(settings.home / "lightbox.db", tmp_path / "kept.db")
    _encrypt(settings)
    shutil.copy(tmp_path / "kept.db", settings.home / "lightbox.db")
    _encrypt(settings)
    assert not is_plain(settings.home / "lightbox.db")
    assert _records(settings) == before


def test_a_folder_without_a_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no data folder"):
        _encrypt(Settings(home=tmp_path / "none"))


def test_records_open_by_the_key_file_alone(settings: Settings) -> None:
    _encrypt(settings)
    with closing(Repository.open(settings.home)) as repository:
        assert repository.accounts.any()
