"""The second factor at the door, on the Account page and at a signature."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pyotp
import pytest
from streamlit.testing.v1 import AppTest

from imaging.errors import SecondFactorError
from imaging.store import Repository
from imaging.store.access.second_factor import new_secret
from pages.ui import autosave, session
from pages.ui.wall.cookie import NAME
from tests.pages.account.street import PASSWORD, Answer, Street, cookie
from tests.pages.conftest import Cookies, OpenPage, words

_HANDLE = re.compile(r'name="proof" value="([^"]+)"')
_KEY = re.compile(r"<code>((?:[A-Z2-7]{4} ?)+)</code>")


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.HOTP(secret).at(int(datetime.now(UTC).timestamp()) // 30 + steps)


def handle_of(answer: Answer) -> str:
    found = _HANDLE.search(answer[2])
    assert found, answer[2]
    return found[1]


@pytest.fixture
def secret(repository: Repository) -> str:
    """Ada's, of a moment ago: the code of the next step is not used yet."""
    made = new_secret()
    repository.accounts.create("ada", "Dr Ada", PASSWORD)
    repository.accounts.enrol("ada", PASSWORD, made, code_of(made, -1))
    return made


def test_the_password_gets_a_form_for_the_code_and_no_cookie(
    repository: Repository, secret: str
) -> None:
    street = Street(repository)
    form = {"name": "ada", "password": PASSWORD, "next": "/review?study=1.2"}
    asked = street.ask("/sign-in", form)
    assert asked[0] == 200 and "set-cookie" not in asked[1]
    assert 'autocomplete="one-time-code"' in asked[2] and 'type="password"' not in asked[2]
    assert secret not in asked[2] and PASSWORD not in asked[2]
    code = {"proof": handle_of(asked), "code": code_of(secret), "next": "/review?study=1.2"}
    status, headers, _ = entered = street.ask("/sign-in", code)
    assert status == 303 and headers["location"] == "/review?study=1.2"
    account = repository.accounts.account_of(cookie(entered).value)
    assert account is not None and account.name == "ada"
    assert street.ask("/sign-in", code)[0] == 403, "form and code are used up"


def test_a_wrong_code_may_be_typed_again_and_shuts_the_address_out(
    repository: Repository, secret: str
) -> None:
    street = Street(repository)
    handle = handle_of(street.sign_in())
    wrong = street.ask("/sign-in", {"proof": handle, "code": "000 000"})
    assert wrong[0] == 403 and "used already" in wrong[2] and handle_of(wrong) == handle
    statuses = [street.ask("/sign-in", {"proof": handle, "code": "1"})[0] for _ in range(4)]
    assert statuses == [403, 403, 403, 429]
    assert street.sign_in()[0] == 429, "the password again opens no way round"
    assert street.sign_in(address="10.0.0.9")[0] == 200, "the reader is not shut out"


@pytest.mark.parametrize("handle", ["", "x", "é"])
def test_nobody_types_a_code_before_the_password(
    repository: Repository, secret: str, handle: str
) -> None:
    status, headers, _ = Street(repository).ask(
        "/sign-in", {"proof": handle, "code": code_of(secret), "name": "ada"}
    )
    assert status == 403 and "set-cookie" not in headers


def test_a_site_that_demands_one_has_it_made_at_the_door(repository: Repository) -> None:
    repository.accounts.create("ada", "Dr Ada", PASSWORD)
    repository.accounts._factor_demanded = True
    street = Street(repository)
    form = street.ask("/sign-in", {"name": "ada", "password": PASSWORD, "next": "/triage"})
    shown = _KEY.search(form[2])
    assert form[0] == 200 and "set-cookie" not in form[1] and shown and "<svg" in form[2]
    secret = shown[1].replace(" ", "")
    wrong = street.ask("/sign-in", {"proof": handle_of(form), "code": "1"})
    assert wrong[0] == 403 and shown[0] in wrong[2], "the key stays the same"
    made = street.ask(
        "/sign-in", {"proof": handle_of(form), "code": code_of(secret), "next": "/triage"}
    )
    codes = re.findall(r"<li><code>([A-Z2-7-]{19})</code>", made[2])
    assert made[0] == 200 and len(codes) == 10 and 'href="/triage"' in made[2]
    assert repository.accounts.account_of(cookie(made).value)
    again = street.sign_in()
    assert again[0] == 200 and not _KEY.search(again[2])
    entered = street.ask("/sign-in", {"proof": handle_of(again), "code": codes[0]})
    assert entered[0] == 303


def test_a_locked_screen_opens_for_the_password(repository: Repository, secret: str) -> None:
    """The browser holds the sign-in, which a code began."""
    street = Street(repository)
    proof = handle_of(street.sign_in())
    token = cookie(street.ask("/sign-in", {"proof": proof, "code": code_of(secret)})).value
    repository.accounts.lock(token)
    held = {"cookie": f"{NAME}={token}"}
    assert street.ask("/sign-in", {"unlock": "1", "password": PASSWORD}, **held)[0] == 303


# On the pages


@pytest.fixture
def ada(store: Repository, monkeypatch: pytest.MonkeyPatch, cookies: Cookies) -> Repository:
    """Readers sign in; Ada did, with a password."""
    monkeypatch.delenv("LIGHTBOX_SINGLE_READER")
    store.accounts.create("ada", "Dr Ada", PASSWORD)
    cookies[NAME] = store.accounts.sign_in("ada", PASSWORD)[1]
    return store


def press(page: AppTest, label: str) -> AppTest:
    return next(b for b in page.button if b.label == label).click().run()


def test_a_reader_turns_it_on_and_off(open_page: OpenPage, ada: Repository) -> None:
    page = open_page("pages/account.py")
    secret = next(c.value for c in page.code if _KEY.fullmatch(f"<code>{c.value}</code>"))
    secret = secret.replace(" ", "")
    page.text_input(key="factor-password").set_value("wrong wrong")
    page.text_input(key="factor-code").set_value(code_of(secret, -1))
    page = press(page, "Turn on")
    assert not ada.accounts.has_second_factor("ada") and "do not match" in words(page)
    page.text_input(key="factor-password").set_value(PASSWORD)
    page.text_input(key="factor-code").set_value(code_of(secret, -1))
    page = press(page, "Turn on")
    assert ada.accounts.has_second_factor("ada")
    (codes,) = (c.value.split("\n") for c in page.code if "\n" in c.value)
    assert len(codes) == 10 and secret not in words(page)
    page = press(page.run(), "I have kept them")
    assert not [c for c in page.code if codes[0] in c.value]
    with pytest.raises(SecondFactorError):
        ada.accounts.sign_in("ada", PASSWORD)
    page.text_input(key="no-factor-password").set_value(PASSWORD)
    page.text_input(key="no-factor-code").set_value(code_of(secret))
    press(page, "Turn off")
    assert not ada.accounts.has_second_factor("ada")


def test_a_final_signature_asks_for_the_code_too(
    open_page: OpenPage, ada: Repository, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_SIGNATURE_PASSWORD", "1")
    secret = new_secret()
    ada.accounts.enrol("ada", PASSWORD, secret, code_of(secret, -1))
    page = open_page("pages/review.py", study=study)
    says = page.segmented_control(key=session.field(study, "says-pneumonia"))
    page = says.set_value("absent").run()
    for code, signs in (("", False), ("000000", False), (code_of(secret), True)):
        page.text_input(key=session.field(study, autosave.PASSWORD)).set_value(PASSWORD)
        page.text_input(key=session.field(study, autosave.CODE)).set_value(code)
        page = press(page, "Sign final")
        assert (ada.studies.get(study).final is not None) is signs, words(page)
