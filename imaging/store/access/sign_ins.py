"""Sign-ins: how they begin, lock, open again and end.

A sign-in whose reader does nothing for a while is locked: it opens again for the same password
alone. Whoever is let in by something else than a password still ends in a session here
(`session_rows.open_session`), so that nothing else changes.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from imaging.errors import AccessError, SecondFactorError, SignInEndedError
from imaging.review.records import Account, AuditEvent
from imaging.store import audit
from imaging.store.access.account_rows import ALONE, load_row, new_row, sign_in_name, to_account
from imaging.store.access.admission import LOCKED_FOR, REFUSED, admit, prove
from imaging.store.access.second_factor import Proof
from imaging.store.access.secret_box import SecretBox
from imaging.store.access.session_rows import new_session, open_session
from imaging.store.access.sessions import (
    SESSION_LIFE,
    find_sign_in,
    holds,
    is_locked,
    token_sha256,
)
from imaging.store.database import Database
from imaging.store.passwords import hash_password, is_outdated
from imaging.store.schema.tables import AccountTable, SecondFactorTable, SessionTable

log = logging.getLogger(__name__)
IDLE = timedelta(minutes=15)
_A_CODE, _NONE_YET = "a code", "none yet"  # what is missing for a sign-in beside the password
_CANNOT_ENROL = (
    "This site demands a second factor, and none can be made while the records can only be read. "
    "Sign in again once whoever runs Lightbox has mended that."
)
_RENEWED_EVERY = timedelta(seconds=20)  # at most: activity is told often, and a write costs


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that has not ended.

    Attributes
    ----------
    account : Account
        Whose it is.
    locked : bool
        True once nothing was done for a while: only `Accounts.unlock` opens it again.
    idle_seconds : float
        Until it locks, at least 0.
    """

    account: Account
    locked: bool
    idle_seconds: float


class SignIns:
    """Who is signed in: the part of `Accounts` that opens, locks and ends sessions.

    Parameters
    ----------
    database : Database
    idle : timedelta
        How long a sign-in stays open while its reader does nothing.
    factor_demanded : bool
        Whether who signs in with a password needs a second factor.
    """

    def __init__(
        self, database: Database, idle: timedelta = IDLE, *, factor_demanded: bool = False
    ) -> None:
        self._database, self._idle, self._factor_demanded = database, idle, factor_demanded
        key = database.seal_key
        self._box = SecretBox(key.path.parent if key else None)
        self._unwritten: dict[str, SessionTable] = {}  # where no session can be written
        self._alone = ""  # the only reader's name there

    def alone(self, reader: str) -> Account:
        """The account of single-reader mode under that reader's name, made on first use."""
        with self._database.reading() as session:
            row = session.get(AccountTable, ALONE)
            if row is not None and row.reader == reader:
                return to_account(row)
        if self._database.read_only:
            return Account(ALONE, reader)
        with self._database.writing() as session:
            row = session.get(AccountTable, ALONE) or new_row(ALONE, reader, "")
            row.reader = reader
            session.add(row)
            audit.append(session, AuditEvent.ACCOUNT, account=ALONE, detail="single reader named")
            return to_account(row)

    def open_alone(self, reader: str) -> str:
        """Open a session of single-reader mode, for a browser that brought the one-time token.

        Returns
        -------
        str
            The token that `account_of` takes for the next 12 hours.
        """
        if self._database.read_only:
            token = secrets.token_urlsafe(32)
            made = new_session(token, ALONE, self._database.clock.now(), SESSION_LIFE)
            self._unwritten[made.token_sha256], self._alone = made, reader
            return token
        self.alone(reader)
        with self._database.writing() as session:
            now = self._database.clock.now()
            return open_session(session, load_row(session, ALONE), now, SESSION_LIFE)

    def sign_in(
        self, name: str, password: str, *, break_glass: bool = False
    ) -> tuple[Account, str]:
        """Open a session.

        Parameters
        ----------
        name, password : str
            As typed.
        break_glass : bool
            Whether the site signs in by a provider, so that a password is for an emergency: the
            trail says so in a line of its own.

        Returns
        -------
        tuple[Account, str]
            The reader, and the token that `account_of` takes for the next 12 hours.

        Raises
        ------
        SecondFactorError
            If they match, and a second factor must be shown (`sign_in_with_code`) or made
            (`enrol_and_sign_in`) first.
        AccessError
            If name and password do not match, or after 5 failures in a row for 15 minutes; the
            same words and about the same time in every case.
        """
        name = sign_in_name(name)
        proven = prove(self._database, name, password)
        if self._database.read_only:
            return self._sign_in_to_read(name, proven)
        with self._database.writing() as session:
            now = self._database.clock.now()
            missing = self._missing(session, name)
            row = admit(session, name, proven, now, whole=missing is None)
            if row is not None:
                if is_outdated(row.password_hash):
                    row.password_hash = hash_password(password)
                if missing is None:
                    return to_account(row), self._open(session, row, now, break_glass=break_glass)
                needed = Proof(row.name, row.password_hash, missing == _NONE_YET)
        if row is not None:
            raise SecondFactorError(needed)
        raise AccessError(REFUSED)

    def _open(
        self,
        session: Session,
        row: AccountTable,
        now: datetime,
        how: str = "",
        *,
        break_glass: bool = False,
    ) -> str:
        """A session of somebody who came by a password."""
        if break_glass:
            log.warning("account %s signed in beside the sign-in provider", row.name)
            audit.append(session, AuditEvent.BREAK_GLASS, account=row.name, detail=how)
        return open_session(session, row, now, self._idle, how)

    def _missing(self, session: Session, name: str) -> str | None:
        """What beside the password a sign-in needs; None where that is all."""
        if session.get(SecondFactorTable, name) is not None:
            return _A_CODE
        return _NONE_YET if self._factor_demanded else None

    def _sign_in_to_read(self, name: str, proven: str) -> tuple[Account, str]:
        """Open a session that this process alone knows: the records can be read, not written.

        It goes to the log, since the audit trail cannot be written either; failures do, too, and
        are not counted.
        """
        now = self._database.clock.now()
        with self._database.reading() as session:
            row = session.get(AccountTable, name)
            until = row.locked_until if row and row.locked_until else now
            if row is None or not proven or row.disabled or holds(until, LOCKED_FOR, now):
                log.warning("a sign-in was refused while records can only be read")
                raise AccessError(REFUSED)
            missing = self._missing(session, name)
            if missing == _NONE_YET:
                raise AccessError(_CANNOT_ENROL)
            if missing is not None:
                raise SecondFactorError(Proof(name, proven))
            return to_account(row), self._open_to_read(name)

    def _open_to_read(self, name: str) -> str:
        """The token of a session that this process alone knows."""
        log.warning("account %s signed in while records can only be read", name)
        token = secrets.token_urlsafe(32)
        made = new_session(token, name, self._database.clock.now(), self._idle)
        self._unwritten[made.token_sha256] = made
        return token

    def account_of(self, token: str) -> Account | None:
        """Who holds that token; None when nobody does (any more), or while the screen is locked."""
        with self._database.reading() as session:
            now = self._database.clock.now()
            found = self._find(session, token, now)
            return to_account(found[1]) if found and not is_locked(found[0], now) else None

    def find_sign_in(self, token: str) -> SignIn | None:
        """The sign-in of that token, locked or open; None when it has ended."""
        with self._database.reading() as session:
            now = self._database.clock.now()
            found = self._find(session, token, now)
            if found is None:
                return None
            row, account = found
            left = min(row.active_until, row.expires_at) - now
            return SignIn(to_account(account), is_locked(row, now), max(left.total_seconds(), 0.0))

    def _find(
        self, session: Session, token: str, now: datetime
    ) -> tuple[SessionTable, AccountTable] | None:
        """As `find_sign_in`, those among them that this process alone knows."""
        row = self._unwritten.get(token_sha256(token))
        if row is None:
            return find_sign_in(session, token, now)
        account = session.get(AccountTable, row.account)
        if account is None and row.account == ALONE:
            account = new_row(ALONE, self._alone, "")  # never written
        return (row, account) if account and holds(row.expires_at, SESSION_LIFE, now) else None

    def note_activity(self, token: str) -> None:
        """Its reader is there: the screen locks later. What has ended or is locked stays so."""
        sign_in = self.find_sign_in(token)
        soon = self._idle - min(_RENEWED_EVERY, self._idle / 2)
        if sign_in is None or sign_in.locked or sign_in.idle_seconds > soon.total_seconds():
            return
        unwritten = self._unwritten.get(token_sha256(token))
        if unwritten is not None:
            unwritten.active_until = self._database.clock.now() + self._idle
            return
        with self._database.writing() as session:
            now = self._database.clock.now()
            found = find_sign_in(session, token, now)
            if found is not None and not is_locked(found[0], now):
                found[0].active_until = now + self._idle

    def lock(self, token: str) -> None:
        """Lock the screen of a sign-in now; its reader goes away."""
        unwritten = self._unwritten.get(token_sha256(token))
        if unwritten is not None:
            unwritten.active_until = self._database.clock.now()
            return
        with self._database.writing() as session:
            now = self._database.clock.now()
            found = find_sign_in(session, token, now)
            if found is not None:
                found[0].active_until = now

    def unlock(self, token: str, password: str) -> Account:
        """Open a locked sign-in again.

        Raises
        ------
        AccessError
            If it is not its reader's password, or the account is locked after repeated failures;
            guesses count as those at the sign-in form do.
        SignInEndedError
            If the sign-in has ended meanwhile.
        """
        sign_in = self.find_sign_in(token)
        if sign_in is None:
            raise SignInEndedError("This sign-in has ended; please sign in again.")
        proven = prove(self._database, sign_in.account.name, password)
        unwritten = self._unwritten.get(token_sha256(token))
        if unwritten is not None and proven:
            unwritten.active_until = self._database.clock.now() + self._idle
            return sign_in.account
        with self._database.writing() as session:
            now = self._database.clock.now()
            row = admit(session, sign_in.account.name, proven, now)
            found = find_sign_in(session, token, now)
            if row is not None and found is not None:
                found[0].active_until = now + self._idle
                audit.append(session, AuditEvent.SIGN_IN, account=row.name, detail="unlocked")
                return to_account(row)
        raise AccessError(REFUSED)

    def sign_out(self, token: str) -> None:
        """End a session; an unknown one is ended already."""
        if self._unwritten.pop(token_sha256(token), None):
            return
        with self._database.writing() as session:
            row = session.get(SessionTable, token_sha256(token))
            if row is not None:
                session.delete(row)
                audit.append(session, AuditEvent.SIGN_OUT, account=row.account)

    def sign_out_everywhere(self, name: str) -> None:
        """End every session of an account, on whatever computer."""
        with self._database.writing() as session:
            session.execute(delete(SessionTable).where(SessionTable.account == name))
            audit.append(session, AuditEvent.SIGN_OUT, account=name, detail="everywhere")
