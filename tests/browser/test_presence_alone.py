"""The watch over a tab, without Lightbox: once its reader is signed in no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from pages.ui.account import presence
from tests.browser.lightbox import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ADDRESS = "http://127.0.0.1:9"  # nobody is there: every request is answered here
SCRIPT = Path(presence.__file__).with_suffix(".js")
START = """
async () => {
  const { default: watch } = await import("/presence.js");
  const data = { address: "/presence", idle: 6000, words: "Screen locked", ai: "" };
  window.heard = [];
  const setTriggerValue = (name, value) => heard.push([name, value]);
  const parentElement = document.body;
  window.draw = (run, every = 0.3) => {
    window.stop = watch({ data: { ...data, run, every }, parentElement, setTriggerValue });
  };
  draw(1);
}
"""


class Desk:
    """A server that refuses, as the wall does, who is not signed in."""

    def __init__(self, page: Page) -> None:
        self.visits, self.signed_in = 0, False
        page.route(f"{ADDRESS}/**", self._serve)
        page.goto(ADDRESS)
        page.evaluate(START)

    def _serve(self, route: Route) -> None:
        step = route.request.url.rpartition("/")[2]
        if step == "presence.js":
            script = SCRIPT.read_text(encoding="utf-8")
            route.fulfill(body=script, content_type="text/javascript")
        elif step == "presence" and self.signed_in:
            route.fulfill(json={"state": "open", "seconds": 60, "ai": ""})
        elif step == "presence":
            route.fulfill(status=403)
        else:
            self.visits += 1
            route.fulfill(body=f"<body>Visit {self.visits}", content_type="text/html")


def test_a_page_whose_socket_is_cut_is_left_all_the_same(page: Page) -> None:
    """Nobody hears that the sign-in has ended: the screen is covered, and then asks anew."""
    desk = Desk(page)
    expect(page.get_by_text("Screen locked")).to_be_visible()
    assert page.evaluate("heard") == [["ended", "ended"]]
    expect(page.get_by_text("Visit 2")).to_be_visible(timeout=PATIENCE * 1000)
    assert desk.visits == 2


def test_a_reader_who_is_let_in_again_keeps_the_page(page: Page) -> None:
    desk = Desk(page)
    expect(page.get_by_text("Screen locked")).to_be_visible()
    desk.signed_in = True
    page.evaluate("draw(2)")
    expect(page.get_by_text("Screen locked")).to_have_count(0)
    page.wait_for_timeout(6000)
    assert desk.visits == 1


def test_a_page_that_the_browser_draws_once_more_is_left(page: Page) -> None:
    """As when the desk turns from light to dark: nobody was let in."""
    Desk(page)
    expect(page.get_by_text("Screen locked")).to_be_visible()
    page.evaluate("draw(1, 3000)")  # who would ask again in an hour
    expect(page.get_by_text("Visit 2")).to_be_visible(timeout=PATIENCE * 1000)


def test_a_page_that_gives_way_but_does_not_go_is_left(page: Page) -> None:
    desk = Desk(page)
    expect(page.get_by_text("Screen locked")).to_be_visible()
    page.evaluate("stop()")  # drawn no longer
    expect(page.get_by_text("Visit 2")).to_be_visible(timeout=PATIENCE * 1000)
    assert desk.visits == 2
