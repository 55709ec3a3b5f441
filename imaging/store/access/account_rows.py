"""The rows of accounts, and the `Account` that the rest of the program knows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from imaging.errors import NotFoundError
from imaging.review.records import Account
from imaging.review.roles import EVERYDAY, Role
from imaging.store.schema.tables import AccountTable

ALONE = "single-reader"  # the account of single-reader mode: nobody can sign in with it
_UNKNOWN = "There is no account of that name. Check its spelling."


def people() -> Select[AccountTable]:
    """The accounts of those who sign in, with a password or without one (single sign-on)."""
    return select(AccountTable).where(AccountTable.name != ALONE)


def load_row(session: Session, name: str) -> AccountTable:
    """The row of an account, single-reader mode's too.

    Raises
    ------
    NotFoundError
        If there is no account of that name.
    """
    row = session.get(AccountTable, name)
    if row is None:
        raise NotFoundError(_UNKNOWN)
    return row


def load_person(session: Session, name: str) -> AccountTable:
    """As `load_row`, of `people` alone; the name as somebody types it."""
    row = load_row(session, sign_in_name(name))
    if row.name == ALONE:
        raise NotFoundError(_UNKNOWN)
    return row


def readers_beside(name: str) -> Select[str]:
    """The names under which all others sign, those who cannot sign in any more among them."""
    return select(AccountTable.reader).where(AccountTable.name != ALONE, AccountTable.name != name)


def new_row(
    name: str, reader: str, password_hash: str, roles: Collection[Role] = EVERYDAY
) -> AccountTable:
    """A row for `session.add`; an empty hash is no password's, so nobody signs in with one."""
    return AccountTable(
        name=name,
        reader=reader,
        password_hash=password_hash,
        blind=False,
        bindings={},
        roles=write_roles(roles),
        failures=0,
        created_at=datetime.now(UTC),
    )


def roles_of(row: AccountTable) -> frozenset[Role]:
    """The roles of an account; a word that is none, of a row that was altered, gives none."""
    known = set(Role)
    return frozenset(Role(name) for name in row.roles.split(",") if name in known)


def write_roles(roles: Collection[Role]) -> str:
    """Inverse of `roles_of`, as the column holds it."""
    return ",".join(sorted(roles))


def to_account(row: AccountTable) -> Account:
    """What the rest of the program may know of it."""
    bindings = tuple(row.bindings.items())
    return Account(
        row.name,
        row.reader,
        row.blind,
        bindings,
        row.disabled,
        roles_of(row),
        row.language,
        row.ai_off,
        row.tour_closed,
    )


def sign_in_name(name: str) -> str:
    """The name of an account as it is kept, from what somebody typed."""
    return name.strip().lower()
