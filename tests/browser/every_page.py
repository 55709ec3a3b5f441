"""A walk through every page and what opens on it, whatever its language: for tests, for pictures.

Nothing here looks for words: a page is found by its address, a control by its place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, BrowserContext, Page

from pages.ui.theme import COOKIE
from tests.browser.lightbox import PATIENCE, admit

THEMES, LANGUAGES = ("dark", "light"), ("en-US", "zh-CN")

_FOLDER = Path(__file__).parent / "axe"
_LINKS = '[data-testid="stTopNavLink"]'
_AT_REST = """
() => document.querySelector('[data-testid="stApp"]').dataset.testScriptState === "notRunning"
  && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')
"""
_NEXT = '[data-testid="stBaseButton-primary"]:not([disabled])'


def open_screen(browser: Browser, address: str, theme: str, language: str) -> BrowserContext:
    """A browser of a language and a theme; its system likes the other theme."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 720},
        color_scheme="light" if theme == "dark" else "dark",
        locale=language,
    )
    context.set_default_timeout(PATIENCE * 1000)
    admit(context, address)
    cookie = {"name": COOKIE, "value": theme, "domain": "127.0.0.1", "path": "/"}
    context.add_cookies([cookie])  # type: ignore[list-item]
    return context


def walk(page: Page, address: str) -> Iterator[str]:
    """Go through every page of a Lightbox that holds studies; yields what is on screen, at rest.

    Pages by the last part of their address, then on Review "film" (a study), "map" (with its map),
    "help" (the sheet of keys), and "question" (before a signature).
    """
    page.goto(address)
    rest(page)
    names = [link.get_attribute("href") or "" for link in page.locator(_LINKS).all()]
    yield "upload"
    for name in (urlsplit(href).path.strip("/") for href in names):
        if name:  # the first page has no address of its own
            go(page, name)
            yield name
    go(page, "triage")
    page.locator(_NEXT).first.wait_for()
    page.keyboard.press("n")
    page.locator('[data-ready="true"]').first.wait_for()
    rest(page)
    yield "film"
    page.keyboard.press("o")
    page.locator('[data-overlay="on"]').first.wait_for()
    rest(page)
    yield "map"
    page.keyboard.press("o")
    page.keyboard.press("?")
    page.locator(".help").first.wait_for()
    rest(page)
    yield "help"
    page.keyboard.press("Escape")
    page.locator(".help").first.wait_for(state="detached")
    page.keyboard.press("Alt+p")
    page.keyboard.press("Control+Enter")
    page.locator(".st-key-sign-question").wait_for()
    rest(page)
    yield "question"
    page.keyboard.press("Escape")
    page.locator(".st-key-sign-question").wait_for(state="detached")


def go(page: Page, name: str) -> None:
    """Go to a page by its link."""
    page.locator(f'{_LINKS}[href$="/{name}"]').first.click()
    page.wait_for_url(lambda url: url.partition("?")[0].endswith(f"/{name}"))
    rest(page)


def rest(page: Page) -> None:
    """Wait until the page is drawn to its end and nothing moves in."""
    page.wait_for_function(_AT_REST)
    page.wait_for_load_state("networkidle")
    page.wait_for_function("() => document.getAnimations().every((a) => a.playState !== 'running')")


@cache
def axe_source() -> str:
    """axe-core, as the lock names it; skips without npm (fails where a browser is required)."""
    with FileLock(Path(tempfile.gettempdir()) / "lightbox-axe-install.lock"):
        if not (_FOLDER / "node_modules" / "axe-core").is_dir():
            if shutil.which("npm") is None:
                required = os.environ.get("LIGHTBOX_REQUIRE_BROWSER") == "1"
                (pytest.fail if required else pytest.skip)("npm is needed for axe-core")
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=_FOLDER, check=True)
    return (_FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page: rule, element and reason, one line each.

    A page that looks for news of itself may have faded in the middle: it is asked again at rest.
    """
    page.evaluate(axe_source())
    for _again in range(3):
        rest(page)
        found = _run_axe(page)
        if not found:
            break
    return found


def _run_axe(page: Page) -> list[str]:
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['html'][:120]} "
        f"{(node['any'] + node['all'] + node['none'] or [{'message': ''}])[0]['message'][:160]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> list[str]:
    """What makes the page wider than its window: the widest elements that stick out, by class."""
    return list(
        page.evaluate(
            """() => {
                const wide = [document.documentElement, document.querySelector(".stMain")]
                  .some((e) => e && e.scrollWidth > e.clientWidth + 1);
                if (!wide) return [];
                return [...document.querySelectorAll(".stMain *")]
                  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
                  .slice(0, 5).map((e) => `${e.tagName} ${e.className}`.slice(0, 160));
            }"""
        )
    )
