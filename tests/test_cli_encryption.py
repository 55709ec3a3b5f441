"""Encryption at rest from the terminal: there, back, every way in, and words where that fails."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import app
from imaging.commands.prepare import main as prepare
from imaging.errors import ConflictError, InputError, SettingsError, StoreLockedError
from imaging.settings import Settings
from imaging.store import Repository
from imaging.store.encryption.finding import default_key_file
from imaging.store.encryption.protection import FILE
from imaging.store.encryption.sqlite_file import is_plain
from imaging.store.opening.opening import open_store

PASSPHRASE = "several words that rarely meet"
Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plain store, which the settings name."""
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LIGHTBOX_DATABASE", "")
    Repository.open(tmp_path / "home").close()
    return tmp_path / "home"


@pytest.fixture
def run() -> Run:
    """Run a command on it; `typed` is what somebody types."""

    def invoke(*words: str, typed: str = "") -> Result:
        said = CliRunner().invoke(app, list(words), input=typed)
        gc.collect()  # as the end of a process: what it had open is closed
        return said

    return invoke


def recovery_key(said: Result) -> str:
    found = re.search(r"(?:[0-9A-Z]{4}-){8}[0-9A-Z]{4}", said.output)
    assert found is not None, said.output
    return found[0]


def deeds(home: Path) -> list[str]:
    with closing(open_store(Settings.from_environment())) as store:
        return [e.detail for e in store.audit.entries() if e.deed == "encryption"]


def test_there_and_back(run: Run, home: Path) -> None:
    there = run("encrypt")
    assert there.exit_code == 0, there.output
    assert "is encrypted" in there.output and recovery_key(there)
    assert not is_plain(home / "lightbox.db")
    verified = run("audit", "verify")
    assert "unbroken" in verified.output
    again = run("encrypt")
    assert again.exit_code == 0 and "Recovery key" not in again.output
    back = run("decrypt", "--yes")
    assert back.exit_code == 0 and is_plain(home / "lightbox.db") and not (home / FILE).exists()
    assert deeds(home) == [
        "encrypted; opened by file-1, recovery-1",
        "encrypted; opened by file-1, recovery-1",
        "decrypted",
    ]
    assert isinstance(run("decrypt", "--yes").exception, ConflictError)


def test_the_recovery_key_gives_a_lost_key_file_back(run: Run, home: Path) -> None:
    printed = recovery_key(run("encrypt"))
    default_key_file(home).unlink()
    before = sorted(path.name for path in home.rglob("*"))
    assert isinstance(run("audit", "verify").exception, StoreLockedError)
    assert isinstance(run("key", "add", "--by", "file").exception, StoreLockedError)
    assert not default_key_file(home).exists()
    assert sorted(path.name for path in home.rglob("*")) == before
    wrong = run("key", "recover", typed=f"{printed[:-1]}{'7' if printed[-1] != '7' else '8'}\n")
    assert isinstance(wrong.exception, InputError)
    assert run("key", "recover", typed=f"{printed.lower()}\n").exit_code == 0
    assert "unbroken" in run("audit", "verify").output
    assert [line.split("\t")[0] for line in run("key", "list").output.splitlines()] == [
        "file-1",
        "recovery-1",
        "file-2",
    ]


def test_a_new_recovery_key_takes_the_place_of_the_old_one(run: Run, home: Path) -> None:
    old = recovery_key(run("encrypt"))
    new = recovery_key(run("key", "recovery"))
    default_key_file(home).unlink()
    assert isinstance(run("key", "recover", typed=f"{old}\n").exception, StoreLockedError)
    assert run("key", "recover", typed=f"{new}\n").exit_code == 0


def test_a_passphrase_takes_the_place_of_the_key_file(
    run: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("encrypt")
    typed = f"{PASSPHRASE}\n{PASSPHRASE}\n"
    assert run("key", "add", "--by", "passphrase", typed=typed).exit_code == 0
    unopened = run("key", "remove", "file-1")
    assert isinstance(unopened.exception, StoreLockedError), "the passphrase was not given"
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    monkeypatch.setenv("LIGHTBOX_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    assert run("key", "remove", "file-1").exit_code == 0
    default_key_file(home).unlink()
    assert "unbroken" in run("audit", "verify").output
    assert isinstance(run("key", "remove", "passphrase-1").exception, ConflictError)


def test_what_cannot_be_is_told(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(run("key", "list").exception, ConflictError)
    assert isinstance(run("encrypt", "--by", "recovery").exception, InputError)
    monkeypatch.setenv("LIGHTBOX_ENCRYPTION", "maybe")
    assert isinstance(run("encrypt").exception, SettingsError)
    assert is_plain(home / "lightbox.db")


def test_the_first_account_gets_the_recovery_key_of_a_new_store_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "new"))
    monkeypatch.setenv("LIGHTBOX_DATABASE", "")
    monkeypatch.setenv("LIGHTBOX_ENCRYPTION", "on")
    secret = ("--password", "correct horse battery staple")
    first = run("account", "add", "ada", "--reader", "Dr Ada", *secret)
    assert first.exit_code == 0 and recovery_key(first)
    assert not is_plain(tmp_path / "new" / "lightbox.db")
    second = run("account", "add", "bea", "--reader", "Dr Bea", *secret)
    assert second.exit_code == 0 and "Recovery key" not in second.output
    default_key_file(tmp_path / "new").unlink()
    recovered = run("key", "recover", typed=f"{recovery_key(first)}\n")
    assert recovered.exit_code == 0, recovered.output


def test_who_starts_lightbox_is_told(
    run: Run, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare() == 0
    assert "not encrypted; `python cli.py encrypt`" in capsys.readouterr().out
    run("encrypt")
    assert prepare() == 0
    assert capsys.readouterr().out.strip().endswith("(encrypted)")
    default_key_file(home).unlink()
    assert prepare() == 2
    assert "no key of it is here" in capsys.readouterr().err
