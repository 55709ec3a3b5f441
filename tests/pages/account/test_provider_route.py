"""Signing in by a real provider, and by one that lies: there, back, locked, confirmed and out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest

from imaging.openid.provider import OpenIdProvider
from imaging.openid.settings import OpenIdSettings
from imaging.review.roles import EVERYDAY, Role
from imaging.store import Repository
from pages.ui.wall.cookie import BEGUN, NAME
from tests.openid.harness import LIES, RealProvider, run_provider
from tests.pages.account.street import PASSWORD, Answer, Street, cookie

BASE = "http://here:1"
_LINK = re.compile(r'href="(/sign-in/provider[^"]*)"')
_ONWARD = re.compile(r'content="0; url=([^"]+)"')
EVENTS: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    with run_provider(tmp_path_factory.mktemp("provider"), BASE) as found:
        yield found


@pytest.fixture
def real(running: RealProvider) -> Iterator[RealProvider]:
    running.control(tamper="")
    yield running
    running.control(tamper="")


class Desk:
    """A browser: at Lightbox with these cookies, at the provider with those of the other."""

    def __init__(self, street: Street, provider: RealProvider) -> None:
        self.street, self.provider, self.elsewhere = street, provider, provider.browser()
        self.cookies: dict[str, str] = {}

    @property
    def token(self) -> str:
        return self.cookies.get(NAME, "")

    def ask(self, path: str, form: dict[str, str] | None = None) -> Answer:
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.street.ask(path, form, **({"cookie": sent} if sent else {}))
        if "set-cookie" in answer[1]:
            found = cookie(answer)
            if found["max-age"] == "0":
                self.cookies.pop(found.key, None)
            else:
                self.cookies[found.key] = found.value
        return answer

    def go(self, path: str, login: str) -> str:
        """To the provider and back; the address that it leads to here."""
        led = self.ask(path)
        assert led[0] == 303, led[2]
        back = urlsplit(self.elsewhere.sign_in(led[1]["location"], login))
        return f"{back.path}?{back.query}"

    def sign_in(self, login: str = "kim", path: str = "/sign-in/provider") -> Answer:
        return self.ask(self.go(path, login))


@pytest.fixture
def street(repository: Repository, real: RealProvider) -> Street:
    repository.accounts.create("root", "The Administrator", PASSWORD, roles=EVERYDAY)
    settings = OpenIdSettings.from_environment(real.variables)
    assert settings is not None
    return Street(repository, provider=OpenIdProvider(settings))


@pytest.fixture
def desk(street: Street, real: RealProvider) -> Desk:
    return Desk(street, real)


def said(repository: Repository) -> list[tuple[str, str, str]]:
    return [(x.deed.value, x.account, x.detail) for x in repository.audit.entries()]


def test_the_provider_comes_first_and_leads_to_a_session_here(
    desk: Desk, repository: Repository
) -> None:
    page = desk.ask("/sign-in")[2]
    link = unescape(_LINK.findall(page)[0])
    assert page.index("/sign-in/provider") < page.index("<form") and "<details>" in page
    answer = desk.sign_in(path=link)
    assert answer[0] == 303 and answer[1]["location"] == "/"
    found = cookie(answer)
    assert found.key == NAME and found["httponly"] and found["samesite"] == "strict"
    account = repository.accounts.account_of(desk.token)
    assert account is not None and account.reader == "Dr Kim"
    assert account.roles == {Role.READER, Role.SIGNER}


def test_the_browser_that_began_is_known_by_a_cookie_that_comes_back_with_a_link(
    desk: Desk,
) -> None:
    found = cookie(desk.ask("/sign-in/provider"))
    assert found.key == BEGUN and found["samesite"] == "lax" and found["httponly"]
    assert found["max-age"] == "600"


def test_one_is_led_back_into_lightbox_and_nowhere_else(desk: Desk) -> None:
    answer = desk.sign_in(path="/sign-in/provider?next=/review%3Fstudy%3D1.2")
    assert answer[1]["location"] == "/review?study=1.2"
    led = desk.sign_in(path="/sign-in/provider?next=//evil.example/")[1]["location"]
    assert led.startswith("/") and led[1] not in "/\\"


@pytest.mark.parametrize("lie", list(LIES))
def test_a_provider_that_lies_signs_nobody_in(
    desk: Desk, real: RealProvider, repository: Repository, lie: str
) -> None:
    real.control(tamper=lie)
    answer = desk.sign_in()
    assert answer[0] == 403 and "proves nothing" in answer[2] and not desk.token
    deed, account, detail = said(repository)[-1]
    assert (deed, account) == ("sign-in refused", "") and LIES[lie] in detail
    assert [a.name for a in repository.accounts.all()] == ["root"]


def test_the_answer_is_good_once_and_in_the_browser_that_began(
    desk: Desk, street: Street, real: RealProvider
) -> None:
    back = desk.go("/sign-in/provider", "kim")
    stranger = Desk(street, real)
    assert stranger.ask(back)[0] == 403 and not stranger.token, "a link that somebody sent"
    back = desk.go("/sign-in/provider", "kim")
    assert desk.ask(back)[0] == 303
    again = desk.ask(back)
    assert again[0] == 403 and "set-cookie" not in again[1]
    assert desk.ask("/sign-in/returned?code=x&state=y")[0] == 403
    assert desk.ask("/sign-in/returned")[0] == 403


def test_a_state_of_another_sign_in_of_the_same_browser_is_refused(desk: Desk) -> None:
    first, second = (desk.go("/sign-in/provider", "kim") for _ in range(2))
    state = re.search(r"state=[^&]+", first)
    assert state is not None
    crossed = re.sub(r"state=[^&]+", state[0], second)
    assert desk.ask(crossed)[0] == 403 and not desk.token


def test_two_tabs_sign_in_one_after_the_other(desk: Desk) -> None:
    first, second = (desk.go("/sign-in/provider", "kim") for _ in range(2))
    assert desk.ask(first)[0] == 303 and desk.ask(second)[0] == 303


def test_a_cookie_that_somebody_planted_is_nobodys_sign_in(
    desk: Desk, repository: Repository
) -> None:
    before = repository.accounts.sign_in("root", PASSWORD)[1]
    desk.cookies[NAME] = before
    desk.sign_in()
    assert desk.token != before and repository.accounts.account_of(before) is None


@pytest.mark.parametrize(
    ("login", "words"), [("eve", "none of your groups"), ("new", "none of your groups"),
                         ("deny", "let nobody in")]
)  # fmt: skip
def test_who_may_not_is_told_why(desk: Desk, login: str, words: str) -> None:
    answer = desk.sign_in(login)
    assert answer[0] == 403 and words in answer[2] and not desk.token and "<b>" not in answer[2]


def test_groups_are_roles_and_those_of_now(
    desk: Desk, real: RealProvider, repository: Repository
) -> None:
    desk.sign_in()
    accounts = dict(real._settings["accounts"])
    real.control(accounts={**accounts, "kim": {**accounts["kim"], "groups": ["CN=it,OU=ward"]}})
    try:
        desk.sign_in()
    finally:
        real.control(accounts=accounts)
    account = repository.accounts.account_of(desk.token)
    assert account is not None and account.roles == {Role.ADMINISTRATOR}


def test_a_disabled_account_is_out_though_the_provider_says_yes(
    desk: Desk, repository: Repository
) -> None:
    desk.sign_in()
    repository.accounts.disable("kim", by="root")
    answer = desk.sign_in()
    assert answer[0] == 403 and "disabled" in answer[2]
    assert repository.accounts.account_of(desk.token) is None


def test_a_provider_that_is_down_is_a_sentence_and_the_local_account_remains(
    repository: Repository, real: RealProvider, tmp_path: Any
) -> None:
    repository.accounts.create("root", "The Administrator", PASSWORD)
    settings = OpenIdSettings.from_environment(
        {**real.variables, "LIGHTBOX_OIDC_ISSUER": "https://127.0.0.1:1"}
    )
    assert settings is not None
    street = Street(repository, provider=OpenIdProvider(settings))
    status, _, text = street.ask("/sign-in/provider")
    assert status == 503 and "does not answer" in text and 'name="password"' in text
    entered = street.ask("/sign-in", {"name": "root", "password": PASSWORD})
    assert entered[0] == 303 and repository.accounts.account_of(cookie(entered).value)
    assert ("break-glass", "root", "") in said(repository)


def test_a_provider_that_goes_down_in_between_signs_nobody_in(
    repository: Repository, tmp_path: Any
) -> None:
    repository.accounts.create("root", "The Administrator", PASSWORD)
    with run_provider(tmp_path, BASE) as real:
        settings = OpenIdSettings.from_environment(real.variables)
        assert settings is not None
        desk = Desk(Street(repository, provider=OpenIdProvider(settings)), real)
        back = desk.go("/sign-in/provider", "kim")
        real.stop()
        answer = desk.ask(back)
        assert answer[0] == 503 and "does not answer" in answer[2] and not desk.token


def test_a_locked_screen_opens_at_the_provider_for_its_reader_alone(
    desk: Desk, repository: Repository
) -> None:
    desk.sign_in()
    repository.accounts.lock(desk.token)
    page = desk.ask("/sign-in")[2]
    assert "Screen locked" in page and "Dr Kim" in page and 'type="password"' not in page
    link = unescape(_LINK.findall(page)[0])
    assert "for=unlock" in link
    held = desk.token
    desk.elsewhere = desk.provider.browser()
    other = desk.sign_in("ira", path=link)
    assert other[0] == 403 and "Somebody else" in other[2]
    assert repository.accounts.account_of(held) is None and desk.token == held
    desk.elsewhere = desk.provider.browser()
    assert desk.sign_in("kim", path=link)[0] == 303
    assert repository.accounts.account_of(held) is not None and desk.token == held


def test_the_provider_asks_anew_before_a_screen_opens(
    desk: Desk, repository: Repository, real: RealProvider
) -> None:
    desk.sign_in()
    repository.accounts.lock(desk.token)
    real.control(tamper="auth_time")  # a provider that answers out of its own session
    answer = desk.sign_in(path="/sign-in/provider?for=unlock")
    assert answer[0] == 403 and repository.accounts.account_of(desk.token) is None


def test_a_confirmation_is_of_the_reader_who_is_signed_in(
    desk: Desk, repository: Repository
) -> None:
    desk.sign_in()
    answer = desk.sign_in(path="/sign-in/provider?for=signature")
    assert answer[0] == 200 and "Confirmed" in answer[2]
    assert repository.accounts.is_confirmed(desk.token)
    repository.accounts.spend_confirmation(desk.token)
    desk.elsewhere = desk.provider.browser()
    assert desk.sign_in("ira", path="/sign-in/provider?for=signature")[0] == 403
    assert not repository.accounts.is_confirmed(desk.token)
    back = desk.go("/sign-in/provider?for=signature", "kim")
    desk.cookies.pop(NAME)
    assert desk.ask(back)[0] == 403, "nobody is signed in any more"


def test_who_leaves_is_signed_out_at_the_provider_as_well(
    desk: Desk, repository: Repository, real: RealProvider
) -> None:
    desk.sign_in()
    held = desk.token
    repository.accounts.lock(held)
    left = desk.ask("/sign-in", {"leave": "1"})
    onward = unescape(_ONWARD.findall(left[2])[0])
    assert left[0] == 200 and not desk.token and repository.accounts.find_sign_in(held) is None
    assert onward.startswith(f"{real.issuer}/session/end?") and "id_token_hint=" in onward
    assert desk.elsewhere.sign_out(onward) == f"{BASE}/sign-in"
    led = desk.ask("/sign-in/provider")[1]["location"]
    assert desk.elsewhere.walk(led, "kim")[1], "the provider asks again who it is"
    desk.cookies[NAME] = held  # the cookie, sent again
    assert "Screen locked" not in desk.ask("/sign-in")[2]


def logout_form(real: RealProvider, **changed: Any) -> dict[str, str]:
    claims = {"iss": real.issuer, "aud": "lightbox", "sub": "kim", "iat": int(time.time()),
              "jti": str(time.time()), "events": EVENTS, **changed}  # fmt: skip
    return {"logout_token": real.control(sign=claims, header={"typ": "logout+jwt"})["token"]}


def test_the_provider_ends_a_sign_in_here(
    desk: Desk, street: Street, repository: Repository, real: RealProvider
) -> None:
    desk.sign_in()
    local = repository.accounts.sign_in("root", PASSWORD)[1]
    form = logout_form(real)
    answer = street.ask("/sign-in/ended", form)
    assert answer[0] == 200 and answer[1]["cache-control"] == "no-store"
    assert repository.accounts.account_of(desk.token) is None
    assert repository.accounts.account_of(local)
    assert said(repository)[-1] == ("sign-out", "kim", "ended by the sign-in provider")
    desk.sign_in()
    assert street.ask("/sign-in/ended", form)[0] == 400, "the same token again"
    assert repository.accounts.account_of(desk.token)


@pytest.mark.parametrize(
    "changed", [{"aud": "x"}, {"iss": "https://x"}, {"nonce": "n"}, {"events": {}}, {"iat": 1}]
)
def test_a_logout_token_that_is_none_ends_nothing(
    desk: Desk, street: Street, repository: Repository, real: RealProvider, changed: dict[str, Any]
) -> None:
    desk.sign_in()
    answer = street.ask("/sign-in/ended", logout_form(real, **changed))
    assert answer[0] == 400 and "invalid_request" in answer[2]
    for form in ({"logout_token": "e30.e30."}, {"other": "x"}, {"logout_token": "x" * 20_000}):
        assert street.ask("/sign-in/ended", form)[0] == 400
    assert repository.accounts.account_of(desk.token)


def test_many_logout_tokens_at_once_are_held_off(street: Street) -> None:
    statuses = [street.ask("/sign-in/ended", {"logout_token": "x"})[0] for _ in range(130)]
    assert statuses[0] == 400 and statuses[-1] == 429
    assert street.ask("/sign-in/ended", {"logout_token": "x"}, address="10.0.0.9")[0] == 400


def test_begun_sign_ins_are_held_off_by_address(street: Street) -> None:
    statuses = {street.ask("/sign-in/returned?state=x")[0] for _ in range(60)}
    assert statuses == {403, 429}
