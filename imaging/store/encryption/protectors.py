"""What opens a data folder: each protector wraps the data key, and any one of them is enough.

A secret becomes a wrapping key by argon2id (RFC 9106) where somebody made it up, else by
HKDF-SHA256 (RFC 5869). The data key is wrapped by AES-256-GCM (NIST SP 800-38D) together with the
name of the folder and the kind, so that no protector can be taken for another folder's.
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from imaging.errors import AccessError, SettingsError, StoreLockedError
from imaging.host.writing import make_folder, write_first
from imaging.store.encryption.keys import KEY_BYTES

SHORTEST = 12  # characters of a passphrase
_SALT, _NONCE, _TAG = 16, 12, 16  # bytes
_COST = {"memory_kib": 2**18, "passes": 3, "lanes": 4}  # 256 MiB, about a second on one processor
_DEAREST = {"memory_kib": 2**21, "passes": 64, "lanes": 64}  # a file that asks for more was altered
_SERVICE = "lightbox"  # in the system's key ring
_NO_RING = (
    "This computer has no key ring that Lightbox can use, or it is locked. Protect the data folder "
    "by a key file or a passphrase instead (`--by file`, `--by passphrase`)."
)
_NO_FILE = (
    "The key file of the data folder cannot be written. Check the folder that LIGHTBOX_KEY_FILE "
    "names, or the one beside the data folder. With LIGHTBOX_ENCRYPTION=off a new data folder is "
    "not encrypted."
)


class Kind(StrEnum):
    """By what a data folder may be opened."""

    FILE = "file"
    KEYRING = "keyring"
    PASSPHRASE = "passphrase"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Protector:
    """One wrapping of the data key.

    Attributes
    ----------
    name : str
        Its name among those of the folder, "file-1".
    kind : Kind
    made_at : str
        Moment, ISO 8601 with time zone.
    salt : bytes
    wrapped : bytes
        Nonce (12 bytes), data key and tag.
    cost : mapping of str to int
        ``memory_kib``, ``passes`` and ``lanes`` of argon2id; empty where none is needed.
    """

    name: str
    kind: Kind
    made_at: str
    salt: bytes
    wrapped: bytes
    cost: Mapping[str, int]

    @classmethod
    def wrap(cls, data_key: bytes, name: str, kind: Kind, secret: bytes, folder: str) -> Protector:
        """Wrap a data key (32 bytes) of the folder of that name with a secret."""
        salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
        cost = _COST if kind is Kind.PASSPHRASE else {}
        cipher = AESGCM(_wrapping_key(secret, salt, cost))
        wrapped = nonce + cipher.encrypt(nonce, data_key, _context(folder, kind))
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(name, kind, made_at, salt, wrapped, cost)

    def unwrap(self, secret: bytes, folder: str) -> bytes | None:
        """The data key; None where the secret is another one."""
        cipher = AESGCM(_wrapping_key(secret, self.salt, self.cost))
        with suppress(InvalidTag):
            nonce, sealed = self.wrapped[:_NONCE], self.wrapped[_NONCE:]
            return cipher.decrypt(nonce, sealed, _context(folder, self.kind))
        return None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "name": self.name,
            "kind": str(self.kind),
            "made_at": self.made_at,
            "salt": base64.b64encode(self.salt).decode(),
            "wrapped": base64.b64encode(self.wrapped).decode(),
            "cost": dict(self.cost),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Protector:
        """From what stands in the file; raises `ValueError`, `KeyError` or `TypeError`."""
        kind, cost = Kind(values["kind"]), {k: int(values["cost"][k]) for k in values["cost"]}
        if cost.keys() != (_COST if kind is Kind.PASSPHRASE else {}).keys():
            raise ValueError("the cost does not fit the kind")
        if any(not 0 < cost[name] <= _DEAREST[name] for name in cost):
            raise ValueError("the cost is out of all reason")
        salt, wrapped = (
            base64.b64decode(values[name], validate=True) for name in ("salt", "wrapped")
        )
        if (len(salt), len(wrapped)) != (_SALT, _NONCE + KEY_BYTES + _TAG):
            raise ValueError("the wrapped key is cut short")
        return cls(str(values["name"]), kind, str(values["made_at"]), salt, wrapped, cost)


def passphrase_secret(passphrase: str, *, new: bool = False) -> bytes:
    """The secret of a passphrase.

    Raises
    ------
    AccessError
        If a new one is shorter than 12 characters.
    """
    if new and len(passphrase) < SHORTEST:
        raise AccessError("This passphrase is too short. Choose one of 12 characters or more.")
    return unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")


def read_key_file(path: Path) -> bytes | None:
    """The 32 bytes of a key file; None where there is none.

    Raises
    ------
    StoreLockedError
        If it cannot be read, or holds no key.
    """
    try:
        secret = bytes.fromhex(path.read_text("ascii"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as exc:
        raise StoreLockedError(
            "The key file of the data folder cannot be read, or holds no key. Put it back from "
            "where a copy is kept, or use the recovery key: `python cli.py key recover`."
        ) from exc
    if len(secret) != KEY_BYTES:
        raise StoreLockedError(
            "The key file of the data folder holds no key: it was "
            "altered. Put it back from where a copy is kept, or use the "
            "recovery key: `python cli.py key recover`."
        )
    return secret


def make_key_file(path: Path) -> bytes:
    """Write a new random key (0600, in a folder of 0700); of two at once the first one stays.

    Raises
    ------
    SettingsError
        If it cannot be written.
    """
    try:
        make_folder(path.parent)
        write_first(path, secrets.token_hex(KEY_BYTES).encode("ascii"))
    except OSError as exc:
        raise SettingsError(_NO_FILE) from exc
    secret = read_key_file(path)
    if secret is None:
        raise SettingsError(_NO_FILE)
    return secret


def read_key_ring(folder: str) -> bytes | None:
    """The secret that the system's key ring holds for a folder; None without one, or a ring."""
    import keyring
    from keyring.errors import KeyringError

    with suppress(KeyringError, ValueError):
        return bytes.fromhex(keyring.get_password(_SERVICE, folder) or "") or None
    return None


def write_key_ring(folder: str) -> bytes:
    """Keep a new secret in the system's key ring, in place of what it held for that folder.

    Raises
    ------
    SettingsError
        If there is no key ring here.
    """
    import keyring
    from keyring.errors import KeyringError

    secret = secrets.token_bytes(KEY_BYTES)
    try:
        keyring.set_password(_SERVICE, folder, secret.hex())
    except KeyringError as exc:
        raise SettingsError(_NO_RING) from exc
    if read_key_ring(folder) != secret:
        raise SettingsError(_NO_RING)
    return secret


def forget_key_ring(folder: str) -> None:
    """Let the system's key ring forget what it holds for a folder, if it holds anything."""
    import keyring
    from keyring.errors import KeyringError

    with suppress(KeyringError):
        keyring.delete_password(_SERVICE, folder)


def _wrapping_key(secret: bytes, salt: bytes, cost: Mapping[str, int]) -> bytes:
    if not cost:
        return HKDF(SHA256(), KEY_BYTES, salt, b"lightbox protector 1").derive(secret)
    return hash_secret_raw(
        secret, salt, cost["passes"], cost["memory_kib"], cost["lanes"], KEY_BYTES, Type.ID
    )


def _context(folder: str, kind: Kind) -> bytes:
    return f"lightbox data key 1\n{folder}\n{kind}".encode()
