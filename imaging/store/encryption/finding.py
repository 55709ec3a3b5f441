"""The key of a data folder, found by every process in the same way: server and terminal.

First the key file, then the system's key ring, then the passphrase: from a file, or from whoever
sits at the terminal. What a passphrase opened is remembered as long as the process lives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import StoreLockedError
from imaging.store.encryption.keys import Keys
from imaging.store.encryption.protection import Protection, State, load_protection
from imaging.store.encryption.protectors import (
    Kind,
    passphrase_secret,
    read_key_file,
    read_key_ring,
)

NO_KEY = (
    "The data folder is encrypted, and no key of it is here; nothing was opened. Put its key file "
    "back or name it in LIGHTBOX_KEY_FILE, give its passphrase at the terminal or in a file that "
    "LIGHTBOX_PASSPHRASE_FILE names, or use the recovery key: `python cli.py key recover`."
)
WRONG_KEY = (
    "The key that is here is not this data folder's; nothing was opened. Put its own key file back "
    "or name it in LIGHTBOX_KEY_FILE, or use the recovery key: `python cli.py key recover`."
)
WRONG_PASSPHRASE = "The passphrase is not this data folder's; nothing was opened."
UNFINISHED = (
    "The conversion of the data folder was interrupted and nothing is lost, but it must be brought "
    "to its end first: run `python cli.py {command}` once more."
)
_known: dict[str, bytes] = {}  # name of a folder -> its data key, once a passphrase opened it


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a key is looked for.

    Attributes
    ----------
    key_file : Path, optional
        By default the one beside the data folder (`default_key_file`).
    passphrase_file : Path, optional
        Its first line is the passphrase.
    ask : callable, optional
        Asks somebody for the passphrase; None where nobody is there.
    """

    key_file: Path | None = None
    passphrase_file: Path | None = None
    ask: Callable[[], str] | None = None


def default_key_file(home: Path) -> Path:
    """Where the key file of a data folder lies unless told otherwise: not in it."""
    home = home.absolute()
    return home.parent / f"{home.name}-seal" / "encryption.key"


def find_keys(home: Path, ways: Ways | None = None) -> Keys | None:
    """The keys of a data folder that is wholly encrypted; None of a plain one.

    Raises
    ------
    StoreLockedError
        If it is encrypted and no way leads to its key, or it was left in the middle of a
        conversion.
    """
    protection = load_protection(home)
    if protection is None:
        return None
    if protection.state is not State.ENCRYPTED:
        command = "encrypt" if protection.state is State.ENCRYPTING else "decrypt"
        raise StoreLockedError(UNFINISHED.format(command=command))
    return Keys.of(find_data_key(home, protection, ways))


def find_data_key(home: Path, protection: Protection, ways: Ways | None = None) -> bytes:
    """The data key (32 bytes) of a data folder.

    Raises
    ------
    StoreLockedError
        If no way leads to it; the sentence says what is missing or wrong.
    """
    return _look_for(home, protection, ways or Ways())


def needs_asking(home: Path, ways: Ways) -> bool:
    """Whether only somebody at the terminal could open a data folder."""
    protection = load_protection(home)
    if protection is None or not protection.of_kind(Kind.PASSPHRASE):
        return False
    try:
        find_data_key(home, protection, Ways(ways.key_file, ways.passphrase_file))
    except StoreLockedError:
        return True
    return False


def _look_for(home: Path, protection: Protection, ways: Ways) -> bytes:
    wrong = ""
    secret = read_key_file(ways.key_file or default_key_file(home))
    if secret is not None:
        data_key = protection.open_with(Kind.FILE, secret)
        if data_key is not None:
            return data_key
        wrong = WRONG_KEY
    if protection.of_kind(Kind.KEYRING):
        secret = read_key_ring(protection.folder)
        data_key = protection.open_with(Kind.KEYRING, secret) if secret else None
        if data_key is not None:
            return data_key
    if protection.of_kind(Kind.PASSPHRASE):
        if protection.folder in _known:
            return _known[protection.folder]
        passphrase = _passphrase(ways)
        data_key = protection.open_with(Kind.PASSPHRASE, passphrase) if passphrase else None
        if data_key is not None:
            _known[protection.folder] = data_key
            return data_key
        wrong = WRONG_PASSPHRASE if passphrase else wrong
    raise StoreLockedError(wrong or NO_KEY)


def _passphrase(ways: Ways) -> bytes:
    """From the file, else from who sits at the terminal; empty where neither is there."""
    if ways.passphrase_file is not None:
        try:
            lines = ways.passphrase_file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as exc:
            raise StoreLockedError(
                "The file that LIGHTBOX_PASSPHRASE_FILE names cannot be read. Check its name "
                "and its rights."
            ) from exc
        return passphrase_secret(lines[0] if lines else "")
    return passphrase_secret(ways.ask()) if ways.ask is not None else b""
