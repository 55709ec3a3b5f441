"""One upload of four kinds of film: three networks answer, one refusal says why, all are signed.

A child's chest, an adult's chest, a whole film of two knees - each asked about as a region -, and a
hand, which no network reads.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from imaging.dicom import read_image
from imaging.settings import ROOT
from imaging.store import Repository
from tests.browser.lightbox import PATIENCE, READER, Server
from tests.browser.regions import ask_about_both, box, draw_box, open_regions
from tests.browser.test_first_five_minutes import film, upload, visit_first
from tests.factories import make_dicom_bytes
from tests.panel import panel_weights
from tests.planted import planted_film
from tests.test_cli_results import run

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)

CHILD, ADULT, KNEES = (
    ROOT / "examples" / f"synthetic_{name}.dcm" for name in ("05_bacterial", "09_adult", "10_knees")
)
RIGHT_KNEE, LEFT_KNEE = (36, 92, 324, 380), (396, 92, 684, 380)  # of the example, in its pixels
SHAPE = (472, 720)
PRESENT = re.compile(r"^(Present|Agree: (?!no )|Disagree: (?!no ))")


@pytest.fixture
def server(tmp_path: Path, checkpoint_folder: Path) -> Iterator[Server]:
    """A server with three networks."""
    found = Server(tmp_path / "home", panel_weights(tmp_path / "weights", checkpoint_folder))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def hand(tmp_path: Path) -> Path:
    """A film of a hand, as its header says."""
    pixels = np.rint(planted_film(side=256) * 4095).clip(0, 4095).astype(np.uint16)
    path = tmp_path / "hand.dcm"
    path.write_bytes(
        make_dicom_bytes(pixels, BodyPartExamined="HAND", PatientAge="030Y", ImageLaterality="L")
    )
    return path


def study_of(path: Path) -> str:
    return read_image(path).instance.identity.study_instance_uid


def open_study(page: Page, server: Server, path: Path) -> None:
    page.goto(f"{server.address}/review?study={study_of(path)}")
    expect(page.locator(".lb-answer")).to_be_visible()
    expect(film(page)).to_be_visible()
    expect(page.get_by_text("Something went wrong here")).to_have_count(0)


def sign(page: Page) -> None:
    """Decide what the network asks about, or write a note where nothing is asked; sign."""
    choices = page.get_by_role("radio", name=PRESENT)
    if choices.count():
        choices.first.click()
    else:
        page.get_by_label("Note").fill("A hand, read without the AI.")
        page.get_by_label("Note").blur()
    expect(page.get_by_text(re.compile("^Draft, version 1,"))).to_be_visible()
    page.get_by_role("button", name="Sign final").click()
    done, again = (
        page.get_by_text(f"Final, signed by {READER}."),
        page.get_by_text("A second look?"),
    )
    expect(done.or_(again)).to_be_visible()
    if again.is_visible():
        page.get_by_role("button", name="Sign final").click()
    expect(done).to_be_visible()


@pytest.mark.timeout(900)
def test_four_kinds_in_one_upload(page: Page, server: Server, hand: Path, tmp_path: Path) -> None:
    visit_first(page, server.address, "")
    upload(page, CHILD, ADULT, KNEES, hand)
    expect(page.get_by_text(re.compile(r"^4 files done\."))).to_be_visible()

    for path, name in ((CHILD, "paediatric-cxr"), (ADULT, "adult-tb")):
        open_study(page, server, path)
        expect(page.locator(".lb-answer")).to_contain_text(f"Model {name} ")
        sign(page)

    open_study(page, server, KNEES)
    expect(page.locator(".lb-answer")).to_contain_text("more than one joint")
    open_regions(page)
    draw_box(page, 0, RIGHT_KNEE, SHAPE)
    draw_box(page, 1, LEFT_KNEE, SHAPE)
    expect(box(page, 1)).not_to_have_class("box unplaced")
    ask_about_both(page)
    expect(page.locator("nav.strip button")).to_have_count(3)
    expect(page.locator(".lb-answer")).to_contain_text("Model knee-kl ")
    sign(page)

    open_study(page, server, hand)
    said = "None of the installed models reads this part of the body: HAND. They read CHEST / KNEE."
    expect(page.locator(".lb-answer")).to_contain_text(said)
    sign(page)

    store = Repository.open(server.home)
    knees = store.studies.get(study_of(KNEES))
    assert all(store.studies.get(study_of(path)).final for path in (CHILD, ADULT, hand, KNEES))
    store.close()
    sides = [
        (made.acquisition.laterality, said.model.name)
        for made, said in zip(knees.instances, knees.assessments, strict=True)
        if made.derivation is not None and said is not None and said.model and said.findings
    ]
    assert sorted(sides) == [("L", "knee-kl"), ("R", "knee-kl")]

    done = run(server.home, tmp_path / "unused", "all", "--as", "csv", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    (table,) = (tmp_path / "out").glob("*.csv")
    with table.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["model"].split(" ")[0] for row in rows} >= {"paediatric-cxr", "adult-tb", "knee-kl"}
    assert all(row["signed_by"] == READER for row in rows)
