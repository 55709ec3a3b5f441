"""The recovery key as it is printed and typed: 160 random bits in base32, with a check.

Crockford's alphabet, in which no two signs look alike (I and L are read as 1, O as 0); the last
four signs are the first 20 bits of the SHA-256 of the others' bytes, so that a slip of the pen is
told from a wrong key.
"""

from __future__ import annotations

import hashlib
import secrets

from imaging.errors import InputError

SECRET_BYTES = 20
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("ILO", "110")
_GROUP, _CHECK = 4, 4
_LENGTH = SECRET_BYTES * 8 // 5 + _CHECK


def make_recovery_key() -> str:
    """A new one, as it is printed: nine groups of four signs."""
    secret = secrets.token_bytes(SECRET_BYTES)
    signs = _encode(int.from_bytes(secret), _LENGTH - _CHECK) + _check(secret)
    return "-".join(signs[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def read_recovery_key(text: str) -> bytes:
    """The 20 bytes of a recovery key as somebody typed it.

    Raises
    ------
    InputError
        If it is none, or a sign of it is wrong.
    """
    signs = "".join(text.upper().translate(_READ_AS).replace("-", " ").split())
    if len(signs) != _LENGTH or set(signs) - set(_SIGNS):
        raise InputError("A recovery key has nine groups of four letters and digits; look again.")
    number = 0
    for sign in signs[:-_CHECK]:
        number = number * 32 + _SIGNS.index(sign)
    secret = number.to_bytes(SECRET_BYTES)
    if _check(secret) != signs[-_CHECK:]:
        raise InputError("A sign of the recovery key is wrong, or two are swapped; look again.")
    return secret


def _check(secret: bytes) -> str:
    first = int.from_bytes(hashlib.sha256(secret).digest()[:3]) >> 4
    return _encode(first, _CHECK)


def _encode(number: int, length: int) -> str:
    return "".join(_SIGNS[number >> 5 * at & 31] for at in reversed(range(length)))
