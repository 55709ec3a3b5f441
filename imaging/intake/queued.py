"""The bytes of a queued file, wherever they lie and whether they are encrypted there or not."""

from __future__ import annotations

from pathlib import Path

from imaging.errors import NotDicomError
from imaging.host.encrypted_file import read_encrypted
from imaging.locations import read_head, read_place

_GONE = "The file does not exist or cannot be opened; check its name and its rights."


def read_queued(location: str, key: bytes, *, linked: bool = True) -> bytes:
    """All bytes of a file.

    Parameters
    ----------
    location : str
        A path of this computer, or an address.
    key : bytes
        Of that one file, which is encrypted (`imaging.host.encrypted_file`); empty for a plain one.
    linked : bool
        As for `imaging.locations.read_place`.

    Raises
    ------
    NotDicomError, SettingsError
        As `imaging.locations.read_place`.
    StoreError
        If an encrypted file is not as it was written.
    """
    return _decrypt(location, key) if key else read_place(location, linked=linked)


def read_queued_head(location: str, key: bytes, size: int) -> bytes:
    """Its first bytes, at most so many; raises as `read_queued`."""
    return _decrypt(location, key, most=size) if key else read_head(location, size)


def _decrypt(location: str, key: bytes, most: int = -1) -> bytes:
    try:
        return read_encrypted(Path(location), key, most=most)
    except OSError as exc:
        raise NotDicomError(_GONE) from exc
