"""A film of two knees becomes two answers with their sides, in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from models.checkpoint.card import ModelCard
from tests.browser.lightbox import PATIENCE, READER, serve
from tests.browser.regions import ask_about_both, box, draw_box, open_regions
from tests.browser.test_first_five_minutes import film, upload, visit_first
from tests.knees import COLUMNS, ROWS, box_of, knee_card, whole_film

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture
def knees_address(tmp_path: Path, checkpoint_folder: Path) -> Iterator[str]:
    """A server whose only network reads a knee joint; tiny, its weights are random."""
    weights = tmp_path / "weights"
    shutil.copytree(checkpoint_folder, weights / "tiny")
    card = weights / "tiny" / "card.json"
    knee_card(ModelCard.read(card)).write(card)
    with serve(tmp_path / "home", weights) as found:
        yield found


def test_two_boxes_and_one_press_are_two_answers(
    page: Page, knees_address: str, tmp_path: Path
) -> None:
    path = tmp_path / "KNEES.dcm"
    path.write_bytes(whole_film())
    visit_first(page, knees_address, "")
    upload(page, path)
    expect(page.locator(".lb-headline")).to_contain_text("Not suitable")
    page.get_by_role("button", name="Review").click()
    expect(page.locator(".lb-answer")).to_contain_text("more than one joint")
    open_regions(page)
    draw_box(page, 0, box_of("left"), (ROWS, COLUMNS))
    box(page, 1).focus()
    page.keyboard.press("+")  # placed by keyboard alone
    expect(box(page, 1)).not_to_have_class("box unplaced")
    ask_about_both(page)

    expect(page.locator("nav.strip button")).to_have_count(3)
    expect(page.locator("nav.strip")).to_contain_text("Right knee, region")
    expect(page.locator("nav.strip")).to_contain_text("Left knee, region")
    expect(page.locator(".lb-answer")).to_contain_text(f"marked by {READER}")
    expect(film(page)).to_contain_text("Right knee, region")
    page.locator("nav.strip button").first.click()
    expect(page.locator(".lb-headline")).to_contain_text("Not suitable")
