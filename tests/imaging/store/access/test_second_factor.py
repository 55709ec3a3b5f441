"""The second factor: which codes count, how often, and who can read the secret."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from imaging.errors import AccessError, NotFoundError, SecondFactorError, StoreError
from imaging.review.records import AuditEvent
from imaging.review.roles import EVERYDAY
from imaging.store import Repository
from imaging.store.access import second_factor
from imaging.store.access.second_factor import Proof, matching_step, new_secret
from imaging.store.access.secret_box import NAME
from imaging.store.backup.backups import make_backup, restore_backup
from imaging.store.backup.sealing import BackupKey
from imaging.store.database import open_for_reading

PASSWORD = "correct horse battery"
# RFC 6238, appendix B (SHA-1): seconds of the epoch and the code, of which an app shows six digits
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_CODES = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


class Reader:
    """Ada, who has an app, and the store's clock in hand."""

    def __init__(self, store: Repository) -> None:
        self.store, self.accounts = store, store.accounts
        self.moment = datetime(2031, 1, 1, 12, 0, 10, tzinfo=UTC)
        self.secret = new_secret()
        store._database.clock.now = lambda: self.moment  # type: ignore[method-assign]
        self.accounts.create("ada", "Dr Ada", PASSWORD)
        self.recovery = self.accounts.enrol("ada", PASSWORD, self.secret, self.code())
        self.wait()

    def wait(self, seconds: float = 30) -> None:
        self.moment += timedelta(seconds=seconds)

    def code(self, steps: int = 0) -> str:
        return pyotp.HOTP(self.secret).at(int(self.moment.timestamp()) // 30 + steps)

    def proof(self) -> Proof:
        with pytest.raises(SecondFactorError) as needed:
            self.accounts.sign_in("ada", PASSWORD)
        assert isinstance(needed.value.proof, Proof)
        return needed.value.proof

    def sign_in(self, code: str | None = None) -> str:
        return self.accounts.sign_in_with_code(self.proof(), code or self.code())[1]

    def said(self) -> list[tuple[str, str]]:
        return [(line.deed.value, line.detail) for line in self.store.audit.entries()]


@pytest.fixture
def ada(repository: Repository) -> Reader:
    return Reader(repository)


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert matching_step(RFC_SECRET, code[2:], now) == seconds // 30
    assert matching_step(RFC_SECRET, "000000", now) == 0


def test_the_password_alone_opens_nothing(ada: Reader) -> None:
    assert ada.proof().name == "ada" and not ada.proof().must_enrol
    token = ada.sign_in()
    assert ada.accounts.account_of(token) is not None
    assert ada.said()[-1] == ("sign-in", "with a second factor")


def test_without_the_password_nobody_learns_that_there_is_one(ada: Reader) -> None:
    ada.accounts.create("bob", "Dr Bob", PASSWORD)
    said = set()
    for name in ("ada", "bob", "nobody"):
        with pytest.raises(AccessError) as refused:
            ada.accounts.sign_in(name, "wrong wrong wrong")
        said.add((type(refused.value), str(refused.value)))
    assert len(said) == 1


def test_a_code_counts_once_and_a_step_early_or_late(ada: Reader) -> None:
    ada.sign_in(ada.code())
    with pytest.raises(AccessError, match="used already"):
        ada.sign_in(ada.code())
    with pytest.raises(AccessError):
        ada.sign_in(ada.code(-1))  # older than the one that was used
    ada.sign_in(ada.code(1))
    ada.wait(300)
    ada.sign_in(ada.code(-1))
    for steps in (-3, -2, 2, 3):
        ada.wait(300)
        with pytest.raises(AccessError):
            ada.sign_in(ada.code(steps))
        ada.sign_in()


def test_the_code_of_the_enrolment_is_used_up(repository: Repository) -> None:
    ada = Reader(repository)
    ada.wait(-30)
    with pytest.raises(AccessError):
        ada.sign_in()


@pytest.mark.parametrize("typed", ["{} {}", " {}{} ", "{}\u2009{}"])
def test_a_code_may_be_typed_as_it_is_shown(ada: Reader, typed: str) -> None:
    code = ada.code()
    assert ada.sign_in(typed.format(code[:3], code[3:]))


def test_wrong_codes_lock_the_account_though_the_password_is_right_each_time(ada: Reader) -> None:
    for _ in range(5):
        with pytest.raises(AccessError):
            ada.sign_in("000000" if ada.code() != "000000" else "000001")
    with pytest.raises(AccessError, match="locked"):
        ada.accounts.sign_in("ada", PASSWORD)
    assert ("sign-in refused", "wrong code, now locked") in ada.said()


def test_a_proof_is_void_once_the_password_is_another(ada: Reader) -> None:
    proof = ada.proof()
    ada.accounts.reset_password("ada", "quite another password")
    with pytest.raises(AccessError):
        ada.accounts.sign_in_with_code(proof, ada.code())
    ada.accounts.reset_password("ada", PASSWORD)
    again = ada.proof()
    ada.accounts.create("bob", "Dr Bob", PASSWORD, roles=EVERYDAY)
    ada.accounts.disable("ada", by="bob")
    with pytest.raises(AccessError):
        ada.accounts.sign_in_with_code(again, ada.code())


def test_a_recovery_code_is_good_once(ada: Reader) -> None:
    assert len(set(ada.recovery)) == 10 and {len(code) for code in ada.recovery} == {19}
    assert ada.sign_in(ada.recovery[3].lower().replace("-", " "))
    assert ada.said()[-1] == ("sign-in", "with a recovery code, 9 left")
    with pytest.raises(AccessError):
        ada.sign_in(ada.recovery[3])
    assert ada.sign_in(ada.recovery[4])


def test_who_has_the_database_has_no_second_factor(ada: Reader, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "home" / "lightbox.db")) as rows:
        dump = "\n".join(rows.iterdump())
        (sealed,) = rows.execute("SELECT secret FROM second_factors").fetchone()
    for told in (ada.secret, ada.secret.encode().hex(), *ada.recovery):
        assert told not in dump and told.replace("-", "") not in dump
    assert ada.secret.encode() not in sealed
    key = tmp_path / "home-seal" / NAME
    assert key.stat().st_mode & 0o777 == 0o600 and len(key.read_bytes()) == 32


def test_a_secret_put_before_another_account_is_refused(ada: Reader, tmp_path: Path) -> None:
    ada.accounts.create("bob", "Dr Bob", PASSWORD)
    with closing(sqlite3.connect(tmp_path / "home" / "lightbox.db")) as rows:
        rows.execute("INSERT INTO second_factors SELECT 'bob', secret, 0, '[]' FROM second_factors")
        rows.commit()
    with pytest.raises(SecondFactorError) as needed:
        ada.accounts.sign_in("bob", PASSWORD)
    assert isinstance(needed.value.proof, Proof)
    with pytest.raises(StoreError):
        ada.accounts.sign_in_with_code(needed.value.proof, ada.code())


def test_without_the_key_nobody_gets_in_but_by_a_recovery_code(ada: Reader, tmp_path: Path) -> None:
    (tmp_path / "home-seal" / NAME).unlink()
    with pytest.raises(StoreError, match="reset-factor"):
        ada.sign_in()
    assert ada.sign_in(ada.recovery[0])


def test_a_new_seal_of_the_trail_leaves_the_second_factors(ada: Reader) -> None:
    ada.store.audit.rotate_key(account="terminal")
    assert ada.sign_in()


def test_a_second_factor_goes_along_in_a_backup(ada: Reader, tmp_path: Path) -> None:
    key = BackupKey.of_passphrase("some long passphrase")
    folder = tmp_path / "backups"
    made, _ = make_backup(ada.store, tmp_path / "home", folder, key, account="terminal")
    restore_backup(made, key, tmp_path / "elsewhere")
    with closing(Repository.open(tmp_path / "elsewhere")) as restored:
        restored._database.clock.now = lambda: ada.moment  # type: ignore[method-assign]
        with pytest.raises(SecondFactorError) as needed:
            restored.accounts.sign_in("ada", PASSWORD)
        assert isinstance(needed.value.proof, Proof)
        assert restored.accounts.sign_in_with_code(needed.value.proof, ada.code())


def test_a_signature_asks_for_both(ada: Reader) -> None:
    ada.accounts.confirm("ada", PASSWORD, ada.code())
    for password, code in (
        (PASSWORD, ada.code()),
        (PASSWORD, ""),
        ("wrong wrong", ada.code(1)),
    ):
        with pytest.raises(AccessError):
            ada.accounts.confirm("ada", password, code)
    ada.accounts.confirm("ada", PASSWORD, ada.code(1))


def test_it_is_made_and_removed_by_who_knows_the_password(ada: Reader) -> None:
    with pytest.raises(AccessError, match="already"):
        ada.accounts.enrol("ada", PASSWORD, new_secret(), "1")
    for password, code in (("wrong wrong", ada.code()), (PASSWORD, "000000")):
        with pytest.raises(AccessError):
            ada.accounts.remove_second_factor("ada", password, code)
    ada.accounts.remove_second_factor("ada", PASSWORD, ada.code())
    assert not ada.accounts.has_second_factor("ada")
    assert ada.accounts.account_of(ada.accounts.sign_in("ada", PASSWORD)[1])
    secret = new_secret()
    for password, code in (
        ("wrong wrong", pyotp.TOTP(secret).at(ada.moment)),
        (PASSWORD, ada.code()),
    ):
        with pytest.raises(AccessError):
            ada.accounts.enrol("ada", password, secret, code)
    assert not ada.accounts.has_second_factor("ada")


def test_a_lost_one_is_reset_and_the_trail_says_by_whom(ada: Reader) -> None:
    ada.accounts.reset_second_factor("ada", by="terminal")
    line = ada.store.audit.entries()[-1]
    assert (line.deed, line.account) == (AuditEvent.ACCOUNT, "terminal")
    assert line.detail == "second factor of ada reset"
    assert ada.accounts.sign_in("ada", PASSWORD)
    with pytest.raises(AccessError):
        ada.accounts.reset_second_factor("ada", by="terminal")
    with pytest.raises(NotFoundError):
        ada.accounts.reset_second_factor("eve", by="terminal")


@pytest.fixture
def demanding(repository: Repository) -> Iterator[Repository]:
    repository.accounts._factor_demanded = True
    repository.accounts.create("ada", "Dr Ada", PASSWORD)
    yield repository


def test_a_site_that_demands_one_lets_nobody_in_without(demanding: Repository) -> None:
    accounts, secret = demanding.accounts, new_secret()
    with pytest.raises(SecondFactorError) as needed:
        accounts.sign_in("ada", PASSWORD)
    proof = needed.value.proof
    assert isinstance(proof, Proof) and proof.must_enrol
    with pytest.raises(AccessError):
        accounts.sign_in_with_code(proof, "000000")
    with pytest.raises(AccessError):
        accounts.enrol_and_sign_in(proof, secret, "000000")
    now = demanding._database.clock.now()
    code = pyotp.TOTP(secret).at(now)
    _, token, recovery = accounts.enrol_and_sign_in(proof, secret, code)
    assert accounts.account_of(token) and len(recovery) == second_factor.RECOVERY_CODES
    with pytest.raises(AccessError, match="already"):  # the old proof opens no second way
        accounts.enrol_and_sign_in(proof, new_secret(), code)
    with pytest.raises(AccessError, match="demands"):
        accounts.remove_second_factor("ada", PASSWORD, code)


def test_it_holds_while_records_can_only_be_read(ada: Reader, tmp_path: Path) -> None:
    ada.store.close()
    with closing(open_for_reading(tmp_path / "home" / "lightbox.db", "a reason")) as rows:
        rows.seal_key = ada.store._database.seal_key
        rows.clock.now = lambda: ada.moment  # type: ignore[method-assign]
        accounts = type(ada.accounts)(rows)
        with pytest.raises(SecondFactorError) as needed:
            accounts.sign_in("ada", PASSWORD)
        proof = needed.value.proof
        assert isinstance(proof, Proof)
        token = accounts.sign_in_with_code(proof, ada.code())[1]
        assert accounts.account_of(token)
        assert accounts.sign_in_with_code(proof, ada.recovery[0])
        for code in (ada.code(), ada.recovery[0], "000000", "000001", "000002"):
            with pytest.raises(AccessError):
                accounts.sign_in_with_code(proof, code)
        ada.wait(30)
        with pytest.raises(AccessError, match="locked"):
            accounts.sign_in_with_code(proof, ada.code())
