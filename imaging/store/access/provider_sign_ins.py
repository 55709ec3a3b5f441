"""Sign-ins by a provider (OpenID Connect): they begin, open again, are confirmed and end here.

An account belongs to issuer and subject, never to a name or an e-mail address, which the provider
may give to somebody else. Its roles are those of the provider's groups, taken anew every time.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging.errors import AccessError, ConflictError, SignInEndedError, StoreError
from imaging.openid.identity import Ended, Identity
from imaging.review.records import Account, AuditEvent
from imaging.review.roles import Role
from imaging.store import audit
from imaging.store.access.account_rows import (
    ALONE,
    new_row,
    readers_beside,
    roles_of,
    to_account,
    write_roles,
)
from imaging.store.access.factor_sign_ins import FactorSignIns
from imaging.store.access.reader_names import MOST, clean_reader, insist_on_unique
from imaging.store.access.session_rows import end_sessions, open_session
from imaging.store.access.sessions import find_open, find_sign_in, holds, is_locked, token_sha256
from imaging.store.schema.tables import AccountTable, AuditTable, ProviderAccountTable, SessionTable

CONFIRMED_FOR = timedelta(minutes=5)  # the provider's word before a signature
_TAKEN = (ALONE, audit.NETWORK)
_NO_ROLE = (
    "The sign-in provider knows you, and none of your groups there may use Lightbox. Ask whoever "
    "manages the groups."
)
_DISABLED = "Your account was disabled here. Ask an administrator of Lightbox."
_SOMEBODY_ELSE = (
    "Somebody else signed in at the provider than is signed in here. Sign out first, or have "
    "the doctor whose screen this is do it."
)
_READ_ONLY = (
    "The records can only be read, and what the provider says of you differs from them. Whoever "
    "runs Lightbox can sign in with a local account."
)


class ProviderSignIns(FactorSignIns):
    """The part of `Accounts` that knows a provider; parameters as for `SignIns`."""

    def sign_in_by_provider(self, who: Identity) -> tuple[Account, str]:
        """Open a session for whom the provider vouches; the account is made at the first one.

        Returns
        -------
        tuple[Account, str]
            As `sign_in`.

        Raises
        ------
        AccessError
            If no group of theirs gives a role (every session of the account ends then), or the
            account was disabled.
        """
        if self._database.read_only:
            account = self._known_to_read(who)
            return account, self._open_to_read(account.name)
        sealed = None
        with suppress(StoreError):  # a hint for signing out there: it goes without
            sealed = self._box.seal(who.id_token.encode(), _about(who.issuer, who.subject))
        with self._database.writing() as session:
            now = self._database.clock.now()
            row = _find_row(session, who)
            problem = _objection(row, who)
            if problem:
                if row is not None and not who.roles:
                    end_sessions(session, row.name, "ended: no group gives a role any more")
                _tell_refusal(session, row, problem)
            else:
                row = row or _make_row(session, who)
                _take_roles(session, row, who.roles)
                token = open_session(session, row, now, self._idle, "by the sign-in provider")
                made = session.get_one(SessionTable, token_sha256(token))
                made.provider_session, made.id_token = who.session, sealed
                return to_account(row), token
        raise AccessError(problem)

    def _known_to_read(self, who: Identity) -> Account:
        """An account while nothing can be written: if the records know of it what is said now."""
        with self._database.reading() as session:
            row = _find_row(session, who)
            problem = _objection(row, who)
            if not problem and (row is None or roles_of(row) != who.roles):
                problem = _READ_ONLY
            if problem or row is None:
                raise AccessError(problem)
            return to_account(row)

    def unlock_by_provider(self, token: str, who: Identity) -> Account:
        """Open a locked screen again for whom the provider has just asked.

        Raises
        ------
        AccessError
            If it is somebody else, or may not sign in (any more).
        SignInEndedError
            If the sign-in has ended meanwhile.
        """
        unwritten = self._unwritten.get(token_sha256(token))
        if unwritten is not None:
            account = self._known_to_read(who)
            if account.name != unwritten.account:
                raise AccessError(_SOMEBODY_ELSE)
            unwritten.active_until = self._database.clock.now() + self._idle
            return account
        with self._database.writing() as session:
            now = self._database.clock.now()
            found = find_sign_in(session, token, now)
            row, problem = _find_row(session, who), ""
            if found is not None:
                problem = _objection(row, who) if row is found[1] else _SOMEBODY_ELSE
                if problem:
                    _tell_refusal(session, found[1], problem)
                else:
                    _take_roles(session, found[1], who.roles)
                    found[0].active_until = now + self._idle
                    detail = "unlocked by the sign-in provider"
                    audit.append(session, AuditEvent.SIGN_IN, account=found[1].name, detail=detail)
                    return to_account(found[1])
        if problem:
            raise AccessError(problem)
        raise SignInEndedError("This sign-in has ended; please sign in again.")

    def confirm_by_provider(self, token: str, who: Identity) -> None:
        """Note that the provider has just asked who is signed in here, as before a signature.

        Raises
        ------
        AccessError
            If it is somebody else.
        SignInEndedError
            If the sign-in has ended, or its screen is locked.
        """
        with self._database.writing() as session:
            now = self._database.clock.now()
            found, row = find_sign_in(session, token, now), _find_row(session, who)
            ended = found is None or is_locked(found[0], now)
            same = found is not None and row is found[1]
            if found is not None and not ended and same:
                found[0].confirmed_until = now + CONFIRMED_FOR
                return
            if found is not None and not same:
                _tell_refusal(session, found[1], _SOMEBODY_ELSE)
        if ended:
            raise SignInEndedError("This sign-in has ended; please sign in again.")
        raise AccessError(_SOMEBODY_ELSE)

    def is_confirmed(self, token: str) -> bool:
        """Whether `spend_confirmation` would go through now."""
        with self._database.reading() as session:
            row = session.get(SessionTable, token_sha256(token))
            return row is not None and _is_confirmed(row, self._database.clock.now())

    def spend_confirmation(self, token: str) -> None:
        """Use up the provider's word that it is the reader, for one signature.

        Raises
        ------
        AccessError
            If there is none, or it is older than 5 minutes.
        """
        with self._database.writing() as session:
            now = self._database.clock.now()
            row = session.get(SessionTable, token_sha256(token))
            if row is not None and find_open(session, token, now) and _is_confirmed(row, now):
                row.confirmed_until = None
                return
        raise AccessError(
            "Confirm first at the sign-in provider that it is you; that counts for five minutes "
            "and one signature."
        )

    def has_password(self, name: str) -> bool:
        """Whether somebody signs in with a password, and not by the provider."""
        with self._database.reading() as session:
            row = session.get(AccountTable, name)
            return row is not None and bool(row.password_hash)

    def id_token_of(self, token: str) -> str | None:
        """The ID token that a sign-in began with, "" where it is not kept; None for a local one."""
        with self._database.reading() as session:
            row = session.get(SessionTable, token_sha256(token))
            if row is None:
                return None
            of_account = ProviderAccountTable.account == row.account
            theirs = session.scalar(select(ProviderAccountTable).where(of_account))
            if theirs is None:
                return None
            sealed, about = row.id_token, _about(theirs.issuer, theirs.subject)
        with suppress(StoreError):
            return self._box.open(sealed, about).decode() if sealed else ""
        return ""

    def end_by_provider(self, issuer: str, ended: Ended) -> int:
        """End what the provider says has ended there; how many sign-ins that were."""
        of_issuer = ProviderAccountTable.issuer == issuer
        if ended.subject:
            of_issuer &= ProviderAccountTable.subject == ended.subject
        theirs = select(ProviderAccountTable.account).where(of_issuer)
        if self._database.read_only:
            with self._database.reading() as session:
                names = set(session.scalars(theirs))
            unwritten = [token for token, row in self._unwritten.items() if row.account in names]
            return sum(self._unwritten.pop(token, None) is not None for token in unwritten)
        with self._database.writing() as session:
            query = select(SessionTable).where(SessionTable.account.in_(theirs))
            if ended.session:
                query = query.where(SessionTable.provider_session == ended.session)
            rows = session.scalars(query).all()
            for row in rows:
                session.delete(row)
                detail = "ended by the sign-in provider"
                audit.append(session, AuditEvent.SIGN_OUT, account=row.account, detail=detail)
            return len(rows)

    def break_glass_since(self, moment: datetime) -> tuple[tuple[str, datetime], ...]:
        """Accounts that signed in beside the provider, and when; the latest last."""
        query = select(AuditTable.account, AuditTable.at).where(
            AuditTable.deed == AuditEvent.BREAK_GLASS.value, AuditTable.at >= moment.isoformat()
        )
        with self._database.reading() as session:
            found = session.execute(query.order_by(AuditTable.number)).all()
        return tuple((account, datetime.fromisoformat(at)) for account, at in found)

    def note_refusal(self, reason: str) -> None:
        """Tell the trail of an answer of the provider that proved nothing."""
        with self._database.writing() as session:
            detail = f"sign-in provider: {reason}"
            audit.append(session, AuditEvent.SIGN_IN_REFUSED, account="", detail=detail)


def _find_row(session: Session, who: Identity) -> AccountTable | None:
    theirs = session.get(ProviderAccountTable, (who.issuer, who.subject))
    return session.get_one(AccountTable, theirs.account) if theirs else None


def _objection(row: AccountTable | None, who: Identity) -> str:
    if not who.roles:
        return _NO_ROLE
    return _DISABLED if row is not None and row.disabled else ""


def _tell_refusal(session: Session, row: AccountTable | None, problem: str) -> None:
    why = {_NO_ROLE: "no group gives a role", _DISABLED: "disabled"}.get(problem, "another reader")
    name = row.name if row is not None else ""
    detail = f"sign-in provider: {why}"
    audit.append(session, AuditEvent.SIGN_IN_REFUSED, account=name, detail=detail)


def _take_roles(session: Session, row: AccountTable, roles: frozenset[Role]) -> None:
    before = roles_of(row)
    if before == roles:
        return
    row.roles = write_roles(roles)
    told = f"{', '.join(sorted(before))}, now {', '.join(sorted(roles))}"
    detail = f"roles of {row.name} by the sign-in provider: {told}"
    audit.append(session, AuditEvent.ACCOUNT, account=row.name, detail=detail)


def _make_row(session: Session, who: Identity) -> AccountTable:
    """An account for somebody who comes the first time, beside whoever has the name here."""
    name = _free_name(session, who)
    row = new_row(name, _free_reader(session, who, name), "", who.roles)
    session.add(row)
    session.flush()
    session.add(ProviderAccountTable(issuer=who.issuer, subject=who.subject, account=name))
    detail = f"created {name} by the sign-in provider, {', '.join(sorted(who.roles))}"
    audit.append(session, AuditEvent.ACCOUNT, account=name, detail=detail)
    return row


def _free_name(session: Session, who: Identity) -> str:
    """A sign-in name for the trail, after the provider's where that can be had."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", who.login.lower().partition("@")[0]).strip("._-")[:48]
    base = plain or f"reader-{hashlib.sha256(who.subject.encode()).hexdigest()[:8]}"
    number, name = 1, base
    while name in _TAKEN or session.get(AccountTable, name) is not None:
        number, name = number + 1, f"{base}-{number + 1}"
    return name


def _free_reader(session: Session, who: Identity, name: str) -> str:
    """The name that stands under signatures: the provider's, told apart from others' here."""
    others = session.scalars(readers_beside(name)).all()
    for said in (who.name, who.login):
        for text in (said, f"{said[: MOST - len(name) - 3]} ({name})"):
            try:
                reader = clean_reader(text)
                insist_on_unique(reader, others)
            except (AccessError, ConflictError):
                continue
            return reader
    number = 1
    while True:
        try:
            insist_on_unique(f"Reader {name} {number}", others)
        except ConflictError:
            number += 1
        else:
            return f"Reader {name} {number}"


def _is_confirmed(row: SessionTable, now: datetime) -> bool:
    return row.confirmed_until is not None and holds(row.confirmed_until, CONFIRMED_FOR, now)


def _about(issuer: str, subject: str) -> str:
    return f"ID token of {subject} at {issuer}"
