"""The form of a backup: a stream of bytes, encrypted in chunks whose order and end are sealed too.

AES-256-GCM (NIST SP 800-38D) chunk by chunk as in the STREAM construction (Hoang, Reyhanitabar,
Rogaway, Vizár: "Online authenticated-encryption and its nonce-reuse misuse-resistance", CRYPTO
2015): the nonce is 7 random bytes of this file, the number of the chunk (4 bytes), and 1 for the
last chunk, else 0. So no chunk can be altered, moved, left out, added, or taken from another file,
and no end can be cut off. The key comes from a passphrase by scrypt (RFC 7914), or from a key file
by HKDF-SHA-256 (RFC 5869), with 32 random bytes of salt of this file.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from imaging.errors import AccessError, SettingsError, StoreError
from imaging.host.writing import write_first

MAGIC = b"LIGHTBOX BACKUP\x01"
CHUNK = 2**20  # bytes of plain text
SHORTEST = 12  # characters of a passphrase
_TAG = 16
_LENGTH = Struct(">I")
_NONCE = Struct(">7sIB")
_SCRYPT = {"n": 2**17, "r": 8, "p": 1}  # 128 MiB, about half a second
_LONGEST_HEADER = 2**12
_INFO = b"lightbox backup"
_KEY_BYTES = 32
NO_BACKUP = "This is no backup of Lightbox, or its beginning was altered. Take another one."
WRONG_KEY = (
    "The passphrase or key is not this backup's, or its beginning was altered. Try "
    "the right one, or take another backup."
)
ALTERED = "The backup was altered, cut short or damaged; nothing of it is used. Take another one."


@dataclass(frozen=True, slots=True)
class BackupKey:
    """What a backup is locked with: a passphrase, or the bytes of a key file."""

    secret: bytes
    from_file: bool

    @classmethod
    def of_passphrase(cls, passphrase: str, *, new: bool = False) -> BackupKey:
        """From a passphrase.

        Raises
        ------
        AccessError
            If a new one is shorter than 12 characters.
        """
        if new and len(passphrase) < SHORTEST:
            raise AccessError("This passphrase is too short. Choose one of 12 characters or more.")
        return cls(passphrase.encode("utf-8", "surrogatepass"), from_file=False)

    @classmethod
    def of_file(cls, path: Path) -> BackupKey:
        """From a key file, as `write_key_file` makes one.

        Raises
        ------
        SettingsError
            If there is none, or it holds no key.
        """
        try:
            secret = path.read_bytes()
        except OSError as exc:
            raise SettingsError(
                "The key file of the backups cannot be read. Make one with "
                "`python cli.py backup-key FILE`, once, and keep a copy elsewhere."
            ) from exc
        if len(secret.strip()) < _KEY_BYTES:
            raise SettingsError("The key file of the backups holds no key; it is too short.")
        return cls(secret.strip(), from_file=True)

    def derive(self, salt: bytes) -> bytes:
        """The 32 bytes that a file with that salt is encrypted with."""
        if self.from_file:
            return HKDF(SHA256(), _KEY_BYTES, salt, _INFO).derive(self.secret)
        return Scrypt(salt, _KEY_BYTES, **_SCRYPT).derive(self.secret)


def write_key_file(path: Path) -> None:
    """Write a new random key that only its owner may read.

    Raises
    ------
    SettingsError
        If a file of that name exists, or none can be written.
    """
    refused = SettingsError("The key file exists already, or cannot be written there.")
    try:
        written = write_first(path, f"{secrets.token_hex(_KEY_BYTES)}\n".encode("ascii"))
    except OSError as exc:
        raise refused from exc
    if not written:
        raise refused


class SealedWriter:
    """Encrypts what is written to it into a stream; `close` seals the end.

    Parameters
    ----------
    stream : binary file
    key : BackupKey
    """

    def __init__(self, stream: IO[bytes], key: BackupKey) -> None:
        salt, self._prefix = secrets.token_bytes(32), secrets.token_bytes(7)
        kind = "file" if key.from_file else "passphrase"
        fields = {"key": kind, "salt": salt.hex(), "nonce": self._prefix.hex()}
        header = json.dumps(fields, sort_keys=True).encode("ascii")
        self._stream, self._cipher = stream, AESGCM(key.derive(salt))
        self._header = hashlib.sha256(MAGIC + header).digest()
        self._number, self._held = 0, bytearray()
        stream.write(MAGIC + _LENGTH.pack(len(header)) + header)

    def write(self, content: bytes) -> int:
        """Take bytes; those of whole chunks go on their way."""
        self._held += content
        while len(self._held) > CHUNK:  # the last chunk is not known before `close`
            self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]
        return len(content)

    def close(self) -> None:
        """Write the last chunk."""
        self._seal(bytes(self._held), last=True)

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        nonce = _NONCE.pack(self._prefix, self._number, last)
        self._stream.write(self._cipher.encrypt(nonce, chunk, self._header))
        self._number += 1


class SealedReader:
    """Decrypts a stream; yields no byte of a chunk that is not as it was sealed.

    Parameters
    ----------
    stream : binary file
    key : BackupKey

    Raises
    ------
    StoreError
        If the stream is no backup.
    """

    def __init__(self, stream: IO[bytes], key: BackupKey) -> None:
        fields, header = _read_header(stream)
        if fields["key"] != ("file" if key.from_file else "passphrase"):
            raise AccessError(f"This backup was locked with a {_KINDS[fields['key']]}; give that.")
        self._prefix = bytes.fromhex(fields["nonce"])
        self._stream, self._cipher = stream, AESGCM(key.derive(bytes.fromhex(fields["salt"])))
        self._header = hashlib.sha256(MAGIC + header).digest()
        self._number, self._ended, self._held = 0, False, b""
        self._ahead = stream.read(CHUNK + _TAG)

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer at the end only; all of them when negative.

        Raises
        ------
        StoreError
            If the next chunk was altered, is not the next one, or is missing.
        """
        parts, wanted = [], size
        while not (self._ended and not self._held) and (size < 0 or wanted > 0):
            if not self._held:
                self._held = self._open_next()
            part = self._held if size < 0 else self._held[:wanted]
            self._held = self._held[len(part) :]
            wanted -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _open_next(self) -> bytes:
        chunk, self._ahead = self._ahead, self._stream.read(CHUNK + _TAG)
        self._ended = not self._ahead
        nonce = _NONCE.pack(self._prefix, self._number, self._ended)
        self._number += 1
        try:
            return self._cipher.decrypt(nonce, chunk, self._header)
        except (InvalidTag, ValueError) as exc:
            raise StoreError(WRONG_KEY if self._number == 1 else ALTERED) from exc


_KINDS = {"file": "key file", "passphrase": "passphrase"}


def _read_header(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """What stands in clear at the beginning, and its bytes."""
    if stream.read(len(MAGIC)) != MAGIC:
        raise StoreError(NO_BACKUP)
    length = stream.read(_LENGTH.size)
    if len(length) < _LENGTH.size or _LENGTH.unpack(length)[0] > _LONGEST_HEADER:
        raise StoreError(NO_BACKUP)
    header = stream.read(_LENGTH.unpack(length)[0])
    try:
        fields = json.loads(header)
        if fields["key"] not in _KINDS or len(bytes.fromhex(fields["nonce"])) != 7:
            raise ValueError
        bytes.fromhex(fields["salt"])
    except (ValueError, KeyError, TypeError) as exc:
        raise StoreError(NO_BACKUP) from exc
    return fields, header
