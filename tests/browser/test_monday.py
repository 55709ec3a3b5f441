"""Monday morning: a folder of the weekend is queued, the page is closed, the work is done later."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from imaging.entities import Status
from imaging.store import Repository
from tests.browser.lightbox import PATIENCE, WINDOW, serve
from tests.browser.test_first_five_minutes import film, upload
from tests.factories import make_dicom_bytes
from tests.planted import planted_film

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)

FILES, BROKEN = 300, 30
BROKEN_ONES = frozenset(random.Random(7).sample(range(FILES), BROKEN))
LONG = 300_000  # milliseconds: every file is read and judged
GUILTY = (
    lambda film: film[: len(film) // 2],  # cut off on the way
    lambda film: b"Dear colleague, please find the films enclosed.\n",
    lambda film: b"",
    lambda film: b"\0" * 128 + b"DICM" + b"\xff" * 400,  # what follows is no header
    lambda film: film[:128] + b"MCID" + film[132:200],
)
LISTED = FILES - sum(number % len(GUILTY) != 0 for number in BROKEN_ONES)  # a header can be read


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 270 films, some of them urgent, and among them 30 broken files."""
    folder = tmp_path_factory.mktemp("monday") / "ward"
    folder.mkdir()
    for number in range(FILES):
        pixels = planted_film(bright=number % 20 == 0, side=128, seed=number)
        content = make_dicom_bytes(
            np.rint(pixels * 4095).clip(0, 4095).astype(np.uint16),
            SOPInstanceUID=f"1.2.3.{number + 1}",
            StudyInstanceUID=f"1.2.4.{number + 1}",
            PatientID=f"M-{number:03d}",
            PatientName=f"SYNTHETIC^{number:03d}",
        )
        if number in BROKEN_ONES:
            content = GUILTY[number % len(GUILTY)](content)
        (folder / f"{number:03d}.dcm").write_bytes(content)
    return folder


@pytest.fixture
def address(tmp_path: Path, planted_folder: Path) -> Iterator[str]:
    """A server whose tiny networks are quick, and know which films are urgent."""
    with serve(tmp_path / "home", planted_folder.parent) as found:
        yield found


@pytest.mark.timeout(900)
def test_a_folder_is_done_when_the_reader_comes_back(
    page: Page, chromium: Browser, address: str, ward: Path, tmp_path: Path
) -> None:
    page.goto(f"{address}/triage")
    page.get_by_text("Queue a folder", exact=True).click()
    upload(page, ward)
    page.wait_for_url(re.compile("job="))
    expect(page.get_by_text(re.compile(rf"of {FILES} files done"))).to_be_visible()
    link = page.url
    page.close()

    later = chromium.new_context(viewport=WINDOW, color_scheme="dark").new_page()  # type: ignore[arg-type]
    later.set_default_timeout(PATIENCE * 1000)
    later.goto(f"{address}/triage")  # without the job's address: the list is there for everybody
    expect(later.get_by_text(f"{LISTED} unread of {LISTED} studies")).to_be_visible(timeout=LONG)
    later.goto(link)
    done = later.get_by_text(re.compile(rf"^{FILES} files done\."))
    expect(done).to_contain_text(f"Could not be read: {BROKEN}", timeout=LONG)

    later.goto(f"{address}/triage")
    uid, name = _most_urgent(tmp_path / "home")
    listed = later.locator('[data-testid="stDataFrame"]').filter(has_text=name)
    expect(listed).to_be_visible()
    later.screenshot(path=tmp_path / "worklist.png")
    listed.click(position={"x": 17, "y": 38 + 17})  # tick the first row
    later.wait_for_url(re.compile(rf"/review\?study={re.escape(uid)}$"))
    expect(film(later)).to_be_visible()
    later.screenshot(path=tmp_path / "urgent.png")
    _check_store(tmp_path / "home", link)
    later.context.close()


def _most_urgent(home: Path) -> tuple[str, str]:
    """UID and patient of the study that has to stand first."""
    store = Repository.open(home)
    first, others = store.worklist_page().items[0], store.listed()
    store.close()
    assert first.priority > min(one.priority for one in others), "nothing is urgent here"
    assert first.priority == max(one.priority for one in others)
    return first.study_instance_uid, first.patient.name.replace("^", ", ")


def _check_store(home: Path, link: str) -> None:
    """Every film is answered or refused, every broken file has its reason."""
    store = Repository.open(home)
    files = store.job(link.split("job=")[1].split("&")[0]).files
    intact = store.verify_audit().intact
    store.close()
    assert len(files) == FILES and intact
    broken = [one for one in files if one.status is Status.ERROR]
    assert len(broken) == BROKEN and all(one.message for one in broken)
    judged = {one.sop_instance_uid for one in files if one.status is not Status.ERROR}
    assert len(judged) == FILES - BROKEN and "" not in judged
