"""Original bytes, content-addressed: every file lies under its own SHA-256 and is checked.

`_write` and `_read` are the one place that writes bytes to the disk and the one that reads them:
what lies there may be kept in another form by changing those two (and whoever reads `path`).
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from imaging.errors import NotFoundError, StoreError
from imaging.host import temporary, writing
from imaging.store.encryption.keys import Keys
from imaging.store.health.diagnosis import diagnose

_UNWRITABLE = "The data folder cannot be written; check the disk that it lies on."
_MOMENT = 60.0  # seconds: nobody needs so long between making a file and locking it


class ObjectFolder:
    """A folder of immutable files named by their SHA-256 (hex).

    Parameters
    ----------
    root : Path
    keys : Keys, optional
        Those of an encrypted data folder; None for a plain one.
    """

    def __init__(self, root: Path, keys: Keys | None = None) -> None:
        self.root, self._keys = root, keys

    def path(self, sha256: str) -> Path:
        """Where the bytes of that hash lie."""
        return self.root / sha256[:2] / sha256

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
        target = self.path(sha256)
        try:
            if self._holds(target, content):
                writing.sync(target)  # an older version did not
                return sha256
            writing.make_folder(target.parent)
            self._write(target, content)
        except OSError as exc:
            raise diagnose(exc, otherwise=_UNWRITABLE) from exc
        return sha256

    def put_file(self, path: Path) -> str:
        """Keep a file of the same disk by moving it here; returns the SHA-256 of its bytes.

        As durable as `put`; what lies there already is replaced.

        Raises
        ------
        StoreError
            If the folder cannot be written, or the file is gone.
        """
        try:
            with path.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            target = self.path(sha256)
            writing.make_folder(target.parent)
            writing.move(path, target)
        except OSError as exc:
            raise diagnose(exc, otherwise=_UNWRITABLE) from exc
        return sha256

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
            content = self._read(self.path(sha256))
        except FileNotFoundError as exc:
            raise NotFoundError(
                "The stored film is missing from the data folder; upload it again."
            ) from exc
        except OSError as exc:
            raise StoreError("The stored film cannot be read from the data folder.") from exc
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError("The stored film was altered on disk; upload it again.")
        return content

    def discard(self, sha256: str) -> None:
        """Forget bytes that belong to no record (a queued file that was no image).

        What a killed process left half-written beside them goes too: it may be of the same film.
        """
        target = self.path(sha256)
        target.unlink(missing_ok=True)
        temporary.sweep_partial(target.parent, older_than=_MOMENT)

    def _holds(self, target: Path, content: bytes) -> bool:
        """Whether those very bytes lie there."""
        with suppress(OSError):
            return target.stat().st_size == len(content) and self._read(target) == content
        return False

    def _write(self, target: Path, content: bytes) -> None:
        with writing.replacing(target) as stream:
            stream.write(content)

    def _read(self, target: Path) -> bytes:
        return target.read_bytes()
