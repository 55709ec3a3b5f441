"""The door: who gets a cookie, which one, and how often somebody may try."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from imaging.errors import SettingsError
from imaging.store import Repository
from pages.ui.wall.cookie import NAME
from tests.catalogues import catalogues, write_catalogue
from tests.pages.account.street import PASSWORD, Street, cookie


@pytest.fixture
def ada(repository: Repository) -> Repository:
    """A store with one account."""
    repository.accounts.create("ada", "Dr Ada", PASSWORD)
    return repository


def test_the_right_password_gives_a_cookie_that_no_script_sees(ada: Repository) -> None:
    answer = Street(ada).sign_in()
    found = cookie(answer)
    assert answer[0] == 303 and answer[1]["location"] == "/"
    assert found.key == "lightbox_session" and found["httponly"] and found["path"] == "/"
    assert found["samesite"] == "strict" and not found["secure"] and not found["domain"]
    account = ada.accounts.account_of(found.value)
    assert account is not None and account.name == "ada"


def test_with_tls_no_other_host_can_set_the_cookie(ada: Repository) -> None:
    found = cookie(Street(ada, secure=True).sign_in())
    assert found.key == "__Host-lightbox_session" and found["secure"] and not found["domain"]


def test_a_new_sign_in_ends_the_one_of_before_in_that_browser(ada: Repository) -> None:
    street = Street(ada)
    before = cookie(street.sign_in()).value
    after = cookie(street.sign_in(cookie=f"lightbox_session={before}")).value
    assert before != after, "a cookie that somebody planted is nobody's sign-in"
    assert ada.accounts.account_of(before) is None and ada.accounts.account_of(after)


def test_a_wrong_password_says_no_more_than_that_and_gives_nothing(ada: Repository) -> None:
    street = Street(ada)
    known, unknown = street.sign_in("wrong wrong"), street.ask("/sign-in", {"name": "eve"})
    for status, headers, text in (known, unknown):
        assert status == 403 and "do not match" in text and "set-cookie" not in headers


@pytest.mark.parametrize("where", ["//evil.example/", "/\\evil.example", "https://evil.example"])
def test_one_is_led_back_into_lightbox_and_nowhere_else(ada: Repository, where: str) -> None:
    street = Street(ada)
    form = {"name": "ada", "password": PASSWORD, "next": "/review?study=1.2"}
    assert street.ask("/sign-in", form)[1]["location"] == "/review?study=1.2"
    led = street.ask("/sign-in", {**form, "next": where})[1]["location"]
    assert led.startswith("/") and led[1] not in "/\\"


def test_guessing_shuts_the_address_and_not_the_reader(ada: Repository) -> None:
    """Four tries: the account would be locked for everybody by the fifth failure."""
    street = Street(ada)
    said = [street.sign_in("wrong wrong", address="10.6.6.6")[0] for _ in range(8)]
    assert said == [403] * 4 + [429] * 4
    assert street.sign_in(address="10.6.6.6")[0] == 429
    assert street.sign_in(address="10.0.0.1")[0] == 303, "from her own desk"


def test_an_address_cannot_try_every_name(ada: Repository) -> None:
    street = Street(ada)
    said = [
        street.ask("/sign-in", {"name": f"n{number}", "password": "wrong wrong"})[0]
        for number in range(25)
    ]
    assert said == [403] * 20 + [429] * 5


def test_who_signs_in_often_is_not_shut_out(ada: Repository) -> None:
    street = Street(ada)
    assert {street.sign_in()[0] for _ in range(25)} == {303}


def test_behind_a_proxy_the_client_is_whom_it_names(ada: Repository) -> None:
    street = Street(ada, behind_proxy=True)
    for number in range(6):  # what a guesser writes before it is not believed
        forged = {"x_forwarded_for": f"1.1.1.{number}, 10.6.6.6"}
        status = street.sign_in("wrong wrong", address="127.0.0.1", **forged)[0]
        assert status == (403 if number < 4 else 429)
    assert street.sign_in(address="127.0.0.1", x_forwarded_for="10.0.0.1")[0] == 303


def test_the_address_told_opens_for_one_reader_once(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    street = Street(repository, single_reader="Dr A")
    opening = f"/open?token={street.token()}"
    for guess in ("", "?token=", "?token=guess", "?token=%C3%A9"):
        status, headers, text = street.ask(f"/open{guess}")
        assert status == 403 and "set-cookie" not in headers and "<form" not in text
    first = street.ask(opening)
    token = cookie(first).value
    assert first[0] == 303 and repository.accounts.account_of(token) is not None
    assert street.ask(opening)[0] == 403
    assert cookie(street.ask(opening, cookie=f"lightbox_session={token}")).value == token
    assert f"/open?token={street.token()}" in capsys.readouterr().out, "for the next browser"
    assert street.ask("/sign-in", {"name": "single-reader", "password": ""})[0] == 403


def test_a_browser_is_told_to_forget_a_cookie_that_opens_nothing(ada: Repository) -> None:
    found = cookie(Street(ada).ask("/sign-in", cookie="lightbox_session=old"))
    assert found.value == "" and found["max-age"] == "0"


def test_the_form_is_in_the_browsers_language_and_runs_nothing(
    ada: Repository, tmp_path: Path
) -> None:
    words = Catalog(locale="zh_CN")
    words.add("Sign-in name", "登录名")
    write_catalogue(tmp_path, words)
    street, kept = Street(ada), "lightbox_language="
    with catalogues(tmp_path):
        _, headers, text = street.ask("/sign-in", accept_language="zh-CN,en;q=0.8")
        other = street.ask("/sign-in", accept_language="fr,en;q=0.8,zh;q=0.5")[2]
        chosen = street.ask("/sign-in", accept_language="en", cookie=f"{kept}zh_CN")[2]
        back = street.ask("/sign-in", accept_language="zh-CN", cookie=f"{kept}en")[2]
    assert '<html lang="zh-CN"' in text and "登录名" in text and "<script" not in text
    assert '<html lang="en"' in other and "Sign-in name" in other
    assert "登录名" in chosen and "Sign-in name" in back, "what was chosen here last comes first"
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_what_is_typed_is_no_html(ada: Repository) -> None:
    form = {"name": "<script>", "password": "x", "next": '/"><script>'}
    text = Street(ada).ask("/sign-in", form)[2]
    assert "<script" not in text


def test_a_form_that_is_too_long_is_not_read(ada: Repository) -> None:
    assert Street(ada).ask("/sign-in", {"name": "x" * 10_000})[0] == 403


def test_a_store_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    street = Street(lambda: Repository.open(tmp_path / "file" / "home"))
    status, _, text = street.ask("/sign-in")
    assert status == 503 and "HOME names a folder" in text and "Traceback" not in text


def locked(street: Street, store: Repository) -> dict[str, Any]:
    """The Cookie header of a browser whose screen is locked."""
    token = cookie(street.sign_in()).value
    store.accounts.lock(token)
    return {"cookie": f"lightbox_session={token}"}


def test_a_locked_screen_opens_for_its_readers_password_alone(ada: Repository) -> None:
    street = Street(ada)
    held = locked(street, ada)
    status, headers, text = street.ask("/sign-in", **held)
    assert status == 200 and "Screen locked" in text and "Dr Ada" in text
    assert "set-cookie" not in headers, "the sign-in goes on"
    status, _, text = street.ask("/sign-in", {"unlock": "1", "password": "wrong wrong"}, **held)
    assert status == 403 and "do not match" in text and "Screen locked" in text
    unlocked = street.ask(
        "/sign-in", {"unlock": "1", "password": PASSWORD, "next": "/review?study=1.2"}, **held
    )
    assert unlocked[0] == 303 and unlocked[1]["location"] == "/review?study=1.2"
    assert held["cookie"].endswith(cookie(unlocked).value)
    assert ada.accounts.account_of(cookie(unlocked).value)


def test_guesses_at_a_locked_screen_count_as_at_the_form(ada: Repository) -> None:
    street = Street(ada)
    held = locked(street, ada)
    guess = {"unlock": "1", "password": "wrong wrong"}
    statuses = [street.ask("/sign-in", guess, **held)[0] for _ in range(6)]
    assert statuses[0] == 403 and statuses[-1] == 429


def test_a_locked_screen_can_be_left(ada: Repository) -> None:
    street = Street(ada)
    held = locked(street, ada)
    left = street.ask("/sign-in", {"leave": "1"}, **held)
    assert left[0] == 303 and cookie(left).value == ""
    assert ada.accounts.find_sign_in(held["cookie"].partition("=")[2]) is None


def test_whose_sign_in_has_ended_reads_that_nothing_was_done(ada: Repository) -> None:
    street = Street(ada)
    assert "has ended" not in street.ask("/sign-in")[2]
    token = cookie(street.sign_in()).value
    assert "has ended" not in street.ask("/sign-in", cookie=f"{NAME}={token}")[2]
    ada.accounts.sign_out(token)
    told = street.ask("/sign-in", cookie=f"{NAME}={token}")[2]
    assert "Your sign-in has ended. What was pressed since then was not done." in told


def test_nobody_unlocks_what_has_ended(ada: Repository) -> None:
    street = Street(ada)
    held = locked(street, ada)
    ada.accounts.sign_out_everywhere("ada")
    answer = street.ask("/sign-in", {"unlock": "1", "password": PASSWORD}, **held)
    assert answer[0] == 403 and "Sign in" in answer[2]


def test_the_first_account_is_shown_the_recovery_key_once(repository: Repository) -> None:
    made = ["AAAA-BBBB"]
    street = Street(repository, recovery_key=lambda: made.pop() if made else "")
    form = {
        "reader": "Dr Ada",
        "name": "ada",
        "password": "correct horse battery staple",
        "token": street.token(),
    }
    status, headers, text = street.ask("/sign-in", form)
    assert status == 200 and "AAAA-BBBB" in text and 'href="/"' in text and "<script" not in text
    assert headers["cache-control"] == "no-store"
    token = SimpleCookie(headers["set-cookie"])["lightbox_session"].value
    assert repository.accounts.account_of(token) is not None
    later = street.sign_in("correct horse battery staple")
    assert later[0] == 303 and "AAAA" not in later[2]


def test_without_a_recovery_key_the_first_account_is_let_in_all_the_same(
    repository: Repository,
) -> None:
    def fail() -> str:
        raise SettingsError("It cannot be written.")

    street = Street(repository, recovery_key=fail)
    form = {"reader": "Dr Ada", "name": "ada", "password": PASSWORD, "token": street.token()}
    assert street.ask("/sign-in", form)[0] == 303
