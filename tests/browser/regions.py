"""Drawing regions on a film in a real browser, as a reader does."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from imaging.entities import Box
from tests.browser.lightbox import PATIENCE


def open_regions(page: Page) -> None:
    """Press "Ask about this region" on the film that is shown, and wait for the boxes."""
    page.get_by_role("button", name="Ask about this region").click()
    expect(box(page, 0)).to_be_visible(timeout=PATIENCE * 1000)


def box(page: Page, at: int) -> Locator:
    """A box, counted from the left of the film."""
    return page.locator(f'[data-box="{at}"]')


def draw_box(page: Page, at: int, edges: Box, shape: tuple[int, int]) -> None:
    """Drag the corners of a box so that it has these edges, in pixels of a (rows, columns) film."""
    rows, columns = shape
    left, top, right, bottom = edges
    for corner, (x, y) in ((0, (left, top)), (2, (right, bottom))):
        handle = box(page, at).locator(f'[data-corner="{corner}"]')
        handle.hover()  # waits until it stands still
        film = page.locator(".regions img").bounding_box()
        assert film is not None
        page.mouse.down()
        to = film["x"] + film["width"] * x / columns, film["y"] + film["height"] * y / rows
        page.mouse.move(*to, steps=4)
        page.mouse.up()
    expect(box(page, at)).not_to_have_class("box unplaced")


def ask_about_both(page: Page) -> None:
    """Ask about two boxes whose sides are known."""
    ask = page.get_by_role("button", name="Ask the AI about both")
    expect(ask).to_be_enabled()
    ask.click()
