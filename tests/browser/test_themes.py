"""Dark and light: on every page, as the browser computes it, text reads and films lie on black."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pages.ui.theme import COOKIE
from tests.browser.every_page import LANGUAGES, THEMES, open_screen, overflow, violations, walk
from tests.browser.lightbox import EXAMPLES, PATIENCE, WINDOW, Server, admit, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)

# Every element that shows words of its own: its colours with all opacity above it laid over one
# another, and their contrast (WCAG 2.2). What is switched off may be faint (1.4.3, inactive).
FAINT = """
() => {
  const parse = (text) => {
    const canvas = parse.canvas ??= new OffscreenCanvas(1, 1).getContext("2d");
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) =>
    [a * r + (1 - a) * R, a * g + (1 - a) * G, a * b + (1 - a) * B, 1];
  const above = (element) => {
    const found = [];
    for (let e = element; e; e = e.parentElement ?? e.getRootNode().host) found.unshift(e);
    return found;
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const inactive = ":disabled, [aria-disabled=true], [data-disabled], label[disabled], [hidden]";
  const all = [], faint = [];
  const PLACES = ".stApp *, [data-testid=stPopoverBody] *, body.door *";
  for (const element of document.querySelectorAll(PLACES)) {
    const own = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join("");
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    if (!own.trim() || box.width < 2 || box.height < 2 || style.visibility === "hidden") continue;
    if (element.closest(inactive) || element.closest("svg, canvas, style, script")) continue;
    let ground = [255, 255, 255, 1], opacity = 1;
    for (const e of above(element)) {
      const s = getComputedStyle(e), [r, g, b, a] = parse(s.backgroundColor);
      opacity *= Number(s.opacity);
      ground = over([r, g, b, a * opacity], ground);
    }
    const [r, g, b, a] = parse(style.color);
    const ink = over([r, g, b, a * opacity], ground);
    const [low, high] = [luminance(ink), luminance(ground)].sort((x, y) => x - y);
    const contrast = (high + 0.05) / (low + 0.05);
    all.push(own);
    if (contrast < 4.5) faint.push(`${own.trim().slice(0, 60)}: ${contrast.toFixed(2)}`);
  }
  return { seen: all.length, faint };
}
"""


@pytest.fixture(scope="module")
def ward(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory, weights: Path
) -> Iterator[str]:
    """One server for all tests of this module, with the synthetic examples stored."""
    with serve(tmp_path_factory.mktemp("themes") / "home", weights) as found:
        page = chromium.new_page(color_scheme="dark")
        admit(page.context, found)
        page.goto(found)
        page.get_by_role("button", name="Load synthetic examples").click()
        expect(page.get_by_text(f"{EXAMPLES} files done.")).to_be_visible()
        page.close()
        yield found


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[str]:
    """A server that asks for an account, and nobody has one."""
    found = Server(tmp_path_factory.mktemp("door") / "home", weights, reader="")
    found.start()
    yield found.opening()
    found.stop()


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> str:
    """The theme a workstation chose."""
    return str(request.param)


@pytest.fixture
def screen(chromium: Browser, theme: str) -> Iterator[Page]:
    """A browser that prefers the other theme than its workstation chose."""
    other = "light" if theme == "dark" else "dark"
    context = chromium.new_context(viewport=WINDOW, color_scheme=other)  # type: ignore[arg-type]
    cookie = {"name": COOKIE, "value": theme, "domain": "127.0.0.1", "path": "/"}
    context.add_cookies([cookie])  # type: ignore[list-item]
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    context.close()


def insist_on(page: Page, theme: str, words: str) -> None:
    """Wait until a page stands in a theme."""
    expect(page.locator(".stApp")).to_have_css("color-scheme", theme)
    expect(page.get_by_text(words).first).to_be_visible()


def insist_on_reading(page: Page, least: int = 8) -> None:
    """All words on screen stand out from their ground, once all are there and none fades in."""
    page.wait_for_load_state("networkidle")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = page.evaluate(FAINT)
        if found["seen"] >= least and not found["faint"]:
            return
        page.wait_for_timeout(200)
    raise AssertionError(found)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_reads_and_fits(chromium: Browser, ward: str, theme: str, language: str) -> None:
    """On every page: contrast, what axe-core looks for, and nothing wider than 1280 pixels."""
    context = open_screen(chromium, ward, theme, language)
    page, wrong = context.new_page(), dict[str, list[str]]()
    for place in walk(page, ward):
        expect(page.locator(".stApp")).to_have_css("color-scheme", theme)
        insist_on_reading(page)
        found = violations(page) + overflow(page)
        found += page.get_by_test_id("stAlertContentError").all_inner_texts()  # half a page is none
        if found:
            wrong[place] = found
    context.close()
    assert not wrong


def test_the_door_reads(screen: Page, theme: str, door: str) -> None:
    screen.goto(door)
    expect(screen.locator("html")).to_have_css("color-scheme", theme)
    expect(screen.get_by_text("Set up your account")).to_be_visible()
    insist_on_reading(screen, least=7)


def test_films_lie_on_black_in_both_themes(screen: Page, ward: str, theme: str) -> None:
    admit(screen.context, ward)
    screen.goto(f"{ward}/triage")
    insist_on(screen, theme, "Read next")
    screen.get_by_role("button", name="Read next").click()
    expect(screen.locator('[data-ready="true"]').first).to_be_visible()
    insist_on(screen, theme, "Findings")
    insist_on_reading(screen)
    expect(screen.locator(".pane").first).to_have_css("background-color", "rgb(0, 0, 0)")
    bar = "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    assert max(screen.locator(".bar").first.evaluate(bar)) < 64
    screen.keyboard.press("?")
    expect(screen.locator(".help")).to_be_visible()
    assert max(screen.locator(".help").evaluate(bar)) < 64


def test_dark_is_the_default_and_a_choice_holds_on_every_page(chromium: Browser, ward: str) -> None:
    context = chromium.new_context(viewport=WINDOW, color_scheme="light")  # type: ignore[arg-type]
    admit(context, ward)
    page = context.new_page()
    page.goto(f"{ward}/account")
    insist_on(page, "dark", "Theme")
    page.get_by_role("radio", name="Light").click()
    insist_on(page, "light", "Theme")
    page.goto(f"{ward}/triage")
    insist_on(page, "light", f"unread of {EXAMPLES} studies")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{ward}/model")
    insist_on(page, "light", "What it is for")
    context.close()
