"""The keys of a data folder: one for each thing that is encrypted, all from one data key."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32  # AES-256


@dataclass(frozen=True, slots=True)
class Keys:
    """What encrypts a data folder; never printed, never written.

    Attributes
    ----------
    database : bytes
        32 bytes, of the records (SQLCipher's raw key).
    objects : bytes
        32 bytes, of originals and whatever else is a file (AES-256-GCM).
    names : bytes
        32 bytes, of the names of originals (HMAC-SHA256 of what their name would be).
    """

    database: bytes = field(repr=False)
    objects: bytes = field(repr=False)
    names: bytes = field(repr=False)

    @classmethod
    def of(cls, data_key: bytes) -> Keys:
        """The keys of a data key (32 random bytes): HKDF-SHA256, one ``info`` each (RFC 5869)."""
        return cls(*(_derive(data_key, purpose) for purpose in ("database", "objects", "names")))


def _derive(data_key: bytes, purpose: str) -> bytes:
    info = f"lightbox {purpose} 1".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(data_key)
