"""Secrets that the database keeps and who has the database alone cannot read (AES-256-GCM).

The key is a file of its own in the folder of the key that seals the audit trail, not of that key:
a trail that goes on with another key leaves the readers their second factors.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from imaging.errors import StoreError

NAME = "secrets.key"  # beside the key of the trail
_KEY, _NONCE = 32, 12  # bytes
_GONE = (
    "The key of the second factors cannot be read. Put its file back from where it is kept, or "
    "reset the second factor with `python cli.py account reset-factor NAME`."
)
_UNWRITABLE = (
    "The key of the second factors cannot be written. Check the folder that LIGHTBOX_SEAL_KEY "
    "names, or the one beside the data folder."
)


class SecretBox:
    """Seals and opens small secrets.

    Parameters
    ----------
    folder : Path | None
        Where the key lies; None where there is no such folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / NAME if folder else None

    def seal(self, secret: bytes, about: str) -> bytes:
        """Encrypt, tied to what it is about; the key is made when there is none.

        Raises
        ------
        StoreError
            If the key cannot be written or read.
        """
        if self._path is None:
            raise StoreError(_UNWRITABLE)
        if not self._path.exists():
            _make_key(self._path)
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher().encrypt(nonce, secret, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Decrypt what was sealed about the same.

        Raises
        ------
        StoreError
            If the key is gone or another one, or what is stored was altered.
        """
        try:
            return self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except (InvalidTag, ValueError) as exc:
            raise StoreError(_GONE) from exc

    def _cipher(self) -> AESGCM:
        try:
            key = self._path.read_bytes() if self._path else b""
        except OSError as exc:
            raise StoreError(_GONE) from exc
        if len(key) != _KEY:
            raise StoreError(_GONE)
        return AESGCM(key)


def _make_key(path: Path) -> None:
    """Write a new key (0600), unless another process was first."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(secrets.token_bytes(_KEY))
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):
                path.hardlink_to(name)
        finally:
            Path(name).unlink()
    except OSError as exc:
        raise StoreError(_UNWRITABLE) from exc
