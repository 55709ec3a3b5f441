"""The eraser in a real browser: without the planted mark the answer falls, and comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from imaging.store import Repository
from tests.browser.lightbox import PATIENCE, Server
from tests.browser.test_first_five_minutes import film, upload
from tests.browser.test_reading_room import choose, drag, until
from tests.conftest import tiny_card
from tests.factories import make_dicom_bytes
from tests.planted import BRIGHT, RADIUS, planted_checkpoint, planted_film

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)

SIDE = 512


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Lightbox with a network that nothing but a bright disc decides."""
    planted_checkpoint(tmp_path / "weights" / "planted", tiny_card())
    found = Server(tmp_path / "home", tmp_path / "weights")
    found.start()
    yield found
    found.stop()


@pytest.fixture
def marked_film(tmp_path: Path) -> Path:
    """A film with the disc, square, so that fractions of the pane are those of the film."""
    pixels = (planted_film(side=SIDE) * 4000).astype(np.uint16)
    path = tmp_path / "marked.dcm"
    path.write_bytes(
        make_dicom_bytes(
            pixels,
            Modality="DX",
            BodyPartExamined="CHEST",
            ViewPosition="PA",
            PatientAge="004Y",
            PatientOrientation=["L", "F"],
        )
    )
    return path


def percent(page: Page, line: str) -> float:
    """The percentage behind the beginning of a line."""
    text = page.get_by_text(re.compile(f"^{line}: ")).inner_text()
    found = re.search(r"([<>]?)(\d+)%", text)
    assert found is not None, text
    return float(found.group(2))


def paint(page: Page, pad: Locator) -> None:
    """Brush over the disc, to and fro."""
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    across = [-1, 1, 1, -1] * 4
    for number, (x, y) in enumerate(zip(across, np.linspace(-1, 1, len(across)), strict=True)):
        column, row = BRIGHT[1] + x * RADIUS, BRIGHT[0] + y * RADIUS
        page.mouse.move(box["x"] + column * box["width"], box["y"] + row * box["height"], steps=4)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def test_the_answer_falls_with_its_evidence(page: Page, server: Server, marked_film: Path) -> None:
    page.goto(server.address)
    upload(page, marked_film)
    page.get_by_role("button", name="Review").click()
    expect(film(page)).to_be_visible()
    store = Repository.open(server.home)
    study = store.worklist.page().items[0].study_instance_uid

    # draw a rectangle around the disc; the square film stands in the middle of a wider pane
    page.keyboard.press("b")
    pane = film(page)
    box = pane.bounding_box()
    assert box is not None
    side = min(box["width"], box["height"])

    def at(row: float, column: float) -> tuple[float, float]:
        x = (box["width"] - side) / 2 + column * side
        y = (box["height"] - side) / 2 + row * side
        return x / box["width"], y / box["height"]

    reach = RADIUS * 1.4
    drag(
        page,
        pane,
        at(BRIGHT[0] - reach, BRIGHT[1] - reach),
        at(BRIGHT[0] + reach, BRIGHT[1] + reach),
    )
    until(store, study, lambda r: bool(r.annotations))

    choose(page, "Eraser")
    expect(page.get_by_text(re.compile("^The whole image: "))).to_be_visible()
    before = percent(page, "The whole image")
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.get_by_text("The answer depended on what was erased.")).to_be_visible()
    assert percent(page, "What is left") < 50 < before

    # kept in the record, and taken back on the screen
    page.get_by_role("button", name="Keep in the record").click()
    kept = until(store, study, lambda r: bool(r.trials)).trials[0]
    assert kept.after < 0.5 < kept.before and kept.model.name == tiny_card().name
    page.get_by_role("button", name="Undo step").click()
    expect(page.get_by_text(re.compile("^What is left: "))).to_have_count(0)

    # a stroke of the brush over the disc takes it out as well
    pad = page.locator(".pad canvas")
    paint(page, pad)
    expect(page.get_by_text(re.compile("^What is left: "))).to_be_visible()
    expect(page.get_by_text("Without brush stroke")).to_be_visible()
    assert percent(page, "What is left") < 50
    page.get_by_role("button", name="Undo step").click()
    expect(page.get_by_text(re.compile("^What is left: "))).to_have_count(0)

    # and the inverse: the disc alone carries the answer
    page.get_by_role("button", name="Keep only this").click()
    expect(page.get_by_text(re.compile("^What is left: "))).to_be_visible()
    assert percent(page, "What is left") > 50
