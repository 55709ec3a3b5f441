"""Two JPEGs without a header: told apart at a glance, named together, and read as who they are."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from PIL import Image as PilImage
from playwright.sync_api import Page, expect

from imaging.delivery.study import deliver
from imaging.dicom import read_image
from imaging.store import Repository
from tests.browser.lightbox import READER, Server
from tests.browser.test_first_five_minutes import film, table, tick, upload

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LAPTOP = {"width": 1366, "height": 768}
ADULT = re.compile("outside the studied|this patient is 77|Not suitable")


def shoot(page: Page, name: str) -> None:
    """Keep a picture of the page where somebody asked for them."""
    if folder := os.environ.get("LIGHTBOX_SHOTS"):
        page.wait_for_timeout(2000)  # the table draws its pictures after its rows
        page.screenshot(path=f"{folder}/{name}.png")


@pytest.fixture
def jpegs(films: list[Path], tmp_path: Path) -> list[Path]:
    """Two synthetic films as somebody's phone or screen would save them: no header at all."""
    made = []
    for name, path in (("amina.jpg", films[0]), ("second.jpg", films[-1])):
        made.append(tmp_path / name)
        PilImage.fromarray(read_image(path).display_values(0)).save(made[-1], quality=92)
    return made


def type_day(page: Page, label: str, digits: str) -> None:
    """Type a date into a field whose year, month and day are parts of their own."""
    page.get_by_role("group", name=label).first.get_by_role("spinbutton").first.click()
    page.keyboard.type(digits)


@pytest.mark.timeout(600)
def test_two_jpegs_are_told_apart_named_and_read_as_who_they_are(
    page: Page, server: Server, jpegs: list[Path]
) -> None:
    page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]
    page.goto(server.address)
    upload(page, *jpegs)
    expect(page.get_by_text(re.compile(r"^2 files done\."))).to_be_visible()
    expect(table(page)).to_contain_text("amina.jpg")
    shoot(page, "upload")

    page.get_by_role("link", name="Worklist").click()
    expect(table(page)).to_contain_text("Unnamed: amina.jpg")
    expect(table(page)).to_contain_text("Unnamed: second.jpg")
    shoot(page, "worklist-unnamed")

    expect(page.get_by_text("Name several images")).to_have_count(1)
    page.get_by_text("Name several images").click()
    expect(page.get_by_text("Tick the images of one patient.")).to_be_visible()
    tick(page, 0)
    expect(page.get_by_text("Who is on this image?")).to_be_visible()
    tick(page, 1)
    expect(page.get_by_text("These 2 images are of one patient")).to_be_visible()
    name = page.get_by_label("Name (family name, given name)")
    expect(name).to_have_count(1)  # the form of one film alone has gone
    name.fill("Diallo, Amina")
    page.get_by_label("Number").fill("K-7")
    page.get_by_label("Age at the study").fill("4")
    type_day(page, "Study date", "20260302")
    shoot(page, "worklist-form")
    page.get_by_role("button", name="Save and run the AI").click()
    expect(table(page)).to_contain_text("Diallo, Amina (typed)")
    expect(table(page)).not_to_contain_text("Unnamed")
    expect(page.get_by_text("Name several images")).to_have_count(1)
    page.get_by_text("Name several images").click()
    shoot(page, "worklist-named")

    store = Repository.open(server.home)
    uids = [item.study_instance_uid for item in store.worklist.page().items]
    faces = store.originals.study_thumbnails(uids)
    assert len(set(faces.values())) == 2, "two different faces"

    page.goto(f"{server.address}/review?study={uids[0]}")
    expect(film(page)).to_contain_text(f"Typed by {READER}")
    page.get_by_text("Who is this?").click()
    page.get_by_label("Age at the study").fill("77")
    page.get_by_label("Age at the study").press("Tab")  # else the page is drawn below the click
    page.wait_for_timeout(1500)
    expect(page.get_by_label("Age at the study")).to_have_value("77")
    shoot(page, "review-form")
    page.get_by_role("button", name="Save and run the AI").click()
    expect(page.locator(".lb-answer")).to_contain_text(ADULT)
    expect(page.locator(".lb-answer")).to_contain_text("Diallo, Amina (typed), 77 years")
    shoot(page, "review-adult")

    made = deliver(store, uids[0], ("sr", "pdf", "fhir"), account="x")
    report = next(file.content for file in made if file.name.startswith("sr"))
    assert f"Typed by {READER}".encode() in report and b"Diallo^Amina" in report
    store.close()
