"""A header full of markup, in a real browser: nothing is injected, nothing is fetched."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.lightbox import PATIENCE
from tests.browser.test_first_five_minutes import upload
from tests.factories import make_dicom_bytes, make_pixels

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MARKUP = "<img src=x onerror=alert(1)>"
MARKDOWN = "**B** $x^2$ :red[r] :smile: ![i](http://evil.example/)"
HOSTILE = {
    "PatientName": MARKDOWN,
    "PatientID": MARKUP,
    "StudyDescription": MARKDOWN,
    "SeriesDescription": MARKUP,
    "BodyPartExamined": "**B** $x^2$ [a](http://evil.example/)",
    "ViewPosition": MARKUP,
    "RescaleSlope": 0,
}
INJECTED = "img[src='x'], img[src*='evil'], a[href*='evil'], .katex"


def test_a_hostile_header_injects_nothing(page: Page, address: str, tmp_path: Path) -> None:
    film = tmp_path / "_x_ <b>n.dcm"
    with warnings.catch_warnings():  # pydicom's, about values that are too long
        warnings.simplefilter("ignore")
        film.write_bytes(make_dicom_bytes(make_pixels(256, 256), **HOSTILE))
    asked: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.goto(address)
    upload(page, film)
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("Why there is no answer")).to_be_visible(timeout=PATIENCE * 1000)
    page.get_by_test_id("stExpander").get_by_text("This file", exact=True).click()
    expect(page.get_by_text("From stored values to the screen")).to_be_visible()
    expect(page.get_by_text("part of the body: **B** $X^2$", exact=False).first).to_be_visible()
    expect(page.locator(INJECTED)).to_have_count(0)
    page.get_by_role("link", name="Worklist").click()
    expect(page.get_by_text("Unread only")).to_be_visible()
    expect(page.locator(INJECTED)).to_have_count(0)
    assert asked == []
