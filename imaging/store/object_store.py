"""Original bytes, content-addressed: every file lies under its own SHA-256 and is checked.

In an encrypted data folder a file lies under a name that only its keys give (HMAC-SHA-256 of the
plain SHA-256, RFC 2104: who may list the folder cannot tell whether a film he knows is in it), and
is encrypted with a key of its own (HKDF, RFC 5869) in the form of `imaging.host.encrypted_file`:
what reads one film needs, and gets, no key of another.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from imaging.errors import NotFoundError, StoreError
from imaging.host import temporary, writing
from imaging.host.encrypted_file import (
    ALTERED,
    cut,
    decrypt,
    encrypt,
    read_chunks,
    read_encrypted,
)
from imaging.store.encryption.keys import KEY_BYTES, Keys
from imaging.store.health.diagnosis import diagnose

ENCRYPTED = ".encrypted"  # how the name of an encrypted file ends
CONVERTING = "converting-originals"  # beside the folder while some are encrypted and some are not
_UNWRITABLE = "The data folder cannot be written; check the disk that it lies on."
_MOMENT = 60.0  # seconds: nobody needs so long between making a file and locking it


class ObjectFolder:
    """A folder of immutable files named by their SHA-256 (hex), or by an HMAC of it.

    Parameters
    ----------
    root : Path
    keys : Keys, optional
        Of an encrypted data folder.
    """

    def __init__(self, root: Path, keys: Keys | None = None) -> None:
        self.root, self.keys = root, keys

    def path(self, sha256: str) -> Path:
        """Where the bytes of that hash lie, or shall lie."""
        target = self._target(sha256)
        if self.keys is not None and not target.exists() and self._is_converting():
            plain = plain_path(self.root, sha256)
            return plain if plain.exists() else target
        return target

    def key(self, path: Path) -> bytes:
        """The key (32 bytes) that a file found by `path` was encrypted with; none if it is plain.

        It opens that one file.
        """
        if self.keys is None or path.suffix != ENCRYPTED:
            return b""
        return file_key(self.keys, path.name)

    def key_of_incoming(self, name: str) -> bytes:
        """The key of a file of that name that has not arrived whole; none without encryption."""
        return b"" if self.keys is None else file_key(self.keys, f"incoming {name}")

    def put(self, content: bytes) -> str:
        """Keep bytes; returns their SHA-256.

        Never half a file, and safe from a power cut when this returns. What lies there already is
        compared: bytes that were altered, cut short or lost are made good by these.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        target = self._target(sha256)
        try:
            if self._holds(target, content):
                writing.sync(target)  # an older version did not
            else:
                self._write(target, cut(content))
        except OSError as exc:
            raise diagnose(exc, otherwise=_UNWRITABLE) from exc
        return sha256

    def put_file(self, path: Path) -> str:
        """Keep a plain file of the same disk, as it is, by moving it here; returns its SHA-256.

        As durable as `put`; what lies there already is replaced. Only where nothing is encrypted.

        Raises
        ------
        StoreError
            If the folder cannot be written, or the file is gone.
        """
        try:
            with path.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            target = self._target(sha256)
            writing.make_folder(target.parent)
            writing.move(path, target)
        except OSError as exc:
            raise diagnose(exc, otherwise=_UNWRITABLE) from exc
        return sha256

    def put_stream(self, stream: IO[bytes]) -> str:
        """Keep what can be read twice, a chunk of it in memory; returns its SHA-256.

        As durable as `put`; what lies there already is replaced.

        Raises
        ------
        StoreError
            If the folder cannot be written, or the stream not be read.
        """
        try:
            digest = hashlib.sha256()
            for chunk in read_chunks(stream):
                digest.update(chunk)
            stream.seek(0)
            self._write(self._target(digest.hexdigest()), read_chunks(stream))
        except OSError as exc:
            raise diagnose(exc, otherwise=_UNWRITABLE) from exc
        return digest.hexdigest()

    def get(self, sha256: str) -> bytes:
        """Read bytes back and check them.

        Raises
        ------
        NotFoundError
            If nothing lies there.
        StoreError
            If the bytes are not what was stored.
        """
        try:
            try:
                content = self._read(self.path(sha256))
            except FileNotFoundError:  # between the look and the reading it was converted
                content = self._read(self.path(sha256))
        except FileNotFoundError as exc:
            raise NotFoundError(
                "The stored image is missing from the data folder; upload it again."
            ) from exc
        except OSError as exc:
            raise StoreError(
                "The stored image cannot be read from the data folder. Upload it again."
            ) from exc
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError(ALTERED)
        return content

    def discard(self, sha256: str) -> None:
        """Forget bytes that belong to no record (a queued file that was no image).

        What a killed process left half-written beside them goes too: it may be of the same film.
        """
        plain = [plain_path(self.root, sha256)] if self._is_converting() else []
        for target in {self._target(sha256), *plain}:
            target.unlink(missing_ok=True)
            temporary.sweep_partial(target.parent, older_than=_MOMENT)

    def _target(self, sha256: str) -> Path:
        """Where bytes of that hash are written."""
        if self.keys is None:
            return plain_path(self.root, sha256)
        return encrypted_path(self.root, sha256, self.keys)

    def _is_converting(self) -> bool:
        return (self.root.parent / CONVERTING).exists()

    def _holds(self, target: Path, content: bytes) -> bool:
        """Whether those very bytes lie there."""
        at = 0
        with suppress(OSError, StoreError), target.open("rb") as stream:
            key = self.key(target)
            for chunk in decrypt(stream, key, target.name) if key else read_chunks(stream):
                if content[at : at + len(chunk)] != chunk:
                    return False
                at += len(chunk)
            return at == len(content)
        return False

    def _write(self, target: Path, chunks: Iterable[bytes | memoryview]) -> None:
        writing.make_folder(target.parent)
        key = self.key(target)
        with writing.replacing(target) as stream:
            stream.writelines(encrypt(chunks, key, target.name) if key else chunks)

    def _read(self, path: Path) -> bytes:
        key = self.key(path)
        return read_encrypted(path, key) if key else path.read_bytes()


def plain_path(root: Path, sha256: str) -> Path:
    """Where bytes of that hash lie in a folder that is not encrypted."""
    return root / sha256[:2] / sha256


def encrypted_path(root: Path, sha256: str, keys: Keys) -> Path:
    """Where they lie in one that is."""
    name = hmac.digest(keys.names, sha256.encode("ascii"), "sha256").hex()
    return root / name[:2] / f"{name}{ENCRYPTED}"


def stored_sha256(path: Path, keys: Keys) -> str:
    """SHA-256 (hex) of what an encrypted file holds; empty where it is not there or not whole."""
    digest = hashlib.sha256()
    with suppress(FileNotFoundError, StoreError), path.open("rb") as stored:
        for chunk in decrypt(stored, file_key(keys, path.name), path.name):
            digest.update(chunk)
        return digest.hexdigest()
    return ""


def file_key(keys: Keys, name: str) -> bytes:
    """The key (32 bytes) of one encrypted file, by its name; it opens no other."""
    info = f"lightbox file {name}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(keys.objects)
