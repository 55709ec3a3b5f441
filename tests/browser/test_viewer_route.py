"""Large films by the viewer's own route, and by the socket where that does not answer."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Response, expect

from imaging.dicom import read_image
from tests.browser.lightbox import Server
from tests.browser.test_first_five_minutes import upload
from tests.browser.viewer import Bench, grey, serve_viewer
from tests.factories import make_dicom_bytes

pytestmark = [pytest.mark.browser]
ROWS, COLUMNS = 1501, 2103
WINDOW = {"WindowCenter": 30000, "WindowWidth": 40000}
PART = np.s_[100:500, 100:1100]  # of the pane
WAYS = {
    "open": {},
    "base path": {"STREAMLIT_SERVER_BASE_URL_PATH": "some/where"},
    "shut": {"VIEWER_ROUTE": "shut"},
    "none": {"VIEWER_ROUTE": "none"},
}
ANSWERS = {"open": [200, 200], "base path": [200, 200], "shut": [403, 403], "none": []}


@pytest.mark.parametrize("way", WAYS)
def test_the_film_is_exact_whichever_way_it_comes(page: Page, tmp_path: Path, way: str) -> None:
    noise = np.random.default_rng(3).integers(0, 2**16, (ROWS, COLUMNS), dtype=np.uint16)
    content = make_dicom_bytes(noise, BitsStored=16, HighBit=15, **WINDOW)
    (tmp_path / "film.dcm").write_bytes(content)
    answers: list[int] = []

    def note(response: Response) -> None:
        if response.url.endswith("/film"):
            answers.append(response.status)

    page.on("response", note)
    with serve_viewer(tmp_path, **WAYS[way]) as address:
        bench = Bench(page, address).open({"film": "film.dcm"})
        bench.press("0")
        shown = grey(bench.pixels()[PART])
        place = bench.place()
    assert answers == ANSWERS[way] and not bench.errors
    assert np.array_equal(place[:, :2], np.eye(2))
    left, top = (int(corner) for corner in -place[:, 2])
    wanted = read_image(content, file_name="film.dcm").display_values(0)
    assert np.array_equal(shown, wanted[top:, left:][PART])


def test_a_reader_with_an_account_collects_the_film(
    page: Page, tmp_path: Path, checkpoint_folder: Path
) -> None:
    ramp = np.linspace(0, 4095, 2100)[None].repeat(2100, axis=0).astype(np.uint16)
    (tmp_path / "film.dcm").write_bytes(make_dicom_bytes(ramp, Modality="DX"))
    answers: list[int] = []
    page.on("response", lambda r: answers.append(r.status) if r.url.endswith("/film") else None)
    server = Server(tmp_path / "home", checkpoint_folder.parent, reader="")
    server.start()
    try:
        page.goto(server.opening())
        page.get_by_label("Name shown on reports").fill("Dr Kim")
        page.get_by_label("Sign-in name").fill("kim")
        page.get_by_role("textbox", name="Password").fill("a long password")
        page.get_by_role("button", name="Create account").click()
        expect(page.locator(".key")).to_have_text(re.compile(r"^(\w{4}-){8}\w{4}$"))
        page.get_by_role("link", name="I have kept it; continue").click()
        upload(page, tmp_path / "film.dcm")
        page.get_by_role("button", name="Review").click()
        page.locator('.pane[data-ready="true"]').wait_for()
    finally:
        server.stop()
    assert answers == [200, 200]
