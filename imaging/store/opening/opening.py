"""Open the store that the settings name; a new one is encrypted from its first byte."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from getpass import getpass
from pathlib import Path
from types import FrameType

from imaging.errors import SettingsError, StoreLockedError
from imaging.host.writing import make_folder
from imaging.settings import Settings
from imaging.store.access.sign_ins import IDLE
from imaging.store.database import FOLDER_TROUBLE
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
from imaging.store.health.diagnosis import diagnose
from imaging.store.repository import Repository

_TRIES = 3
_QUESTION = "Passphrase of the data folder: "


def open_store(settings: Settings, *, idle: timedelta = IDLE) -> Repository:
    """Open the store; asks for a passphrase where somebody sits at the terminal.

    A new one is encrypted with a key file beside it, unless the settings say no. Where that cannot
    be written no store is made: nobody would notice that it is plain.

    Raises
    ------
    SettingsError, StoreError
        As `Repository.open`. `StoreLockedError` where its key is not found; nothing is made then.
    """
    home, ways = settings.home, ways_of(settings)
    if settings.encryption and _is_new(home):
        encrypt_new(home, ways.key_file)
    return Repository.open(
        home,
        settings.database,
        seal_key=settings.seal_key,
        idle=idle,
        factor_demanded=settings.second_factor,
        keys=find_keys(home, ways),
    )


def ways_of(settings: Settings) -> Ways:
    """Where the settings, and whoever sits at the terminal, have a data folder's key.

    Raises
    ------
    SettingsError
        If the key file lies in the folder that it locks.
    """
    file, home = settings.key_file, settings.home.resolve()
    if file is not None and file.resolve().is_relative_to(home):
        raise SettingsError(
            "LIGHTBOX_KEY_FILE lies in the data folder, which it would lock with its key inside. "
            "Name a file elsewhere, best on another disk."
        )
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
    StoreError
        If the folder cannot.
    """
    if load_protection(home) is not None:
        return
    try:
        make_folder(home)
        secret = make_key_file(key_file or default_key_file(home))
        protection, data_key = new_protection()
        save_first_protection(home, protection.adding(data_key, Kind.FILE, secret))
    except OSError as exc:
        raise diagnose(exc, otherwise=FOLDER_TROUBLE) from exc


def _terminal() -> Callable[[], str] | None:
    """How to ask whoever sits at the terminal; None where nobody does."""
    return _ask if sys.stdin is not None and sys.stdin.isatty() else None


def _ask() -> str:
    """Ask for the passphrase, unseen; an interruption ends the process.

    A server catches signals to end in order, and would wait for the answer first.
    """
    if threading.current_thread() is not threading.main_thread():
        return getpass(_QUESTION)
    before = {number: signal.signal(number, _end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return getpass(_QUESTION)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
