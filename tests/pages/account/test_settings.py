"""Account: reading blind, and keys of one's own."""

from __future__ import annotations

import json
import re

from imaging.settings import ROOT
from imaging.store import Repository
from pages.ui.viewer.keys import USUAL
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
