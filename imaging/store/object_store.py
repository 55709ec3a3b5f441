"""Original bytes, content-addressed: every file lies under its own SHA-256 and is checked."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from imaging.errors import NotFoundError, StoreError


class ObjectFolder:
    """A folder of immutable files named by their SHA-256 (hex)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where the bytes of that hash lie."""
        return self.root / sha256[:2] / sha256

    def put(self, content: bytes) -> str:
        """Keep bytes; returns their SHA-256. Written aside and renamed: never half a file.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        target = self.path(sha256)
        if target.exists():
            return sha256
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as stream:
                stream.write(content)
            Path(stream.name).replace(target)
        except OSError as exc:
            raise StoreError("The data folder cannot be written; is the disk full?") from exc
        return sha256

    def put_file(self, path: Path) -> str:
        """Keep a file of the same disk by moving it here; returns the SHA-256 of its bytes.

        Raises
        ------
        StoreError
            If the folder cannot be written, or the file is gone.
        """
        try:
            with path.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            target = self.path(sha256)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        except OSError as exc:
            raise StoreError("The data folder cannot be written; is the disk full?") from exc
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
            content = self.path(sha256).read_bytes()
        except FileNotFoundError as exc:
            raise NotFoundError("The stored film is missing from the data folder.") from exc
        except OSError as exc:
            raise StoreError("The stored film cannot be read from the data folder.") from exc
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError("The stored film was altered on disk; upload it again.")
        return content

    def discard(self, sha256: str) -> None:
        """Forget bytes that belong to no record (a queued file that was no image)."""
        self.path(sha256).unlink(missing_ok=True)
