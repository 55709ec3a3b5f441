"""The wall before a real server, asked by a real browser: who is let in, and what still works."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lightbox import EXAMPLES, Server
from tests.browser.test_first_five_minutes import film

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = {
    "upload": "Load synthetic examples",
    "triage": "Read next",
    "readers": "Doctors and AI",
    "model": "How good it is",
    "account": "Theme",
}


def test_the_told_address_lets_one_browser_in_and_no_script_sees_why(
    chromium: Browser, server: Server
) -> None:
    opening = server.opening()
    first, second = chromium.new_context(), chromium.new_context()
    page = first.new_page()
    page.goto(server.address)
    expect(page.get_by_text("Open the address shown")).to_be_visible()
    page.goto(opening)
    expect(page.get_by_role("button", name="Load synthetic examples")).to_be_visible()
    assert "token" not in page.url and "lightbox_session" not in page.evaluate("document.cookie")
    (kept,) = [one for one in first.cookies() if one["name"] == "lightbox_session"]
    assert kept["httpOnly"] and kept["sameSite"] == "Strict"
    page.goto(opening)  # again, where it was used: as good as the address without it
    expect(page.get_by_role("button", name="Load synthetic examples")).to_be_visible()
    page = second.new_page()
    assert page.goto(opening).status == 403  # type: ignore[union-attr]
    first.close()
    second.close()


@pytest.mark.timeout(600)
def test_every_page_works_behind_the_policy(page: Page, server: Server) -> None:
    """The `page` fixture fails when the browser blocked anything."""
    page.goto(server.address)
    page.get_by_role("button", name="Load synthetic examples").click()
    expect(page.get_by_text(f"{EXAMPLES} files done.")).to_be_visible()
    for name, words in PAGES.items():
        page.goto(f"{server.address}/{name}")
        expect(page.get_by_text(words).first).to_be_visible()
        page.wait_for_load_state("networkidle")
    charts = page.locator(
        '[data-testid="stVegaLiteChart"] svg, [data-testid="stVegaLiteChart"] canvas'
    )
    page.goto(f"{server.address}/model")
    expect(charts.first).to_be_visible()
    page.goto(f"{server.address}/triage")
    page.get_by_role("button", name="Read next").click()
    expect(film(page)).to_be_visible()
    page.get_by_text("With explanation").click()
    expect(page.locator('[data-ready="true"]')).to_have_count(2)
