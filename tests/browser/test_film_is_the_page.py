"""Review fills the window, scrolls nowhere but in its panel, and its maps tell the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lightbox import Server
from tests.browser.test_first_five_minutes import film, upload

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SIZES = ((1024, 768), (1280, 720), (1440, 900), (1920, 1080), (2560, 1440))
LEAST = {(1440, 900): 0.6, (1920, 1080): 0.6, (2560, 1440): 0.6}  # of the window that is film

MEASURE = """() => {
  let grid = null, lit = 0;
  const walk = (node) => {
    if (node.classList?.contains("grid") && node.dataset.layout) grid = node;
    for (const child of node.children ?? []) walk(child);
    if (node.shadowRoot) walk(node.shadowRoot);
  };
  walk(document.body);
  for (const glass of grid.querySelectorAll(".glass")) {
    if (!glass.width || !glass.height) continue;
    const { data } = glass.getContext("2d").getImageData(0, 0, glass.width, glass.height);
    for (let at = 3; at < data.length; at += 4) lit += data[at] > 0;
  }
  const main = document.querySelector(".stMain"), box = grid.getBoundingClientRect();
  return {
    share: box.width * box.height / (innerWidth * innerHeight), bottom: box.bottom, coloured: lit,
    scrolls: main.scrollHeight > main.clientHeight || document.body.scrollWidth > innerWidth,
  };
}"""


def open_film(page: Page, server: Server, path: Path) -> None:
    page.goto(server.address)
    upload(page, path)
    expect(page.locator(".lb-headline")).to_be_visible()
    page.get_by_role("button", name="Review").click()
    expect(film(page)).to_have_attribute("data-ready", "true")


@pytest.mark.timeout(600)
def test_the_film_fills_every_window_and_answer_and_signature_stay(
    page: Page, server: Server, films: list[Path]
) -> None:
    open_film(page, server, films[0])
    expect(page.get_by_text(re.compile("Map: (well|weak|not reliable)"))).to_be_visible()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(1000)
        seen = page.evaluate(MEASURE)
        assert not seen["scrolls"] and height - 20 < seen["bottom"] <= height, (width, seen)
        assert seen["share"] >= LEAST.get((width, height), 0.5), (width, height, seen["share"])
        for shown in (page.locator(".lb-headline"), page.get_by_role("button", name="Sign final")):
            expect(shown).to_be_in_viewport()
    page.keyboard.press("q")  # the patient's text, off the lung
    expect(film(page).locator(".nw")).to_be_hidden()
    page.keyboard.press("q")
    expect(film(page).locator(".nw")).to_be_visible()


@pytest.mark.timeout(600)
def test_no_colour_stays_on_a_film_without_its_legend(
    page: Page, server: Server, films: list[Path]
) -> None:
    open_film(page, server, films[1])
    legends = page.locator(".legend:visible")
    page.get_by_text("With explanation").click()  # which is asking for it
    expect(page.locator('[data-overlay="on"]')).to_have_count(1)
    expect(legends).to_have_count(1)
    page.get_by_text("One image").click()
    expect(page.locator('[data-ready="true"]')).to_have_count(1)
    expect(film(page)).to_have_attribute("data-overlay", "on")
    expect(legends).to_contain_text("Evidence by area")

    # another method, which takes its time: nothing of the one before stands under its name
    page.get_by_role("button", name="Map", exact=True).click()
    page.get_by_role("combobox", name="Method").click()
    page.get_by_role("option", name="Method: Occlusion").click()
    expect(film(page)).to_have_attribute("data-overlay", "none")
    assert page.evaluate(MEASURE)["coloured"] == 0 and legends.count() == 0
    expect(film(page)).to_have_attribute("data-overlay", "on", timeout=300_000)
    expect(legends).to_contain_text("Occlusion")

    page.keyboard.press("Escape")
    page.keyboard.press("o")
    expect(film(page)).to_have_attribute("data-overlay", "off")
    assert page.evaluate(MEASURE)["coloured"] == 0 and legends.count() == 0
