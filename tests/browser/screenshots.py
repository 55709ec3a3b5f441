"""The README's screenshots, taken anew: `python -m tests.browser.screenshots [FOLDER]`.

Only the synthetic examples are ever shown on them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from imaging.settings import ROOT, Settings
from tests.browser.lightbox import (
    PATIENCE,
    PRESENT,
    WINDOW,
    admit,
    find_chromium,
    open_chromium,
    serve,
)

EXAMPLES = ROOT / "examples"


def main(folder: Path) -> int:
    """Write the pictures; 0, or 2 with one sentence when something is missing."""
    executable = find_chromium()
    if executable is None or not list(EXAMPLES.glob("*.dcm")):
        print("Screenshots need a Chromium and the synthetic examples.", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE * 1000)
    weights = Settings.from_environment().weights
    with (
        tempfile.TemporaryDirectory() as home,
        serve(Path(home) / "home", weights, "Dr Example") as address,
        open_chromium(executable) as browser,
    ):
        page = browser.new_page(viewport=WINDOW, color_scheme="dark")  # type: ignore[arg-type]
        page.set_default_timeout(PATIENCE * 1000)
        admit(page.context, address)
        page.goto(address)
        take_tour(page, folder)
    return 0


def take_tour(page: Page, folder: Path) -> None:
    """Upload, review, explain, sign, worklist, model."""
    page.get_by_role("button", name="Load synthetic examples").click()
    expect(page.get_by_text("files done.")).to_be_visible()
    shoot(page, folder / "upload.png")
    page.get_by_role("link", name="Worklist").click()
    page.get_by_role("button", name="Read next").click()
    film = page.locator('[data-ready="true"]').first
    expect(film).to_be_visible()
    shoot(page, folder / "review.png")
    page.get_by_text("With explanation").click()
    expect(page.locator('[data-ready="true"]')).to_have_count(2)
    expect(page.locator('[data-overlay="on"]').first).to_be_visible()
    shoot(page, folder / "explanation.png")
    page.get_by_role("radio", name=PRESENT).click()
    expect(page.get_by_text("Draft, version 1")).to_be_visible()
    page.get_by_role("button", name="Sign final").click()
    expect(page.get_by_text("Final, signed by").first).to_be_visible()
    page.get_by_role("link", name="Worklist").click()
    expect(page.get_by_role("grid")).to_contain_text("Signed: Dr")
    shoot(page, folder / "worklist.png")
    page.get_by_role("link", name="Model").click()
    expect(page.locator('[data-testid="stVegaLiteChart"] svg, canvas').first).to_be_visible()
    page.get_by_text("How good it is").scroll_into_view_if_needed()
    shoot(page, folder / "model.png")


def shoot(page: Page, path: Path) -> None:
    """Take one picture once the page has come to rest and no pointer hovers."""
    page.mouse.move(0, WINDOW["height"] - 1)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # canvas tables draw after the page is idle
    page.screenshot(path=path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"))
