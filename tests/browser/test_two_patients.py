"""The right patient: two under one study are held until settled, a stranger hangs on request."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pydicom.uid import generate_uid

from imaging.store import Repository
from tests.browser.lightbox import Server
from tests.browser.test_first_five_minutes import film, upload
from tests.factories import make_dicom_bytes, make_pixels

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BIG = make_pixels(256, 256)


def picture(page: Page, name: str) -> None:
    """A screenshot to look at, where somebody asks for them."""
    if folder := os.environ.get("LIGHTBOX_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def write(folder: Path, name: str, **attributes: str) -> tuple[Path, str]:
    """A film of its own UIDs but for those given; returns its file and its study."""
    uids = {f"{kind}InstanceUID": generate_uid() for kind in ("Study", "Series", "SOP")}
    path, stated = folder / f"{name}.dcm", {**uids, **attributes}
    path.write_bytes(make_dicom_bytes(BIG, **stated))
    return path, stated["StudyInstanceUID"]


def settle(page: Page, *films: Path) -> None:
    """Upload films and wait for their outcomes."""
    upload(page, *films)
    expect(page.get_by_text(f"{len(films)} files done.")).to_be_visible()


def test_a_study_of_two_patients_is_held_until_it_is_separated(
    page: Page, server: Server, tmp_path: Path
) -> None:
    study = generate_uid()
    alpha = {"PatientName": "ALPHA^ANNA", "PatientID": "A-1", "PatientSex": "F"}
    beta = {"PatientName": "BETA^BRUNO", "PatientID": "B-2", "PatientSex": "M"}
    films = [
        write(tmp_path, name, StudyInstanceUID=study, **patient)[0]
        for name, patient in (("alpha", alpha), ("beta", beta))
    ]
    page.goto(server.address)
    settle(page, *films)
    expect(page.get_by_text("1 study name more than one patient")).to_be_visible()
    picture(page, "two-patients-upload")
    page.goto(f"{server.address}/review?study={study}")
    expect(film(page)).to_be_visible()
    held = page.locator(".st-key-two-patients")
    for words in ("more than one patient", "ALPHA, ANNA", "A-1", "BETA, BRUNO", "B-2"):
        expect(held).to_contain_text(words)
    expect(page.get_by_role("button", name="Sign final")).to_have_count(0)
    expect(page.get_by_role("button", name="Export", exact=True)).to_have_count(0)
    picture(page, "two-patients-held")
    page.get_by_role("link", name="Worklist").click()
    expect(page.get_by_role("grid").first).to_be_visible()
    picture(page, "two-patients-worklist")

    page.goto(f"{server.address}/review?study={study}")
    held.get_by_text("ALPHA, ANNA, A-1").click()
    held.get_by_role("button", name="Separate").click()
    expect(page.get_by_text("new study is on the worklist")).to_be_visible()
    expect(page.get_by_role("button", name="Sign final")).to_be_visible()
    expect(held).to_have_count(0)
    picture(page, "two-patients-separated")
    store = Repository.open(server.home)
    names = {item.patient.name for item in store.worklist.page().items}
    store.close()
    assert {"ALPHA^ANNA", "BETA^BRUNO"} <= names


def test_a_stranger_is_no_prior_and_a_doubtful_one_hangs_on_request(
    page: Page, server: Server, tmp_path: Path
) -> None:
    gamma = {"PatientName": "GAMMA^GRETA", "PatientSex": "F", "PatientID": "1234"}
    now, study = write(tmp_path, "now", **gamma, IssuerOfPatientID="HOSPITAL-A")
    delta = {"PatientName": "DELTA^DAVID", "PatientSex": "M", "PatientID": "1234"}
    stranger, _ = write(
        tmp_path, "stranger", **delta, IssuerOfPatientID="HOSPITAL-B", StudyDate="20240301"
    )
    perhaps, _ = write(
        tmp_path, "perhaps", **gamma, IssuerOfPatientID="HOSPITAL-B", StudyDate="20230301"
    )
    page.goto(server.address)
    settle(page, now, stranger, perhaps)
    page.goto(f"{server.address}/review?study={study}")
    expect(film(page)).to_be_visible()
    expect(page.locator(".pane")).to_have_count(1)
    expect(page.get_by_text("DELTA")).to_have_count(0)
    picture(page, "stranger-not-hung")
    page.get_by_role("button", name="1 earlier study may be").click()
    offered = page.get_by_text("Same number, other issuer: HOSPITAL-A / HOSPITAL-B")
    expect(offered).to_be_visible()
    expect(page.get_by_text("2024-03-01")).to_have_count(0)
    picture(page, "doubtful-offered")
    offered.click()
    expect(page.locator(".pane")).to_have_count(2)
    expect(page.get_by_text("Perhaps another patient's image")).to_be_visible()
    page.keyboard.press("Escape")
    picture(page, "doubtful-hung")
