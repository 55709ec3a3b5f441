"""Sign-ins with a second factor: shown, made, reset, and asked for again before a signature."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from imaging.errors import AccessError
from imaging.review.records import Account, AuditEvent
from imaging.review.rights import Right
from imaging.store import audit
from imaging.store.access import second_factor
from imaging.store.access.account_rows import load_person, to_account
from imaging.store.access.admission import (
    ATTEMPTS,
    LOCKED_FOR,
    REFUSED,
    admit,
    count_failure,
    forget_failures,
    prove,
)
from imaging.store.access.second_factor import Proof, find_use, matching_step, spend
from imaging.store.access.sign_ins import IDLE, SignIns
from imaging.store.database import Database
from imaging.store.schema.tables import AccountTable, SecondFactorTable

_HAS_ONE = "This account has a second factor already. Turn that one off first."
_DEMANDED = "This site demands a second factor. Ask an administrator to reset yours."


class FactorSignIns(SignIns):
    """The part of `Accounts` that knows second factors; parameters as for `SignIns`."""

    def __init__(
        self, database: Database, idle: timedelta = IDLE, *, factor_demanded: bool = False
    ) -> None:
        super().__init__(database, idle, factor_demanded=factor_demanded)
        # where nothing can be written: codes that were used, and when wrong ones came
        self._used: set[tuple[str, int | str]] = set()
        self._misses: dict[str, list[datetime]] = {}

    def has_second_factor(self, name: str) -> bool:
        """Whether an account has one."""
        with self._database.reading() as session:
            return session.get(SecondFactorTable, name) is not None

    def sign_in_with_code(
        self, proof: Proof, code: str, *, break_glass: bool = False
    ) -> tuple[Account, str]:
        """Open a session for who has proven to know the password.

        Returns
        -------
        tuple[Account, str]
            As `sign_in`.

        Raises
        ------
        AccessError
            If the code is wrong or was used, the password was changed meanwhile, or the account is
            locked or disabled; guesses count as those at the password do.
        StoreError
            If the second factor cannot be read.
        """
        if self._database.read_only:
            return self._sign_in_to_read_with_code(proof, code)
        with self._database.writing() as session:
            now = self._database.clock.now()
            row = admit(session, proof.name, proof.password_hash, now, whole=False)
            if row is not None:
                how = spend(session, row.name, code, now, self._box)
                if how:
                    forget_failures(row)
                    token = self._open(session, row, now, how, break_glass=break_glass)
                    return to_account(row), token
                count_failure(session, row, "wrong code", now)
        raise AccessError(second_factor.REFUSED if row is not None else REFUSED)

    def enrol_and_sign_in(
        self, proof: Proof, secret: str, code: str, *, break_glass: bool = False
    ) -> tuple[Account, str, list[str]]:
        """Give an account its second factor where the site demands one, and open a session.

        Parameters
        ----------
        proof : Proof
            That the password is known.
        secret : str
            From `second_factor.new_secret`, which the app has by now.
        code : str
            What the app shows.

        Returns
        -------
        tuple[Account, str, list of str]
            The reader, the token, and the recovery codes, which are never told again.

        Raises
        ------
        AccessError
            If the code is not the app's, or the account has a second factor by now.
        """
        with self._database.writing() as session:
            now = self._database.clock.now()
            row = admit(session, proof.name, proof.password_hash, now, whole=False)
            if row is not None:
                if session.get(SecondFactorTable, row.name) is not None:
                    raise AccessError(_HAS_ONE)
                step = matching_step(secret, code, now)
                if step:
                    forget_failures(row)
                    made, codes = second_factor.new_row(row.name, secret, step, self._box)
                    session.add(made)
                    _tell(session, row.name, "second factor made")
                    how = "with a second factor"
                    token = self._open(session, row, now, how, break_glass=break_glass)
                    return to_account(row), token, codes
                count_failure(session, row, "wrong code", now)
        raise AccessError(second_factor.REFUSED if row is not None else REFUSED)

    def enrol(self, name: str, password: str, secret: str, code: str) -> list[str]:
        """Give the account of a reader who is signed in a second factor.

        Returns
        -------
        list of str
            The recovery codes, which are never told again.

        Raises
        ------
        AccessError
            If the password is wrong, the code is not the app's, or there is one already.
        """
        proven = prove(self._database, name, password)
        with self._database.writing(Right.OWN) as session:
            now = self._database.clock.now()
            row = admit(session, name, proven, now)
            if row is not None:
                if session.get(SecondFactorTable, name) is not None:
                    raise AccessError(_HAS_ONE)
                step = matching_step(secret, code, now)
                if step:
                    made, codes = second_factor.new_row(name, secret, step, self._box)
                    session.add(made)
                    _tell(session, name, "second factor made")
                    return codes
        raise AccessError(second_factor.REFUSED if row is not None else REFUSED)

    def remove_second_factor(self, name: str, password: str, code: str) -> None:
        """Take a reader's own second factor away, where the site does not demand one.

        Raises
        ------
        AccessError
            If password or code are wrong, or the site demands one.
        """
        if self._factor_demanded:
            raise AccessError(_DEMANDED)
        proven = prove(self._database, name, password)
        with self._database.writing(Right.OWN) as session:
            now = self._database.clock.now()
            row = admit(session, name, proven, now, whole=False)
            if row is not None:
                if spend(session, name, code, now, self._box):
                    forget_failures(row)
                    session.delete(session.get_one(SecondFactorTable, name))
                    _tell(session, name, "second factor removed")
                    return
                count_failure(session, row, "wrong code", now)
        raise AccessError(second_factor.REFUSED if row is not None else REFUSED)

    def reset_second_factor(self, name: str, *, by: str) -> None:
        """Take the second factor of somebody who has lost it away.

        Raises
        ------
        AccessError
            If the account has none.
        NotFoundError
            If there is no such account.
        """
        with self._database.writing(Right.ACCOUNTS) as session:
            row = load_person(session, name)
            factor = session.get(SecondFactorTable, row.name)
            if factor is None:
                raise AccessError("This account has no second factor. Turn one on first.")
            session.delete(factor)
            _tell(session, by, f"second factor of {row.name} reset")

    def confirm(self, name: str, password: str, code: str = "") -> None:
        """Ask a reader who is signed in once more, as before a signature.

        Parameters
        ----------
        name, password : str
            Of the reader.
        code : str
            Of the second factor, where the account has one.

        Raises
        ------
        AccessError
            If password or code are wrong, or the account is locked; guesses count.
        """
        proven = prove(self._database, name, password)
        with self._database.writing() as session:
            now = self._database.clock.now()
            alone = session.get(SecondFactorTable, name) is None
            row = admit(session, name, proven, now, whole=alone)
            if row is not None:
                if alone:
                    return
                if spend(session, name, code, now, self._box):
                    forget_failures(row)
                    return
                count_failure(session, row, "wrong code", now)
        raise AccessError(second_factor.REFUSED if row is not None else REFUSED)

    def _sign_in_to_read_with_code(self, proof: Proof, code: str) -> tuple[Account, str]:
        """As `sign_in_with_code`; what was used and missed is known to this process alone."""
        now = self._database.clock.now()
        misses = [at for at in self._misses.get(proof.name, ()) if now - at < LOCKED_FOR]
        with self._database.reading() as session:
            row = session.get(AccountTable, proof.name)
            factor = session.get(SecondFactorTable, proof.name)
            void = row is None or row.disabled or row.password_hash != proof.password_hash
            if row is None or factor is None or void or len(misses) >= ATTEMPTS:
                raise AccessError(REFUSED)
            use = find_use(factor, code, now, self._box)
            if use is None or (proof.name, use) in self._used:
                self._misses[proof.name] = [*misses, now]
                raise AccessError(second_factor.REFUSED)
            self._used.add((proof.name, use))
            return to_account(row), self._open_to_read(proof.name)


def _tell(session: Session, account: str, detail: str) -> None:
    audit.append(session, AuditEvent.ACCOUNT, account=account, detail=detail)
