"""The second factor: a code of an app that changes every half minute (TOTP, RFC 6238).

A code counts once, and one step early or late (5.2, 6). Recovery codes, each good once, are for
who has lost the app.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest

import pyotp
from sqlalchemy.orm import Session

from imaging.store.access.secret_box import SecretBox
from imaging.store.schema.tables import SecondFactorTable

STEP = 30  # seconds (RFC 6238, 5.2)
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10  # random: nobody meets one by trying, though the hash is a plain one
_ISSUER = "Lightbox"
REFUSED = (
    "This code is not right, or was used already. Wait for the next one, and check the clock of "
    "the device that shows it."
)


@dataclass(frozen=True, slots=True)
class Proof:
    """That somebody knows a password; a sign-in needs a second factor beside it.

    Attributes
    ----------
    name : str
        Of the account.
    password_hash : str
        The one that the password was found to match; another password since makes it void.
    must_enrol : bool
        True where the site demands a second factor and the account has none yet.
    """

    name: str
    password_hash: str = field(repr=False)
    must_enrol: bool = False


def new_secret() -> str:
    """A secret of 160 random bits for an app, in base32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, name: str) -> str:
    """What an app reads out of a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def matching_step(secret: str, code: str, now: datetime, *, after: int = 0) -> int:
    """The time step that a code is of, if it is one of now and later than `after`; else 0."""
    typed = "".join(unicodedata.normalize("NFKC", code).split()).encode("utf-8", "replace")
    present, codes = int(now.timestamp()) // STEP, pyotp.HOTP(secret)
    found = 0
    for step in (present - 1, present, present + 1):
        if compare_digest(codes.at(step).encode(), typed) and step > after:
            found = step
    return found


def new_row(
    name: str, secret: str, step: int, box: SecretBox
) -> tuple[SecondFactorTable, list[str]]:
    """A second factor for `session.add`, and its recovery codes as they are shown, once."""
    codes = [secrets.token_bytes(_RECOVERY_BYTES) for _ in range(RECOVERY_CODES)]
    written = [base64.b32encode(code).decode() for code in codes]
    row = SecondFactorTable(
        account=name,
        secret=box.seal(secret.encode(), _about(name)),
        last_step=step,
        recovery=[_sha256(text) for text in written],
    )
    return row, ["-".join(text[at : at + 4] for at in range(0, len(text), 4)) for text in written]


def find_use(row: SecondFactorTable, code: str, now: datetime, box: SecretBox) -> int | str | None:
    """What of a second factor a code would use up: a time step, or a recovery code's digest.

    None where the code is wrong, or was used.

    Raises
    ------
    StoreError
        If the secret cannot be read.
    """
    digest = _sha256(_as_recovery_code(code))
    if digest in row.recovery:
        return digest
    secret = box.open(row.secret, _about(row.account)).decode()
    return matching_step(secret, code, now, after=row.last_step) or None


def spend(session: Session, name: str, code: str, now: datetime, box: SecretBox) -> str:
    """Use a code up.

    Returns
    -------
    str
        How somebody proved to be the reader, for the trail; empty where the code is wrong.

    Raises
    ------
    StoreError
        If the secret cannot be read.
    """
    row = session.get(SecondFactorTable, name)
    use = find_use(row, code, now, box) if row else None
    if row is None or use is None:
        return ""
    if isinstance(use, int):
        row.last_step = use
        return "with a second factor"
    row.recovery = [digest for digest in row.recovery if digest != use]
    return f"with a recovery code, {len(row.recovery)} left"


def _as_recovery_code(typed: str) -> str:
    """Letters and digits as they were shown; 0 and 1, which none holds, for what looks alike."""
    plain = unicodedata.normalize("NFKC", typed).upper().replace("0", "O").replace("1", "I")
    return "".join(letter for letter in plain if letter.isalnum())


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _about(name: str) -> str:
    return f"second factor of {name}"
