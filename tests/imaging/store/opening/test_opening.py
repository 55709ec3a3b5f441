"""The store as the settings tell: a new one is encrypted, and none is opened without its key."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from imaging.errors import (
    SettingsError,
    StoreBusyError,
    StoreError,
    StoreLockedError,
    StoreReadOnlyError,
)
from imaging.settings import Settings
from imaging.store import Repository
from imaging.store.encryption.finding import NO_KEY, default_key_file
from imaging.store.encryption.keys import Keys
from imaging.store.encryption.protection import (
    FILE,
    load_protection,
    new_protection,
    save_first_protection,
)
from imaging.store.encryption.protectors import Kind, passphrase_secret
from imaging.store.encryption.sqlite_file import is_plain
from imaging.store.encryption.use import FolderUse
from imaging.store.health.diagnosis import DAMAGED, DAMAGED_OR_ENCRYPTED, NOT_ENCRYPTED
from imaging.store.opening import opening
from imaging.store.opening.opening import open_store

NAME = "Dr Katzenellenbogen"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """An encrypted store with a name in it."""
    with closing(open_store(settings)) as store:
        store.accounts.create("ada", NAME, "correct horse battery staple", first=True)
    return settings


def _bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_new_store_is_encrypted_from_the_first(filled: Settings) -> None:
    assert not is_plain(filled.home / "lightbox.db")
    assert not any(NAME.encode() in content for content in _bytes(filled.home).values())
    with closing(open_store(filled)) as store:
        assert [one.reader for one in store.accounts.all()] == [NAME]
        assert store.audit.verify().intact


def test_where_the_settings_say_no_it_is_plain(tmp_path: Path) -> None:
    plain = Settings(home=tmp_path / "home", encryption=False)
    with closing(open_store(plain)) as store:
        store.accounts.create("ada", NAME, "correct horse battery staple", first=True)
    assert is_plain(plain.home / "lightbox.db")
    assert any(NAME.encode() in content for content in _bytes(plain.home).values())


def test_a_store_that_was_there_stays_as_it_is(tmp_path: Path) -> None:
    Repository.open(tmp_path / "home").close()
    with closing(open_store(Settings(home=tmp_path / "home"))):
        assert is_plain(tmp_path / "home" / "lightbox.db")
    assert not (tmp_path / "home" / FILE).exists()


def test_where_no_key_file_can_be_written_no_store_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings(home=tmp_path / "home", key_file=tmp_path / "file" / "key")
    with pytest.raises(SettingsError, match="LIGHTBOX_ENCRYPTION=off"):
        open_store(settings)
    assert list((tmp_path / "home").iterdir()) == []


def test_where_no_folder_can_be_made_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="LIGHTBOX_HOME"):
        open_store(Settings(home=tmp_path / "file" / "home"))


def test_a_key_in_the_folder_that_it_locks_is_refused(tmp_path: Path) -> None:
    inside = Settings(home=tmp_path / "home", key_file=tmp_path / "home" / "sub" / ".." / "key")
    with pytest.raises(SettingsError, match="lies in the data folder"):
        open_store(inside)
    assert not (tmp_path / "home").exists()


def test_a_disk_without_hard_links_keeps_the_first_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    first, second = new_protection()[0], new_protection()[0]
    assert save_first_protection(tmp_path / "home", first)
    assert not save_first_protection(tmp_path / "home", second)
    assert load_protection(tmp_path / "home") == first


def test_without_its_key_nothing_is_opened_made_or_altered(filled: Settings) -> None:
    default_key_file(filled.home).rename(filled.home.parent / "elsewhere")
    before = _bytes(filled.home.parent)
    for attempt in (lambda: open_store(filled), lambda: Repository.open(filled.home)):
        with pytest.raises(StoreLockedError) as told:
            attempt()
        assert str(told.value) == NO_KEY
    assert _bytes(filled.home.parent) == before
    elsewhere = Settings(home=filled.home, key_file=filled.home.parent / "elsewhere")
    with closing(open_store(elsewhere)) as store:
        assert store.accounts.any()


def test_a_damaged_encrypted_database_is_told_and_read(filled: Settings) -> None:
    database = filled.home / "lightbox.db"
    content = bytearray(database.read_bytes())
    content[-2000] ^= 1  # of the last page
    database.write_bytes(content)
    with closing(open_store(filled)) as store:
        assert store.read_only == DAMAGED
        assert [one.reader for one in store.accounts.all()] == [NAME]
        with pytest.raises(StoreReadOnlyError):
            store.accounts.disable("ada", by="terminal")
    content[2000] ^= 1  # of the first, without which there is no table
    database.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        open_store(filled)


def test_a_lost_encryption_file_is_named(filled: Settings) -> None:
    (filled.home / FILE).unlink()
    with pytest.raises(StoreError) as told:
        open_store(filled)
    assert str(told.value) == DAMAGED_OR_ENCRYPTED


def test_a_plain_database_put_in_the_place_of_an_encrypted_one_is_named(
    filled: Settings, tmp_path: Path
) -> None:
    Repository.open(tmp_path / "plain").close()
    (tmp_path / "plain" / "lightbox.db").replace(filled.home / "lightbox.db")
    with pytest.raises(StoreError) as told:
        open_store(filled)
    assert str(told.value) == NOT_ENCRYPTED


def test_a_store_in_use_is_not_taken_alone_by_another_process(filled: Settings) -> None:
    script = (
        "import sys, pathlib\nfrom imaging.store.encryption.use import FolderUse\n"
        "FolderUse(pathlib.Path(sys.argv[1]), alone=True)"
    )
    command = [sys.executable, "-c", script, str(filled.home)]
    with closing(open_store(filled)), pytest.raises(StoreBusyError):
        FolderUse(filled.home, alone=True)
    with closing(open_store(filled)):
        assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    with closing(FolderUse(filled.home, alone=True)), pytest.raises(StoreBusyError):
        open_store(filled)


def test_two_processes_that_make_a_store_at_once_share_its_key(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\nfrom imaging.settings import Settings\n"
        "from imaging.store.opening.opening import open_store\n"
        "open_store(Settings(home=pathlib.Path(sys.argv[1]))).accounts.any()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "home")]
    started = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    with closing(open_store(Settings(home=tmp_path / "home"))) as store:
        assert not store.accounts.any()


def test_who_sits_at_the_terminal_is_asked_three_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    answers = ["wrong", "wrong again", "several words that rarely meet"]
    monkeypatch.setattr(opening, "_terminal", lambda: lambda: answers.pop(0))
    keys = _protect_by_passphrase(settings)
    assert opening.waits_for_passphrase(settings)
    opening.unlock(settings)
    assert answers == []
    with closing(open_store(settings)) as store:
        assert not store.read_only
    with closing(Repository.open(settings.home, keys=keys)):
        pass


def _protect_by_passphrase(settings: Settings) -> Keys:
    protection, data_key = new_protection()
    secret = passphrase_secret("several words that rarely meet")
    save_first_protection(settings.home, protection.adding(data_key, Kind.PASSPHRASE, secret))
    return Keys.of(data_key)
