"""A film read by keyboard alone: from the list to the signature, without a stray press."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench.reading_ward import FORTY, write_ward
from bench.reading_ways import ByKeys
from imaging.review import drafting
from imaging.review.records import Account, Stage
from imaging.store import Repository
from tests.browser.lightbox import READER, Server
from tests.browser.test_first_five_minutes import film, open_worklist, review, upload

pytestmark = [pytest.mark.browser, pytest.mark.slow]
QUESTION = ".st-key-sign-question"


@pytest.mark.timeout(600)
def test_one_study_of_each_kind_is_read_by_few_keys(
    page: Page, server: Server, tmp_path: Path
) -> None:
    """`bench.reading` in small: every one ends signed, a normal film by four keys."""
    ward = tmp_path / "ward"
    write_ward(ward, dict.fromkeys(FORTY, 1))
    kinds = json.loads((ward / "ward.json").read_text())
    page.goto(server.address)
    upload(page, *(ward / "earlier").iterdir())
    expect(page.get_by_test_id("stMain").locator(".lb-headline")).to_be_visible()
    with closing(Repository.open(server.home)) as store:
        (earlier,) = store.worklist.study_uids()
        draft = drafting.draft(earlier, None, Account(READER, READER))
        store.reviews.add(drafting.sign(draft, Stage.FINAL))
        page.goto(server.address)
        upload(page, *sorted((ward / "films").iterdir()))
        expect(page.get_by_text(re.compile(r"^5 files done\."))).to_be_visible()
        reader = ByKeys(page, server.address, store, kinds)
        cases = {case.kind: case for case in (reader.read_next() for _study in kinds)}
        assert cases.keys() == FORTY.keys() and reader.count_signed() == len(kinds)
    assert cases["normal"].keys <= 4
    assert max(case.keys for case in cases.values()) <= 5
    assert not any(case.characters for kind, case in cases.items() if kind != "refused")


@pytest.mark.timeout(600)
def test_a_film_is_signed_by_four_keys(page: Page, server: Server, films: list[Path]) -> None:
    with closing(Repository.open(server.home)) as store:
        before = _signed(store)
    page.goto(server.address)
    upload(page, *films[:2])
    expect(page.get_by_text(re.compile(r"^2 files done\."))).to_be_visible()
    open_worklist(page)

    # a row is opened by key and by a press anywhere on it, and the list comes back where it was
    page.evaluate("document.activeElement.blur()")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(film(page)).to_have_attribute("data-ready", "true")
    second = page.url.partition("study=")[2].partition("&")[0]
    row = open_worklist(page).locator("tbody tr").nth(1)
    expect(row).to_have_attribute("data-uid", second)
    expect(row).to_have_attribute("tabindex", "0")
    row.locator("td").last.click()
    expect(film(page)).to_have_attribute("data-ready", "true")
    assert page.url.partition("study=")[2].partition("&")[0] == second
    open_worklist(page)

    keys = ("n", "Enter", "Control+Enter", "Enter")
    page.keyboard.press(keys[0])
    expect(film(page)).to_have_attribute("data-ready", "true")
    page.keyboard.press(keys[1])
    expect(page.get_by_text(re.compile("^Draft, version 1"))).to_be_visible()
    page.keyboard.press(keys[2])
    question = page.locator(QUESTION)
    expect(question).to_contain_text(re.compile("Sign final\\?.*SYNTHETIC.*Pneumonia", re.S))
    page.keyboard.press(keys[3])
    expect(page.get_by_text(re.compile("^Final, version"))).to_contain_text(READER)
    expect(question).to_have_count(0)

    with closing(Repository.open(server.home)) as store:
        assert len(_signed(store) - before) == 1, "the other study is untouched"


def _signed(store: Repository) -> set[str]:
    return {item.study_instance_uid for item in store.worklist.page().items if item.stage}


def test_a_signature_asked_for_is_given_by_nothing_but_its_answer(
    page: Page, server: Server, films: list[Path]
) -> None:
    """Keys pressed before the question is on the screen do not answer it; Escape takes it back."""
    review(page, server.address, films[2])
    page.locator("summary", has_text="Technical details").focus()
    page.keyboard.press("Enter")  # which opens them, and states nothing
    expect(page.locator(".lb-technical")).to_have_attribute("open", "")
    page.wait_for_timeout(1000)
    expect(page.get_by_text("No findings yet")).to_be_visible()
    film(page).click()
    for key in ("Enter", "Control+Enter", "Enter"):  # faster than the page
        page.keyboard.press(key)
    expect(page.locator(QUESTION)).to_be_visible()
    page.wait_for_timeout(2000)
    expect(page.get_by_text(re.compile("^Draft, version 1"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(QUESTION)).to_have_count(0)
    page.keyboard.press("j")  # the other way round
    expect(page.get_by_text("You disagreed with the AI")).to_be_visible()
    page.keyboard.press("Alt+n")
    page.keyboard.type("Seen by key")
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+Enter")
    expect(page.locator(QUESTION)).to_contain_text("Sign preliminary?")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("^Preliminary, version"))).to_be_visible()
    store = Repository.open(server.home)
    records = map(store.studies.get, [i.study_instance_uid for i in store.worklist.page().items])
    (kept,) = (r.review for r in records if r.review and r.review.note == "Seen by key")
    assert kept.stage is Stage.PRELIMINARY
    store.close()
