"""Sign-ins as the tables have them, and the one check that a writing transaction makes of them.

A page asks who is signed in when it is drawn; what its reader presses comes later, when the sign-in
may have ended elsewhere. So whoever acts for a sign-in says so (`on_behalf_of`), and every writing
transaction meanwhile first looks whether it is still open: between that look and the commit nobody
else writes, so nothing is written for a sign-in that has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from imaging.errors import SignInEndedError
from imaging.store.schema.tables import AccountTable, SessionTable

SESSION_LIFE = timedelta(hours=12)
_SKEW = timedelta(minutes=5)  # by which the clocks of several servers may differ
_ENDED = "Your sign-in has ended, so nothing was changed. Sign in and do it again."
_acting: ContextVar[str] = ContextVar("acting", default="")


def token_sha256(token: str) -> str:
    """What the table keeps of a token (hex)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def on_behalf_of(token: str) -> Iterator[None]:
    """Write for a sign-in: until the end each writing transaction of this context checks it.

    Threads started meanwhile write for nobody, as a server's own work does.
    """
    before = _acting.set(token)
    try:
        yield
    finally:
        _acting.reset(before)


def insist_on_sign_in(session: Session, now: datetime) -> None:
    """Refuse a transaction that writes for a sign-in which is not open (any more).

    Raises
    ------
    SignInEndedError
        If it was ended, has run out, or its screen is locked.
    """
    token = _acting.get()
    if not token:
        return
    # held where writers go side by side (PostgreSQL): nobody ends the sign-in before the commit
    row = session.get(SessionTable, token_sha256(token), with_for_update={"read": True})
    if row is None or find_open(session, token, now) is None:
        raise SignInEndedError(_ENDED)


def holds(until: datetime, at_most: timedelta, now: datetime) -> bool:
    """Whether something lasts still; what would last for longer than it may was never begun."""
    return now < until <= now + at_most + _SKEW


def find_sign_in(
    session: Session, token: str, now: datetime
) -> tuple[SessionTable, AccountTable] | None:
    """The rows of a sign-in that has not ended, locked or not.

    A clock that was set back lets nobody in for longer (`imaging.host.clock`).
    """
    row = session.get(SessionTable, token_sha256(token))
    if row is None or not holds(row.expires_at, SESSION_LIFE, now):
        return None
    account = session.get(AccountTable, row.account)
    return (row, account) if account is not None and not account.disabled else None


def find_open(session: Session, token: str, now: datetime) -> AccountTable | None:
    """The account of a sign-in that has neither ended nor locked its screen."""
    found = find_sign_in(session, token, now)
    return found[1] if found is not None and not is_locked(found[0], now) else None


def is_locked(row: SessionTable, now: datetime) -> bool:
    """True once its reader has done nothing for as long as the site allows."""
    return row.active_until <= now
