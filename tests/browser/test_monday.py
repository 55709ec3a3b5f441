"""Monday morning: a folder of the weekend is queued, the page is closed, the work is done later."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from imaging.entities import JobFile, Status
from imaging.store import Repository
from tests.browser.lightbox import PATIENCE, Server, open_page
from tests.browser.test_first_five_minutes import film, table, upload
from tests.factories import make_dicom_bytes
from tests.planted import planted_film

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)

LONG = 300_000  # milliseconds: every file is read and judged
GUILTY = (
    lambda film: film[: len(film) // 2],  # cut off on the way
    lambda film: b"Dear colleague, please find the films enclosed.\n",
    lambda film: b"",
    lambda film: b"\0" * 128 + b"DICM" + b"\xff" * 400,  # what follows is no header
    lambda film: film[:128] + b"MCID" + film[132:200],
)


@dataclass(frozen=True)
class Ward:
    """A folder of films; one in ten files is broken, one in twenty films is urgent."""

    folder: Path
    files: int

    @property
    def broken(self) -> frozenset[int]:
        """Files that cannot be read."""
        return frozenset(random.Random(7).sample(range(self.files), self.files // 10))

    @property
    def foreign(self) -> frozenset[int]:
        """Slices of a CT, which the networks were not built for."""
        return frozenset(range(49, self.files, 50)) - self.broken

    @property
    def urgent(self) -> frozenset[int]:
        """Films with a bright disc."""
        return frozenset(range(7, self.files, 20)) - self.broken

    @property
    def listed(self) -> int:
        """Studies that the worklist shows: their header can be read."""
        return self.files - sum(number % len(GUILTY) != 0 for number in self.broken)

    def write(self) -> Ward:
        """Make the folder."""
        self.folder.mkdir()
        for number in range(self.files):
            (self.folder / f"{number:03d}.dcm").write_bytes(self._content(number))
        return self

    def _content(self, number: int) -> bytes:
        pixels = planted_film(bright=number in self.urgent, side=128, seed=number)
        uid = f"1.2.{self.files}.{number + 1}"
        content = make_dicom_bytes(
            np.rint(pixels * 4095).clip(0, 4095).astype(np.uint16),
            SOPInstanceUID=f"{uid}.1",
            StudyInstanceUID=uid,
            PatientID=f"{self.folder.name}-{number:03d}",
            PatientName=f"SYNTHETIC^{number:03d}",
            Modality="CT" if number in self.foreign else "CR",
        )
        return GUILTY[number % len(GUILTY)](content) if number in self.broken else content


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server below which others may be queued."""
    return tmp_path_factory.mktemp("wards")


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, planted_folder: Path, roots: Path
) -> Iterator[Server]:
    """A server whose tiny networks are quick, and know which films are urgent."""
    found = Server(tmp_path_factory.mktemp("monday") / "home", planted_folder.parent, roots=roots)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[Repository]:
    """What the server keeps."""
    found = Repository.open(server.home)
    yield found
    found.close()


@pytest.fixture
def later(chromium: Browser) -> Iterator[Page]:
    """The page of a reader who comes back: nothing is left of the first one."""
    with open_page(chromium) as found:
        yield found


@pytest.mark.timeout(900)
def test_a_folder_of_the_server_is_done_when_the_reader_comes_back(
    page: Page, later: Page, server: Server, store: Repository, roots: Path
) -> None:
    ward, before = Ward(roots / "server", 600).write(), store.worklist.page().stored
    _open_intake(page, server)
    page.get_by_label("Folder of this server").fill(str(ward.folder))
    page.get_by_role("button", name="Add the folder").click()
    job = _job_of(page)
    expect(page.get_by_text(re.compile(rf"of {ward.files} files done"))).to_be_visible()
    assert not store.jobs.progress(job).finished
    page.close()

    _expect_listed(later, server, ward, before)
    later.get_by_role("link", name="Upload").click()
    later.get_by_text("Recent jobs").click()
    expect(later.get_by_text(f"Folder \u00b7 {ward.folder}")).to_be_visible()
    later.get_by_role("button", name="Open").first.click()  # the newest
    assert _job_of(later) == job
    _expect_done(later, ward)
    files = _check_files(store, job, ward)
    _expect_reasons(later, Status.ERROR, "Could not be read", files)
    _expect_reasons(later, Status.REFUSED, "Not suitable", files)
    _open_most_urgent(later, server, store, ward)


def test_an_uploaded_folder_is_done_when_the_reader_comes_back(
    page: Page, later: Page, server: Server, store: Repository, tmp_path: Path
) -> None:
    ward, before = Ward(tmp_path / "uploaded", 60).write(), store.worklist.page().stored
    _open_intake(page, server)
    upload(page, ward.folder)
    expect(page.get_by_text("60 of 60 files arrived.")).to_be_visible()
    job, link = _job_of(page), page.url
    page.close()

    _expect_listed(later, server, ward, before)
    later.goto(link)
    _expect_done(later, ward)
    _check_files(store, job, ward)


def _open_intake(page: Page, server: Server) -> None:
    """The worklist's place for folders."""
    page.goto(f"{server.address}/triage")
    page.get_by_text("Add a folder", exact=True).click()


def _job_of(page: Page) -> str:
    """The job that the address line names."""
    page.wait_for_url(re.compile("job="))
    return page.url.split("job=")[1].split("&")[0]


def _expect_listed(page: Page, server: Server, ward: Ward, before: int) -> None:
    """Without the job's address: the list is there for everybody."""
    page.goto(f"{server.address}/triage")
    count = before + ward.listed
    expect(page.get_by_text(f"{count} unread of {count} studies")).to_be_visible(timeout=LONG)


def _expect_done(page: Page, ward: Ward) -> None:
    """The finished job with its counts."""
    done = page.get_by_text(re.compile(rf"^{ward.files} files done\."))
    expect(done).to_contain_text(f"Could not be read: {len(ward.broken)}", timeout=LONG)
    expect(done).to_contain_text(f"Not suitable: {len(ward.foreign)}")


def _check_files(store: Repository, job: str, ward: Ward) -> tuple[JobFile, ...]:
    """Every film is answered or refused, every broken file has its reason."""
    files = store.jobs.get(job).files
    assert len(files) == ward.files and store.audit.verify().intact
    for status, numbers in ((Status.ERROR, ward.broken), (Status.REFUSED, ward.foreign)):
        found = [one for one in files if one.status is status]
        assert {int(Path(one.file_name).stem) for one in found} == numbers
        assert all(one.message for one in found)
    judged = {one.sop_instance_uid for one in files if one.status is not Status.ERROR}
    assert len(judged) == ward.files - len(ward.broken) and "" not in judged
    return files


def _expect_reasons(page: Page, status: Status, words: str, files: tuple[JobFile, ...]) -> None:
    """The list of one outcome; its first rows are in sight, the others a scroll away."""
    wanted = [one for one in files if one.status is status]
    page.get_by_role("combobox", name=re.compile("Outcome")).click()
    page.get_by_role("option", name=f"{words}: {len(wanted)}").click()
    for one in wanted[:10]:
        expect(_rows(page).filter(has_text=one.file_name)).to_contain_text(one.message)


def _rows(page: Page) -> Locator:
    """Rows of the table in sight."""
    return table(page).locator("tbody tr")


def _open_most_urgent(page: Page, server: Server, store: Repository, ward: Ward) -> None:
    """The study at the top of the worklist is one of the urgent ones, and opens."""
    first = store.worklist.page().items[0]
    number = int(first.patient.name.split("^")[1])
    assert number in ward.urgent
    assert first.priority == max(one.priority for one in store.worklist.load_workload_rows())
    page.goto(f"{server.address}/triage")
    expect(_rows(page).first).to_contain_text(f"SYNTHETIC, {number:03d}")
    _rows(page).first.click()
    page.wait_for_url(re.compile(rf"/review\?study={re.escape(first.study_instance_uid)}$"))
    expect(film(page)).to_contain_text(first.patient.patient_id)
