"""What a page asks for by itself must not take what the reader presses."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lightbox import Server
from tests.browser.test_first_five_minutes import film, open_worklist, review
from tests.browser.test_late_cleanup import ADDRESS, CASES, MOUNT, answer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def mount(page: Page, html: str = "") -> None:
    """A pulse alone, of 300 ms."""
    case = CASES["poll.py"]
    page.route(f"{ADDRESS}/**", answer(case))
    page.goto(ADDRESS)
    page.evaluate(MOUNT, {"html": html, "data": case.data, "bytes": None})


def beats(page: Page) -> int:
    return len(page.evaluate("heard"))


@pytest.mark.parametrize("touch", ["key", "press"])
def test_a_pulse_is_still_while_the_reader_acts(page: Page, touch: str) -> None:
    mount(page)
    for _moment in range(6):
        page.keyboard.press("n") if touch == "key" else page.mouse.click(5, 5)
        page.wait_for_timeout(300)
    assert beats(page) == 0
    page.wait_for_timeout(1500)
    assert beats(page) == 1


def test_a_pulse_is_still_while_the_page_is_drawn(page: Page) -> None:
    mount(page, "<div class='stApp' data-test-script-state='running'></div>")
    page.wait_for_timeout(1000)
    assert beats(page) == 0
    page.evaluate("document.querySelector('.stApp').dataset.testScriptState = 'notRunning'")
    page.wait_for_timeout(500)
    assert beats(page) == 1


@pytest.mark.parametrize("name", ["corners/corners.js", "regions/boxes.js"])
def test_what_was_moved_is_told_before_the_press_that_may_leave(page: Page, name: str) -> None:
    case = CASES[name]
    page.route(f"{ADDRESS}/**", answer(case))
    page.goto(ADDRESS)
    page.evaluate(MOUNT, {"html": case.html, "data": case.data, "bytes": None})
    page.evaluate("addEventListener('click', () => heard.push(['left', 0]))")
    case.between(page)
    page.mouse.click(700, 700)
    page.wait_for_timeout(600)
    told = [what for what, _value in page.evaluate("heard")]
    assert told == [name.partition("/")[2].removesuffix(".js"), "left"]


@pytest.mark.timeout(600)
def test_who_leaves_a_film_whose_maps_are_tested_finds_the_worklist(
    page: Page, server: Server, films: list[Path]
) -> None:
    """The page asked for itself behind the press: then the worklist came, and went for good."""
    review(page, server.address, films[0])
    address = page.url
    for _time in range(10):
        page.goto(address)
        expect(film(page)).to_be_visible()
        expect(open_worklist(page)).to_contain_text("SYNTHETIC")
        page.wait_for_timeout(300)
        expect(page.get_by_role("grid", name="Studies")).to_contain_text("SYNTHETIC")
