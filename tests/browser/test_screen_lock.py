"""A desk that was left: the screen locks, and a sign-in that was ended elsewhere is off it soon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import update

from imaging.store import Repository
from imaging.store.schema.tables import SessionTable
from pages.ui.account.presence import EVERY
from tests.browser.lightbox import serve
from tests.browser.test_first_five_minutes import upload
from tests.factories import make_dicom_bytes

pytestmark = [pytest.mark.browser]
PASSWORD = "a long password"


@pytest.fixture
def desk(page: Page, tmp_path: Path, checkpoint_folder: Path) -> Iterator[Page]:
    """A reader at a review; the store of the server lies below `tmp_path`."""
    (tmp_path / "film.dcm").write_bytes(make_dicom_bytes(PatientName="Seldon^Hari"))
    with closing(Repository.open(tmp_path / "home")) as store:
        store.accounts.create("kim", "Dr Kim", PASSWORD)
    with serve(tmp_path / "home", checkpoint_folder.parent, reader="") as address:
        page.goto(address)
        page.get_by_label("Sign-in name").fill("kim")
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        upload(page, tmp_path / "film.dcm")
        page.get_by_role("button", name="Review").click()
        page.locator('.pane[data-ready="true"]').wait_for()
        yield page


def set_active_until(home: Path, seconds: float) -> None:
    """Let the sign-ins have that long until they lock."""
    with (
        closing(Repository.open(home)) as store,
        store._database.writing() as rows,
    ):
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        rows.execute(update(SessionTable).values(active_until=until))


def test_a_desk_that_was_left_locks_and_opens_for_its_reader(desk: Page, tmp_path: Path) -> None:
    desk.get_by_label("Note").press_sequentially("spot in the left lung")  # and not yet left
    time.sleep(EVERY + 5)  # the keys are told to the server; then nobody moves
    set_active_until(tmp_path / "home", EVERY + 6)
    desk.get_by_text("Screen locked").first.wait_for()
    desk.get_by_role("textbox", name="Password").wait_for()
    assert desk.locator("#lightbox-locked").count() == 0, "the form is not under the cover"
    assert not desk.get_by_text("Seldon").count() and not desk.locator(".pane").count()
    desk.get_by_role("textbox", name="Password").fill(PASSWORD)
    desk.keyboard.press("Enter")  # unlocks, and does not press the button beside
    desk.locator('.pane[data-ready="true"]').wait_for()
    assert desk.get_by_label("Note").input_value() == "spot in the left lung"


def test_a_desk_in_use_stays_open(desk: Page, tmp_path: Path) -> None:
    set_active_until(tmp_path / "home", EVERY + 10)
    end = time.monotonic() + EVERY + 20
    while time.monotonic() < end:
        desk.mouse.move(400 + 100 * (time.monotonic() % 2), 300)
        time.sleep(1)
    assert desk.locator('.pane[data-ready="true"]').count()


def test_an_account_whose_password_was_reset_is_out_within_a_minute(
    desk: Page, tmp_path: Path
) -> None:
    with closing(Repository.open(tmp_path / "home")) as store:
        store.accounts.reset_password("kim", "quite another password")
    start = time.monotonic()
    desk.get_by_label("Sign-in name").wait_for(timeout=60_000)
    assert time.monotonic() - start < 60
    assert not desk.get_by_text("Seldon").count() and not desk.locator(".pane").count()
