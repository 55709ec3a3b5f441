"""What opens a data folder, changed: a protector more or less, another recovery key."""

from __future__ import annotations

from pathlib import Path

from imaging.errors import ConflictError, InputError, SettingsError, StoreLockedError
from imaging.settings import Settings
from imaging.store.encryption.finding import default_key_file, find_data_key
from imaging.store.encryption.protection import (
    Protection,
    load_protection,
    new_protection,
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
from imaging.store.opening.opening import ways_of

_PLAIN = "The data folder is not encrypted. Run `python cli.py encrypt` first."
_NO_SUCH = (
    "The recovery key is not this data folder's, or a later one replaced it. Try the newest one."
)
_ANOTHER_WAY = "A recovery key is not added this way. Run `python cli.py key recovery`."
_UNWRITABLE = "The file encryption.json cannot be written; check the disk of the data folder."


def protect(settings: Settings, by: Kind, passphrase: str = "") -> tuple[Protection, bytes]:
    """A protection for a plain data folder, and its data key (32 bytes); nothing of it is saved.

    Its key file is made, or the key ring's entry: they are there before anything needs them.

    Parameters
    ----------
    settings : Settings
    by : Kind
        Not a recovery key.
    passphrase : str
        For that kind.

    Raises
    ------
    AccessError
        If the passphrase is too short.
    SettingsError
        If the key file cannot be written, or there is no key ring.
    """
    protection, data_key = new_protection()
    secret = _make_secret(settings, protection, by, passphrase)
    return protection.adding(data_key, by, secret), data_key


def with_recovery_key(protection: Protection, data_key: bytes) -> tuple[Protection, str]:
    """A protection with a new recovery key, and that key as it is printed; nothing is saved."""
    text = make_recovery_key()
    return protection.adding(data_key, Kind.RECOVERY, read_recovery_key(text)), text


def load(settings: Settings) -> Protection:
    """The protection of the data folder.

    Raises
    ------
    ConflictError
        If it is not encrypted.
    """
    protection = load_protection(settings.home)
    if protection is None:
        raise ConflictError(_PLAIN)
    return protection


def add_protector(settings: Settings, by: Kind, passphrase: str = "", recovery: str = "") -> None:
    """Let something more open the data folder; `protect` says what is asked of it.

    Parameters
    ----------
    settings : Settings
    by : Kind
    passphrase : str
    recovery : str
        The recovery key as it was typed, where nothing else opens the folder.

    Raises
    ------
    StoreLockedError
        If nothing opens it now, or the recovery key does not.
    """
    protection = load(settings)
    if recovery:
        data_key = protection.open_with(Kind.RECOVERY, read_recovery_key(recovery))
        if data_key is None:
            raise StoreLockedError(_NO_SUCH)
    else:
        data_key = find_data_key(settings.home, protection, ways_of(settings))
    secret = _make_secret(settings, protection, by, passphrase)
    if protection.open_with(by, secret) is None:  # else it opens it already
        _save(settings.home, protection.adding(data_key, by, secret))


def remove_protector(settings: Settings, name: str) -> None:
    """Let something open the data folder no more.

    Raises
    ------
    NotFoundError
        If there is no protector of that name.
    ConflictError, StoreLockedError
        If Lightbox itself could not open the folder by what is left, here and now.
    """
    protection = load(settings)
    rest = protection.removing(name)
    find_data_key(settings.home, rest, ways_of(settings))
    _save(settings.home, rest)
    if protection.of_kind(Kind.KEYRING) and not rest.of_kind(Kind.KEYRING):
        forget_key_ring(protection.folder)


def renew_recovery_key(settings: Settings, *, only_first: bool = False) -> str:
    """A new recovery key of the data folder, to print; the one before opens it no more.

    Parameters
    ----------
    settings : Settings
    only_first : bool
        Make none where there is one.

    Returns
    -------
    str
        Nine groups of four signs; empty where there was one, or the folder is not encrypted.

    Raises
    ------
    StoreLockedError
        If the folder's key is not found.
    SettingsError
        If it cannot be written.
    """
    protection = load_protection(settings.home)
    if only_first and (protection is None or protection.of_kind(Kind.RECOVERY)):
        return ""
    protection = load(settings)
    data_key = find_data_key(settings.home, protection, ways_of(settings))
    renewed, text = with_recovery_key(protection, data_key)
    _save(settings.home, renewed)
    return text


def _make_secret(settings: Settings, protection: Protection, by: Kind, passphrase: str) -> bytes:
    if by is Kind.PASSPHRASE:
        return passphrase_secret(passphrase, new=True)
    if by is Kind.KEYRING:
        return write_key_ring(protection.folder)
    if by is Kind.RECOVERY:
        raise InputError(_ANOTHER_WAY)
    return make_key_file(settings.key_file or default_key_file(settings.home))


def _save(home: Path, protection: Protection) -> None:
    try:
        save_protection(home, protection)
    except OSError as exc:
        raise SettingsError(_UNWRITABLE) from exc
