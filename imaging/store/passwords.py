"""Passwords: what one must be, how it is hashed, how it is checked."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Collection
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from imaging.errors import AccessError

SHORTEST, LONGEST = 10, 1024
_STRONG = 3  # of 4: "safely unguessable", 10^8 tries and more
_JUDGED = 72  # characters: the judge's time grows with the square of them
_hasher = PasswordHasher()  # argon2id with the library's defaults (RFC 9106, low memory)
# Each takes 64 MiB and all processors: who sends many at once must not take the server's.
AT_ONCE = 2
_turn = threading.BoundedSemaphore(AT_ONCE)


def hash_password(password: str) -> str:
    """Argon2id hash of a new password, with its own salt and parameters in it.

    Raises
    ------
    AccessError
        If the password is shorter than 10 characters, or longer than 1024.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccessError("This password is too short. Choose one of 10 characters or more.")
    with _turn:
        return _hasher.hash(_normalise(password))


def insist_on_strength(password: str, beside: Collection[str] = ()) -> None:
    """Refuse a new password that is easily guessed (zxcvbn's score, NIST SP 800-63B 5.1.1.2).

    Parameters
    ----------
    password : str
        What was typed.
    beside : collection of str
        Words that a guesser would try first, such as the reader's name.

    Raises
    ------
    AccessError
        If it would be guessed in less than some 10^8 tries.
    """
    from zxcvbn import zxcvbn  # its lists of words take a tenth of a second to load

    words = [word for text in (*beside, "lightbox") for word in (text, *text.split()) if word]
    typed = unicodedata.normalize("NFKC", password)[:_JUDGED]
    if zxcvbn(typed, user_inputs=words)["score"] < _STRONG:
        raise AccessError(
            "This password is easily guessed. Take several words that do not belong together, and "
            "not your name, a date or a row of keys."
        )


def matches(password: str, password_hash: str) -> bool:
    """True when the password is the one hashed.

    An empty hash, of an unknown name or of an account that cannot sign in, takes as long to
    refuse as a wrong password: the time tells nobody which names exist.
    """
    try:
        with _turn:
            right = _hasher.verify(password_hash or _dummy_hash(), _normalise(password[:LONGEST]))
    except (VerificationError, InvalidHashError):
        return False
    return right and bool(password_hash)


def is_outdated(password_hash: str) -> bool:
    """True when the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _dummy_hash() -> str:
    return _hasher.hash("nobody's password")


def _normalise(password: str) -> bytes:
    """Give one spelling to letters that keyboards encode differently (NIST SP 800-63B 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
