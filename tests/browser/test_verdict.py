"""The verdict on a map comes by itself, and takes nothing; what fails it is not shown."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from imaging.review.records import Review
from imaging.settings import ROOT
from imaging.store import Repository
from models.checkpoint.installed import break_seal
from models.explain.checks.verdict import RECEIPTS, VerdictRule
from tests.browser.lightbox import ABSENT, PATIENCE, PRESENT, Server
from tests.browser.test_first_five_minutes import film, upload
from tests.browser.test_reading_room import choose, until
from tests.conftest import tiny_card
from tests.planted import planted_checkpoint

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE * 1000)

VERDICT = re.compile("Map: (well supported|weak|not reliable for this image)")


def serve_with(rule: VerdictRule, home: Path, folder: Path) -> Iterator[Server]:
    """Lightbox with the model in a folder below `home`, its maps judged by a rule."""
    card = json.loads((folder / "card.json").read_text())
    facts = {"weights_sha256": card["weights_sha256"], "rule": rule.as_dict()}
    break_seal(folder)
    (folder / RECEIPTS).write_text(json.dumps(facts))
    found = Server(home / "home", folder.parent)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Lightbox with a rule that no map can pass."""
    home = tmp_path_factory.mktemp("strict")
    folder = home / "weights" / tiny_card().name
    planted_checkpoint(folder, tiny_card())
    yield from serve_with(VerdictRule(least_stability=2), home, folder)


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Lightbox with the shipped network and a rule that no map can fail."""
    home = tmp_path_factory.mktemp("lenient")
    shipped = ROOT / "models" / "weights" / "paediatric-cxr"
    folder = home / "weights" / shipped.name
    shutil.copytree(shipped, folder, ignore=shutil.ignore_patterns("evaluation"))
    rule = VerdictRule(least_gain=-2, least_stability=-2, least_mirror=-2, least_own=-2)
    yield from serve_with(rule, home, folder)


def says(present: bool, review: Review) -> bool:
    """True when a review holds one finding, and that word on it."""
    return [finding.present for finding in review.findings] == [present]


def is_shown(pane: Locator) -> bool:
    """True when the colours of a pane's map are over the film."""
    style = pane.locator("canvas.glass").evaluate("map => getComputedStyle(map).opacity")
    return float(style) == 1


def test_the_verdict_comes_by_itself(page: Page, address: str, films: list[Path]) -> None:
    page.goto(address)
    upload(page, films[0])
    page.get_by_role("button", name="Review").click()
    verdict = page.get_by_text(VERDICT)
    expect(verdict).to_be_visible()
    expect(film(page)).to_be_visible()
    assert is_shown(film(page)) == ("not reliable" not in verdict.inner_text())
    # its figures are there without another wait, and nothing asks the server any more
    choose(page, "Map quality tests")
    expect(page.get_by_text("Marked area removed", exact=True)).to_be_visible()
    expect(page.locator('[class*="st-key-hidden-pulse"]')).to_have_count(0)


def outlined(pane: Locator) -> int:
    """Pixels of the line around the strongest place."""
    count: int = pane.locator("canvas.glass").evaluate(
        """map => {
            const {data} = map.getContext("2d").getImageData(0, 0, map.width, map.height);
            let found = 0;
            for (let i = 0; i < data.length; i += 4)
                found += data[i] === 255 && data[i + 1] === 224 && data[i + 2] === 138;
            return found;
        }"""
    )
    return count


def test_a_map_that_passes_is_put_into_words_and_outlined(
    page: Page, lenient: Server, films: list[Path]
) -> None:
    page.goto(lenient.address)
    upload(page, films[5])
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text(re.compile("Map: (well supported|weak)"))).to_be_visible()
    expect(page.get_by_text(re.compile("Evidence (mainly )?in "))).to_be_visible()
    assert is_shown(film(page))
    page.keyboard.press("o")
    deadline = time.monotonic() + PATIENCE
    while not outlined(film(page)) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert outlined(film(page)) > 50


def test_presses_while_a_map_is_tested_all_count(
    page: Page, strict: Server, films: list[Path]
) -> None:
    page.goto(strict.address)
    upload(page, *films[:4])
    expect(page.get_by_text(re.compile(r"^4 files done\."))).to_be_visible()
    store = Repository.open(strict.home)
    for study in [item.study_instance_uid for item in store.worklist.page().items]:
        page.goto(f"{strict.address}/review?study={study}")
        for word, present in ((PRESENT, True), (ABSENT, False), (PRESENT, True)):
            page.get_by_role("radio", name=word).click()
            until(store, study, partial(says, present))
    store.close()


def test_a_map_that_is_not_reliable_is_never_over_the_film(
    page: Page, strict: Server, films: list[Path]
) -> None:
    page.goto(strict.address)
    upload(page, films[4])  # of which nobody has asked for a map yet
    page.get_by_role("button", name="Review").click()
    expect(film(page)).to_be_visible()
    assert not is_shown(film(page))  # it is being tested
    expect(page.get_by_text("Map: not reliable for this image")).to_be_visible()
    assert not is_shown(film(page))
    # the viewer itself is told with the next press, and says why beside its colours
    choose(page, "Map quality tests")
    expect(page.get_by_text("Marked area removed", exact=True)).to_be_visible()
    page.keyboard.press("o")
    expect(film(page)).to_contain_text("Not reliable for this image.")
    assert not is_shown(film(page))
