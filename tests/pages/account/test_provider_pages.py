"""What the pages show to who signs in by a provider, and of who went past it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imaging.openid.identity import Identity
from imaging.review.roles import EVERYDAY, Role
from imaging.store import Repository
from pages.ui import session
from pages.ui.wall.cookie import NAME
from tests.pages.account.street import PASSWORD
from tests.pages.conftest import Cookies, OpenPage, words

ISSUER = "https://login.example"
KIM = Identity(
    ISSUER, "17", "s1", "Dr Kim", "kim", frozenset({Role.READER, Role.SIGNER}), "e30.e30.AA"
)


@pytest.fixture
def ward(store: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Readers sign in by a provider, which nobody asks here."""
    monkeypatch.delenv("LIGHTBOX_SINGLE_READER")
    monkeypatch.setenv("LIGHTBOX_OIDC_ISSUER", ISSUER)
    monkeypatch.setenv("LIGHTBOX_OIDC_CLIENT_ID", "lightbox")
    monkeypatch.setenv("LIGHTBOX_OIDC_GROUPS", "all=reader")
    store.accounts.create("root", "The Administrator", PASSWORD, roles=EVERYDAY)
    return store


def test_password_and_second_factor_are_the_providers(
    open_page: OpenPage, ward: Repository, cookies: Cookies
) -> None:
    cookies[NAME] = ward.accounts.sign_in_by_provider(KIM)[1]
    page = open_page("pages/account.py")
    labels = {field.label for field in page.text_input}
    assert "login.example" in words(page) and not {"Present password", "Password"} & labels
    cookies[NAME] = ward.accounts.sign_in("root", PASSWORD)[1]
    page = open_page("pages/account.py")
    assert {"Present password", "Password"} <= {field.label for field in page.text_input}


def test_a_sign_in_past_the_provider_is_told_to_administrators_alone(
    open_page: OpenPage, ward: Repository, cookies: Cookies
) -> None:
    cookies[NAME] = ward.accounts.sign_in("root", PASSWORD)[1]
    assert "beside the sign-in provider" not in words(open_page("pages/account.py"))
    cookies[NAME] = ward.accounts.sign_in("root", PASSWORD, break_glass=True)[1]
    warning = open_page("pages/account.py").warning[0].value
    assert "last 30 days: 1" in warning and "root" in warning
    cookies[NAME] = ward.accounts.sign_in_by_provider(KIM)[1]
    assert "beside the sign-in provider" not in words(open_page("pages/account.py"))


def test_a_final_signature_waits_for_the_providers_word(
    open_page: OpenPage,
    ward: Repository,
    cookies: Cookies,
    study: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIGHTBOX_SIGNATURE_PASSWORD", "1")
    cookies[NAME] = token = ward.accounts.sign_in_by_provider(KIM)[1]
    page = open_page("pages/review.py", study=study)
    says = page.segmented_control(key=session.field(study, "says-pneumonia"))
    page = says.set_value("absent").run()
    assert not [field for field in page.text_input if "final signature" in field.label]
    (way,) = (link for link in page.get("link_button") if "login.example" in str(link.proto))
    assert "/sign-in/provider?for=signature" in str(way.proto)

    def sign() -> bool:
        next(b for b in page.button if b.label == "Sign final").click().run()
        return ward.studies.get(study).final is not None

    assert not sign() and "Confirm first" in words(page)
    stranger = replace(KIM, subject="18")
    ward.accounts.sign_in_by_provider(stranger)
    with pytest.raises(Exception, match="Somebody else"):
        ward.accounts.confirm_by_provider(token, stranger)
    assert not sign()
    ward.accounts.confirm_by_provider(token, KIM)
    assert sign() and not ward.accounts.is_confirmed(token)
