"""The uploader in a real browser: every file that was picked arrives or stays told by name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from imaging.store import Repository
from pages.ui.intake.route import PART
from tests.browser.lightbox import PATIENCE, Server
from tests.browser.test_first_five_minutes import upload
from tests.factories import make_dicom_bytes

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)
CUT = b"1.2.826.0.77"  # in the file whose transfer is cut


@pytest.fixture
def ward(tmp_path: Path) -> list[Path]:
    """Five small films, the third of which can be known on the line."""
    found = []
    for number in range(5):
        uid = f"{CUT.decode()}.{number}" if number == 2 else f"1.2.3.{number}"
        found.append(tmp_path / f"film{number}.dcm")
        found[-1].write_bytes(make_dicom_bytes(SOPInstanceUID=uid))
    return found


def missing(page: Page) -> Locator:
    """What the page says did not arrive."""
    return page.locator('[data-part="missing"]')


def stored(server: Server, page: Page) -> list[str]:
    """Names of the files of the job in the address."""
    store = Repository.open(server.home)
    names = [file.file_name for file in store.jobs.get(page.url.split("job=")[1]).files]
    store.close()
    return names


def test_a_transfer_that_is_cut_is_told_by_name_and_sent_again(
    page: Page, server: Server, ward: list[Path]
) -> None:
    def cut(route: Route) -> None:
        body = route.request.post_data_buffer or b""
        route.abort("connectionreset") if CUT in body else route.continue_()

    page.goto(server.address)
    page.route("**/intake/send", cut)
    upload(page, *ward)
    expect(missing(page)).to_contain_text("1 file did not arrive")
    expect(missing(page)).to_contain_text("film2.dcm")
    expect(missing(page)).to_contain_text("The connection was cut")
    expect(page.get_by_text("4 of 5 files arrived.")).to_be_visible()
    expect(page.get_by_text(re.compile("^4 files done.*4 of 5 files arrived"))).to_be_visible()
    assert sorted(stored(server, page)) == [p.name for p in ward if p.name != "film2.dcm"]

    page.reload()  # the server knows it, whatever the tab forgot
    expect(missing(page)).to_contain_text("film2.dcm")
    page.unroute("**/intake/send")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose them again").click()
    chooser.value.set_files(ward[2])
    expect(missing(page)).to_be_hidden()
    expect(page.get_by_text(re.compile("^5 files done"))).to_be_visible()
    assert sorted(stored(server, page)) == [p.name for p in ward]


def test_a_cut_file_is_retried_without_choosing_it_again(
    page: Page, server: Server, ward: list[Path]
) -> None:
    page.goto(server.address)
    page.route("**/intake/send", lambda route: route.abort("connectionreset"))
    upload(page, *ward[:2])
    expect(missing(page)).to_contain_text("2 files did not arrive")
    page.unroute("**/intake/send")
    page.get_by_role("button", name="Retry").click()
    expect(missing(page)).to_be_hidden()
    expect(page.get_by_text(re.compile("^2 files done"))).to_be_visible()


def test_a_file_over_the_limit_is_told_and_the_good_one_arrives(
    page: Page, server: Server, ward: list[Path], tmp_path: Path
) -> None:
    large = tmp_path / "large.dcm"
    with large.open("wb") as stream:
        stream.truncate(300 * 2**20)
    page.goto(server.address)
    upload(page, large, ward[4])
    expect(missing(page)).to_contain_text("large.dcm")
    expect(missing(page)).to_contain_text("add that under Worklist, Add a folder")
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()
    expect(page.get_by_text(re.compile("^1 file done.*1 of 2 files arrived"))).to_be_visible()
    assert stored(server, page) == ["film4.dcm"]
    page.get_by_role("button", name="Dismiss").click()
    expect(missing(page)).to_be_hidden()
    page.reload()
    expect(page.get_by_text(re.compile("1 of 2 files arrived"))).to_be_visible()
    expect(missing(page)).to_be_hidden()


def test_a_dropped_folder_and_a_film_in_parts(page: Page, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "disc" / "deep"
    folder.mkdir(parents=True)
    pixels = np.tile(np.arange(3500, dtype=np.uint16), (3000, 1))
    (folder / "film.dcm").write_bytes(make_dicom_bytes(pixels, SOPInstanceUID="1.2.3.99"))
    assert 2 * PART < (folder / "film.dcm").stat().st_size < 3 * PART
    (folder.parent / "AUTORUN.INF").write_bytes(b"[autorun]")
    page.goto(server.address)
    upload(page, folder.parent)
    expect(page.get_by_text("2 of 2 files arrived.")).to_be_visible()
    expect(page.get_by_text("1 file that is not an image", exact=True)).to_be_visible()
    store = Repository.open(server.home)
    (film,) = (
        file for file in store.jobs.get(page.url.split("job=")[1]).files if "film" in file.file_name
    )
    store.close()
    assert film.file_name == "disc/deep/film.dcm" and film.sop_instance_uid
