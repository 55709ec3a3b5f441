"""Whom a provider vouches for: whose account it is, as what, for how long."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from imaging.errors import AccessError, SignInEndedError
from imaging.openid.identity import Ended, Identity
from imaging.review.roles import EVERYDAY, Role
from imaging.store import Repository
from imaging.store.access.accounts import Accounts
from imaging.store.access.provider_sign_ins import CONFIRMED_FOR
from imaging.store.database import open_for_reading

PASSWORD = "correct horse battery"
READS = frozenset({Role.READER, Role.SIGNER})
KIM = Identity("https://a.example", "17", "s1", "Dr Kim", "Kim@ward.example", READS, "e30.e30.AA")


@pytest.fixture
def accounts(repository: Repository) -> Iterator[Accounts]:
    repository.accounts.create("root", "The Administrator", PASSWORD, roles=EVERYDAY)
    yield repository.accounts


def told(repository: Repository) -> list[tuple[str, str, str]]:
    return [(x.deed.value, x.account, x.detail) for x in repository.audit.entries()]


def test_the_first_sign_in_makes_the_account_and_later_ones_find_it(
    accounts: Accounts, repository: Repository
) -> None:
    kim, token = accounts.sign_in_by_provider(KIM)
    assert (kim.name, kim.reader, kim.roles) == ("kim", "Dr Kim", READS)
    assert accounts.account_of(token) == kim
    again, _ = accounts.sign_in_by_provider(replace(KIM, name="Other", login="other", session="2"))
    assert again == kim, "known by issuer and subject alone"
    assert told(repository)[-1] == ("sign-in", "kim", "by the sign-in provider")
    assert not accounts.has_password("kim") and accounts.has_password("root")


@pytest.mark.parametrize("other", [{"subject": "18"}, {"issuer": "https://b.example"}])
def test_the_same_name_or_address_is_not_the_same_person(
    accounts: Accounts, other: dict[str, str]
) -> None:
    accounts.create("kim", "Dr Kim", PASSWORD)
    kim, _ = accounts.sign_in_by_provider(KIM)
    stranger, _ = accounts.sign_in_by_provider(replace(KIM, **other))  # type: ignore[arg-type]
    assert len({"kim", kim.name, stranger.name}) == 3
    assert len({"Dr Kim", kim.reader, stranger.reader}) == 3
    assert accounts.account_of(accounts.sign_in("kim", PASSWORD)[1]) is not None


@pytest.mark.parametrize("name", ["", "\u202e", "x" * 300, "Network", "single-reader", "Ünïcode"])
def test_whatever_the_provider_calls_somebody_is_a_name_here(accounts: Accounts, name: str) -> None:
    one, _ = accounts.sign_in_by_provider(replace(KIM, name=name, login=name))
    two, _ = accounts.sign_in_by_provider(replace(KIM, name=name, login=name, subject="2"))
    assert one.reader and two.reader and one.reader != two.reader and one.name != two.name
    assert {one.name, two.name}.isdisjoint({"network", "single-reader"})


def test_roles_are_those_of_now(accounts: Accounts, repository: Repository) -> None:
    accounts.sign_in_by_provider(KIM)
    kim, _ = accounts.sign_in_by_provider(replace(KIM, roles=frozenset({Role.AUDITOR})))
    assert kim.roles == {Role.AUDITOR}
    line = "roles of kim by the sign-in provider: reader, signer, now auditor"
    assert ("account", "kim", line) in told(repository)


def test_who_is_in_no_group_any_more_is_out_everywhere(
    accounts: Accounts, repository: Repository
) -> None:
    _, token = accounts.sign_in_by_provider(KIM)
    with pytest.raises(AccessError, match="none of your groups"):
        accounts.sign_in_by_provider(replace(KIM, roles=frozenset()))
    assert accounts.account_of(token) is None
    with pytest.raises(AccessError):
        accounts.sign_in_by_provider(replace(KIM, subject="new", roles=frozenset()))
    assert [a.name for a in accounts.all()] == ["kim", "root"]
    refused = ("sign-in refused", "kim", "sign-in provider: no group gives a role")
    assert refused in told(repository)


def test_a_disabled_account_stays_out_though_the_provider_says_yes(accounts: Accounts) -> None:
    _, token = accounts.sign_in_by_provider(KIM)
    accounts.disable("kim", by="root")
    assert accounts.account_of(token) is None
    with pytest.raises(AccessError, match="disabled"):
        accounts.sign_in_by_provider(KIM)
    accounts.enable("kim", by="root")
    assert accounts.sign_in_by_provider(KIM)


def test_there_is_no_password_to_it(accounts: Accounts) -> None:
    accounts.sign_in_by_provider(KIM)
    for password in ("", PASSWORD):
        with pytest.raises(AccessError, match="do not match"):
            accounts.sign_in("kim", password)
    with pytest.raises(AccessError, match="has no password here"):
        accounts.reset_password("kim", "quite another password", by="root")


def test_somebody_of_the_provider_is_not_the_last_administrator(accounts: Accounts) -> None:
    """Who cannot come back when the provider is away, or takes the group away."""
    accounts.sign_in_by_provider(replace(KIM, roles=EVERYDAY))
    with pytest.raises(AccessError, match="Nobody else"):
        accounts.disable("root", by="kim")


def test_a_locked_screen_opens_for_its_reader_alone(accounts: Accounts) -> None:
    _, token = accounts.sign_in_by_provider(KIM)
    accounts.lock(token)
    with pytest.raises(AccessError, match="Somebody else"):
        accounts.unlock_by_provider(token, replace(KIM, subject="18"))
    with pytest.raises(AccessError, match="groups"):
        accounts.unlock_by_provider(token, replace(KIM, roles=frozenset()))
    assert accounts.account_of(token) is None
    accounts.unlock_by_provider(token, KIM)
    assert accounts.account_of(token) is not None
    accounts.sign_out(token)
    with pytest.raises(SignInEndedError):
        accounts.unlock_by_provider(token, KIM)


def test_a_confirmation_counts_for_one_signature_of_that_sign_in_for_a_while(
    accounts: Accounts, repository: Repository
) -> None:
    _, token = accounts.sign_in_by_provider(KIM)
    _, elsewhere = accounts.sign_in_by_provider(KIM)
    with pytest.raises(AccessError):
        accounts.spend_confirmation(token)
    with pytest.raises(AccessError, match="Somebody else"):
        accounts.confirm_by_provider(token, replace(KIM, subject="18"))
    assert not accounts.is_confirmed(token)
    accounts.confirm_by_provider(token, KIM)
    assert accounts.is_confirmed(token) and not accounts.is_confirmed(elsewhere)
    with pytest.raises(AccessError):
        accounts.spend_confirmation(elsewhere)
    accounts.spend_confirmation(token)
    with pytest.raises(AccessError):
        accounts.spend_confirmation(token)
    accounts.confirm_by_provider(token, KIM)
    clock = repository._database.clock
    later = clock.now() + CONFIRMED_FOR
    clock.now = lambda: later  # type: ignore[method-assign]
    with pytest.raises(AccessError):
        accounts.spend_confirmation(token)


def test_a_locked_screen_is_not_confirmed(accounts: Accounts) -> None:
    _, token = accounts.sign_in_by_provider(KIM)
    accounts.lock(token)
    with pytest.raises(SignInEndedError):
        accounts.confirm_by_provider(token, KIM)
    accounts.unlock_by_provider(token, KIM)
    accounts.confirm_by_provider(token, KIM)
    accounts.lock(token)
    with pytest.raises(AccessError):
        accounts.spend_confirmation(token)


@pytest.mark.parametrize(
    ("ended", "which"),
    [
        (Ended("17", "", "1"), {"s1", "s2"}),
        (Ended("17", "s1", "2"), {"s1"}),
        (Ended("", "s2", "3"), {"s2"}),
        (Ended("18", "s1", "4"), set()),
        (Ended("", "s9", "5"), set()),
    ],
)
def test_what_ended_at_the_provider_ends_here(
    accounts: Accounts, ended: Ended, which: set[str]
) -> None:
    tokens = {
        name: accounts.sign_in_by_provider(replace(KIM, session=name))[1] for name in ("s1", "s2")
    }
    local = accounts.sign_in("root", PASSWORD)[1]
    accounts.sign_in_by_provider(replace(KIM, subject="18", session="s3"))
    assert accounts.end_by_provider("https://b.example", ended) == 0, "another provider"
    assert accounts.end_by_provider(KIM.issuer, ended) == len(which)
    assert {name for name, token in tokens.items() if not accounts.account_of(token)} == which
    assert accounts.account_of(local)


def test_the_id_token_is_kept_sealed_as_a_hint_for_signing_out(
    accounts: Accounts, tmp_path: Path
) -> None:
    _, token = accounts.sign_in_by_provider(KIM)
    assert accounts.id_token_of(token) == KIM.id_token
    assert accounts.id_token_of(accounts.sign_in("root", PASSWORD)[1]) is None
    assert accounts.id_token_of("nobody's") is None
    with closing(sqlite3.connect(tmp_path / "home" / "lightbox.db")) as rows:
        stored = [raw for (raw,) in rows.execute("SELECT id_token FROM sessions") if raw]
    assert stored and not any(KIM.id_token.encode() in raw for raw in stored)


def test_while_records_can_only_be_read_they_must_agree_with_the_provider(
    accounts: Accounts, repository: Repository, tmp_path: Path
) -> None:
    accounts.sign_in_by_provider(KIM)
    repository.close()
    with closing(open_for_reading(tmp_path / "home" / "lightbox.db", "a reason")) as rows:
        reading = Accounts(rows)
        _, token = reading.sign_in_by_provider(KIM)
        assert reading.account_of(token)
        for other in (
            replace(KIM, subject="18"),
            replace(KIM, roles=frozenset()),
            replace(KIM, roles=EVERYDAY),
        ):
            with pytest.raises(AccessError):
                reading.sign_in_by_provider(other)
        reading.lock(token)
        reading.unlock_by_provider(token, KIM)
        assert reading.end_by_provider(KIM.issuer, Ended("17", "", "1")) == 1
        assert reading.account_of(token) is None


def test_a_local_sign_in_beside_a_provider_is_loud(
    accounts: Accounts, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    accounts.sign_in("root", PASSWORD)
    assert not [line for line in told(repository) if line[0] == "break-glass"]
    accounts.sign_in("root", PASSWORD, break_glass=True)
    assert ("break-glass", "root", "") in told(repository)
    assert "beside the sign-in provider" in caplog.text
