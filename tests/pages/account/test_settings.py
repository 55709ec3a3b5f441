"""Account: reading blind, and keys of one's own."""

from __future__ import annotations

import json
import re
from pathlib import Path

from babel.messages.catalog import Catalog

from imaging.settings import ROOT
from imaging.store import Repository
from pages.ui.viewer.keys import USUAL
from tests.catalogues import catalogues, write_catalogue
from tests.pages.conftest import READER, OpenPage, words

PAGE = "pages/account.py"


def test_the_usual_keys_are_the_viewers() -> None:
    source = (ROOT / "pages/ui/viewer/frontend/src/keys.ts").read_text()
    table = source[source.index("DEFAULTS") : source.index("};")]
    found = re.findall(r'(\w+): ("(?:[^"\\]|\\.)*")', table)
    assert {action: json.loads(key) for action, key in found} == USUAL
    assert len(set(USUAL.values())) == len(USUAL)


def test_blind_reading_is_a_setting_of_the_reader(open_page: OpenPage, store: Repository) -> None:
    page = open_page(PAGE)
    page.toggle(key="blind").set_value(True).run()
    assert store.accounts.alone(READER).blind


def test_a_key_can_be_changed_and_two_actions_never_share_one(
    open_page: OpenPage, store: Repository
) -> None:
    page = open_page(PAGE)
    page.text_input(key="key-invert").set_value(";")
    next(b for b in page.button if b.label == "Save shortcuts").click().run()
    assert dict(store.accounts.alone(READER).bindings) == {"invert": ";"}
    page.text_input(key="key-overlay").set_value(";")
    page = next(b for b in page.button if b.label == "Save shortcuts").click().run()
    assert "share a shortcut" in words(page)
    assert dict(store.accounts.alone(READER).bindings) == {"invert": ";"}


def test_a_language_that_is_chosen_is_spoken_at_once_and_wherever_the_reader_signs_in(
    open_page: OpenPage, store: Repository, tmp_path: Path
) -> None:
    chinese = Catalog(locale="zh_CN")
    for english, translated in (
        ("English", "中文"),
        ("Language", "语言"),
        ("Worklist", "工作列表"),
    ):
        chinese.add(english, translated)
    write_catalogue(tmp_path / "words", chinese)
    with catalogues(tmp_path / "words"):
        page = open_page(PAGE)
        choice = next(c for c in page.button_group if c.label == "Language")
        assert choice.options == ["System", "English", "中文"]
        choice.set_value("zh_CN").run()
        assert any(c.label == "语言" for c in page.button_group)
        assert store.accounts.alone(READER).language == "zh_CN"
        assert any(c.label == "语言" for c in open_page(PAGE).button_group), "in another browser"
        next(c for c in page.button_group if c.label == "语言").set_value("").run()
        assert any(c.label == "Language" for c in page.button_group)
