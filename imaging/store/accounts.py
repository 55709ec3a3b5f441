"""The readers' accounts: who may sign in, who is signed in, and how each likes to read.

Local accounts only. Roles would be one more column, asked where a page asks `account_of`; single
sign-on would replace `sign_in` and still end in a session here, so that nothing else changes. A
sign-in whose reader does nothing for a while is locked: it opens again for the same password alone.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from imaging.errors import AccessError, ConflictError, NotFoundError, SignInEndedError
from imaging.review.records import Account, AuditEvent
from imaging.review.roles import EVERYDAY, Role
from imaging.store import audit
from imaging.store.access.reader_names import clean_reader, insist_on_unique
from imaging.store.access.sessions import (
    SESSION_LIFE,
    find_sign_in,
    holds,
    is_locked,
    token_sha256,
)
from imaging.store.database import Database
from imaging.store.passwords import hash_password, insist_on_strength, is_outdated, matches
from imaging.store.schema.tables import (
    AccountTable,
    AuditTable,
    SessionTable,
    SiteTable,
    WorkerTable,
)
from imaging.store.seals.row_seals import CLOCK_MARK

log = logging.getLogger(__name__)
ALONE = "single-reader"  # the account of single-reader mode: nobody can sign in with it
ATTEMPTS, LOCKED_FOR = 5, timedelta(minutes=15)
IDLE = timedelta(minutes=15)
_RENEWED_EVERY = timedelta(seconds=20)  # at most: activity is told often, and a write costs
_MARKED_EVERY = timedelta(minutes=5)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TAKEN = (ALONE, audit.NETWORK)
_REFUSED = (  # one sentence for every reason: it must not tell which names exist
    "Name and password do not match an account, or the account is locked for a while after "
    "repeated failures."
)
_UNKNOWN = "There is no account of that name."


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


class Accounts:
    """The readers; reached as `Repository.accounts`.

    Parameters
    ----------
    database : Database
    idle : timedelta
        How long a sign-in stays open while its reader does nothing.
    """

    def __init__(self, database: Database, idle: timedelta = IDLE) -> None:
        self._database, self._idle = database, idle
        self._unwritten: dict[str, SessionTable] = {}  # where no session can be written
        self._alone = ""  # the only reader's name there
        self._marked_at: datetime | None = None

    def any(self) -> bool:
        """True when somebody can sign in."""
        return bool(self.all())

    def all(self) -> tuple[Account, ...]:
        """The accounts that can sign in, by name."""
        query = select(AccountTable).where(AccountTable.password_hash != "")
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(AccountTable.name))
            return tuple(_to_account(row) for row in rows)

    def create(
        self, name: str, reader: str, password: str, *, by: str = "", first: bool = False
    ) -> Account:
        """Create an account.

        Parameters
        ----------
        name : str
            For signing in: letters, digits, ``.``, ``_`` and ``-``; kept in lower case.
        reader : str
            What a signature shows, at most 64 characters.
        password : str
            10 characters or more.
        by : str
            Account of who creates it; empty at the terminal and for the first one.
        first : bool
            True where nobody had to sign in to ask for it: refused once there is an account.

        Raises
        ------
        AccessError
            If name, reader or password cannot be used, or another account came first.
        ConflictError
            If the name is taken.
        """
        name, reader = _sign_in_name(name), clean_reader(reader)
        if not _NAME.fullmatch(name):
            raise AccessError(
                "A sign-in name has up to 64 letters, digits, dots, dashes or underscores."
            )
        insist_on_strength(password, (name, reader))
        password_hash = hash_password(password)
        with self._database.writing() as session:
            can_sign_in = select(AccountTable).where(AccountTable.password_hash != "").limit(1)
            if first and session.scalar(can_sign_in) is not None:
                raise AccessError("There is an account already; sign in with it.")
            if name in _TAKEN or session.get(AccountTable, name) is not None:
                raise ConflictError("This sign-in name is taken; choose another.")
            insist_on_unique(reader, session.scalars(_readers_beside(name)))
            row = _new_row(name, reader, password_hash)
            session.add(row)
            audit.append(session, AuditEvent.ACCOUNT, account=by or name, detail=f"created {name}")
            return _to_account(row)

    def alone(self, reader: str) -> Account:
        """The account of single-reader mode under that reader's name, made on first use."""
        with self._database.reading() as session:
            row = session.get(AccountTable, ALONE)
            if row is not None and row.reader == reader:
                return _to_account(row)
        if self._database.read_only:
            return Account(ALONE, reader)
        with self._database.writing() as session:
            row = session.get(AccountTable, ALONE) or _new_row(ALONE, reader, "")
            row.reader = reader
            session.add(row)
            audit.append(session, AuditEvent.ACCOUNT, account=ALONE, detail="single reader named")
            return _to_account(row)

    def open_alone(self, reader: str) -> str:
        """Open a session of single-reader mode, for a browser that brought the one-time token.

        Returns
        -------
        str
            The token that `account_of` takes for the next 12 hours.
        """
        if self._database.read_only:
            token = secrets.token_urlsafe(32)
            made = _new_session(token, ALONE, self._database.clock.now(), SESSION_LIFE)
            self._unwritten[made.token_sha256], self._alone = made, reader
            return token
        self.alone(reader)
        with self._database.writing() as session:
            now = self._database.clock.now()
            return _open_session(session, _load_row(session, ALONE), now, SESSION_LIFE)

    def sign_in(self, name: str, password: str) -> tuple[Account, str]:
        """Open a session.

        Returns
        -------
        tuple[Account, str]
            The reader, and the token that `account_of` takes for the next 12 hours.

        Raises
        ------
        AccessError
            If name and password do not match, or after 5 failures in a row for 15 minutes; the
            same words and about the same time in every case.
        """
        name = _sign_in_name(name)
        proven = self._prove(name, password)
        if self._database.read_only:
            return self._sign_in_to_read(name, proven)
        with self._database.writing() as session:
            now = self._database.clock.now()
            row = _admit(session, name, proven, now)
            if row is not None:
                if is_outdated(row.password_hash):
                    row.password_hash = hash_password(password)
                return _to_account(row), _open_session(session, row, now, self._idle)
        raise AccessError(_REFUSED)

    def _sign_in_to_read(self, name: str, proven: str) -> tuple[Account, str]:
        """Open a session that this process alone knows: the records can be read, not written.

        It goes to the log, since the audit trail cannot be written either; failures do, too, and
        are not counted.
        """
        now, token = self._database.clock.now(), secrets.token_urlsafe(32)
        with self._database.reading() as session:
            row = session.get(AccountTable, name)
            until = row.locked_until if row and row.locked_until else now
            if row is None or not proven or row.disabled or holds(until, LOCKED_FOR, now):
                log.warning("a sign-in was refused while records can only be read")
                raise AccessError(_REFUSED)
            log.warning("account %s signed in while records can only be read", name)
            made = _new_session(token, name, now, self._idle)
            self._unwritten[made.token_sha256] = made
            return _to_account(row), token

    def account_of(self, token: str) -> Account | None:
        """Who holds that token; None when nobody does (any more), or while the screen is locked."""
        with self._database.reading() as session:
            now = self._database.clock.now()
            found = self._find(session, token, now)
            return _to_account(found[1]) if found and not is_locked(found[0], now) else None

    def find_sign_in(self, token: str) -> SignIn | None:
        """The sign-in of that token, locked or open; None when it has ended."""
        with self._database.reading() as session:
            now = self._database.clock.now()
            found = self._find(session, token, now)
            if found is None:
                return None
            row, account = found
            left = min(row.active_until, row.expires_at) - now
            return SignIn(_to_account(account), is_locked(row, now), max(left.total_seconds(), 0.0))

    def _find(
        self, session: Session, token: str, now: datetime
    ) -> tuple[SessionTable, AccountTable] | None:
        """As `find_sign_in`, those among them that this process alone knows."""
        row = self._unwritten.get(token_sha256(token))
        if row is None:
            return find_sign_in(session, token, now)
        account = session.get(AccountTable, row.account)
        if account is None and row.account == ALONE:
            account = _new_row(ALONE, self._alone, "")  # never written
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
        proven = self._prove(sign_in.account.name, password)
        unwritten = self._unwritten.get(token_sha256(token))
        if unwritten is not None and proven:
            unwritten.active_until = self._database.clock.now() + self._idle
            return sign_in.account
        with self._database.writing() as session:
            now = self._database.clock.now()
            row = _admit(session, sign_in.account.name, proven, now)
            found = find_sign_in(session, token, now)
            if row is not None and found is not None:
                found[0].active_until = now + self._idle
                audit.append(session, AuditEvent.SIGN_IN, account=row.name, detail="unlocked")
                return _to_account(row)
        raise AccessError(_REFUSED)

    def confirm(self, name: str, password: str) -> None:
        """Ask a reader who is signed in for the password once more, as before a signature.

        Raises
        ------
        AccessError
            If it is another password, or the account is locked; guesses count.
        """
        proven = self._prove(name, password)
        with self._database.writing() as session:
            if _admit(session, name, proven, self._database.clock.now()) is not None:
                return
        raise AccessError(_REFUSED)

    def mark_time(self) -> None:
        """Keep the latest moment for the next start, every few minutes; a worker calls it often.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        now = self._database.clock.now()
        if self._marked_at is None or now - self._marked_at >= _MARKED_EVERY:
            with self._database.writing(background=True) as session:
                session.merge(SiteTable(name=CLOCK_MARK, value={"reached": now.isoformat()}))
            self._marked_at = now

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

    def change_password(self, name: str, old: str, new: str) -> None:
        """Change a reader's own password; every session of the account ends.

        Raises
        ------
        AccessError
            If the old password is wrong (which counts as a failure to sign in), or the new one
            is too short.
        """
        name, new_hash = _sign_in_name(name), hash_password(new)
        insist_on_strength(new, self._words_beside(name))
        proven = self._prove(name, old)
        with self._database.writing() as session:
            row = _admit(session, name, proven, self._database.clock.now())
            if row is not None:
                _set_password(session, row, new_hash)
                return
        raise AccessError(_REFUSED)

    def reset_password(self, name: str, new: str) -> None:
        """Set a forgotten password, from the terminal; unlocks, and ends every session.

        Raises
        ------
        AccessError
            If the password is too short.
        NotFoundError
            If there is no such account.
        """
        new_hash = hash_password(new)
        insist_on_strength(new, self._words_beside(name))
        with self._database.writing() as session:
            _set_password(session, _load_person(session, name), new_hash)

    def disable(self, name: str, *, by: str) -> None:
        """End every session of an account, and let nobody sign in with it; its work stays.

        Parameters
        ----------
        name : str
            Of the account.
        by : str
            Account of who does it.

        Raises
        ------
        AccessError
            If nobody else could sign in.
        NotFoundError
            If there is no such account.
        """
        with self._database.writing() as session:
            row = _load_person(session, name)
            others = select(AccountTable).where(
                AccountTable.password_hash != "",
                AccountTable.disabled.is_(False),
                AccountTable.name != row.name,
            )
            if session.scalar(others.limit(1)) is None:
                raise AccessError("Nobody else can sign in; add another account first.")
            row.disabled = True
            _end_sessions(session, row.name, "ended with the account")
            audit.append(session, AuditEvent.ACCOUNT, account=by, detail=f"disabled {row.name}")

    def enable(self, name: str, *, by: str) -> None:
        """Let a reader whose account was disabled sign in again.

        Raises
        ------
        NotFoundError
            If there is no such account.
        """
        with self._database.writing() as session:
            row = _load_person(session, name)
            row.disabled = False
            audit.append(session, AuditEvent.ACCOUNT, account=by, detail=f"enabled {row.name}")

    def rename(self, name: str, reader: str, *, by: str) -> None:
        """Change the name under a reader's later signatures; earlier ones stay as they were signed.

        Raises
        ------
        AccessError
            If the name cannot be used.
        ConflictError
            If another reader signs under it, or under one that looks like it.
        NotFoundError
            If there is no such account.
        """
        reader = clean_reader(reader)
        with self._database.writing() as session:
            row = _load_person(session, name)
            insist_on_unique(reader, session.scalars(_readers_beside(row.name)))
            row.reader = reader
            audit.append(session, AuditEvent.ACCOUNT, account=by, detail=f"renamed {row.name}")

    def set_blind(self, name: str, blind: bool) -> None:
        """Make every study of this reader a blind first read, or none."""
        with self._database.writing() as session:
            _load_row(session, name).blind = blind
            detail = f"blind first read {'on' if blind else 'off'}"
            audit.append(session, AuditEvent.ACCOUNT, account=name, detail=detail)

    def set_bindings(self, name: str, bindings: Mapping[str, str]) -> None:
        """Replace the keys this reader uses in the viewer (action -> key)."""
        with self._database.writing() as session:
            _load_row(session, name).bindings = dict(bindings)
            audit.append(session, AuditEvent.ACCOUNT, account=name, detail="keys changed")

    def _words_beside(self, name: str) -> tuple[str, ...]:
        """What a guesser of an account's password would try first."""
        with self._database.reading() as session:
            row = session.get(AccountTable, _sign_in_name(name))
            return (row.name, row.reader) if row else (name,)

    def _prove(self, name: str, password: str) -> str:
        """The account's password hash if the password matches it, else an empty string.

        Outside the writing transaction: guessing must not hold up the readers' work.
        """
        with self._database.reading() as session:
            row = session.get(AccountTable, name)
            stored_hash = row.password_hash if row else ""
        return stored_hash if matches(password, stored_hash) else ""


def latest_moment(session: Session) -> datetime | None:
    """The latest moment the records know of: a mark, the audit trail's last, a worker's."""
    mark = session.get(SiteTable, CLOCK_MARK)
    line = select(AuditTable.at).order_by(AuditTable.number.desc()).limit(1)
    moments = [session.scalar(select(func.max(WorkerTable.heartbeat_at)))]
    for text in (session.scalar(line), mark.value.get("reached") if mark else None):
        with suppress(ValueError, TypeError):  # somebody altered it; the audit trail tells
            moments.append(datetime.fromisoformat(text or ""))
    return max((moment for moment in moments if moment), default=None)


def _admit(session: Session, name: str, proven: str, now: datetime) -> AccountTable | None:
    """The account, if it is open and its hash is the one proven; else count the failure.

    Guesses sent side by side are counted one after the other here, and one that is right comes
    too late once the ones before it have locked the account.
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
        row.failures, row.locked_until = 0, None
        return row
    row.failures += 1
    if row.failures >= ATTEMPTS:
        row.failures, row.locked_until = 0, now + LOCKED_FOR
    detail = "wrong password" + (", now locked" if row.failures == 0 else "")
    audit.append(session, AuditEvent.SIGN_IN_REFUSED, account=name, detail=detail)
    return None


def _open_session(session: Session, row: AccountTable, now: datetime, idle: timedelta) -> str:
    """A new token of 256 random bits; expired sessions of anybody are swept away."""
    token = secrets.token_urlsafe(32)
    session.execute(delete(SessionTable).where(SessionTable.expires_at <= now))
    session.add(_new_session(token, row.name, now, idle))
    audit.append(session, AuditEvent.SIGN_IN, account=row.name)
    return token


def _new_session(token: str, account: str, now: datetime, idle: timedelta) -> SessionTable:
    return SessionTable(
        token_sha256=token_sha256(token),
        account=account,
        expires_at=now + SESSION_LIFE,
        active_until=now + idle,
    )


def _set_password(session: Session, row: AccountTable, password_hash: str) -> None:
    row.password_hash, row.failures, row.locked_until = password_hash, 0, None
    audit.append(session, AuditEvent.ACCOUNT, account=row.name, detail="password changed")
    _end_sessions(session, row.name, "ended with the password")


def _end_sessions(session: Session, name: str, why: str) -> None:
    """End every session of an account; a line says so where there was one."""
    of_account = SessionTable.account == name
    count = session.scalar(select(func.count()).where(of_account)) or 0
    session.execute(delete(SessionTable).where(of_account))
    if count:
        detail = f"{count} sessions {why}"
        audit.append(session, AuditEvent.SIGN_OUT, account=name, detail=detail)


def _load_row(session: Session, name: str) -> AccountTable:
    row = session.get(AccountTable, name)
    if row is None:
        raise NotFoundError(_UNKNOWN)
    return row


def _load_person(session: Session, name: str) -> AccountTable:
    """The account of somebody who signs in, not the one of single-reader mode."""
    row = _load_row(session, _sign_in_name(name))
    if not row.password_hash:
        raise NotFoundError(_UNKNOWN)
    return row


def _readers_beside(name: str) -> Select[str]:
    """The names under which all others sign, those who cannot sign in any more among them."""
    return select(AccountTable.reader).where(
        AccountTable.password_hash != "", AccountTable.name != name
    )


def _new_row(name: str, reader: str, password_hash: str) -> AccountTable:
    return AccountTable(
        name=name,
        reader=reader,
        password_hash=password_hash,
        blind=False,
        bindings={},
        roles=",".join(sorted(EVERYDAY)),
        failures=0,
        created_at=datetime.now(UTC),
    )


def _to_account(row: AccountTable) -> Account:
    bindings = tuple(row.bindings.items())
    roles = frozenset(Role(name) for name in row.roles.split(",") if name)
    return Account(row.name, row.reader, row.blind, bindings, row.disabled, roles)


def _sign_in_name(name: str) -> str:
    return name.strip().lower()
