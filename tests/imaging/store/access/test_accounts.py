"""Accounts: who may sign in, for how long, and what a guesser learns (nothing)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from imaging.errors import AccessError, ConflictError, NotFoundError
from imaging.review.records import Account, AuditEvent
from imaging.review.roles import Role
from imaging.store import Accounts, Repository, passwords
from imaging.store.access.account_rows import ALONE
from imaging.store.access.admission import ATTEMPTS, LOCKED_FOR
from imaging.store.schema.tables import AccountTable, SessionTable

PASSWORD, OTHER = "correct horse", "battery staple"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same argon2id with little memory; only the test of time needs what a hash costs."""
    monkeypatch.setattr(passwords, "_hasher", CHEAP)
    passwords._dummy_hash.cache_clear()
    yield
    passwords._dummy_hash.cache_clear()


@pytest.fixture
def repository(tmp_path: Path, database: str, cheap: None) -> Iterator[Repository]:
    """A store with one reader, on each kind of database in turn."""
    store = Repository.open(tmp_path / "home", database)
    store.accounts.create("Anna", "Dr Anna  Ash", PASSWORD, first=True)
    yield store
    store.close()


@pytest.fixture
def accounts(repository: Repository) -> Accounts:
    return repository.accounts


def deeds(repository: Repository) -> list[tuple[AuditEvent, str, str]]:
    return [(e.deed, e.account, e.detail) for e in repository.audit.entries()]


def fail(accounts: Accounts, times: int = 1, name: str = "anna") -> None:
    for _ in range(times):
        with pytest.raises(AccessError):
            accounts.sign_in(name, "wrong password")


@pytest.mark.slow
def test_a_reader_signs_in_and_out(repository: Repository) -> None:
    accounts = repository.accounts
    account, token = accounts.sign_in(" ANNA", PASSWORD)
    assert account == Account("anna", "Dr Anna Ash") == accounts.account_of(token)
    accounts.sign_out(token)
    assert accounts.account_of(token) is None and accounts.account_of("") is None
    assert deeds(repository) == [
        (AuditEvent.ACCOUNT, "anna", "created anna, administrator, auditor, reader, signer"),
        (AuditEvent.SIGN_IN, "anna", ""),
        (AuditEvent.SIGN_OUT, "anna", ""),
    ]


def test_neither_password_nor_token_is_in_the_database(repository: Repository) -> None:
    _account, token = repository.accounts.sign_in("anna", PASSWORD)
    with repository._database.reading() as session:
        stored = session.scalars(select(AccountTable.password_hash)).one()
        kept = session.scalars(select(SessionTable.token_sha256)).one()
    assert stored.startswith("$argon2id$") and PasswordHasher().verify(stored, PASSWORD)
    assert kept == hashlib.sha256(token.encode()).hexdigest() and len(token) >= 43  # 256 bits


def test_every_refusal_says_the_same(repository: Repository) -> None:
    accounts = repository.accounts
    said = set()
    for name, password in [("anna", OTHER), ("nobody", PASSWORD), ("", ""), ("anna", "\udcff")]:
        with pytest.raises(AccessError) as caught:
            accounts.sign_in(name, password)
        said.add(str(caught.value))
    fail(accounts, ATTEMPTS)
    with pytest.raises(AccessError) as caught:
        accounts.sign_in("anna", PASSWORD)  # right, and locked
    assert said == {str(caught.value)}
    assert "nobody" not in str(deeds(repository))  # it may have been a password


@pytest.mark.slow
def test_an_unknown_name_takes_as_long_as_a_wrong_password(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())
    accounts.reset_password("anna", PASSWORD)
    passwords._dummy_hash.cache_clear()

    def seconds(name: str) -> float:
        start = time.perf_counter()
        fail(accounts, name=name)
        return time.perf_counter() - start

    seconds("nobody")  # makes what is made once
    unknown, wrong = zip(*[(seconds("nobody"), seconds("anna")) for _ in range(4)], strict=True)
    assert 1 / 3 < min(unknown) / min(wrong) < 3  # a refusal without hashing takes a tenth


def test_passwords_are_hashed_as_argon2_s_authors_advise() -> None:
    assert not PasswordHasher().check_needs_rehash(passwords.hash_password(PASSWORD))


def test_five_failures_in_a_row_lock_across_restarts(
    repository: Repository, tmp_path: Path, database: str
) -> None:
    fail(repository.accounts, ATTEMPTS - 1)
    with closing(Repository.open(tmp_path / "home", database)) as again:
        fail(again.accounts)
    with pytest.raises(AccessError):
        repository.accounts.sign_in("anna", PASSWORD)
    refused = [
        detail for deed, _, detail in deeds(repository) if deed is AuditEvent.SIGN_IN_REFUSED
    ]
    assert refused[-2:] == ["wrong password, now locked", "locked"]


def test_a_lock_opens_after_its_time_and_counts_anew(repository: Repository) -> None:
    fail(repository.accounts, ATTEMPTS)
    with repository._database.writing() as session:
        row = session.get_one(AccountTable, "anna")
        assert row.locked_until is not None
        assert LOCKED_FOR - timedelta(minutes=1) < row.locked_until - datetime.now(UTC)
        row.locked_until = datetime.now(UTC)
    fail(repository.accounts, ATTEMPTS - 1)
    assert repository.accounts.sign_in("anna", PASSWORD)


def test_success_forgets_the_failures(accounts: Accounts) -> None:
    for _ in range(2):
        fail(accounts, ATTEMPTS - 1)
        assert accounts.sign_in("anna", PASSWORD)


def test_guesses_side_by_side_are_all_counted(repository: Repository) -> None:
    def guess(password: str) -> bool:
        try:
            return bool(repository.accounts.sign_in("anna", password))
        except AccessError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(guess, [f"wrong guess {n}" for n in range(ATTEMPTS)]))
    assert not guess(PASSWORD)
    assert repository.audit.verify().intact


def test_a_session_ends_by_itself(repository: Repository) -> None:
    _account, token = repository.accounts.sign_in("anna", PASSWORD)
    with repository._database.writing() as session:
        row = session.scalars(select(SessionTable)).one()
        assert timedelta(hours=11) < row.expires_at - datetime.now(UTC) <= timedelta(hours=12)
        row.expires_at = datetime.now(UTC)
    assert repository.accounts.account_of(token) is None


def test_a_new_password_ends_the_sessions_and_the_old_password(accounts: Accounts) -> None:
    _account, token = accounts.sign_in("anna", PASSWORD)
    with pytest.raises(AccessError):
        accounts.change_password("anna", "wrong password", OTHER)
    assert accounts.account_of(token)
    accounts.change_password("anna", PASSWORD, OTHER)
    assert accounts.account_of(token) is None
    fail(accounts)
    assert accounts.sign_in("anna", OTHER)


def test_the_terminal_unlocks_and_resets(accounts: Accounts) -> None:
    fail(accounts, ATTEMPTS)
    accounts.reset_password("anna", OTHER)
    assert accounts.sign_in("anna", OTHER)
    with pytest.raises(NotFoundError):
        accounts.reset_password("nobody", OTHER)


def test_a_hash_of_older_parameters_is_renewed(repository: Repository) -> None:
    weak = PasswordHasher(time_cost=2, memory_cost=32, parallelism=1).hash(PASSWORD)
    with repository._database.writing() as session:
        session.get_one(AccountTable, "anna").password_hash = weak
    repository.accounts.sign_in("anna", PASSWORD)
    with repository._database.reading() as session:
        now = session.get_one(AccountTable, "anna").password_hash
    assert now != weak and not CHEAP.check_needs_rehash(now)
    assert repository.accounts.sign_in("anna", PASSWORD)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda a: a.create("berta", "Dr B", "too short"),
        lambda a: a.create("two words", "Dr B", PASSWORD),
        lambda a: a.create("", "Dr B", PASSWORD),
        lambda a: a.create("berta", " ", PASSWORD),
        lambda a: a.create("berta", "B" * 65, PASSWORD),
        lambda a: a.create("berta", "Dr B", PASSWORD, first=True),  # anna came first
        lambda a: a.change_password("anna", PASSWORD, "too short"),
        lambda a: a.sign_in(ALONE, ""),
    ],
)
def test_what_cannot_be_is_refused(
    accounts: Accounts, attempt: Callable[[Accounts], object]
) -> None:
    with pytest.raises(AccessError):
        attempt(accounts)
    assert [a.name for a in accounts.all()] == ["anna"]


@pytest.mark.parametrize("name", ["ANNA", "network", ALONE])
def test_a_name_belongs_to_one(accounts: Accounts, name: str) -> None:
    with pytest.raises(ConflictError, match="taken"):
        accounts.create(name, "Dr B", PASSWORD)


@pytest.mark.usefixtures("cheap")
def test_of_two_first_readers_one_is_first(tmp_path: Path, database: str) -> None:
    def claim(name: str) -> bool:
        with closing(Repository.open(tmp_path / "new", database)) as store:
            try:
                return bool(store.accounts.create(name, "Dr", PASSWORD, first=True))
            except AccessError:
                return False

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(claim, ["anna", "berta", "clara"])) == [False, False, True]


def test_settings_belong_to_the_reader_and_last(repository: Repository) -> None:
    accounts = repository.accounts
    accounts.create("berta", "Dr B", PASSWORD, by="anna")
    accounts.set_blind("anna", True)
    accounts.set_bindings("anna", {"reset": "q", "invert": "x"})
    accounts.set_language("anna", "zh_CN")
    accounts.close_tour("anna", closed=True)
    anna, berta = accounts.all()
    keys = (("reset", "q"), ("invert", "x"))
    assert anna == Account("anna", "Dr Anna Ash", True, keys, language="zh_CN", tour_closed=True)
    usual = frozenset({Role.READER, Role.SIGNER})
    assert berta == Account("berta", "Dr B", roles=usual)
    assert deeds(repository)[1:] == [
        (AuditEvent.ACCOUNT, "anna", "created berta, reader, signer"),
        (AuditEvent.ACCOUNT, "anna", "blind first read on"),
        (AuditEvent.ACCOUNT, "anna", "keys changed"),
        (AuditEvent.ACCOUNT, "anna", "language zh_CN"),
        (AuditEvent.ACCOUNT, "anna", "tour closed"),
    ]
    with pytest.raises(NotFoundError):
        accounts.set_blind("nobody", True)


@pytest.mark.slow
@pytest.mark.usefixtures("cheap")
def test_a_single_reader_keeps_settings_but_opens_no_door(tmp_path: Path, database: str) -> None:
    with closing(Repository.open(tmp_path / "new", database)) as store:
        assert store.accounts.alone("Dr A") == store.accounts.alone("Dr A")
        store.accounts.set_blind(ALONE, True)
        assert store.accounts.alone("Dr B") == Account(ALONE, "Dr B", blind=True)
        assert not store.accounts.any() and store.accounts.all() == ()
        store.accounts.create("anna", "Dr Anna", PASSWORD, first=True)
        assert store.accounts.any()


@pytest.mark.parametrize(
    "password",
    ["1234567890", "aaaaaaaaaa", "password12", "lightbox123", "qwertzuiop"],
)
def test_a_password_that_is_easily_guessed_is_refused(accounts: Accounts, password: str) -> None:
    for give in (
        lambda: accounts.create("berta", "Dr Annaash", password),
        lambda: accounts.reset_password("anna", password),
        lambda: accounts.change_password("anna", PASSWORD, password),
    ):
        with pytest.raises(AccessError, match="easily guessed"):
            give()
    assert [account.name for account in accounts.all()] == ["anna"]


def test_the_own_name_is_no_password(accounts: Accounts) -> None:
    accounts.create("berta", "Dr Berta Ash", "Wyszomirska7")
    with pytest.raises(AccessError, match="easily guessed"):
        accounts.create("clara", "Dr Wyszomirska", "Wyszomirska7")


def test_a_long_password_is_judged_at_once(accounts: Accounts) -> None:
    start = time.monotonic()
    with pytest.raises(AccessError, match="easily guessed"):
        accounts.reset_password("anna", "a" * 1000)
    assert time.monotonic() - start < 30, "the judge's time grows with the square of the length"


@pytest.mark.parametrize(
    "reader",
    [
        "Dr Anna Ash",
        "dr anna ash",
        "DR. ANNA  ASH",
        "Dr Ànna Ash",
        "Dr \u0410nn\u0430 Ash",  # Cyrillic
        "Dr Anna\u202e Ash",  # turned round
        "Dr Anna\u200b Ash",  # a space of no width
        "\uff24\uff52 Anna Ash",  # wide letters
    ],
)
def test_nobody_signs_as_somebody_else(accounts: Accounts, reader: str) -> None:
    with pytest.raises(ConflictError, match="looks like it"):
        accounts.create("berta", reader, OTHER)
    accounts.create("berta", "Dr Berta", OTHER)
    with pytest.raises(ConflictError, match="looks like it"):
        accounts.rename("berta", reader, by="anna")
    accounts.rename("anna", "Dr Anna Ash-Oak", by="anna")
    assert accounts.create("clara", "Dr Anna Ash", OTHER).reader == "Dr Anna Ash"


@pytest.mark.parametrize("reader", ["", " ", "\u202e", "...", "x" * 65])
def test_a_name_that_says_nothing_is_refused(accounts: Accounts, reader: str) -> None:
    with pytest.raises(AccessError, match="shown on reports"):
        accounts.create("berta", reader, OTHER)


def test_a_disabled_account_is_out_at_once_and_its_name_stays_taken(
    repository: Repository,
) -> None:
    accounts = repository.accounts
    accounts.create("berta", "Dr B", OTHER, by="anna")
    _account, token = accounts.sign_in("berta", OTHER)
    accounts.disable("Berta", by="anna")
    assert accounts.account_of(token) is None and accounts.find_sign_in(token) is None
    with pytest.raises(AccessError, match="do not match"):
        accounts.sign_in("berta", OTHER)
    with pytest.raises(ConflictError):
        accounts.create("clara", "Dr B", OTHER)
    assert [(a.name, a.disabled) for a in accounts.all()] == [("anna", False), ("berta", True)]
    accounts.enable("berta", by="anna")
    assert accounts.sign_in("berta", OTHER)[0].reader == "Dr B"
    assert accounts.account_of(token) is None, "its old sessions stay ended"
    said = [detail for _deed, account, detail in deeds(repository) if account == "anna"]
    assert "disabled berta" in said and "enabled berta" in said


def test_the_last_who_can_sign_in_is_not_disabled(accounts: Accounts) -> None:
    accounts.create("berta", "Dr B", OTHER)
    accounts.disable("berta", by="anna")
    with pytest.raises(AccessError, match="Nobody else"):
        accounts.disable("anna", by="anna")
    with pytest.raises(AccessError, match="There is an account"):
        accounts.create("clara", "Dr C", OTHER, first=True)
