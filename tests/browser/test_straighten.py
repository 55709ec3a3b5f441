"""A photograph of a film is no dead end: cropped, straightened and answered, in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image as PilImage
from playwright.sync_api import Page, expect

from imaging.dicom import read_image
from tests.browser.lightbox import PATIENCE, READER
from tests.browser.test_first_five_minutes import film, upload, visit_first
from tests.photographs import photograph, slanted

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)


def take_photograph(film: Path, folder: Path) -> Path:
    """A synthetic example on a light box, by a phone: tinted, aslant, a JPEG."""
    size = (900, 1200)
    corners = slanted(size, fill=0.85, bend=0.03, turn=8, seed=3)
    shot = photograph(read_image(film).display_values(0), corners, size=size, seed=3)
    path = folder / "IMG_1234.jpg"
    PilImage.fromarray(shot.picture).save(path, quality=85)
    return path


def open_tool(page: Page, address: str, shot: Path) -> None:
    """Upload a photograph, see it refused, and take the way on."""
    visit_first(page, address, "")
    upload(page, shot)
    expect(page.locator(".lb-headline")).to_contain_text("Not suitable")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Crop and straighten").click()


def test_a_photograph_is_refused_straightened_and_answered(
    page: Page, fresh_address: str, films: list[Path], tmp_path: Path
) -> None:
    open_tool(page, fresh_address, take_photograph(films[0], tmp_path))

    corner = page.locator(".corner").first
    expect(page.get_by_text("The film was looked for")).to_be_visible()
    expect(corner).to_have_attribute("aria-label", re.compile("Upper left corner"))
    found = corner.get_attribute("aria-label")
    assert found is not None
    for _ in range(20):  # the page may still be drawn anew, and take the focus along
        corner.focus()
        for _ in range(4):
            page.keyboard.press("Shift+ArrowRight")
        if corner.get_attribute("aria-label") != found:
            break
        page.wait_for_timeout(500)
    expect(corner).not_to_have_attribute("aria-label", found)
    expect(corner).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowLeft")
    expect(corner).to_have_attribute("aria-label", found)
    page.get_by_role("button", name="Use this picture").click()

    expect(page.locator(".lb-headline")).to_contain_text("suspected")
    expect(page.locator(".lb-headline")).not_to_contain_text("%")
    expect(page.locator(".lb-answer")).to_contain_text("From a photograph")
    expect(page.locator(".lb-answer")).to_contain_text("not a probability for this image")
    expect(film(page)).to_contain_text("FROM A PHOTOGRAPH")
    said = page.get_by_test_id("stCaptionContainer")  # the report that would be printed says it too
    by = said.filter(has_text=f"cropped and straightened by {READER}")
    expect(by).to_be_visible()
    expect(page.locator("nav.strip button")).to_have_count(2)  # the photograph stays, and is first


def test_a_corner_can_be_dragged(
    page: Page, fresh_address: str, films: list[Path], tmp_path: Path
) -> None:
    open_tool(page, fresh_address, take_photograph(films[0], tmp_path))
    corner, other = page.locator(".corner").first, page.locator(".corner").nth(2)
    expect(page.get_by_text("The photograph stays as it is")).to_be_visible()
    other.hover()  # waits until it stands still
    crossed = other.bounding_box()
    assert crossed is not None
    corner.hover()
    page.mouse.down()
    page.mouse.move(crossed["x"] + 40, crossed["y"] + 40, steps=5)
    page.mouse.up()
    expect(page.get_by_text("These corners make no film")).to_be_visible()
    expect(page.get_by_role("button", name="Use this picture")).to_be_disabled()
    page.get_by_role("button", name="Find the film").click()
    expect(page.get_by_role("button", name="Use this picture")).to_be_enabled()
