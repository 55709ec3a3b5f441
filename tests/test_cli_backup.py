"""Backups from the terminal: made, checked, put back; and in words where that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import app
from imaging.commands.backups import PASSPHRASE
from imaging.errors import ConflictError, StoreError
from imaging.store import Repository
from imaging.store.encryption.finding import default_key_file
from imaging.store.opening.opening import encrypt_new
from pages.ui import resources

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the store of the test."""
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(PASSPHRASE, "a passphrase of mine")
    monkeypatch.setenv("LIGHTBOX_DATABASE", "")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_made_checked_and_put_back(run: Run, tmp_path: Path, repository: Repository) -> None:
    repository.jobs.add([("film.dcm", b"film")])
    made = run("backup", tmp_path / "to")
    assert made.exit_code == 0, made.output
    assert "1 originals; keys and other files: beside/seal/key.json." in made.output
    checked = run("verify", only(tmp_path / "to"))
    assert "every hash is right" in checked.output
    restored = run("restore", only(tmp_path / "to"), "--into", tmp_path / "new")
    assert "Audit trail: " in restored.output and "unbroken" in restored.output
    assert a_passphrase_nowhere(tmp_path / "new")


def a_passphrase_nowhere(folder: Path) -> bool:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return not any(b"a passphrase of mine" in path.read_bytes() for path in files)


def test_a_key_file_instead(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSPHRASE)
    assert run("backup-key", tmp_path / "key").exit_code == 0
    assert run("backup", tmp_path / "to", "--key", tmp_path / "key").exit_code == 0
    run("backup-key", tmp_path / "other")
    refused = run("verify", only(tmp_path / "to"), "--key", tmp_path / "other")
    assert isinstance(refused.exception, StoreError)


def test_the_folder_in_use_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    run("backup", tmp_path / "to")
    refused = run("restore", only(tmp_path / "to"))
    assert isinstance(refused.exception, ConflictError)


def test_a_daily_backup_is_made_at_start_and_its_failure_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("backup-key", tmp_path / "key")
    monkeypatch.setenv("LIGHTBOX_BACKUP", str(tmp_path / "to"))
    monkeypatch.setenv("LIGHTBOX_BACKUP_KEY", str(tmp_path / "key"))
    resources.settings.clear()
    resources.repository.clear()
    assert resources._try_backup() == ""
    assert only(tmp_path / "to").suffix == ".backup"
    (tmp_path / "key").unlink()
    assert "key file of the backups cannot be read" in resources._try_backup()
    resources.settings.clear()
    resources.repository.clear()


def test_of_an_encrypted_folder_it_says_what_opens_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "encrypted"
    monkeypatch.setenv("LIGHTBOX_HOME", str(home))
    encrypt_new(home)
    assert "encryption.key" in run("backup", tmp_path / "to").output
    (backup,) = (tmp_path / "to").iterdir()
    restored = run("restore", backup, "--into", tmp_path / "new")
    key_file = default_key_file(tmp_path / "new")
    assert f"its key file is {key_file}" in restored.output.replace("\n", "")
    assert key_file.is_file() and "unbroken" in restored.output
