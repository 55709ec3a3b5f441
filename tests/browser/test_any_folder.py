"""The whole DICOM collection, conformant, odd and broken, dropped as one folder."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from imaging.store import Repository
from tests.browser.lightbox import Server
from tests.browser.test_first_five_minutes import table, upload

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = 600_000  # milliseconds: some 260 files, each judged by the networks


@pytest.mark.timeout(900)
def test_every_file_of_the_collection_has_an_outcome_to_read(
    page: Page, server: Server, data: Path
) -> None:
    folder = data / "dicom"
    files = [path for path in folder.rglob("*") if path.is_file()]
    page.goto(server.address)
    upload(page, folder)
    expect(page.get_by_text(f"{len(files)} files done.")).to_be_visible(timeout=LONG)
    expect(table(page)).to_be_visible()
    assert page.locator('[data-testid="stException"]').count() == 0

    store = Repository.open(server.home)
    job_id = page.url.split("job=")[1].split("&")[0]
    found = store.jobs.get(job_id).files
    store.close()
    assert len(found) == len(files)
    assert all(one.status is not None for one in found)
    silent = [one.file_name for one in found if not one.message and not one.sop_instance_uid]
    assert silent == []
    spoken = " ".join(one.message for one in found)
    assert "Traceback" not in spoken and "internal fault" not in spoken
    with (folder / "index.csv").open(newline="", encoding="utf-8") as lines:
        shown = {Path(row["file"]).name for row in csv.DictReader(lines) if row["decodes"] == "yes"}
    kept = {Path(one.file_name).name for one in found if one.sop_instance_uid}
    assert shown <= kept
