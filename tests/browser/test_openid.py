"""Signing in by a provider, and with a second factor, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page

from imaging.review.roles import EVERYDAY, Role
from imaging.store import Repository
from tests.browser.lightbox import PATIENCE, WINDOW, Server, serve
from tests.openid.harness import RealProvider

pytestmark = [pytest.mark.browser]
PASSWORD = "a long password"


@pytest.fixture
def ward(tmp_path: Path, checkpoint_folder: Path) -> Iterator[tuple[str, RealProvider, Path]]:
    """A Lightbox whose readers sign in by a provider, and the provider."""
    home = tmp_path / "home"
    with closing(Repository.open(home)) as store:
        store.accounts.create("root", "The Administrator", PASSWORD, roles=EVERYDAY)
    server = Server(home, checkpoint_folder.parent, reader="")
    provider = RealProvider(tmp_path / "provider", server.address)
    server.add_variables({**provider.variables, "LIGHTBOX_SIGNATURE_PASSWORD": "1"})
    provider.start()
    server.start()
    yield server.address, provider, home
    server.stop()
    provider.stop()


@pytest.fixture
def desk(chromium: Browser) -> Iterator[Page]:
    """A browser that trusts the provider's own certificate."""
    context = chromium.new_context(viewport=WINDOW, ignore_https_errors=True)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    context.close()


def at_provider(page: Page, login: str = "kim") -> None:
    page.get_by_label("Login").fill(login)
    page.get_by_role("button", name="Continue").click()


def test_a_reader_signs_in_unlocks_and_leaves_by_the_provider(
    desk: Page, ward: tuple[str, RealProvider, Path]
) -> None:
    address, provider, home = ward
    desk.goto(f"{address}/account")
    desk.get_by_role("link", name="Sign in at 127.0.0.1").click()
    at_provider(desk)
    desk.get_by_role("heading", name="Dr Kim").wait_for()
    assert desk.url == f"{address}/account", "where one wanted to go"
    assert not desk.get_by_text("Change password").count()
    cookies = desk.context.cookies(address)
    session = next(cookie for cookie in cookies if cookie["name"] == "lightbox_session")
    assert session["httpOnly"] and session["sameSite"] == "Strict"

    desk.get_by_role("button", name="Lock screen").click()
    desk.get_by_text("Screen locked").first.wait_for()
    desk.get_by_role("link", name="Sign in at 127.0.0.1").click()
    at_provider(desk)  # though signed in there
    desk.get_by_role("heading", name="Dr Kim").wait_for()

    desk.get_by_role("button", name="Sign out", exact=True).click()
    desk.wait_for_url(re.compile(re.escape(provider.issuer)))
    desk.get_by_role("button", name=re.compile("sign me out", re.IGNORECASE)).click()
    desk.get_by_role("link", name="Sign in at 127.0.0.1").wait_for()
    assert desk.url.startswith(address)
    desk.context.add_cookies([session])  # type: ignore[list-item]
    desk.goto(f"{address}/account")
    desk.get_by_role("link", name="Sign in at 127.0.0.1").wait_for()
    with closing(Repository.open(home)) as store:
        kim = next(a for a in store.accounts.all() if a.name == "kim")
        assert kim.roles == {Role.READER, Role.SIGNER}


def test_who_is_signed_out_at_the_provider_is_off_the_screen(
    desk: Page, ward: tuple[str, RealProvider, Path]
) -> None:
    address, provider, _ = ward
    desk.goto(f"{address}/account")
    desk.get_by_role("link", name="Sign in at 127.0.0.1").click()
    at_provider(desk)
    desk.get_by_role("heading", name="Dr Kim").wait_for()
    other = desk.context.new_page()
    other.goto(f"{provider.issuer}/session/end")
    other.get_by_role("button", name=re.compile("sign me out", re.IGNORECASE)).click()
    desk.get_by_role("link", name="Sign in at 127.0.0.1").wait_for()
    assert not desk.get_by_text("Dr Kim").count()


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.HOTP(secret).at(int(datetime.now(UTC).timestamp()) // 30 + steps)


def test_a_second_factor_is_set_up_and_asked_for(
    page: Page, tmp_path: Path, checkpoint_folder: Path
) -> None:
    with closing(Repository.open(tmp_path / "home")) as store:
        store.accounts.create("kim", "Dr Kim", PASSWORD, roles=EVERYDAY)
    with serve(tmp_path / "home", checkpoint_folder.parent, reader="") as address:
        page.goto(f"{address}/account")
        page.get_by_label("Sign-in name").fill("kim")
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Second factor", exact=True).click()
        shown = page.locator(".st-key-second-factor")
        picture = shown.locator("img")
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") > 100, "the picture is shown"
        secret = shown.locator("code").inner_text().replace(" ", "").strip()
        shown.get_by_role("textbox", name="Password").fill(PASSWORD)
        shown.get_by_role("textbox", name="Code").fill(code_of(secret, -1))
        shown.get_by_role("button", name="Turn on").click()
        shown.get_by_role("button", name="I have kept them").wait_for()
        codes = shown.locator("code").inner_text().split()
        assert len(codes) == 10
        shown.get_by_role("button", name="I have kept them").click()
        page.get_by_role("button", name="Sign out", exact=True).click()
        for code in (code_of(secret), codes[0]):
            page.get_by_label("Sign-in name").fill("kim")
            page.get_by_role("textbox", name="Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            field = page.get_by_label("Code")
            assert field.get_attribute("autocomplete") == "one-time-code"
            field.fill(code)
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="Dr Kim").wait_for()
            page.get_by_role("button", name="Sign out", exact=True).click()
