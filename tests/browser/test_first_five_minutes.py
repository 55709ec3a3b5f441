"""The first five minutes of a doctor with Lightbox, in a real browser."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from imaging.entities import RESEARCH_USE
from tests.browser.lightbox import PATIENCE, PRESENT, READER

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)


def upload(page: Page, *paths: Path) -> None:
    """Pick files, or one folder, with the uploader in sight."""
    folder = paths[0].is_dir()
    kind = "[webkitdirectory]" if folder else ":not([webkitdirectory])"
    chooser = page.locator(f'input[type="file"]{kind}').first
    chooser.wait_for(state="attached")
    chooser.set_input_files(list(paths) if len(paths) > 1 else paths[0])


def film(page: Page) -> Locator:
    """The film on the Review page, drawn."""
    return page.locator('[data-ready="true"]').first


def table(page: Page) -> Locator:
    """The table of studies or files in sight."""
    return page.get_by_role("grid").first


def open_worklist(page: Page) -> Locator:
    """Go to the worklist; the table of studies, not that of the page which is left."""
    page.get_by_role("link", name="Worklist").click()
    studies = page.get_by_role("grid", name="Studies")
    studies.get_by_role("row").nth(1).wait_for()
    return studies


def review(page: Page, address: str, path: Path) -> None:
    """Hand in a film with a finding, and open it."""
    page.goto(address)
    upload(page, path)
    expect(page.locator(".lb-headline")).to_contain_text("suspected")
    page.get_by_role("button", name="Review").click()
    expect(film(page)).to_be_visible()


def open_row(page: Page, row: int = 0) -> None:
    """Press a row of the table somewhere in its middle, which opens it."""
    expect(table(page)).to_contain_text("SYNTHETIC")
    tick(page, row)


def tick(page: Page, row: int) -> None:
    """Press a row of the table: where films are named, that ticks it."""
    table(page).locator("tbody tr").nth(row).click()


def sign(page: Page, choice: str | re.Pattern[str], *, against: bool = False) -> None:
    """Decide, add a note and sign off; `against` a sure answer, which is asked about once."""
    page.get_by_role("radio", name=choice).click()
    expect(page.get_by_text(re.compile("^Draft, version 1,"))).to_be_visible()
    page.get_by_label("Note").fill("nothing to add, see prior")
    page.get_by_label("Note").blur()
    # kept and shown: a press while the page is still at it may be lost
    expect(page.get_by_text(re.compile("^Draft, version 2,"))).to_be_visible()
    page.get_by_role("button", name="Sign final").click()
    if against:
        expect(page.get_by_text("A second look?")).to_be_visible()
        page.get_by_role("button", name="Sign final").click()
    expect(page.get_by_text(f"Final, signed by {READER}.")).to_be_visible()


# Each test has a server of its own, and makes its first visit after the start to another page.
def visit_first(page: Page, address: str, path: str) -> None:
    """Open a page of a server that nobody has visited; it must be whole."""
    page.goto(f"{address}/{path}")
    expect(page.get_by_text(RESEARCH_USE)).to_be_visible()
    expect(page.get_by_role("link", name="Worklist")).to_be_visible()


def test_a_film_is_read_explained_signed_and_found_again(
    page: Page, fresh_address: str, films: list[Path]
) -> None:
    visit_first(page, fresh_address, "")
    upload(page, films[0])
    expect(page.locator(".lb-headline")).to_contain_text("suspected")
    page.get_by_role("button", name="Review").click()

    expect(film(page)).to_have_attribute("data-overlay", "off")
    page.keyboard.press("o")
    expect(film(page)).to_have_attribute("data-overlay", "on")
    expect(film(page)).to_contain_text("Evidence by area")
    page.keyboard.press("o")
    expect(film(page)).to_have_attribute("data-overlay", "off")

    sign(page, "Disagree: no pneumonia", against=True)
    page.reload()
    expect(page.get_by_text(re.compile("^Final, version"))).to_contain_text(READER)
    expect(film(page)).to_contain_text("SYNTHETIC-05")

    expect(open_worklist(page)).to_contain_text(f"Signed: {READER}")
    open_row(page)
    expect(page.get_by_text("You disagreed with the AI")).to_be_visible()


def test_a_queued_folder_survives_a_reload_and_its_bad_file(
    page: Page, fresh_address: str, films: list[Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(films[0].parent, tmp_path / "ward"))
    (folder / "broken.dcm").write_bytes(b"\x00DICM broken")
    visit_first(page, fresh_address, "triage")
    page.get_by_text("Add a folder", exact=True).click()
    upload(page, folder)
    page.wait_for_url(re.compile("job="))
    page.reload()
    outcomes = page.get_by_text(re.compile(r"^9 files done\."))
    expect(outcomes).to_contain_text("Could not be read: 1")
    expect(page.get_by_text("8 unread of 8 studies")).to_be_visible()


def test_a_reader_goes_through_the_list_by_keys(
    page: Page, fresh_address: str, films: list[Path]
) -> None:
    visit_first(page, fresh_address, "review")
    page.get_by_role("link", name="Upload").click()
    upload(page, *films[:2])
    expect(page.get_by_text(re.compile(r"^2 files done\."))).to_be_visible()
    expect(open_worklist(page)).to_contain_text("SYNTHETIC")
    expect(page.get_by_text("2 unread of 2 studies")).to_be_visible()
    page.keyboard.press("n")
    expect(film(page)).to_be_visible()
    expect(page.get_by_role("button", name="Sign final")).to_be_visible()
    first = page.url
    sign(page, PRESENT)
    page.keyboard.press("n")
    page.wait_for_url(lambda url: url != first)
    expect(page.get_by_text("No findings yet")).to_be_visible()
