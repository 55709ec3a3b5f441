"""`encryption.json`: that a data folder is encrypted, and the wrappings of its data key.

It holds no key: nothing in it opens the folder. Without it nobody can open it either, so it is in
every backup and is only ever replaced whole.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from imaging.errors import ConflictError, NotFoundError, StoreLockedError
from imaging.host.writing import make_folder, replacing, sync_folder, write_first
from imaging.store.encryption.keys import KEY_BYTES
from imaging.store.encryption.protectors import Kind, Protector

FILE = "encryption.json"
_VERSION = 1
_DAMAGED = (
    "The file encryption.json of the data folder cannot be read, and without it nobody can open "
    "the data folder. Put it back from a backup."
)


class State(StrEnum):
    """How far a data folder is: a conversion that was killed is known by it, and goes on."""

    ENCRYPTED = "encrypted"
    ENCRYPTING = "encrypting"
    DECRYPTING = "decrypting"


@dataclass(frozen=True, slots=True)
class Protection:
    """What stands in the file.

    Attributes
    ----------
    folder : str
        Random name (32 hexadecimal digits) of the data folder, wherever it lies.
    state : State
    protectors : tuple of Protector
        Any one of them opens it.
    """

    folder: str
    state: State
    protectors: tuple[Protector, ...] = ()

    def __str__(self) -> str:
        return ", ".join(one.name for one in self.protectors)

    def of_kind(self, kind: Kind) -> tuple[Protector, ...]:
        """The protectors of a kind."""
        return tuple(one for one in self.protectors if one.kind is kind)

    def open_with(self, kind: Kind, secret: bytes) -> bytes | None:
        """The data key (32 bytes); None where the secret fits no protector of that kind."""
        found = (one.unwrap(secret, self.folder) for one in self.of_kind(kind))
        return next((data_key for data_key in found if data_key is not None), None)

    def adding(self, data_key: bytes, kind: Kind, secret: bytes) -> Protection:
        """With one more protector; a recovery key and a key ring's entry replace the older one."""
        single = kind in (Kind.RECOVERY, Kind.KEYRING)
        stay = tuple(p for p in self.protectors if not (single and p.kind is kind))
        taken = {p.name for p in self.protectors}
        name = next(n for i in range(1, 1000) if (n := f"{kind}-{i}") not in taken)
        added = Protector.wrap(data_key, name, kind, secret, self.folder)
        return replace(self, protectors=(*stay, added))

    def removing(self, name: str) -> Protection:
        """Without the protector of that name.

        Raises
        ------
        NotFoundError
            If there is none.
        ConflictError
            If only a recovery key, or nothing, would be left.
        """
        rest = tuple(one for one in self.protectors if one.name != name)
        if len(rest) == len(self.protectors):
            raise NotFoundError("There is no protector of that name. Run `key list` to see them.")
        if all(one.kind is Kind.RECOVERY for one in rest):
            raise ConflictError(
                "Lightbox could not open the data folder by itself any more. Add another protector "
                "first: `python cli.py key add --by file|keyring|passphrase`."
            )
        return replace(self, protectors=rest)


def new_protection() -> tuple[Protection, bytes]:
    """A name for a data folder, and its data key (32 bytes); it has no protector yet."""
    return Protection(secrets.token_hex(16), State.ENCRYPTED), secrets.token_bytes(KEY_BYTES)


def load_protection(home: Path) -> Protection | None:
    """What a data folder says of itself; None where it is plain.

    Raises
    ------
    StoreLockedError
        If the file is there and cannot be read.
    """
    try:
        return _from_json(json.loads((home / FILE).read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise StoreLockedError(_DAMAGED) from exc


def save_protection(home: Path, protection: Protection) -> None:
    """Write it in place of what was there, durably.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with replacing(home / FILE) as stream:
        stream.write(_to_bytes(protection))


def save_first_protection(home: Path, protection: Protection) -> bool:
    """Write it where there is none; False where somebody else was first.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    make_folder(home)
    return write_first(home / FILE, _to_bytes(protection))


def forget_protection(home: Path) -> None:
    """The data folder is plain from now on."""
    (home / FILE).unlink()
    sync_folder(home)


def _to_bytes(protection: Protection) -> bytes:
    values = {
        "version": _VERSION,
        "folder": protection.folder,
        "state": str(protection.state),
        "protectors": [one.to_json() for one in protection.protectors],
    }
    return json.dumps(values, indent=1).encode("utf-8")


def _from_json(values: dict[str, Any]) -> Protection:
    if values["version"] != _VERSION:
        raise ValueError("a version of Lightbox that we do not know wrote this")
    protectors = tuple(Protector.from_json(one) for one in values["protectors"])
    return Protection(str(values["folder"]), State(values["state"]), protectors)
