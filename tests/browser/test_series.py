"""A series is gone through with the wheel and the keys, and the reader's window goes along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom.uid import generate_uid

from tests.browser.lightbox import Server
from tests.browser.test_first_five_minutes import film, upload
from tests.factories import make_dicom_bytes

pytestmark = [pytest.mark.browser, pytest.mark.slow]
COUNT = 5


@pytest.fixture
def slices(tmp_path: Path) -> list[Path]:
    """A CT series; the files come in another order than their numbers."""
    study, series = generate_uid(), generate_uid()
    paths: list[Path] = []
    for number in (3, 1, 5, 2, 4):
        pixels = np.full((64, 64), 100 * number, np.int16)
        pixels[8 * number, :] = 2000
        content = make_dicom_bytes(
            pixels,
            Modality="CT",
            SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            SOPInstanceUID=generate_uid(),
            InstanceNumber=number,
            RescaleSlope=1,
            RescaleIntercept=-1024,
            WindowCenter=40,
            WindowWidth=400,
        )
        paths.append(tmp_path / f"slice_{len(paths)}.dcm")
        paths[-1].write_bytes(content)
    return paths


def test_the_wheel_goes_through_a_series(page: Page, server: Server, slices: list[Path]) -> None:
    page.goto(server.address)
    upload(page, *slices)
    expect(page.get_by_text(f"{COUNT} files done.")).to_be_visible()
    page.get_by_role("link", name="Worklist").click()
    page.get_by_role("button", name="Read next").click()
    expect(film(page)).to_be_visible()
    at = page.locator(".readout").first
    expect(at).to_contain_text(f"of {COUNT}")
    page.locator(".pane").first.hover()
    page.keyboard.press("Home")
    expect(at).to_contain_text(f"Image 1 of {COUNT}")

    page.keyboard.press("i")
    expect(film(page)).to_have_attribute("data-inverted", "true")
    page.mouse.wheel(0, 100)
    expect(at).to_contain_text(f"Image 2 of {COUNT}")
    expect(film(page)).to_have_attribute("data-inverted", "true")  # as the reader had it

    for _turn in range(2):  # faster than pictures come
        page.mouse.wheel(0, 100)
    expect(at).to_contain_text(f"Image 4 of {COUNT}")
    page.keyboard.press("End")
    expect(at).to_contain_text(f"Image {COUNT} of {COUNT}")
    page.mouse.wheel(0, 100)  # there is no further
    page.keyboard.press("ArrowUp")
    expect(at).to_contain_text(f"Image 4 of {COUNT}")
    zoom = film(page).get_attribute("data-zoom")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    expect(film(page)).not_to_have_attribute("data-zoom", zoom or "")
