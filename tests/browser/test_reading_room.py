"""One case from upload to archive: read blind, revealed, edited, measured, signed, exported."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from imaging.review.records import AuditEvent, Review, Shape, Stage
from imaging.store import Repository
from tests.browser.lightbox import PATIENCE, READER, Server
from tests.browser.test_first_five_minutes import film, upload
from tests.imaging.orthanc import running_orthanc

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def until(store: Repository, study: str, wanted: Callable[[Review], bool]) -> Review:
    """The newest version once it is as wanted."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        review = store.studies.get(study).review
        if review is not None and wanted(review):
            return review
        time.sleep(0.1)
    raise AssertionError("the review was not kept")


def choose(page: Page, option: str) -> None:
    """Press an option of a row of buttons."""
    page.get_by_role("radio", name=option).or_(page.get_by_role("button", name=option)).click()


def drag(page: Page, pane: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag between two points given in fractions of a pane."""
    box = pane.bounding_box()
    assert box is not None
    for at, (x, y) in enumerate((start, end)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if at == 0:
            page.mouse.down()
    page.mouse.up()


def test_the_second_tab_is_told(page: Page, server: Server, films: list[Path]) -> None:
    page.goto(server.address)
    upload(page, films[1])
    page.get_by_role("button", name="Review").click()
    expect(page.locator(".lb-small", has_text="Draft by AI, not accepted")).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    choose(other, "Disagree: no pneumonia")
    expect(other.get_by_text("You disagreed with the AI")).to_be_visible()
    choose(page, "Agree: pneumonia")
    expect(page.get_by_text("saved this study in another window")).to_be_visible()
    expect(page.get_by_text("You disagreed with the AI")).to_be_visible()


def test_a_case_goes_from_upload_to_the_archive(
    page: Page, server: Server, films: list[Path], tmp_path: Path
) -> None:
    page.goto(f"{server.address}/account")
    page.get_by_text("Blind first read").click()
    page.get_by_role("link", name="Upload").click()
    upload(page, films[0])
    expect(page.get_by_text("Read the image first")).to_be_visible()
    page.get_by_role("button", name="Review").click()

    # blind: the film and a question, nothing of the network
    expect(film(page)).to_be_visible()
    expect(page.get_by_text("Save my read and show AI")).to_be_visible()
    expect(page.locator(".lb-answer")).to_have_count(0)
    choose(page, "Pneumonia absent")
    page.get_by_role("button", name="Save my read").click()
    expect(page.locator(".lb-answer")).to_contain_text("threshold")
    expect(page.get_by_text("Your first read, after")).to_contain_text("the AI disagrees")

    store = Repository.open(server.home)
    study = page.url.split("study=")[1].split("&")[0]
    (first,) = store.reviews.first_reads()
    assert not first.present and first.network_present

    # edit: accept after all, add a finding and a note
    choose(page, "Agree: pneumonia")
    until(store, study, lambda r: any(f.present for f in r.findings))
    page.get_by_label("Note").fill("left lower zone")
    page.get_by_label("Note").blur()
    until(store, study, lambda r: r.note == "left lower zone")

    # measure
    page.keyboard.press("d")
    drag(page, film(page), (0.3, 0.4), (0.6, 0.6))
    measured = until(store, study, lambda r: bool(r.annotations))
    (mark,) = measured.annotations
    assert mark.shape is Shape.LENGTH and mark.measures[0].unit == "mm"

    # a power cut loses nothing that was stated
    server.kill()
    server.start()
    page.reload()
    expect(page.get_by_label("Note")).to_have_value("left lower zone")
    expect(film(page)).to_be_visible()
    assert until(store, study, lambda r: bool(r.annotations)).annotations == (mark,)

    page.get_by_role("button", name="Sign final").click()
    expect(page.get_by_text(f"Final, signed by {READER}.")).to_be_visible()
    assert until(store, study, lambda r: r.stage is Stage.FINAL).annotations == (mark,)

    # export everything, and let a real archive take the DICOM part
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Create files").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save lightbox-").click()
    download.value.save_as(tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    kinds = {name.rsplit(".", 1)[1] for name in files}
    # the map of this film may not be reliable: then it is left out, and a text says so
    assert kinds - {"txt"} == {"dcm", "pdf", "html", "json", "csv"}, sorted(files)
    left_out = b" ".join(content for name, content in files.items() if name.endswith(".txt"))
    assert not left_out or b"not reliable for this image" in left_out
    with running_orthanc(tmp_path) as orthanc:
        for name, content in files.items():
            if name.endswith(".dcm"):
                assert orthanc.upload(content)["Status"] == "Success", name
        stored = orthanc.instances()
    assert len(stored) == sum(name.endswith(".dcm") for name in files) >= (2 if left_out else 4)
    assert set(stored.values()) == {study}

    # everything is still there, and the trail of it is unbroken
    page.reload()
    expect(page.get_by_text("Final, version")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("left lower zone")
    deeds = [line.deed for line in store.audit.entries(study)]
    for deed in (
        AuditEvent.RECEIVE,
        AuditEvent.SCORE,
        AuditEvent.VIEW,
        AuditEvent.FIRST_READ,
        AuditEvent.SIGN,
        AuditEvent.EXPORT,
    ):
        assert deed in deeds
    assert store.audit.verify().intact
    store.close()
