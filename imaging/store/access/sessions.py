"""Sign-ins as the tables have them, and the one check that a writing transaction makes of them.

A page asks who is signed in when it is drawn; what its reader presses comes later, when the sign-in
may have ended elsewhere. So whoever acts for a sign-in says so (`on_behalf_of`), and every writing
transaction meanwhile first looks whether it is still open: between that look and the commit nobody
else writes, so nothing is written for a sign-in that has ended, nor for an account whose
roles do not allow it (any more). What is read asks the rights that the account had when its page,
callback or request began (`insist_on`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from imaging.errors import RightMissingError, SignInEndedError
from imaging.review.rights import Right, rights_of
from imaging.store.access.account_rows import roles_of
from imaging.store.schema.tables import AccountTable, SessionTable

SESSION_LIFE = timedelta(hours=12)
_ACCOUNT = "acting account"
_SKEW = timedelta(minutes=5)  # by which the clocks of several servers may differ
_ENDED = "Your sign-in has ended, so nothing was changed. Sign in and do it again."
_MISSING = (
    "Your account may not do or see this, so nothing was done. Ask whoever manages the accounts."
)
_NOT_YOURS = (
    "What stands on this page is another doctor's work, so nothing was saved. Open the study again."
)


@dataclass(frozen=True, slots=True)
class _Acting:
    """For whom something is done: token, rights at the beginning, and what of them it needs."""

    token: str = field(repr=False)
    rights: frozenset[Right]
    needs: Collection[Right]


_acting: ContextVar[_Acting | None] = ContextVar("acting", default=None)
_no_ai = ContextVar("no_ai", default=False)


def token_sha256(token: str) -> str:
    """What the table keeps of a token (hex)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def hearing_no_ai(off: bool) -> Iterator[None]:
    """Read for somebody who switched AI off, if `off`: no answer of a network is given out."""
    before = _no_ai.set(off)
    try:
        yield
    finally:
        _no_ai.reset(before)


def hears_no_ai() -> bool:
    """True within `hearing_no_ai`."""
    return _no_ai.get()


@contextmanager
def on_behalf_of(
    token: str, rights: frozenset[Right], needs: Collection[Right] = ()
) -> Iterator[None]:
    """Act for a sign-in: until the end each writing transaction of this context checks it.

    Threads started meanwhile act for nobody, as a server's own work does.

    Parameters
    ----------
    token : str
        Of the sign-in.
    rights : frozenset of Right
        What its account may do, as it is known now; reading relies on it.
    needs : collection of Right
        One of them the account must hold whenever something is written; none: whatever is written
        says so itself.

    Raises
    ------
    RightMissingError
        If it holds none of them.
    """
    before = _acting.set(_Acting(token, rights, needs))
    try:
        insist_on(*needs)
        yield
    finally:
        _acting.reset(before)


def insist_on(*rights: Right) -> None:
    """Refuse what is done or read for an account that holds none of these rights.

    Outside of `on_behalf_of` it is the server's own work, or the terminal's: whoever has that has
    the files.

    Raises
    ------
    RightMissingError
        If it holds none of them; with none named, nothing is asked.
    """
    acting = _acting.get()
    if acting is not None and rights and acting.rights.isdisjoint(rights):
        raise RightMissingError(_MISSING)


def may(*rights: Right) -> bool:
    """Whether `insist_on` would let it pass."""
    acting = _acting.get()
    return acting is None or not acting.rights.isdisjoint(rights)


def insist_on_sign_in(session: Session, now: datetime, rights: Collection[Right] = ()) -> None:
    """Refuse a transaction that writes for a sign-in which is not open, or may not (any more).

    Parameters
    ----------
    session : Session
        The transaction.
    now : datetime
        As the server's clock has it.
    rights : collection of Right
        One of them the account must hold; with none, whoever is signed in may.

    Raises
    ------
    RightMissingError
        If the account's roles, as they stand now, allow neither this nor what it is part of.
    SignInEndedError
        If it was ended, has run out, or its screen is locked.
    """
    acting = _acting.get()
    if acting is None:
        return
    token = acting.token
    # held where writers go side by side (PostgreSQL): nobody ends the sign-in before the commit
    row = session.get(SessionTable, token_sha256(token), with_for_update={"read": True})
    account = find_open(session, token, now) if row is not None else None
    if account is None:
        raise SignInEndedError(_ENDED)
    held = rights_of(roles_of(account))
    for wanted in (rights, acting.needs):
        if wanted and held.isdisjoint(wanted):
            raise RightMissingError(_MISSING)
    session.info[_ACCOUNT] = account.name, held


def insist_on_self(session: Session, account: str) -> None:
    """Refuse to write in the name of another account than the one that is signed in.

    Raises
    ------
    RightMissingError
        If the sign-in for which it is written is another's.
    """
    if _ACCOUNT in session.info and session.info[_ACCOUNT][0] != account:
        raise RightMissingError(_NOT_YOURS)


def insist_on_owner(session: Session, owner: str, whoever: Right, its_owner: Right) -> None:
    """Refuse what only the owner of something may do, and who holds a right over others'.

    Parameters
    ----------
    session : Session
        A writing transaction.
    owner : str
        The account whose it is.
    whoever : Right
        Lets an account do it to what is anybody's.
    its_owner : Right
        Lets an account do it to what is its own.

    Raises
    ------
    RightMissingError
        If neither holds.
    """
    if _ACCOUNT not in session.info:  # the server's own work
        return
    name, held = session.info[_ACCOUNT]
    if whoever not in held and not (name == owner and its_owner in held):
        raise RightMissingError(_MISSING)


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
