"""A real provider, asked for who somebody is; and one that lies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from imaging.errors import AccessError, ProviderError, TokenError
from imaging.openid import provider as provider_module
from imaging.openid.identity import Ended, Identity
from imaging.openid.provider import OpenIdProvider, Request
from imaging.openid.settings import OpenIdSettings
from imaging.review.roles import Role
from tests.openid.harness import LIES, RealProvider, parameters, run_provider

BASE = "http://here.example:8501"
BACK = f"{BASE}/sign-in/returned"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    with run_provider(tmp_path_factory.mktemp("provider"), BASE) as found:
        yield found


@pytest.fixture
def honest(real: RealProvider) -> Iterator[RealProvider]:
    real.control(tamper="")
    yield real
    real.control(tamper="")


def settings_of(real: RealProvider) -> OpenIdSettings:
    found = OpenIdSettings.from_environment(real.variables)
    assert found is not None
    return found


@pytest.fixture
def provider(honest: RealProvider) -> OpenIdProvider:
    return OpenIdProvider(settings_of(honest))


def come_back(
    provider: OpenIdProvider, real: RealProvider, login: str = "kim"
) -> tuple[Request, Mapping[str, str]]:
    request = provider.begin(BACK)
    return request, parameters(real.browser().sign_in(request.address, login))


def sign_in(provider: OpenIdProvider, real: RealProvider, login: str = "kim") -> Identity:
    return provider.finish(*come_back(provider, real, login))


def test_who_signs_in_there_is_known_with_name_and_roles(
    provider: OpenIdProvider, honest: RealProvider
) -> None:
    kim = sign_in(provider, honest)
    assert (kim.issuer, kim.subject, kim.name, kim.login) == (honest.issuer, "kim", "Dr Kim", "Kim")
    assert kim.roles == {Role.READER, Role.SIGNER} and kim.session
    assert sign_in(provider, honest, "ira").roles == {Role.ADMINISTRATOR}
    assert not sign_in(provider, honest, "eve").roles and not sign_in(provider, honest, "new").roles


def test_groups_that_the_id_token_leaves_out_are_asked_for(tmp_path: Path) -> None:
    with run_provider(tmp_path, BASE, userinfo_only=True) as real:
        provider = OpenIdProvider(settings_of(real))
        assert sign_in(provider, real).roles == {Role.READER, Role.SIGNER}
        real.control(tamper="sub")  # the ID token is kim's, what is told of groups is ira's
        with pytest.raises(TokenError, match="proves nothing") as caught:
            sign_in(provider, real, "ira")
        assert "somebody else" in caught.value.reason


@pytest.mark.parametrize("lie", list(LIES))
def test_a_token_that_proves_nothing_is_refused(
    provider: OpenIdProvider, honest: RealProvider, lie: str
) -> None:
    assert sign_in(provider, honest).subject == "kim"
    honest.control(tamper=lie)
    with pytest.raises(TokenError) as caught:
        sign_in(provider, honest)
    assert LIES[lie] in caught.value.reason, "refused for that very lie"


def test_every_lie_is_tried(honest: RealProvider) -> None:
    elsewhere = {"sub", "auth_time", "no auth_time"}
    assert set(honest.control()["lies"]) == {*LIES, *elsewhere}


def test_a_code_is_good_once_and_for_who_began_alone(
    provider: OpenIdProvider, honest: RealProvider
) -> None:
    request, answer = come_back(provider, honest)
    provider.finish(request, answer)
    with pytest.raises(TokenError):
        provider.finish(request, answer)
    request, answer = come_back(provider, honest)
    other, _ = come_back(provider, honest)
    with pytest.raises(TokenError, match="proves nothing"):  # state of another browser
        provider.finish(other, answer)
    again, answer = come_back(provider, honest)
    for changed in (replace(again, verifier="x" * 64), replace(again, redirect=f"{BASE}/other")):
        with pytest.raises(TokenError):
            provider.finish(changed, answer)


def test_the_code_is_tied_to_this_browser_by_s256(provider: OpenIdProvider) -> None:
    request = provider.begin(BACK)
    asked = parse_qs(urlsplit(request.address).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"]
    assert asked["state"] == [request.state] and asked["nonce"] == [request.nonce]
    assert request.verifier not in request.address
    assert request.verifier not in repr(request) and request.state not in repr(request)


@pytest.mark.parametrize("said", ["https://another.example", None])
def test_an_answer_of_another_issuer_is_refused(
    provider: OpenIdProvider, honest: RealProvider, said: str | None
) -> None:
    """RFC 9207; this provider says that it always tells."""
    request, answer = come_back(provider, honest)
    changed = {name: value for name, value in answer.items() if name != "iss"}
    with pytest.raises(TokenError) as caught:
        provider.finish(request, {**changed, "iss": said} if said else changed)
    assert "another issuer" in caught.value.reason


def test_who_is_refused_there_is_told_in_our_words(
    provider: OpenIdProvider, honest: RealProvider
) -> None:
    with pytest.raises(AccessError, match="let nobody in") as caught:
        sign_in(provider, honest, "deny")
    assert "<b>" not in str(caught.value)


def test_asked_anew_the_provider_asks_though_signed_in(
    provider: OpenIdProvider, honest: RealProvider
) -> None:
    browser = honest.browser()
    _, asked = browser.walk(provider.begin(BACK).address, "kim")
    _, again = browser.walk(provider.begin(BACK).address, "kim")
    assert asked and not again
    request = provider.begin(BACK, fresh=True)
    back, anew = browser.walk(request.address, "kim")
    assert anew and provider.finish(request, parameters(back)).subject == "kim"


@pytest.mark.parametrize("lie", ["auth_time", "no auth_time"])
def test_a_sign_in_of_long_ago_does_not_count_as_anew(
    provider: OpenIdProvider, honest: RealProvider, lie: str
) -> None:
    honest.control(tamper=lie)
    request = provider.begin(BACK, fresh=True)
    back = honest.browser().sign_in(request.address, "kim")
    with pytest.raises(TokenError):
        provider.finish(request, parameters(back))


def test_who_strips_the_question_from_the_address_is_found_out(
    honest: RealProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody at a desk that was left, in a browser that is signed in at the provider."""
    moments = [0.0]
    provider = OpenIdProvider(settings_of(honest), clock=lambda: time.time() + moments[0])
    browser = honest.browser()
    browser.sign_in(provider.begin(BACK).address, "kim")
    moments[0] = 120.0  # two minutes later
    request = provider.begin(BACK, fresh=True)
    stripped = request.address.replace("prompt=login", "").replace("max_age=0", "max_age=9999")
    back, asked = browser.walk(stripped, "kim")
    assert not asked
    with pytest.raises(TokenError) as caught:
        provider.finish(request, parameters(back))
    assert "long ago" in caught.value.reason


def test_new_keys_of_the_provider_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_module, "_KEYS_AGAIN", 0.0)
    with run_provider(tmp_path, BASE) as real:
        provider = OpenIdProvider(settings_of(real))
        sign_in(provider, real)
        real.stop()
        real.start()
        assert sign_in(provider, real).subject == "kim"


def test_a_flood_of_bad_tokens_does_not_become_a_flood_of_questions(
    provider: OpenIdProvider, honest: RealProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(provider, honest)
    monkeypatch.setattr(provider, "_fetch", None)
    for _ in range(20):
        with pytest.raises(TokenError):
            provider.read_logout("e30.e30.AA")


def test_a_provider_that_is_down_or_somebody_else_is_one_sentence(
    tmp_path: Path, honest: RealProvider, real: RealProvider
) -> None:
    settings = settings_of(honest)
    for changed in (
        replace(settings, issuer="https://127.0.0.1:1"),
        replace(settings, authorities=None),  # its certificate is nobody's we trust
        replace(settings, issuer=f"{honest.issuer}/realm"),  # no such place
    ):
        with pytest.raises(ProviderError, match="does not answer"):
            OpenIdProvider(changed).begin(BACK)


def test_one_that_describes_another_issuer_is_not_believed(honest: RealProvider) -> None:
    provider = OpenIdProvider(replace(settings_of(honest), issuer=f"{honest.issuer}/"))
    with pytest.raises(ProviderError):
        provider.begin(BACK)


def test_nothing_is_asked_before_somebody_signs_in(real: RealProvider) -> None:
    provider = OpenIdProvider(replace(settings_of(real), issuer="https://127.0.0.1:1"))
    assert provider.name == "127.0.0.1" and provider.issuer


EVENTS: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
LOGOUT: dict[str, Any] = {"aud": "lightbox", "sub": "kim", "jti": "1", "events": EVENTS}


def logout_token(real: RealProvider, *, foreign: bool = False, **changed: Any) -> str:
    """Signed by the provider; a claim of None is left out."""
    claims = {"iss": real.issuer, "iat": int(time.time()), **LOGOUT, **changed}
    told = {name: value for name, value in claims.items() if value is not None}
    return str(real.control(sign=told, foreign=foreign, header={"typ": "logout+jwt"})["token"])


def test_a_logout_token_says_whose_sign_in_ended(
    provider: OpenIdProvider, honest: RealProvider
) -> None:
    assert provider.read_logout(logout_token(honest)) == Ended("kim", "", "1")
    named = provider.read_logout(logout_token(honest, sub=None, sid="s", jti="2"))
    assert named == Ended("", "s", "2")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "https://another.example"}, "another issuer"),
        ({"aud": "another"}, "another client"),
        ({"nonce": "n"}, "an ID token"),
        ({"events": None}, "no logout event"),
        ({"events": {"http://another.example/event": {}}}, "no logout event"),
        ({"sub": None}, "nobody named"),
        ({"jti": None}, "no jti"),
        ({"iat": int(time.time()) - 7200}, "long ago"),
        ({"iat": int(time.time()) + 7200}, "in the future"),
        ({"iat": None}, "no iat"),
        ({"exp": 1}, "expired"),
        ({"foreign": True}, "BadSignature"),
    ],
)
def test_a_logout_token_that_is_none_ends_nothing(
    provider: OpenIdProvider, honest: RealProvider, changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TokenError) as caught:
        provider.read_logout(logout_token(honest, **changed))
    assert reason in caught.value.reason


def test_an_id_token_is_no_logout_token(provider: OpenIdProvider, honest: RealProvider) -> None:
    with pytest.raises(TokenError):
        provider.read_logout(sign_in(provider, honest).id_token)


def test_the_place_to_sign_out_names_us_and_the_sign_in(
    provider: OpenIdProvider, honest: RealProvider
) -> None:
    kim = sign_in(provider, honest)
    asked = parameters(provider.logout_address(kim.id_token, f"{BASE}/sign-in"))
    assert asked["id_token_hint"] == kim.id_token and asked["client_id"] == "lightbox"
    assert asked["post_logout_redirect_uri"] == f"{BASE}/sign-in"
    assert kim.id_token not in repr(kim)
