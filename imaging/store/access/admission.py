"""Who is let in: the password proven, and guesses counted."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from imaging.review.records import AuditEvent
from imaging.store import audit
from imaging.store.access.sessions import holds
from imaging.store.database import Database
from imaging.store.passwords import matches
from imaging.store.schema.tables import AccountTable

ATTEMPTS, LOCKED_FOR = 5, timedelta(minutes=15)
REFUSED = (  # one sentence for every reason: it must not tell which names exist
    "Name and password do not match. After 5 wrong attempts an account is locked for 15 minutes: "
    "wait, or ask whoever manages the accounts for a new password."
)


def prove(database: Database, name: str, password: str) -> str:
    """The account's password hash if the password matches it, else an empty string.

    Outside the writing transaction: guessing must not hold up the readers' work.
    """
    with database.reading() as session:
        row = session.get(AccountTable, name)
        stored_hash = row.password_hash if row else ""
    return stored_hash if matches(password, stored_hash) else ""


def admit(
    session: Session, name: str, proven: str, now: datetime, *, whole: bool = True
) -> AccountTable | None:
    """The account, if it is open and its hash is the one proven; else count the failure.

    Where a second factor is still to come (not the `whole`), the failures until now stay counted:
    the password again would else allow any number of guesses at the code. Guesses sent side by side
    are counted one after the other here, and one that is right comes too late once the ones before
    it have locked the account.
    """
    row = session.get(AccountTable, name)
    if row is None or not row.password_hash:
        # what was typed may be a password in the wrong field: it is not kept
        audit.append(session, AuditEvent.SIGN_IN_REFUSED, account="", detail="unknown name")
        return None
    if row.disabled:
        audit.append(session, AuditEvent.SIGN_IN_REFUSED, account=name, detail="disabled")
        return None
    if row.locked_until is not None and holds(row.locked_until, LOCKED_FOR, now):
        audit.append(session, AuditEvent.SIGN_IN_REFUSED, account=name, detail="locked")
        return None
    if proven and proven == row.password_hash:
        if whole:
            forget_failures(row)
        return row
    count_failure(session, row, "wrong password", now)
    return None


def forget_failures(row: AccountTable) -> None:
    """Somebody proved to be the reader: guesses begin anew."""
    row.failures, row.locked_until = 0, None


def count_failure(session: Session, row: AccountTable, what: str, now: datetime) -> None:
    """Count a guess, and lock the account once there were too many in a row."""
    row.failures += 1
    if row.failures >= ATTEMPTS:
        row.failures, row.locked_until = 0, now + LOCKED_FOR
    detail = what + (", now locked" if row.failures == 0 else "")
    audit.append(session, AuditEvent.SIGN_IN_REFUSED, account=row.name, detail=detail)
