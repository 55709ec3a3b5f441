"""The Account page says whether the data folder is encrypted, and what opens it."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.settings import Settings
from imaging.store import Repository
from imaging.store.opening.key_changes import renew_recovery_key
from imaging.store.opening.opening import encrypt_new
from tests.pages.conftest import OpenPage, words

PAGE = "pages/account.py"


def test_a_plain_folder_is_said_to_be_one(open_page: OpenPage, store: Repository) -> None:
    page = open_page(PAGE)
    assert "lie unencrypted on the disk" in page.warning[0].value
    assert "are encrypted" not in words(page)


def test_an_encrypted_one_says_what_opens_it(open_page: OpenPage, home: Path) -> None:
    encrypt_new(home)
    page = open_page(PAGE)
    assert "encrypted, opened by: a key file." in words(page)
    assert "no recovery key" in page.warning[0].value
    renew_recovery_key(Settings(home=home))
    page = open_page(PAGE)
    assert "a key file, the printed recovery key." in words(page)
    assert "recovery key was made on" in words(page) and not page.warning


def test_without_its_key_no_page_shows_anything_else(
    open_page: OpenPage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encrypt_new(home)
    monkeypatch.setenv("LIGHTBOX_KEY_FILE", str(home.parent / "none"))
    page = open_page(PAGE)
    said = " ".join(one.value for one in page.error)
    assert "no key of it is here" in said, said
    assert not (home / "lightbox.db").exists()
