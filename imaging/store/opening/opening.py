"""Open the store that the settings name; a new one is encrypted from its first byte."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import timedelta
from getpass import getpass
from pathlib import Path

from imaging.errors import SettingsError, StoreLockedError
from imaging.settings import Settings
from imaging.store.access.sign_ins import IDLE
from imaging.store.encryption.finding import (
    Ways,
    default_key_file,
    find_keys,
    needs_asking,
)
from imaging.store.encryption.protection import (
    load_protection,
    new_protection,
    save_first_protection,
)
from imaging.store.encryption.protectors import Kind, make_key_file
from imaging.store.repository import Repository

log = logging.getLogger(__name__)
_TRIES = 3


def open_store(settings: Settings, *, idle: timedelta = IDLE) -> Repository:
    """Open the store; asks for a passphrase where somebody sits at the terminal.

    A new one is encrypted with a key file beside it, unless the settings say no or the key file
    cannot be written, which goes to the log.

    Raises
    ------
    SettingsError, StoreError
        As `Repository.open`. `StoreLockedError` where its key is not found; nothing is made then.
    """
    home, ways = settings.home, ways_of(settings)
    if settings.encryption and _is_new(home):
        try:
            encrypt_new(home, settings.key_file)
        except (SettingsError, OSError) as exc:  # what is wrong with the folder, opening it says
            log.warning("the data folder is not encrypted: %s", type(exc).__name__)
    return Repository.open(
        home,
        settings.database,
        seal_key=settings.seal_key,
        idle=idle,
        factor_demanded=settings.second_factor,
        keys=find_keys(home, ways),
    )


def ways_of(settings: Settings) -> Ways:
    """Where the settings, and whoever sits at the terminal, have a data folder's key."""
    return Ways(settings.key_file, settings.passphrase_file, _terminal())


def waits_for_passphrase(settings: Settings) -> bool:
    """Whether somebody sits at the terminal, and only they can open the data folder."""
    return _terminal() is not None and needs_asking(settings.home, ways_of(settings))


def unlock(settings: Settings) -> None:
    """Ask at the terminal for a passphrase that nothing else gives, three times at most.

    Raises
    ------
    StoreLockedError
        If none of them was right.
    """
    for tries_left in reversed(range(_TRIES)):
        if not waits_for_passphrase(settings):
            return
        try:
            find_keys(settings.home, ways_of(settings))
        except StoreLockedError as exc:
            if not tries_left:
                raise
            print(exc, file=sys.stderr, flush=True)


def _is_new(home: Path) -> bool:
    """Whether no store was ever made there: neither records, nor originals, nor keys."""
    return not any((home / name).exists() for name in ("lightbox.db", "objects"))


def encrypt_new(home: Path, key_file: Path | None = None) -> None:
    """Make the data key and the key file of a data folder that has none; else nothing is changed.

    Of two processes that do at once, the first one's counts.

    Parameters
    ----------
    home : Path
        An empty folder, or none yet.
    key_file : Path, optional
        By default the one beside it.

    Raises
    ------
    SettingsError
        If the key file cannot be written.
    OSError
        If the folder cannot.
    """
    if load_protection(home) is None:
        secret = make_key_file(key_file or default_key_file(home))
        protection, data_key = new_protection()
        save_first_protection(home, protection.adding(data_key, Kind.FILE, secret))


def _terminal() -> Callable[[], str] | None:
    """How to ask whoever sits at the terminal; None where nobody does."""
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    return lambda: getpass("Passphrase of the data folder: ")
