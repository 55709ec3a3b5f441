"""A technologist at the screen: film, quality and patient, and nothing that was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page

from imaging.review.roles import Role
from imaging.store import Repository
from tests.browser.lightbox import serve
from tests.browser.test_first_five_minutes import upload
from tests.factories import make_dicom_bytes

pytestmark = [pytest.mark.browser]
PASSWORD = "a long password"
FOUND = ("neumonia suspected", "No pneumonia seen", "threshold", "Sign final", "Note")
ROLES = (("kim", None), ("tess", [Role.TECHNOLOGIST]))


@pytest.fixture
def address(tmp_path: Path, checkpoint_folder: Path) -> Iterator[str]:
    """A server at which a reader and a technologist have accounts."""
    (tmp_path / "film.dcm").write_bytes(make_dicom_bytes(PatientName="Seldon^Hari"))
    with closing(Repository.open(tmp_path / "home")) as store:
        for name, roles in ROLES:
            store.accounts.create(name, f"Dr {name.title()}", PASSWORD, roles=roles)
    with serve(tmp_path / "home", checkpoint_folder.parent, reader="") as served:
        yield served


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.get_by_label("Sign-in name").fill(name)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Worklist").wait_for()


def review(page: Page) -> str:
    """Hand the film in and open its review; returns all that the page holds, markup too."""
    page.get_by_role("button", name="Review").click()
    page.locator('.pane[data-ready="true"]').wait_for()
    # The printed report says the name as well, hidden, so the first one need not be the seen one.
    page.get_by_text("Seldon").filter(visible=True).first.wait_for()
    return page.content()


@pytest.mark.parametrize("name", ["kim", "tess"])
def test_a_technologist_sees_the_film_and_no_finding(
    page: Page, address: str, tmp_path: Path, name: str
) -> None:
    """With the reader beside, so that what is not there was looked for where it would be."""
    sign_in(page, address, name)
    upload(page, tmp_path / "film.dcm")
    html = review(page)
    shown = [word for word in FOUND if word in html]
    if name == "kim":
        assert {"threshold", "Sign final"} <= set(shown)
        return
    assert shown == []
    for link in ("Doctors and AI", "Administration", "Audit trail", "Copies"):
        assert page.get_by_role("link", name=link).count() == 0
    page.goto(f"{address.rstrip('/')}/readers")
    page.get_by_text("may not do or see this").wait_for()
