"""Any one protector opens a data folder; without one, nothing is opened, made or altered."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoRing

from imaging.errors import (
    AccessError,
    ConflictError,
    NotFoundError,
    SettingsError,
    StoreLockedError,
)
from imaging.store.encryption.finding import (
    NO_KEY,
    WRONG_KEY,
    WRONG_PASSPHRASE,
    Ways,
    default_key_file,
    find_keys,
    needs_asking,
)
from imaging.store.encryption.keys import Keys
from imaging.store.encryption.protection import (
    FILE,
    Protection,
    load_protection,
    new_protection,
    save_first_protection,
    save_protection,
)
from imaging.store.encryption.protectors import (
    Kind,
    forget_key_ring,
    make_key_file,
    passphrase_secret,
    write_key_ring,
)
from imaging.store.encryption.recovery import make_recovery_key, read_recovery_key

PASSPHRASE = "several words that rarely meet"


class _Ring(KeyringBackend):
    """A key ring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


@pytest.fixture
def ring() -> Iterator[_Ring]:
    before, made = keyring.get_keyring(), _Ring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


def _write(home: Path, kind: Kind, secret: bytes) -> Keys:
    protection, data_key = new_protection()
    save_protection(home, protection.adding(data_key, kind, secret))
    return Keys.of(data_key)


def test_each_purpose_has_a_key_of_its_own_and_none_is_printed() -> None:
    keys = Keys.of(secrets.token_bytes(32))
    parts = {keys.database, keys.objects, keys.names}
    assert len(parts) == 3
    assert all(len(part) == 32 for part in parts)
    assert not any(part.hex() in repr(keys) or repr(part) in repr(keys) for part in parts)


def test_the_key_file_beside_the_folder_opens_it(home: Path) -> None:
    keys = _write(home, Kind.FILE, make_key_file(default_key_file(home)))
    assert find_keys(home) == keys
    assert default_key_file(home).stat().st_mode & 0o077 == 0
    assert (home / FILE).stat().st_mode & 0o077 == 0


def test_a_passphrase_opens_it_from_a_file_or_by_whoever_is_asked(
    home: Path, tmp_path: Path
) -> None:
    keys = _write(home, Kind.PASSPHRASE, passphrase_secret(PASSPHRASE))
    asked: list[str] = []

    def ask() -> str:
        asked.append("")
        return PASSPHRASE

    assert needs_asking(home, Ways())
    with pytest.raises(StoreLockedError) as nobody:
        find_keys(home)
    assert str(nobody.value) == NO_KEY
    with pytest.raises(StoreLockedError) as wrong:
        find_keys(home, Ways(ask=lambda: "another one"))
    assert str(wrong.value) == WRONG_PASSPHRASE
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\nmore\n")
    assert find_keys(home, Ways(passphrase_file=tmp_path / "passphrase")) == keys
    assert [find_keys(home, Ways(ask=ask)) for _ in range(2)] == [keys, keys]
    assert asked == []  # it is known by now, as long as the process lives
    assert not needs_asking(home, Ways())


def test_the_key_ring_opens_it(home: Path, ring: _Ring) -> None:
    protection, data_key = new_protection()
    secret = write_key_ring(protection.folder)
    save_protection(home, protection.adding(data_key, Kind.KEYRING, secret))
    assert find_keys(home) == Keys.of(data_key)
    forget_key_ring(protection.folder)
    with pytest.raises(StoreLockedError):
        find_keys(home)


def test_a_computer_without_a_key_ring_says_so_in_words() -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(NoRing())
    try:
        with pytest.raises(SettingsError, match="no key ring"):
            write_key_ring("folder")
    finally:
        keyring.set_keyring(before)


def test_the_recovery_key_opens_it_and_no_other_does(home: Path) -> None:
    protection, data_key = new_protection()
    text = make_recovery_key()
    made = protection.adding(data_key, Kind.RECOVERY, read_recovery_key(text))
    assert made.open_with(Kind.RECOVERY, read_recovery_key(text)) == data_key
    assert made.open_with(Kind.RECOVERY, read_recovery_key(make_recovery_key())) is None
    later = make_recovery_key()
    renewed = made.adding(data_key, Kind.RECOVERY, read_recovery_key(later))
    assert renewed.open_with(Kind.RECOVERY, read_recovery_key(text)) is None
    assert len(renewed.protectors) == 1


def test_a_missing_and_a_wrong_key_file_are_told_apart_and_nothing_is_made(home: Path) -> None:
    key_file = default_key_file(home)
    _write(home, Kind.FILE, make_key_file(key_file))
    before = {path: path.read_bytes() for path in home.iterdir()}
    held = key_file.read_text()
    key_file.unlink()
    with pytest.raises(StoreLockedError) as missing:
        find_keys(home)
    assert str(missing.value) == NO_KEY
    assert not key_file.exists()
    make_key_file(key_file)
    with pytest.raises(StoreLockedError) as wrong:
        find_keys(home)
    assert str(wrong.value) == WRONG_KEY
    key_file.write_text("no key at all")
    with pytest.raises(StoreLockedError, match="holds no key"):
        find_keys(home)
    key_file.write_text(held)
    find_keys(home)
    assert {path: path.read_bytes() for path in home.iterdir()} == before


def test_a_protector_is_of_no_other_folder_or_kind(home: Path) -> None:
    secret = secrets.token_bytes(32)
    protection, data_key = new_protection()
    (protector,) = protection.adding(data_key, Kind.FILE, secret).protectors
    assert protector.unwrap(secret, protection.folder) == data_key
    assert protector.unwrap(secret, new_protection()[0].folder) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.update(version=2),
        lambda values: values.pop("protectors"),
        lambda values: values.update(state="melting"),
        lambda values: values["protectors"][0].update(wrapped="%"),
        lambda values: values["protectors"][0]["cost"].update(memory_kib=2**40),
        lambda values: values["protectors"][0]["cost"].pop("passes"),
    ],
)
def test_an_altered_file_is_refused_in_words(home: Path, change: object) -> None:
    _write(home, Kind.PASSPHRASE, passphrase_secret(PASSPHRASE))
    values = json.loads((home / FILE).read_text())
    change(values)  # type: ignore[operator]
    (home / FILE).write_text(json.dumps(values))
    with pytest.raises(StoreLockedError, match=r"encryption\.json"):
        load_protection(home)


def test_of_two_that_protect_a_folder_at_once_the_first_counts(home: Path) -> None:
    first, second = new_protection()[0], new_protection()[0]
    assert save_first_protection(home, first)
    assert not save_first_protection(home, second)
    found = load_protection(home)
    assert found is not None
    assert found.folder == first.folder
    assert {path.name for path in home.iterdir()} == {FILE}


def test_what_lightbox_opens_the_folder_by_is_not_removed(home: Path) -> None:
    protection, data_key = new_protection()
    made = protection.adding(data_key, Kind.FILE, secrets.token_bytes(32))
    made = made.adding(data_key, Kind.RECOVERY, secrets.token_bytes(20))
    with pytest.raises(ConflictError, match="Add another"):
        made.removing("file-1")
    with pytest.raises(NotFoundError):
        made.removing("file-2")
    two = made.adding(data_key, Kind.FILE, secrets.token_bytes(32))
    assert str(two) == "file-1, recovery-1, file-2"
    assert isinstance(two.removing("file-1"), Protection)


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(AccessError, match="12"):
        passphrase_secret("short", new=True)
