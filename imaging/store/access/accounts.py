"""The readers' accounts: who may sign in, and how each likes to read.

`SignIns` is the other half: who is signed in. Both are one part of the repository.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from sqlalchemy.orm import Session

from imaging.errors import AccessError, ConflictError
from imaging.review.records import Account, AuditEvent
from imaging.review.rights import Right
from imaging.review.roles import EVERYDAY, Role
from imaging.store import audit
from imaging.store.access.account_rows import (
    ALONE,
    load_person,
    load_row,
    new_row,
    people,
    readers_beside,
    roles_of,
    sign_in_name,
    to_account,
    write_roles,
)
from imaging.store.access.admission import REFUSED, admit, prove
from imaging.store.access.provider_sign_ins import ProviderSignIns
from imaging.store.access.reader_names import clean_reader, insist_on_unique
from imaging.store.access.session_rows import end_sessions
from imaging.store.passwords import hash_password, insist_on_strength
from imaging.store.schema.tables import AccountTable

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TAKEN = (ALONE, audit.NETWORK)
_USUAL = frozenset({Role.READER, Role.SIGNER})  # of who joins others
_OF_PROVIDER = (
    "This account signs in by the sign-in provider and has no password here. Add an account "
    "of its own for whoever needs one."
)
_LAST = (
    "Nobody else who can sign in manages the accounts; make another account an administrator first."
)


class Accounts(ProviderSignIns):
    """The readers; reached as `Repository.accounts`."""

    def any(self) -> bool:
        """True when somebody can sign in."""
        with self._database.reading() as session:
            return session.scalar(people().limit(1)) is not None

    def all(self) -> tuple[Account, ...]:
        """The accounts of those who sign in, by name."""
        with self._database.reading(Right.ACCOUNTS) as session:
            rows = session.scalars(people().order_by(AccountTable.name))
            return tuple(to_account(row) for row in rows)

    def create(
        self,
        name: str,
        reader: str,
        password: str,
        *,
        by: str = "",
        first: bool = False,
        roles: Collection[Role] | None = None,
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
        roles : collection of Role, optional
            Without them the first account has those of who works alone, a later one reads and
            signs.

        Raises
        ------
        AccessError
            If name, reader or password cannot be used, there is no role, or another account came
            first.
        ConflictError
            If the name is taken.
        """
        name, reader = sign_in_name(name), clean_reader(reader)
        if not _NAME.fullmatch(name):
            raise AccessError(
                "This sign-in name cannot be used. Choose up to 64 letters, digits, dots, "
                "dashes or underscores."
            )
        insist_on_strength(password, (name, reader))
        password_hash = hash_password(password)
        with self._database.writing(Right.ACCOUNTS) as session:
            others = session.scalar(people().limit(1)) is not None
            if first and others:
                raise AccessError("There is an account already; sign in with it.")
            if name in _TAKEN or session.get(AccountTable, name) is not None:
                raise ConflictError("This sign-in name is taken; choose another.")
            insist_on_unique(reader, session.scalars(readers_beside(name)))
            row = new_row(name, reader, password_hash, _checked(roles, others=others))
            session.add(row)
            detail = f"created {name}, {_words(roles_of(row))}"
            audit.append(session, AuditEvent.ACCOUNT, account=by or name, detail=detail)
            return to_account(row)

    def change_password(self, name: str, old: str, new: str) -> None:
        """Change a reader's own password; every session of the account ends.

        Raises
        ------
        AccessError
            If the old password is wrong (which counts as a failure to sign in), or the new one
            is too short.
        """
        name, new_hash = sign_in_name(name), hash_password(new)
        insist_on_strength(new, self._words_beside(name))
        proven = prove(self._database, name, old)
        with self._database.writing(Right.OWN) as session:
            row = admit(session, name, proven, self._database.clock.now())
            if row is not None:
                _set_password(session, row, new_hash)
                return
        raise AccessError(REFUSED)

    def reset_password(self, name: str, new: str, *, by: str = "") -> None:
        """Set a forgotten password of somebody else; unlocks, and ends every session.

        Raises
        ------
        AccessError
            If the password is too short.
        NotFoundError
            If there is no such account.
        """
        new_hash = hash_password(new)
        insist_on_strength(new, self._words_beside(name))
        with self._database.writing(Right.ACCOUNTS) as session:
            row = load_person(session, name)
            if not row.password_hash:
                raise AccessError(_OF_PROVIDER)
            _set_password(session, row, new_hash, by=by)

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
            If nobody else could sign in, or manage accounts.
        NotFoundError
            If there is no such account.
        """
        with self._database.writing(Right.ACCOUNTS) as session:
            row = load_person(session, name)
            others = people().where(AccountTable.disabled.is_(False), AccountTable.name != row.name)
            if session.scalar(others.limit(1)) is None:
                raise AccessError("Nobody else can sign in; add another account first.")
            _insist_on_administrator(session, row)
            row.disabled = True
            end_sessions(session, row.name, "ended with the account")
            audit.append(session, AuditEvent.ACCOUNT, account=by, detail=f"disabled {row.name}")

    def set_roles(self, name: str, roles: Collection[Role], *, by: str) -> None:
        """Say anew what an account is; every session of it ends, so that it counts at once.

        Parameters
        ----------
        name : str
            Of the account.
        roles : collection of Role
            All of them from now on.
        by : str
            Account of who does it.

        Raises
        ------
        AccessError
            If there is no role among them, or nobody else could manage accounts.
        NotFoundError
            If there is no such account.
        """
        with self._database.writing(Right.ACCOUNTS) as session:
            row = load_person(session, name)
            before, after = roles_of(row), _checked(roles)
            if before == after:
                return
            if Role.ADMINISTRATOR in before - after:
                _insist_on_administrator(session, row)
            row.roles = write_roles(after)
            end_sessions(session, row.name, "ended with the roles")
            detail = f"roles of {row.name}: {_words(before)}, now {_words(after)}"
            audit.append(session, AuditEvent.ACCOUNT, account=by, detail=detail)

    def enable(self, name: str, *, by: str) -> None:
        """Let a reader whose account was disabled sign in again.

        Raises
        ------
        NotFoundError
            If there is no such account.
        """
        with self._database.writing(Right.ACCOUNTS) as session:
            row = load_person(session, name)
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
        with self._database.writing(Right.ACCOUNTS) as session:
            row = load_person(session, name)
            insist_on_unique(reader, session.scalars(readers_beside(row.name)))
            row.reader = reader
            audit.append(session, AuditEvent.ACCOUNT, account=by, detail=f"renamed {row.name}")

    def set_blind(self, name: str, blind: bool) -> None:
        """Make every study of this reader a blind first read, or none."""
        with self._database.writing(Right.OWN) as session:
            load_row(session, name).blind = blind
            detail = f"blind first read {'on' if blind else 'off'}"
            audit.append(session, AuditEvent.ACCOUNT, account=name, detail=detail)

    def set_bindings(self, name: str, bindings: Mapping[str, str]) -> None:
        """Replace the keys this reader uses in the viewer (action -> key)."""
        with self._database.writing(Right.OWN) as session:
            load_row(session, name).bindings = dict(bindings)
            audit.append(session, AuditEvent.ACCOUNT, account=name, detail="keys changed")

    def set_language(self, name: str, language: str) -> None:
        """Speak a language to this reader, or (empty) the one that the browser asks for."""
        with self._database.writing(Right.OWN) as session:
            load_row(session, name).language = language
            detail = f"language {language or 'of the browser'}"
            audit.append(session, AuditEvent.ACCOUNT, account=name, detail=detail)

    def close_tour(self, name: str, *, closed: bool) -> None:
        """Show the tour of a first sign-in no more, or once more."""
        with self._database.writing(Right.OWN) as session:
            load_row(session, name).tour_closed = closed
            detail = "tour closed" if closed else "tour opened"
            audit.append(session, AuditEvent.ACCOUNT, account=name, detail=detail)

    def _words_beside(self, name: str) -> tuple[str, ...]:
        """What a guesser of an account's password would try first."""
        with self._database.reading() as session:
            row = session.get(AccountTable, sign_in_name(name))
            return (row.name, row.reader) if row else (name,)


def _set_password(session: Session, row: AccountTable, password_hash: str, by: str = "") -> None:
    row.password_hash, row.failures, row.locked_until = password_hash, 0, None
    detail = f"password of {row.name} reset" if by else "password changed"
    audit.append(session, AuditEvent.ACCOUNT, account=by or row.name, detail=detail)
    end_sessions(session, row.name, "ended with the password")


def _insist_on_administrator(session: Session, leaving: AccountTable) -> None:
    """Refuse to take away the last account that can give rights back.

    It has a password: the roles of who signs in by a provider are the provider's to take.
    """
    if Role.ADMINISTRATOR not in roles_of(leaving) or not leaving.password_hash:
        return
    others = people().where(
        AccountTable.disabled.is_(False),
        AccountTable.name != leaving.name,
        AccountTable.password_hash != "",
    )
    if not any(Role.ADMINISTRATOR in roles_of(row) for row in session.scalars(others)):
        raise AccessError(_LAST)


def _checked(roles: Collection[Role] | None, *, others: bool = True) -> frozenset[Role]:
    """The roles of an account that were asked for, or that one has without being asked."""
    if roles is None:
        return _USUAL if others else EVERYDAY
    if not roles:
        raise AccessError("An account needs a role. Choose at least one.")
    return frozenset(roles)


def _words(roles: Collection[Role]) -> str:
    return ", ".join(sorted(roles)) or "no role"
